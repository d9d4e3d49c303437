import { CompiledQuery, sql } from 'kysely';
import { type DomainEvent, SYSTEM } from '../../events/index.ts';
import type { Store } from '../../store/index.ts';
import type { AccountingRecord } from '../accounting/index.ts';
import type { LiveSession } from './live.ts';
import type { Session } from './merge.ts';
import { rfc3339, rowOf, type SessionRow, type SessionTables, sessionOf, upsertSql } from './tables.ts';

/** Ended sessions are kept this long. */
export const KEEP_DAYS = 90;
const DAY_MS = 24 * 3600 * 1000;
/** Rows in one transaction: others wait for it, and its commit is on the disk before the next. */
const TRANSACTION_ROWS = 2048;
/** Rows in one statement; between statements the event loop has its turn. */
const STATEMENT_ROWS = [32, 8, 1] as const;
/** How far back a session may have begun that a late record, or today's usage, is looked up for. */
const LOOK_BACK_MS = 8 * DAY_MS;
const KEYS_AT_ONCE = 500;
const ROWS_AT_ONCE = 2000;
const SWEEP_ROWS = 1000;

/** The least id of a session that was first heard of at a time (RFC 9562, section 5.7: ids start with it). */
export function idAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}

interface Filter {
  site?: string | undefined;
  status?: string | undefined;
  user?: string | undefined;
  mac?: string | undefined;
  before?: string | undefined;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The sessions' table. */
export function createSessionDatabase(store: Store) {
  const db = store.as<SessionTables>();
  const statements = STATEMENT_ROWS.map((count) => ({ count, text: upsertSql(count, store.dialect) }));

  return {
    /**
     * Writes sessions as they are, and in the same transaction tells of those that have ended, and `events`. Every
     * `TRANSACTION_ROWS` it commits; `done` is called with what is committed.
     */
    async write(
      sessions: readonly LiveSession[],
      events: readonly DomainEvent[],
      done: (sessions: readonly LiveSession[], events: readonly DomainEvent[]) => void,
    ): Promise<void> {
      let rest = events;
      for (let from = 0; from < sessions.length || rest.length > 0; from += TRANSACTION_ROWS) {
        const part = sessions.slice(from, from + TRANSACTION_ROWS);
        const told: LiveSession[] = [];
        await store.transaction(async (tx) => {
          for (let at = 0; at < part.length; ) {
            const { count, text } = statements.find((statement) => statement.count <= part.length - at)!;
            const rows = part.slice(at, at + count);
            // What it says of an end must be what the row says.
            for (const session of rows) {
              if (session.endedAt === null || session.told) continue;
              told.push(session);
              tx.emit(disconnected(session));
            }
            await tx.db.executeQuery(CompiledQuery.raw(text, rows.flatMap(rowOf)));
            at += count;
            if (at < part.length) await turn();
          }
          for (const event of rest) tx.emit(event);
        });
        for (const session of told) session.told = true;
        done(part, rest);
        rest = [];
      }
    },

    /** The sessions that haven't ended. */
    async *active(): AsyncGenerator<Session[]> {
      for (let after = ''; ; ) {
        const rows = await db
          .selectFrom('radius_sessions')
          .selectAll()
          .where('status', '=', 'active')
          .where('id', '>', after)
          .orderBy('id')
          .limit(ROWS_AT_ONCE)
          .execute();
        if (rows.length > 0) yield rows.map(sessionOf);
        if (rows.length < ROWS_AT_ONCE) return;
        after = rows.at(-1)!.id;
      }
    },

    /** The sessions that have lately had these Acct-Session-Ids. */
    async find(records: readonly AccountingRecord[], now: number): Promise<Session[]> {
      const ids = [...new Set(records.map(({ sessionId }) => sessionId))];
      const found: Session[] = [];
      for (let from = 0; from < ids.length; from += KEYS_AT_ONCE) {
        const rows = await db
          .selectFrom('radius_sessions')
          .selectAll()
          .where('acct_session_id', 'in', ids.slice(from, from + KEYS_AT_ONCE))
          .where('id', '>=', idAt(now - LOOK_BACK_MS))
          .orderBy('id', 'desc')
          .limit(ROWS_AT_ONCE)
          .execute();
        for (const row of rows.reverse()) found.push(sessionOf(row));
      }
      return found;
    },

    row: (id: string) => db.selectFrom('radius_sessions').selectAll().where('id', '=', id).executeTakeFirst(),

    /** The newest first, from those that are older than `before`. `user` is an id or a name. */
    list(filter: Filter, limit: number): Promise<SessionRow[]> {
      let query = db.selectFrom('radius_sessions').selectAll();
      const { site, status, user, mac, before } = filter;
      if (site !== undefined) query = query.where('site_id', '=', site);
      if (status !== undefined) query = query.where('status', '=', status);
      if (mac !== undefined) query = query.where('mac', '=', mac);
      if (user !== undefined) {
        query = query.where((of) => of.or([of('user_id', '=', user), of('login', '=', user.toLowerCase())]));
      }
      if (before !== undefined) query = query.where('id', '<', before);
      return query.orderBy('id', 'desc').limit(limit).execute();
    },

    /** What was used on the days around now, by person. A session that began over a week ago isn't in it. */
    usage: (now: number) =>
      db
        .selectFrom('radius_sessions')
        .select((of) => [
          'user_key',
          'site_id',
          'day_start',
          // Not a sum of integers: SQLite's could become one that is no exact number here, which is an error.
          of.fn.sum<number>(sql`day_bytes * 1.0`).as('bytes'),
          of.fn.sum<number>(sql`day_seconds * 1.0`).as('seconds'),
        ])
        .where('id', '>=', idAt(now - LOOK_BACK_MS))
        .where('day_start', '>', now - 2 * DAY_MS)
        .groupBy(['user_key', 'site_id', 'day_start'])
        .execute(),

    /** Deletes sessions that ended too long ago; answers how many. */
    async sweep(now: number): Promise<number> {
      const before = now - KEEP_DAYS * DAY_MS;
      for (let swept = 0; ; await turn()) {
        const ids = await db
          .selectFrom('radius_sessions')
          .select('id')
          .where('status', '=', 'ended')
          .where('id', '<', idAt(before))
          .where('ended_at', '<', rfc3339(before))
          .limit(SWEEP_ROWS)
          .execute();
        if (ids.length === 0) return swept;
        await db
          .deleteFrom('radius_sessions')
          .where(
            'id',
            'in',
            ids.map(({ id }) => id),
          )
          .execute();
        swept += ids.length;
      }
    },
  };
}
export type SessionDatabase = ReturnType<typeof createSessionDatabase>;

const disconnected = (session: LiveSession) => ({
  type: 'session.disconnected' as const,
  data: {
    sessionId: session.id,
    username: session.username ?? '',
    mac: session.mac ?? '',
    nasId: session.nasId,
    siteId: session.siteId,
    cause: session.cause ?? 'unknown',
    actor: SYSTEM,
  },
});
