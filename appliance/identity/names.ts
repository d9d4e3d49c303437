import type { Kysely, Transaction } from 'kysely';
import { conflict } from '../http/index.ts';
import { isUniqueViolation } from '../store/index.ts';
import type { IdentityTables, UserRow } from './tables.ts';

/** A user name or email as it is compared. */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase();

/** The user with that user name or email. */
export function findByName(db: Kysely<IdentityTables>, name: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('users as u')
    .innerJoin('user_names as n', 'n.user_id', 'u.id')
    .selectAll('u')
    .where('n.name', '=', nameKey(name))
    .executeTakeFirst();
}

/** Takes a user's names, in place of those it had. 409 when one is another's. */
export async function takeNames(
  db: Transaction<IdentityTables>,
  user: Pick<UserRow, 'id' | 'username' | 'email'>,
): Promise<void> {
  const [username, email] = [nameKey(user.username), nameKey(user.email)];
  const names = [...new Set([username, email])].filter((name) => name !== '');
  const taken = await db
    .selectFrom('user_names')
    .select('name')
    .where('name', 'in', names)
    .where('user_id', '!=', user.id)
    .execute();
  if (taken.some(({ name }) => name === username)) throw conflict(`username ${user.username} is taken`);
  if (taken.length > 0) throw conflict(`email ${user.email} is taken`);
  await db.deleteFrom('user_names').where('user_id', '=', user.id).execute();
  await db
    .insertInto('user_names')
    .values(names.map((name) => ({ name, user_id: user.id })))
    .execute();
}

/** Runs a write of names: whoever comes second gets 409, also where the database itself had to decide it. */
export async function orTaken<R>(write: Promise<R>): Promise<R> {
  try {
    return await write;
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('the username or email is taken');
    throw error;
  }
}
