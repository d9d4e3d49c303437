import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { requiresPostgres, startPostgres, type TestPostgres } from '../../test/postgres.ts';
import {
  isUniqueViolation,
  type Logger,
  type Migration,
  openStore,
  type Store,
  type StoredEvent,
  storeMigrations,
} from './index.ts';

interface Tables {
  counters: { id: string; value: number };
  children: { id: string; counter_id: string };
}

const migrations: Migration[] = [
  ...storeMigrations,
  {
    id: 2,
    name: 'test',
    async up(db) {
      await db.schema
        .createTable('counters')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('value', 'integer', (c) => c.notNull())
        .execute();
      await sql`CREATE TABLE children (id text PRIMARY KEY, counter_id text NOT NULL
        REFERENCES counters (id) DEFERRABLE INITIALLY DEFERRED)`.execute(db);
    },
  },
];

const quiet: Logger = { info() {}, warn() {}, error() {} };
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-store-'));
let postgres: TestPostgres | undefined;
let number = 0;
const server = async () => {
  postgres ??= await startPostgres();
  return postgres;
};
after(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const dialect of ['sqlite', 'postgres'] as const) {
  describe(`store on ${dialect}`, dialect === 'postgres' ? requiresPostgres() : {}, () => {
    const place = async () => ({
      dataDir: path.join(folder, `data-${++number}`),
      ...(dialect === 'postgres' ? { database: await (await server()).createDatabase() } : {}),
    });
    const open = async (log = quiet) => openStore({ ...(await place()), migrations, log });
    const collect = (store: Store) => {
      const events: StoredEvent[] = [];
      store.onEvent(async (event) => {
        events.push(event);
      });
      return events;
    };
    const add = (store: Store, id: string, value = 0) =>
      store.transaction<Tables, void>(async ({ db, emit }) => {
        await db.insertInto('counters').values({ id, value }).execute();
        emit({ type: 'counter.added', data: { id } });
      });
    const ids = async (store: Store) => {
      const rows = await store.as<Tables>().selectFrom('counters').select('id').orderBy('id').execute();
      return rows.map(({ id }) => id);
    };

    it('delivers events after commit, in order, and empties the outbox', async () => {
      const store = await open();
      const seen: string[] = [];
      store.onEvent(async ({ data }) => {
        assert.ok((await ids(store)).includes(String(data.id)), 'its rows are there');
        seen.push(String(data.id));
      });
      const names = Array.from({ length: 250 }, (_, index) => String(index).padStart(3, '0'));
      await Promise.all(names.map((name) => add(store, name)));
      await store.drained();
      assert.deepEqual(seen, names);
      const { rows } = await sql`SELECT id FROM outbox`.execute(store.as());
      assert.deepEqual(rows, []);
      await store.close();
    });

    it('gives events an ascending id, a time in UTC and plain JSON as it was at emit', async () => {
      const store = await open();
      const events = collect(store);
      const data: Record<string, unknown> = { list: [1, { deep: null }], gone: undefined };
      await store.transaction(async ({ emit }) => {
        emit({ type: 'a', data });
        data.list = 'changed';
        emit({ type: 'b', data: {} });
      });
      await store.drained();
      assert.deepEqual(
        events.map(({ type }) => type),
        ['a', 'b'],
      );
      assert.deepEqual(events[0]?.data, { list: [1, { deep: null }] });
      assert.ok(events[0]!.id < events[1]!.id);
      assert.match(events[0]!.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      await store.close();
    });

    it('drops rows and events of a transaction that throws', async () => {
      const store = await open();
      const events = collect(store);
      const failing = store.transaction<Tables, void>(async ({ db, emit }) => {
        await db.insertInto('counters').values({ id: 'x', value: 1 }).execute();
        emit({ type: 'never', data: {} });
        throw new Error('no');
      });
      await assert.rejects(failing, /^Error: no$/);
      await store.drained();
      assert.deepEqual(await ids(store), []);
      assert.deepEqual(events, []);
      await store.close();
    });

    it('drops them too when the commit itself fails, and goes on', async () => {
      const store = await open();
      const events = collect(store);
      const failing = store.transaction<Tables, void>(async ({ db, emit }) => {
        await db.insertInto('children').values({ id: 'c', counter_id: 'nobody' }).execute();
        emit({ type: 'never', data: {} });
      });
      await assert.rejects(failing, /foreign key/i);
      await add(store, 'next');
      await store.drained();
      assert.deepEqual(
        events.map(({ type }) => type),
        ['counter.added'],
      );
      await store.close();
    });

    it('runs one transaction at a time', async () => {
      const store = await open();
      await add(store, 'n');
      const increment = () =>
        store.transaction<Tables, void>(async ({ db }) => {
          const { value } = await db
            .selectFrom('counters')
            .select('value')
            .where('id', '=', 'n')
            .executeTakeFirstOrThrow();
          await new Promise(setImmediate);
          await db
            .updateTable('counters')
            .set({ value: value + 1 })
            .where('id', '=', 'n')
            .execute();
        });
      await Promise.all(Array.from({ length: 40 }, increment));
      const row = await store.as<Tables>().selectFrom('counters').select('value').executeTakeFirstOrThrow();
      assert.equal(row.value, 40);
      await store.close();
    });

    it('shows others nothing before the commit, and a write from outside waits', async () => {
      const store = await open();
      const { promise: gate, resolve: go } = Promise.withResolvers<void>();
      const { promise: inserted, resolve: tell } = Promise.withResolvers<void>();
      const running = store.transaction<Tables, void>(async ({ db }) => {
        await db.insertInto('counters').values({ id: 'mine', value: 1 }).execute();
        tell();
        await gate;
        throw new Error('rolled back');
      });
      await inserted;
      assert.deepEqual(await ids(store), []);
      const outside = store.as<Tables>().insertInto('counters').values({ id: 'other', value: 2 }).execute();
      go();
      await assert.rejects(running, /rolled back/);
      await outside;
      assert.deepEqual(await ids(store), ['other']);
      await store.close();
    });

    it('lets the consumer use transactions', async () => {
      const store = await open();
      store.onEvent(async ({ type, data }) => {
        if (type === 'counter.added' && data.id === 'first') await add(store, 'second');
      });
      await add(store, 'first');
      await store.drained();
      assert.deepEqual(await ids(store), ['first', 'second']);
      await store.close();
    });

    it('refuses what would wait for itself or come too late', async () => {
      const store = await open();
      const late = await store.transaction<Tables, { emit: () => void; query: () => Promise<unknown> }>(async (tx) => {
        await assert.rejects(
          store.transaction(async () => undefined),
          /inside a transaction/,
        );
        const write = store.as<Tables>().insertInto('counters').values({ id: 'x', value: 1 });
        await assert.rejects(write.execute(), /inside a transaction/);
        return {
          emit: () => tx.emit({ type: 'late', data: {} }),
          query: () => tx.db.insertInto('counters').values({ id: 'late', value: 1 }).execute(),
        };
      });
      assert.throws(late.emit, /has ended/);
      await assert.rejects(late.query(), /has ended/);
      await assert.rejects(
        store
          .as()
          .transaction()
          .execute(async () => undefined),
        /store\.transaction/,
      );
      assert.deepEqual(await ids(store), []);
      await store.close();
    });

    it('tries a rejected delivery again before the next event', async () => {
      const logged: object[] = [];
      const store = await open({ ...quiet, error: (details) => logged.push(details) });
      const calls: string[] = [];
      let refusals = 2;
      store.onEvent(async ({ data }) => {
        calls.push(String(data.id));
        if (data.id === 'b' && refusals-- > 0) throw new Error('not now');
      });
      for (const id of ['a', 'b', 'c']) await add(store, id);
      await store.drained();
      assert.deepEqual(
        calls.filter((id, index) => calls.indexOf(id) === index),
        ['a', 'b', 'c'],
      );
      assert.equal(calls.filter((id) => id === 'b').length, 3);
      assert.equal(calls.at(-1), 'c');
      assert.equal(logged.length, 2);
      await store.close();
    });

    it('keeps what was not delivered for the next start', async () => {
      const options = { ...(await place()), migrations, log: quiet };
      const first = await openStore(options);
      await add(first, 'kept');
      await assert.rejects(first.drained(), /no consumer/);
      await first.close();
      await assert.rejects(add(first, 'late'), /closed/);
      const second = await openStore(options);
      const events = collect(second);
      assert.throws(() => second.onEvent(async () => undefined), /one/);
      await second.drained();
      assert.deepEqual(
        events.map(({ data }) => data),
        [{ id: 'kept' }],
      );
      await second.close();
    });

    it('lets the transaction and the delivery under way end before it closes', async () => {
      const options = { ...(await place()), migrations, log: quiet };
      const store = await openStore(options);
      const { promise: started, resolve: start } = Promise.withResolvers<void>();
      store.onEvent(async ({ data }) => {
        start();
        if (data.id === 'first') await add(store, 'written by the consumer');
      });
      await add(store, 'first');
      await started;
      await store.close();
      const again = await openStore(options);
      assert.deepEqual(await ids(again), ['first', 'written by the consumer']);
      await again.close();
    });

    it('tells unique violations from other errors', async () => {
      const store = await open();
      await add(store, 'one');
      const error = await add(store, 'one').catch((reason: unknown) => reason);
      assert.ok(isUniqueViolation(error));
      const other = await sql`SELECT nothing FROM nowhere`.execute(store.as()).catch((reason: unknown) => reason);
      assert.ok(other instanceof Error && !isUniqueViolation(other));
      assert.ok(!isUniqueViolation(undefined));
      await store.close();
    });

    it('gives the same kinds of values on both databases', async () => {
      const store = await open();
      await add(store, 'a', 2);
      await add(store, 'b', 3);
      const db = store.as<Tables>();
      const totals = await db
        .selectFrom('counters')
        .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.sum<number>('value').as('sum')])
        .executeTakeFirst();
      assert.deepEqual(totals, { count: 2, sum: 5 });
      const updated = await db.updateTable('counters').set({ value: 9 }).executeTakeFirst();
      assert.equal(updated.numUpdatedRows, 2n);
      const returned = await db.deleteFrom('counters').where('id', '=', 'a').returningAll().execute();
      assert.deepEqual(returned, [{ id: 'a', value: 9 }]);
      await sql`UPDATE counters SET value = ${4}`.execute(db);
      assert.deepEqual(await db.selectFrom('counters').selectAll().execute(), [{ id: 'b', value: 4 }]);
      await store.close();
    });
  });
}

