import { AsyncLocalStorage } from 'node:async_hooks';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Kysely, Transaction } from 'kysely';
import { DATABASE_FILE, prepareFolder } from './folder.ts';
import { guard } from './guard.ts';
import { lockFolder } from './lock.ts';
import { migrate } from './migrate.ts';
import { Mutex } from './mutex.ts';
import { Delivery, freezeEvent, writeEvents } from './outbox.ts';
import { type DatabaseLock, lockDatabase, openPool } from './postgres.ts';
import { openDatabase, sharedOver, writerOver } from './sqlite.ts';
import { type Dialect, type Logger, type Migration, type Store, StoreError, type Tx } from './types.ts';

export { diskProblem } from './disk.ts';
export { createFolder, replaceFile, syncFile } from './files.ts';
export { DATABASE_FILE, prepareFolder } from './folder.ts';
export { lockFolder } from './lock.ts';
export { autoId, copyDatabase, storeMigrations } from './migrate.ts';
export { newestFirst } from './newest.ts';
export { leaveEvent } from './outbox.ts';
export { joinKeyFiles, KEY_FILE, openKeyFile, type SecretBox, sha256Hex } from './secrets.ts';
export { openDatabase } from './sqlite.ts';
export {
  type Dialect,
  type Logger,
  type Migration,
  type OutboxEvent,
  type Store,
  type StoredEvent,
  StoreError,
  type Tx,
} from './types.ts';

/** A time as it is stored: RFC 3339, UTC, milliseconds, so that the texts sort as the times do. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** Which transaction the running code is inside of; `open` ends with it, though promises that it started live on. */
const inside = new AsyncLocalStorage<{ store: object; open: boolean }>();

interface Opened {
  dialect: Dialect;
  /** Only under the mutex. */
  writer: Kysely<unknown>;
  shared: Kysely<unknown>;
  mutex: Mutex;
  lock?: DatabaseLock;
  close(): Promise<void>;
}

/**
 * Opens the appliance's database: SQLite in the data folder, or `database` where it is a postgres:// URL. Takes the
 * folder (and the PostgreSQL database) for this process, and migrates. Throws StoreError with what to do.
 */
export async function openStore(options: {
  dataDir: string;
  database?: string | undefined;
  migrations: readonly Migration[];
  log: Logger;
}): Promise<Store> {
  const dataDir = path.resolve(options.dataDir);
  prepareFolder(dataDir, options.log);
  const folder = lockFolder(dataDir);
  try {
    const identity = {};
    const opened = await (options.database
      ? openPostgres(options.database, { ...options, dataDir }, () => assertOutside(identity))
      : openSqlite({ ...options, dataDir }, () => assertOutside(identity)));
    return storeOver(identity, opened, options.log, () => folder.release());
  } catch (error) {
    folder.release();
    throw error;
  }
}

function assertOutside(store: object): void {
  const current = inside.getStore();
  if (current?.open && current.store === store) {
    throw new Error('a transaction or write inside a transaction would wait for itself: use the tx that was passed in');
  }
}

type OpenOptions = { dataDir: string; migrations: readonly Migration[]; log: Logger };

async function openSqlite(options: OpenOptions, assertFree: () => void): Promise<Opened> {
  const file = path.join(options.dataDir, DATABASE_FILE);
  let sqlite: DatabaseSync;
  try {
    sqlite = openDatabase(file);
  } catch (error) {
    throw new StoreError(
      `The database ${file} cannot be opened: ${(error as Error).message}. If it is damaged, put a backup in its place with the command 'restore'.`,
      { cause: error },
    );
  }
  let reader: DatabaseSync;
  try {
    await migrate({ ...options, db: writerOver(sqlite), dialect: 'sqlite', sqlite });
    reader = openDatabase(file, true);
  } catch (error) {
    sqlite.close();
    throw error;
  }
  const mutex = new Mutex();
  const writer = writerOver(sqlite);
  return {
    dialect: 'sqlite',
    writer,
    shared: sharedOver(file, reader, writer, mutex, assertFree),
    mutex,
    async close() {
      reader.close();
      sqlite.close();
    },
  };
}

async function openPostgres(url: string, options: OpenOptions, assertFree: () => void): Promise<Opened> {
  const lock = await lockDatabase(url, options.log);
  const { writer, shared } = openPool(url, options.log);
  const close = async () => {
    await writer.destroy(); // ends the pool, which both use
    await lock.release();
  };
  try {
    await migrate({ ...options, db: writer, dialect: 'postgres' });
  } catch (error) {
    await close();
    throw error;
  }
  const guarded = shared.withPlugin(guard((node) => WRITES.has(node.kind) && assertFree()));
  return { dialect: 'postgres', writer, shared: guarded, mutex: new Mutex(), lock, close };
}

const WRITES: ReadonlySet<string> = new Set([
  'InsertQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
  'MergeQueryNode',
]);

function storeOver(identity: object, opened: Opened, log: Logger, release: () => void): Store {
  const { dialect, writer, shared, mutex, lock } = opened;
  const delivery = new Delivery(shared, writer, mutex, log);
  let closing: Promise<void> | undefined;
  let closed = false;

  const run = async <T, R>(fn: (tx: Tx<T>) => Promise<R>): Promise<R> => {
    lock?.assertHeld();
    const context = { store: identity, open: true };
    const events: { type: string; json: string }[] = [];
    // On SQLite a statement that comes late would land in somebody else's transaction.
    const assertOpen = () => {
      if (!context.open) throw new Error('the transaction has ended: await everything that uses its tx');
    };
    const emit: Tx<T>['emit'] = (event) => {
      assertOpen();
      events.push(freezeEvent(event));
    };
    try {
      return await writer.transaction().execute(async (db) => {
        const tx = { db: db.withPlugin(guard(assertOpen)) as unknown as Transaction<T>, emit };
        const result = await inside.run(context, () => fn(tx));
        context.open = false;
        await writeEvents(db, events);
        return result;
      });
    } finally {
      context.open = false;
      if (events.length > 0) delivery.poke();
    }
  };

  return {
    dialect,
    as: <T>() => shared as unknown as Kysely<T>,
    async transaction(fn) {
      assertOutside(identity);
      if (closed) throw new Error('the store is closed');
      return mutex.run(() => run(fn));
    },
    onEvent: (consumer) => delivery.start(consumer),
    drained: () => delivery.drained(),
    close() {
      closing ??= (async () => {
        await delivery.stop(); // what it delivers just now may still write
        closed = true;
        await mutex.run(async () => undefined);
        await opened.close();
        release();
      })();
      return closing;
    },
  };
}

/** True when error is a unique-constraint violation (primary keys too), on either database. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (code === 'ERR_SQLITE_ERROR') return errcode === 2067 || errcode === 1555 || errcode === 2579;
  return code === '23505';
}
