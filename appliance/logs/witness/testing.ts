import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { createHttp, plainErrors } from '../../http/index.ts';
import { openKeyFile, openStore, storeMigrations } from '../../store/index.ts';
import { formatCheckpoint } from '../merkle/checkpoint.ts';
import { noteSigner, signNote } from '../merkle/note.ts';
import { leavesOf, readFrom } from '../merkle/testing.ts';
import { consistencyProof, rootAt } from '../merkle/tree.ts';
import { rememberedMigrations } from '../remembered.ts';
import { witnessMigrations } from './migrations.ts';
import { witnessRoutes } from './routes.ts';
import { createWitness } from './server.ts';

/** A log that can be asked for any of its checkpoints; `from` is where its leaves differ from those of all others. */
export function logOf(origin: string, options: { from?: number; key?: ReturnType<typeof newKey> } = {}) {
  const { from = 1000, key = newKey() } = options;
  const leaves = [...leavesOf(from), ...leavesOf(3000).slice(2000)];
  const read = readFrom(leaves);
  const signer = noteSigner(origin, key);
  const body = (size: number) => formatCheckpoint({ origin, size, root: rootAt(size, read) });
  return {
    key,
    vkey: signer.vkey,
    sign: (text: string) => signNote(text, [signer]),
    body,
    at: (size: number) => ({
      size,
      note: signNote(body(size), [signer]),
      prove: (old: number) => consistencyProof(old, size, read),
    }),
  };
}

const newKey = () => generateKeyPairSync('ed25519').privateKey;

/** A witness on a port of its own; the clock stands where it is set. */
export async function startWitness(trusted: readonly string[], dataDir?: string) {
  const folder = dataDir ?? (await mkdtemp(path.join(tmpdir(), 'gatehouse-witness-')));
  const clock = { at: Date.UTC(2026, 10, 22, 12) };
  const log = pino({ level: 'silent' });
  const migrations = [...storeMigrations, ...witnessMigrations, ...rememberedMigrations].map((step, i) => ({
    ...step,
    id: i + 1,
  }));
  const store = await openStore({ dataDir: folder, migrations, log });
  const witness = await createWitness({
    store,
    secrets: openKeyFile(folder),
    folder: path.join(folder, 'logs'),
    origin: 'gatehouse/acme/porto/edge-2',
    trusted,
    now: () => clock.at,
  }).catch(async (error) => {
    await store.close();
    throw error;
  });
  const http = await createHttp({
    apis: [{ prefix: '/witness', errors: plainErrors, routes: [witnessRoutes(() => witness)] }],
    authenticate: async () => null,
    log,
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  const url = `${await http.listen('127.0.0.1', 0)}/witness`;
  return {
    folder,
    clock,
    url,
    vkey: witness.vkey,
    witness,
    /** Sends a body as it is. */
    async send(body: string, headers: Record<string, string> = {}) {
      const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: Buffer.from(body), headers });
      return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
    },
    async stop(): Promise<void> {
      await http.close();
      await store.close();
    },
    async close(): Promise<void> {
      await this.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
