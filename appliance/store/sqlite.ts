import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { ensureFile } from './files.ts';
import type { Mutex } from './mutex.ts';

const BUSY_TIMEOUT_MS = 5000;
const MAX_STATEMENTS = 500;
const SQLITE_READONLY = 8;

/** Opens (or makes, mode 0600) a database file as the store wants it: WAL, foreign keys, every commit on the disk. */
export function openDatabase(file: string, readOnly = false): DatabaseSync {
  // SQLite gives the -wal and -shm files the mode of the database.
  if (!readOnly) ensureFile(file);
  const db = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  if (!readOnly) db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  return db;
}

/** A Kysely connection over one DatabaseSync, with its prepared statements kept. */
class SqliteConnection implements DatabaseConnection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, { statement: StatementSync; reader: boolean }>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  #prepare(sql: string): { statement: StatementSync; reader: boolean } {
    let entry = this.#statements.get(sql);
    if (entry) {
      this.#statements.delete(sql);
    } else {
      const statement = this.#db.prepare(sql);
      entry = { statement, reader: statement.columns().length > 0 };
      const oldest = this.#statements.size >= MAX_STATEMENTS ? this.#statements.keys().next().value : undefined;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, entry); // a Map keeps the order of insertion: the first is the least recently used
    return entry;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, reader } = this.#prepare(sql);
    const values = bindable(parameters);
    // node:sqlite makes rows without a prototype; a copy is as plain as the rows that pg makes.
    if (reader) return { rows: statement.all(...values).map((row) => ({ ...row }) as R) };
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    for (const row of this.#db.prepare(sql).iterate(...bindable(parameters))) yield { rows: [{ ...row } as R] };
  }
}

/** node:sqlite would take a leading object for named parameters and say nothing. */
function bindable(parameters: readonly unknown[]): SQLInputValue[] {
  for (const value of parameters) {
    if (value !== null && typeof value === 'object' && !ArrayBuffer.isView(value)) {
      throw new TypeError('an object or array cannot be a SQL parameter: store it as JSON text');
    }
  }
  return parameters as SQLInputValue[];
}

abstract class SqliteDriver implements Driver {
  async init(): Promise<void> {}
  abstract acquireConnection(): Promise<DatabaseConnection>;
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
  abstract beginTransaction(connection: DatabaseConnection): Promise<void>;
  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(raw('COMMIT'));
  }
  abstract rollbackTransaction(connection: DatabaseConnection): Promise<void>;
}

/** The one connection that writes. The store's mutex, not Kysely, decides who has it. */
class WriterDriver extends SqliteDriver {
  readonly #db: DatabaseSync;
  readonly #connection: SqliteConnection;

  constructor(db: DatabaseSync) {
    super();
    this.#db = db;
    this.#connection = new SqliteConnection(db);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(raw('BEGIN IMMEDIATE'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // After a full disk or a read error SQLite has rolled back already; a second time would hide the cause.
    if (this.#db.isTransaction) await connection.executeQuery(raw('ROLLBACK'));
  }
}

/**
 * Reads on a connection of their own, so that nobody sees or joins a transaction that another has open; a write goes to
 * the writer in its turn.
 */
class SharedConnection implements DatabaseConnection {
  readonly #file: string;
  readonly #reader: SqliteConnection;
  readonly #write: <R>(query: CompiledQuery) => Promise<QueryResult<R>>;

  constructor(file: string, reader: SqliteConnection, write: <R>(query: CompiledQuery) => Promise<QueryResult<R>>) {
    this.#file = file;
    this.#reader = reader;
    this.#write = write;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (query.query.kind === 'SelectQueryNode') return this.#reader.executeQuery(query);
    if (query.query.kind !== 'RawNode') return this.#write(query);
    try {
      return await this.#reader.executeQuery(query);
    } catch (error) {
      // Raw SQL does not say whether it writes. SQLite does, before it has changed anything.
      if ((error as { errcode?: number }).errcode !== SQLITE_READONLY) throw error;
      return this.#write(query);
    }
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    // An open cursor pins its connection's snapshot: it gets a connection to itself.
    const db = openDatabase(this.#file, true);
    try {
      yield* new SqliteConnection(db).streamQuery<R>(query);
    } finally {
      db.close();
    }
  }
}

class SharedDriver extends SqliteDriver {
  readonly #connection: SharedConnection;

  constructor(connection: SharedConnection) {
    super();
    this.#connection = connection;
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    throw new Error('use store.transaction() instead of as().transaction(): there is one writer');
  }

  async rollbackTransaction(): Promise<void> {}
}

class SharedAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function kyselyOver(driver: Driver, adapter: SqliteAdapter): Kysely<unknown> {
  return new Kysely<unknown>({
    dialect: {
      createDriver: () => driver,
      createAdapter: () => adapter,
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
  });
}

const raw = (sql: string): CompiledQuery =>
  ({
    sql,
    parameters: [],
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
  }) as unknown as CompiledQuery;

/** The writer alone: for migrations and for `store.transaction`. */
export function writerOver(db: DatabaseSync): Kysely<unknown> {
  return kyselyOver(new WriterDriver(db), new SharedAdapter());
}

/** What `store.as()` gives. `assertFree` throws where waiting for the writer would wait for oneself. */
export function sharedOver(
  file: string,
  reader: DatabaseSync,
  writer: Kysely<unknown>,
  mutex: Mutex,
  assertFree: () => void,
): Kysely<unknown> {
  const write = async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
    assertFree();
    return mutex.run(() => writer.executeQuery<R>(query as CompiledQuery<R>));
  };
  const connection = new SharedConnection(file, new SqliteConnection(reader), write);
  return kyselyOver(new SharedDriver(connection), new SharedAdapter());
}
