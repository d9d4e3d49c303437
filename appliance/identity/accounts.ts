import { setImmediate } from 'node:timers/promises';
import { nameKey } from './names.ts';
import { verifyPassword } from './password.ts';
import type { Service } from './service.ts';
import type { IdentityTables } from './tables.ts';

/** A user as a network's directory needs it. */
export interface Account {
  id: string;
  username: string;
  /** What may be typed for it, lower-case and in NFC: user name and email. */
  names: readonly string[];
  groups: readonly string[];
  enabled: boolean;
  /** Whether there is an account password; it is checked with `verifyAccountPassword`. */
  hasPassword: boolean;
  /** Counts the account passwords that were set: what was remembered of an older one is void. */
  passwordVersion: number;
  /** In the clear. */
  networkPassword: string | null;
}

/** Users that one query reads. Between two others get the thread. */
const BATCH = 1000;

/** The place of a sealed network password. */
export const networkPasswordContext = (userId: string): string => `users/${userId}/network_password`;

/**
 * All users, or those of `ids` that exist; in no order. A network password that doesn't open (its key is lost) is told
 * in the log and counts as none.
 */
export async function accounts(service: Service, ids?: readonly string[]): Promise<Account[]> {
  const all: Account[] = [];
  if (ids) {
    const wanted = [...new Set(ids)];
    for (let at = 0; at < wanted.length; at += BATCH) {
      if (at > 0) await setImmediate();
      all.push(...(await batch(service, { ids: wanted.slice(at, at + BATCH) })));
    }
    return all;
  }
  for (;;) {
    const read = await batch(service, { after: all.at(-1)?.id ?? '' });
    all.push(...read);
    if (read.length < BATCH) return all;
    await setImmediate();
  }
}

async function batch(service: Service, which: { ids: string[] } | { after: string }): Promise<Account[]> {
  const db = service.store.as<IdentityTables>();
  const users = db
    .selectFrom('users')
    .select(['id', 'username', 'email', 'password_version', 'network_password'])
    .select((eb) => eb('password_hash', 'is not', null).as('has_password'))
    .$if('ids' in which, (qb) => qb.where('id', 'in', (which as { ids: string[] }).ids))
    .$if('after' in which, (qb) => qb.where('id', '>', (which as { after: string }).after))
    .orderBy('id')
    .limit(BATCH);
  // One query, so that a user and its groups are of the same moment; a user with several groups comes several times.
  const rows = await db
    .selectFrom(users.as('u'))
    .leftJoin('user_groups as g', 'g.user_id', 'u.id')
    .selectAll('u')
    .select('g.name as group')
    .orderBy('u.id')
    .orderBy('g.name_key')
    .execute();
  const found: Account[] = [];
  let last: { id: string; groups: string[] } | undefined;
  for (const row of rows) {
    if (last?.id === row.id) {
      if (row.group !== null) last.groups.push(row.group);
      continue;
    }
    const account = {
      id: row.id,
      username: row.username,
      names: [...new Set([nameKey(row.username), nameKey(row.email)])].filter((name) => name !== ''),
      groups: row.group === null ? [] : [row.group],
      enabled: true,
      hasPassword: Boolean(row.has_password),
      passwordVersion: row.password_version,
      networkPassword: openNetworkPassword(service, row),
    };
    found.push(account);
    last = account;
  }
  return found;
}

/** A user's network password in the clear. */
export function openNetworkPassword(
  { secrets, log }: Pick<Service, 'secrets' | 'log'>,
  user: { id: string; network_password: string | null },
): string | null {
  if (user.network_password === null) return null;
  try {
    return secrets.open(user.network_password, networkPasswordContext(user.id));
  } catch (error) {
    log.error({ err: error, userId: user.id }, 'a network password could not be opened: set it anew');
    return null;
  }
}

/**
 * Whether it is the user's account password; false for a user who has none or is gone, after the same work. Throws
 * `GateFull` when too many are being checked.
 */
export async function verifyAccountPassword(service: Service, userId: string, password: string): Promise<boolean> {
  return service.networkGate(async () => {
    const row = await service.store
      .as<IdentityTables>()
      .selectFrom('users')
      .select('password_hash')
      .where('id', '=', userId)
      .executeTakeFirst();
    return verifyPassword(password, row?.password_hash ?? null, service.cost);
  });
}