describe('store on sqlite, by itself', () => {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-store-'));
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  it('streams from a snapshot while others write, and refuses objects as parameters', async () => {
    const store = await openStore({ dataDir, migrations, log: quiet });
    const db = store.as<Tables>();
    await db
      .insertInto('counters')
      .values([
        { id: 'a', value: 1 },
        { id: 'b', value: 2 },
      ])
      .execute();
    const seen: string[] = [];
    for await (const { id } of db.selectFrom('counters').select('id').orderBy('id').stream()) {
      seen.push(id);
      await db
        .insertInto('counters')
        .values({ id: `after ${id}`, value: 0 })
        .execute();
      assert.equal((await db.selectFrom('counters').select('id').execute()).length, 2 + seen.length);
    }
    assert.deepEqual(seen, ['a', 'b']);
    await assert.rejects(sql`SELECT ${{ id: 1 }}`.execute(db), /cannot be a SQL parameter/);
    for (let index = 0; index < 1200; index++) await sql.raw(`SELECT ${index}`).execute(db);
    await store.close();
  });

  it('keeps the folder and its files to the owner', { skip: process.platform === 'win32' }, () => {
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    for (const name of ['gatehouse.db', 'lock.db', 'lock.pid']) {
      assert.equal(statSync(path.join(dataDir, name)).mode & 0o777, 0o600, name);
    }
  });
});

