import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SUBPROTOCOL } from '@gatehouse/protocol';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type Json, type TestAppliance, until } from '../../../test/api/support.ts';
import { createClient } from '../../../test/harness.ts';
import { accessMigrations, createAccess, type UserFacts } from '../../access/index.ts';
import { createBus, type EventType, type Heard } from '../../events/index.ts';
import { type Caller, createHttp, plainErrors, problemErrors } from '../../http/index.ts';
import { openKeyFile, openStore, storeMigrations } from '../../store/index.ts';
import { createOverlay, overlayMigrations } from '../index.ts';

/**
 * Both doors' policies and the overlay over one database, without identity: `admin` may do everything, and the users are
 * what a test says. The clock is the test's.
 */
export async function startDoors(options: { database?: string | undefined } = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-doors-'));
  const log = pino({ level: process.env.TEST_LOG ?? 'error' });
  const steps = [...storeMigrations, ...overlayMigrations, ...accessMigrations];
  const migrations = steps.map((step, index) => ({ ...step, id: index + 1 }));
  const store = await openStore({ dataDir, database: options.database, migrations, log });
  const secrets = openKeyFile(dataDir);
  const clock = { ms: Date.now() };
  const users = new Map<string, UserFacts>();
  const events: Heard[] = [];

  async function open() {
    const bus = createBus();
    bus.onAny((event) => void events.push(event));
    const registry = new Registry();
    const access = createAccess({
      store,
      secrets,
      log,
      bus,
      registry,
      now: () => clock.ms,
      userFacts: async (id) => users.get(id),
      unknownOverlayGroups: (names) => overlay.unknownGroups(names),
    });
    const overlay = createOverlay({
      context: { store, secrets, now: () => new Date(clock.ms), userExists: async (id) => users.has(id) },
      oidcEnabled: false,
      portalPage: undefined,
      reach: { publicUrl: undefined, tls: undefined },
      hold: (request) => async () => callerOf(request.headers.authorization),
      bus,
      log,
      registry,
      openNetworks: async () => 'all',
      access: {
        decide: (facts) => access.decide(facts),
        hasPolicies: () => access.hasPolicies(),
        windowsAt: (at) => access.windowsAt(at),
        peerDevices: (only) => access.peerDevices(only),
        postureMiss: (facts) => access.postureMiss(facts),
        policyWords: (id) => access.policyWords(id),
        usersFacts: async (ids) =>
          new Map(ids.flatMap((id) => (users.has(id) ? [[id, users.get(id) as UserFacts]] : []))),
      },
      onPosture: (report) => access.reportPosture(report),
      monotonic: () => performance.now(),
    });
    await access.start();
    await overlay.start();
    const stop = async () => {
      await overlay.stop();
      await access.stop();
    };
    return { bus, access, overlay, stop };
  }

  const networks: string[] = [];
  const callerOf = (authorization: string | undefined): Caller | null => {
    if (authorization === 'admin') {
      return { id: 'admin', username: 'admin', role: 'administrator', authorizedNetworks: [], via: 'session' };
    }
    const user = users.get(authorization ?? '');
    if (!user) return null;
    return {
      id: authorization as string,
      username: user.username,
      role: 'user',
      authorizedNetworks: networks,
      via: 'session',
    };
  };

  const first = await open();
  store.onEvent((event) => first.bus.deliver(event));
  const http = await createHttp({
    apis: [
      { prefix: '/api/v1', errors: plainErrors, routes: first.overlay.routes },
      { prefix: '/v1', errors: problemErrors, routes: [first.access.routes] },
    ],
    authenticate: async (request) => callerOf(request.headers.authorization),
    log: pino({ level: 'silent' }),
    subprotocols: [SUBPROTOCOL],
    sessionCookie: 'session',
    version: 'test',
  });
  const url = await http.listen('127.0.0.1', 0);
  const anonymous = createClient(url);

  return {
    ...first,
    url,
    anonymous,
    admin: anonymous.as('admin'),
    clock,
    events,
    networks,
    store,
    users,
    /** For the functions that enroll and connect devices. */
    appliance: { url, anonymous } as unknown as TestAppliance,
    /** Another start over the same database. */
    reopen: open,
    async policy(document: string): Promise<Json> {
      const answer = await anonymous.as('admin').post('/v1/policies', { document });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    /** Says that something happened elsewhere, as its capability would. */
    async tell<T extends EventType>(type: T, data: Omit<Extract<Heard, { type: T }>['data'], 'actor'>): Promise<void> {
      await store.transaction(async (tx) =>
        tx.emit({ type, data: { ...data, actor: { kind: 'system', id: 'system' } } }),
      );
      await store.drained();
    },
    until,
    async close(): Promise<void> {
      await http.close();
      await first.stop();
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
