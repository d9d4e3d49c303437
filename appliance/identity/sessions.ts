import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { sha256Hex } from '../store/index.ts';
import { MAX_SESSIONS, SESSION_SECONDS } from './schema.ts';
import { timestamp } from './service.ts';
import type { IdentityTables } from './tables.ts';

/**
 * Opens a session: 32 random bytes in hex, of which the database keeps the SHA-256. Sweeps sessions that are over and
 * the user's oldest beyond the limit, so the table grows with signed-in people only.
 */
export async function openSession(
  db: Transaction<IdentityTables>,
  userId: string,
  now: number,
  seconds = SESSION_SECONDS,
): Promise<string> {
  await db.deleteFrom('user_sessions').where('expires_at', '<=', timestamp(now)).execute();
  await db
    .deleteFrom('user_sessions')
    .where('user_id', '=', userId)
    .where('hash', 'not in', (qb) =>
      qb
        .selectFrom('user_sessions as kept')
        .select('kept.hash')
        .where('kept.user_id', '=', userId)
        .orderBy('kept.created_at', 'desc')
        .limit(MAX_SESSIONS - 1),
    )
    .execute();
  const secret = randomBytes(32).toString('hex');
  await db
    .insertInto('user_sessions')
    .values({
      hash: sha256Hex(secret),
      user_id: userId,
      created_at: timestamp(now),
      expires_at: timestamp(now + seconds * 1000),
    })
    .execute();
  return secret;
}

/** Ends a session; the id of whose it was, undefined when there was none. */
export async function endSession(db: Transaction<IdentityTables>, secret: string): Promise<string | undefined> {
  const ended = await db
    .deleteFrom('user_sessions')
    .where('hash', '=', sha256Hex(secret))
    .returning('user_id')
    .executeTakeFirst();
  return ended?.user_id;
}

/** Ends all sessions of a user but, where one is given, that of `keep`. */
export async function endSessionsOf(db: Transaction<IdentityTables>, userId: string, keep?: string): Promise<void> {
  await db
    .deleteFrom('user_sessions')
    .where('user_id', '=', userId)
    .$if(keep !== undefined, (qb) => qb.where('hash', '!=', sha256Hex(keep ?? '')))
    .execute();
}
