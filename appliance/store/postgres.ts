import { hostname } from 'node:os';
import { type Driver, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { type Logger, StoreError } from './types.ts';

const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const RELOCK_MS = 1000;
/** Key of the advisory lock: "gateh" in ASCII. Advisory locks belong to one database of the server. */
const LOCK_KEY = 0x67_61_74_65_68;
const INT8 = 20;
const NUMERIC = 1700;

/** Numbers as numbers, as SQLite gives them: count() is int8 and sum(int8) numeric. */
function types(): pg.TypeOverrides {
  const overrides = new pg.TypeOverrides();
  overrides.setTypeParser(INT8, Number);
  overrides.setTypeParser(NUMERIC, Number);
  return overrides;
}

const clientConfig = (url: string): pg.ClientConfig => ({
  connectionString: url,
  application_name: `gatehouse ${hostname()} pid ${process.pid}`,
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  types: types(),
});

/** The database's place for messages: without user and password. */
export function placeOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `postgres://${host}${pathname}`;
  } catch {
    return 'postgres://…';
  }
}

class SharedDialect extends PostgresDialect {
  override createDriver(): Driver {
    const driver = super.createDriver();
    driver.beginTransaction = async () => {
      throw new Error('use store.transaction() instead of as().transaction(): there is one writer');
    };
    return driver;
  }
}

/** A pool as the writer, for `store.transaction`, and as what `store.as()` gives. */
export function openPool(url: string, log: Logger): { writer: Kysely<unknown>; shared: Kysely<unknown> } {
  const pool = new pg.Pool({ ...clientConfig(url), max: POOL_SIZE });
  // Without a listener a server's restart would end the process; the next query gets a new connection or an error.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle PostgreSQL connection was lost'));
  return {
    writer: new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) }),
    shared: new Kysely<unknown>({ dialect: new SharedDialect({ pool }) }),
  };
}

export interface DatabaseLock {
  /** Throws while the connection that holds the lock is lost: another appliance may have the database. */
  assertHeld(): void;
  release(): Promise<void>;
}

/** Takes the lock; or says who has it. */
async function takeOrAsk(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS taken', [LOCK_KEY]);
  if (rows[0]?.taken === true) return undefined;
  const holder = await client.query(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (l.classid::bigint << 32 | l.objid::bigint) = $1`,
    [LOCK_KEY],
  );
  return holder.rows[0]?.name || 'unknown';
}

/** Takes the database for this process by an advisory lock on a connection of its own. */
export async function lockDatabase(url: string, log: Logger): Promise<DatabaseLock> {
  let client: pg.Client | undefined;
  let released = false;
  let timer: NodeJS.Timeout | undefined;

  const take = async (): Promise<void> => {
    const fresh = new pg.Client({ ...clientConfig(url), keepAlive: true });
    fresh.on('error', () => undefined); // 'end' follows
    fresh.on('end', () => {
      if (client !== fresh) return;
      client = undefined;
      if (released) return;
      log.error({}, 'the connection that locks the PostgreSQL database was lost: no writes until it is back');
      retake();
    });
    try {
      await fresh.connect();
    } catch (error) {
      throw new StoreError(
        `Cannot connect to ${placeOf(url)}: ${(error as Error).message || String(error)}. Check GATEHOUSE_DATABASE and that PostgreSQL runs.`,
      );
    }
    let other: string | undefined;
    try {
      other = await takeOrAsk(fresh);
    } catch (error) {
      await fresh.end();
      throw error;
    }
    if (other !== undefined) {
      await fresh.end();
      throw new StoreError(
        `The database ${placeOf(url)} is in use by another Gatehouse (${other}). Stop it or set GATEHOUSE_DATABASE.`,
      );
    }
    if (released) await fresh.end();
    else client = fresh;
  };

  const retake = (): void => {
    timer = setTimeout(() => {
      take().then(
        () => log.info({}, 'the PostgreSQL database is locked again'),
        (error) => {
          log.error({ err: error }, 'the PostgreSQL database could not be locked again');
          if (!released) retake();
        },
      );
    }, RELOCK_MS);
  };

  await take();
  return {
    assertHeld() {
      if (!client) throw new Error('the lock on the PostgreSQL database is lost; it is being taken again');
    },
    async release() {
      released = true;
      clearTimeout(timer);
      await client?.end();
    },
  };
}
