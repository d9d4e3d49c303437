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

/** Users that one pair of queries reads. Between two others get the thread. */
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
    .select((eb) => eb('password_hash', 'is not', null).as('has_password'));
  const members = db.selectFrom('user_groups').select(['user_id', 'name']).orderBy('user_id').orderBy('name_key');
  // What changes between the two queries is told by an event, and read again then.
  let rows: Awaited<ReturnType<typeof users.execute>>;
  let memberships: Awaited<ReturnType<typeof members.execute>> = [];
  if ('ids' in which) {
    rows = await users.where('id', 'in', which.ids).execute();
    memberships = await members.where('user_id', 'in', which.ids).execute();
  } else {
    const { after } = which;
    rows = await users.where('id', '>', after).orderBy('id').limit(BATCH).execute();
    const last = rows.at(-1)?.id;
    if (last !== undefined) {
      memberships = await members.where('user_id', '>', after).where('user_id', '<=', last).execute();
    }
  }
  const groups = new Map<string, string[]>(rows.map(({ id }) => [id, []]));
  for (const { user_id: id, name } of memberships) groups.get(id)?.push(name);
  return rows.map((row) => ({
    id: row.id,
    username: row.username,
    names: [...new Set([nameKey(row.username), nameKey(row.email)])].filter((name) => name !== ''),
    groups: groups.get(row.id) ?? [],
    enabled: true,
    hasPassword: Boolean(row.has_password),
    passwordVersion: row.password_version,
    networkPassword: openNetworkPassword(service, row),
  }));
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
