import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import { requiresPostgres, startPostgres, type TestPostgres } from '../../test/postgres.ts';
import { autoId, DATABASE_FILE, type Logger, type Migration, openStore, type Store, storeMigrations } from './index.ts';

const quiet: Logger = { info() {}, warn() {}, error() {} };
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-migrate-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const parents: Migration = {
  id: 2,
  name: 'parents',
  async up(db, dialect) {
    await sql`CREATE TABLE parents (id text PRIMARY KEY, name text NOT NULL)`.execute(db);
    await sql`CREATE TABLE children (id text PRIMARY KEY, parent text NOT NULL REFERENCES parents (id) ON DELETE CASCADE)`.execute(
      db,
    );
    await autoId(db.schema.createTable('counted'), dialect).addColumn('name', 'text').execute();
    await sql`INSERT INTO parents VALUES ('p', 'kept')`.execute(db);
    await sql`INSERT INTO children VALUES ('c', 'p')`.execute(db);
  },
};
const first = [...storeMigrations, parents];
const step = (id: number, name: string, up: Migration['up'] = async () => undefined): Migration => ({ id, name, up });
const failing = step(3, 'fails', async (db) => {
  await sql`CREATE TABLE half (id text)`.execute(db);
  await sql`DELETE FROM children`.execute(db);
  throw new Error('the step broke');
});
const count = async (store: Store, table: string) => {
  const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${sql.table(table)}`.execute(store.as());
  return rows[0]?.n;
};

describe('migrations', () => {
  let number = 0;
  const fresh = () => path.join(folder, `data-${++number}`);
  const open = (dataDir: string, migrations: readonly Migration[]) => openStore({ dataDir, migrations, log: quiet });
  const backups = (dataDir: string) => readdirSync(path.join(dataDir, 'backups'));

  it('run once, in order, and need ids without gaps', async () => {
    const dataDir = fresh();
    const ran: number[] = [];
    const steps = [...first, step(3, 'c', async () => void ran.push(3)), step(4, 'd', async () => void ran.push(4))];
    await (await open(dataDir, steps)).close();
    await (await open(dataDir, steps)).close();
    assert.deepEqual(ran, [3, 4]);
    await assert.rejects(open(fresh(), [...first, step(4, 'gap')]), /'gap' has id 4, not 3/);
  });

  it('refuse a database of a newer or of another version, and leave it alone', async () => {
    const dataDir = fresh();
    await (await open(dataDir, [...first, step(3, 'later')])).close();
    await assert.rejects(open(dataDir, first), {
      name: 'StoreError',
      message: /newer Gatehouse \(its step 3 is 'later'; this program knows 2\)/,
    });
    await assert.rejects(open(dataDir, [...first, step(3, 'renamed')]), /its step 3 is 'later', here it is 'renamed'/);
    await (await open(dataDir, [...first, step(3, 'later')])).close();
  });

  it('copy the database first, and keep five copies', async () => {
    const dataDir = fresh();
    await (await open(dataDir, first)).close();
    assert.throws(() => backups(dataDir), /ENOENT/, 'a new database needs no copy');
    const steps = [...first];
    for (let id = 3; id <= 9; id++) {
      steps.push(step(id, `s${id}`));
      await (await open(dataDir, steps)).close();
    }
    const copies = backups(dataDir).sort();
    assert.deepEqual(
      copies.map((name) => name.split('-')[1]),
      ['5', '6', '7', '8', '9'],
    );
    const copy = path.join(dataDir, 'backups', copies[0]!);
    const db = new DatabaseSync(copy, { readOnly: true });
    assert.deepEqual({ ...db.prepare('SELECT name FROM parents').get() }, { name: 'kept' });
    assert.deepEqual({ ...db.prepare('SELECT max(id) AS id FROM schema_migrations').get() }, { id: 4 });
    db.close();
    if (process.platform !== 'win32') assert.equal(statSync(copy).mode & 0o777, 0o600);
  });

  it('leave everything as it was when one fails, and say where the copy is', async () => {
    const dataDir = fresh();
    await (await open(dataDir, first)).close();
    const error = await open(dataDir, [...first, failing]).then(
      () => assert.fail('it must fail'),
      (reason: Error) => reason,
    );
    assert.match(error.message, /step 3 'fails' failed \(the step broke\)\. It is as it was\./);
    const copy = /The copy from before is (.*)\.$/.exec(error.message)?.[1];
    assert.equal(copy, path.join(dataDir, 'backups', backups(dataDir)[0]!));
    const store = await open(dataDir, first);
    assert.equal(await count(store, 'children'), 1);
    await assert.rejects(count(store, 'half'), /no such table/);
    await store.close();
  });

  it('undo the steps before the one that fails too', async () => {
    const dataDir = fresh();
    await (await open(dataDir, first)).close();
    await assert.rejects(open(dataDir, [...first, step(3, 'fine'), { ...failing, id: 4 }]), /step 4/);
    await (await open(dataDir, first)).close(); // not "newer"
  });

  it('can rebuild a table that others point to', async () => {
    const dataDir = fresh();
    await (await open(dataDir, first)).close();
    const rebuild = step(3, 'rebuild', async (db) => {
      await sql`CREATE TABLE parents2 (id text PRIMARY KEY, name text NOT NULL, extra text)`.execute(db);
      await sql`INSERT INTO parents2 (id, name) SELECT id, name FROM parents`.execute(db);
      await sql`DROP TABLE parents`.execute(db);
      await sql`ALTER TABLE parents2 RENAME TO parents`.execute(db);
    });
    const store = await open(dataDir, [...first, rebuild]);
    assert.equal(await count(store, 'children'), 1);
    await sql`DELETE FROM parents`.execute(store.as());
    assert.equal(await count(store, 'children'), 0, 'foreign keys hold again');
    await store.close();
    const breaking = step(
      4,
      'breaks',
      async (db) => void (await sql`INSERT INTO children VALUES ('x', 'gone')`.execute(db)),
    );
    await assert.rejects(open(dataDir, [...first, rebuild, breaking]), /a row of table children points to nothing/);
  });

  it('never give an id twice', async () => {
    const store = await open(fresh(), first);
    const add = async () =>
      (await sql<{ id: number }>`INSERT INTO counted (name) VALUES ('n') RETURNING id`.execute(store.as())).rows[0]!.id;
    assert.equal(await add(), 1);
    await sql`DELETE FROM counted`.execute(store.as());
    assert.equal(await add(), 2);
    await store.close();
  });

  it('say what to do with a file that is no database', async () => {
    const dataDir = fresh();
    await (await open(dataDir, first)).close();
    writeFileSync(
      path.join(dataDir, DATABASE_FILE),
      'not a database, but long enough to be looked at as one'.repeat(100),
    );
    await assert.rejects(open(dataDir, first), { name: 'StoreError', message: /cannot be opened.*restore/ });
  });
});

describe('migrations on PostgreSQL', requiresPostgres(), () => {
  let postgres: TestPostgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  it('are the same: refuse newer, undo what fails, and leave copies to pg_dump', async () => {
    const database = await postgres.createDatabase();
    const dataDir = path.join(folder, 'postgres');
    const warned: string[] = [];
    const log: Logger = { ...quiet, warn: (_details, message) => warned.push(message) };
    const open = (migrations: readonly Migration[]) => openStore({ dataDir, database, migrations, log });
    await (await open(first)).close();
    assert.deepEqual(warned, []);
    await assert.rejects(open([...first, failing]), /step 3 'fails' failed .* It is as it was\. .*pg_dump/);
    assert.match(warned.join(), /pg_dump/);
    const store = await open(first);
    assert.equal(await count(store, 'children'), 1);
    await assert.rejects(count(store, 'half'), /does not exist/);
    const { rows } = await sql`INSERT INTO counted (name) VALUES ('n') RETURNING id`.execute(store.as());
    assert.deepEqual(rows, [{ id: 1 }]);
    await store.close();
    await (await open([...first, step(3, 'later')])).close();
    await assert.rejects(open(first), /newer Gatehouse/);
  });
});
