import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { requiresPostgres, startPostgres, type TestPostgres } from '../../test/postgres.ts';
import { type Logger, openStore, type Store, type StoredEvent, StoreError, storeMigrations } from './index.ts';

const quiet: Logger = { info() {}, warn() {}, error() {} };
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-crash-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Place {
  dataDir: string;
  database?: string;
}

/** Starts a process that opens the store and runs `body`; resolves with it when it has printed `ready`. */
async function inChild(place: Place, body: string): Promise<ChildProcess> {
  const program = `
    const { openStore, storeMigrations } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const log = { info() {}, warn() {}, error: console.error };
    const store = await openStore({ ...${JSON.stringify(place)}, migrations: storeMigrations, log });
    const ready = () => console.log('ready');
    const never = new Promise(() => setInterval(() => {}, 60_000));
    ${body}
    await never;`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => assert.fail('the child ended before it was ready'));
  await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => undefined);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** PostgreSQL hears of a killed client a moment later. */
async function reopen(place: Place): Promise<Store> {
  for (;;) {
    try {
      return await openStore({ ...place, migrations: storeMigrations, log: quiet });
    } catch (error) {
      if (!place.database || !(error instanceof StoreError) || !error.message.includes('in use')) throw error;
    }
  }
}

for (const dialect of ['sqlite', 'postgres'] as const) {
  describe(`SIGKILL on ${dialect}`, dialect === 'postgres' ? requiresPostgres() : {}, () => {
    let postgres: TestPostgres | undefined;
    let number = 0;
    before(async () => {
      if (dialect === 'postgres') postgres = await startPostgres();
    });
    after(() => postgres?.stop());
    const place = async (): Promise<Place> => ({
      dataDir: path.join(folder, `${dialect}-${++number}`),
      ...(postgres ? { database: await postgres.createDatabase() } : {}),
    });
    const deliveredAfter = async (at: Place): Promise<unknown[]> => {
      const store = await reopen(at);
      const events: StoredEvent[] = [];
      store.onEvent(async (event) => void events.push(event));
      await store.drained();
      await store.close();
      return events.map(({ data }) => data.n);
    };
    const emit = (n: number) => `await store.transaction(async (tx) => tx.emit({ type: 'e', data: { n: ${n} } }));`;

    it('between commit and delivery: the events are delivered after the restart, in order', async () => {
      const at = await place();
      await kill(await inChild(at, `${emit(1)} ${emit(2)} ready();`));
      assert.deepEqual(await deliveredAfter(at), [1, 2]);
      assert.deepEqual(await deliveredAfter(at), [], 'and once');
    });

    it('during delivery: the event is delivered again', async () => {
      const at = await place();
      const body = `store.onEvent(async ({ data }) => { if (data.n === 2) { ready(); await never; } }); ${emit(1)} ${emit(2)}`;
      await kill(await inChild(at, body));
      const events = await deliveredAfter(at);
      assert.deepEqual(events.slice(-1), [2]); // 1 too where its removal had not come about
    });

    it('before the commit: there is neither row nor event', async () => {
      const at = await place();
      const body = `await store.transaction(async (tx) => { tx.emit({ type: 'e', data: { n: 1 } });
        await tx.db.insertInto('schema_migrations').values({ id: 99, name: 'x', at: '' }).execute(); ready(); await never; });`;
      await kill(await inChild(at, body));
      const store = await reopen(at);
      const { rows } = await sql`SELECT id FROM schema_migrations`.execute(store.as());
      assert.deepEqual(rows, [{ id: 1 }]);
      await store.close();
      assert.deepEqual(await deliveredAfter(at), []);
    });
  });
}

describe('the data folder', () => {
  it('is refused to a second process by the name of the first, and free once that is killed', async () => {
    const dataDir = path.join(folder, 'locked');
    const child = await inChild({ dataDir }, 'ready();');
    await assert.rejects(openStore({ dataDir, migrations: storeMigrations, log: quiet }), {
      name: 'StoreError',
      message: `The data folder ${dataDir} is in use by another Gatehouse (pid ${child.pid}). Stop it or set GATEHOUSE_DATA.`,
    });
    await kill(child);
    await (await openStore({ dataDir, migrations: storeMigrations, log: quiet })).close();
  });

  it('is refused twice in one process too', async () => {
    const dataDir = path.join(folder, 'twice');
    const store = await openStore({ dataDir, migrations: storeMigrations, log: quiet });
    await assert.rejects(openStore({ dataDir, migrations: storeMigrations, log: quiet }), /in use/);
    await assert.rejects(openStore({ dataDir, migrations: storeMigrations, log: quiet }), /in use/);
    await store.close();
    await (await openStore({ dataDir, migrations: storeMigrations, log: quiet })).close();
  });
});
