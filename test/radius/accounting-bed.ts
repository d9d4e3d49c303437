import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { type AccountingOptions, createAccounting } from '../../appliance/radius/accounting/index.ts';
import { newRegistry, SECRET, testNas } from '../../appliance/radius/accounting/testing.ts';
import { createCoaClient } from '../../appliance/radius/coa/index.ts';
import { checkRequestAuthenticator, encodeReply, parsePacket } from '../../appliance/radius/codec/index.ts';
import { createSessions, type SessionsOptions } from '../../appliance/radius/sessions/index.ts';
import { sessionMigrations } from '../../appliance/radius/sessions/migrations.ts';
import type { Nas } from '../../appliance/radius/types.ts';
import { type Migration, openStore, type Store, storeMigrations } from '../../appliance/store/index.ts';

/** The sessions' table without those of other capabilities. */
const others: Migration[] = Array.from({ length: 10 }, (_, index) => ({
  id: index + 2,
  name: `not needed here ${index + 2}`,
  async up() {},
}));
const migrations = [...storeMigrations, ...others, ...sessionMigrations];
const DAY_MS = 24 * 3600 * 1000;

export interface BedOptions {
  dataDir: string;
  database?: string;
  nas?: Nas[];
  now?: () => number;
  sessions?: Partial<SessionsOptions>;
  accounting?: Partial<AccountingOptions>;
  store?: (store: Store) => Store;
}

/** Accounting, sessions and CoA over a store and a UDP socket, without the rest of the appliance. */
export async function startBed(options: BedOptions) {
  const told: { message: string; details: object }[] = [];
  const say = (details: object, message: string) => void told.push({ message, details });
  const log = { info() {}, warn: say, error: say };
  const registry = newRegistry();
  const now = options.now ?? Date.now;
  const real = await openStore({ dataDir: options.dataDir, database: options.database, migrations, log });
  const store = options.store?.(real) ?? real;
  const nas = options.nas ?? [testNas()];
  const nasById = (id: string) => nas.find((one) => one.id === id);
  const coa = createCoaClient({ log, registry, now });
  const sessions = createSessions({
    store,
    log,
    registry,
    now,
    coa,
    nasById,
    dayOf: (_site, at) => ({ start: at - (at % DAY_MS), end: at - (at % DAY_MS) + DAY_MS }),
    redecide: () => undefined,
    siteExists: (id) => id === 'default',
    overlaySessions: async () => [],
    overlaySession: async () => undefined,
    ...options.sessions,
  });
  const accounting = createAccounting({
    dataDir: options.dataDir,
    sessions,
    log,
    registry,
    monotonic: () => performance.now(),
    ...options.accounting,
  });
  await sessions.load();
  await accounting.start();
  sessions.start();

  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  socket.on('message', (bytes, from) => {
    const packet = parsePacket(bytes);
    if (typeof packet === 'string' || !checkRequestAuthenticator(packet, SECRET)) return;
    const client = nas.find(({ address }) => address === from.address) ?? nas[0]!;
    const done = accounting.handle({ packet, nas: client, address: from.address, at: now() });
    void Promise.resolve(done).then((answer) => {
      if (!answer) return;
      const reply = encodeReply(answer.code, packet, SECRET, answer.attributes, { messageAuthenticator: false });
      socket.send(reply, from.port, from.address);
    });
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    port: (socket.address() as AddressInfo).port,
    store,
    sessions,
    accounting,
    coa,
    registry,
    /** Warnings and errors so far. */
    told,
    async stop(): Promise<void> {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
      await accounting.stop();
      await coa.close();
      await sessions.stop();
      await store.close();
    },
  };
}
export type Bed = Awaited<ReturnType<typeof startBed>>;