describe('the lock on PostgreSQL', requiresPostgres(), () => {
  it('refuses a second appliance, and writes only while it is held', async () => {
    const dataDir = path.join(folder, 'lock');
    const { createDatabase, disconnectAll } = await server();
    const database = await createDatabase();
    const { promise: back, resolve: tellBack } = Promise.withResolvers<void>();
    const log: Logger = { ...quiet, info: (_details, message) => message.includes('locked again') && tellBack() };
    const open = (name: string) => openStore({ dataDir: path.join(dataDir, name), database, migrations, log });
    const store = await open('one');
    await assert.rejects(open('two'), {
      name: 'StoreError',
      message: new RegExp(`in use by another Gatehouse \\(gatehouse .* pid ${process.pid}\\)`),
    });
    await disconnectAll(database);
    await assert.rejects(async () => {
      for (;;) await store.transaction(async () => undefined); // until the client hears of it
    });
    await back;
    await store.transaction(async ({ db }) => sql`SELECT 1`.execute(db));
    await store.close();
    await (await open('two')).close();
  });

  it('says what is wrong with an address that does not answer, without its password', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-store-'));
    const database = 'postgres://me:hunter2@127.0.0.1:1/gatehouse';
    await assert.rejects(openStore({ dataDir, database, migrations, log: quiet }), (error: Error) => {
      assert.match(error.message, /Cannot connect to postgres:\/\/127\.0\.0\.1:1\/gatehouse.*GATEHOUSE_DATABASE/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
    rmSync(dataDir, { recursive: true, force: true });
  });
});
