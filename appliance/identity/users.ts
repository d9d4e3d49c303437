import { randomUUID } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Actor } from '../events/index.ts';
import { badRequest, conflict, notFound } from '../http/index.ts';
import type { Tx } from '../store/index.ts';
import { orTaken, takeNames } from './names.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { checkNetworks, defaultsOf, networkList } from './permissions.ts';
import type { NewUser, User, UserChange } from './schema.ts';
import { event, type Service, timestamp } from './service.ts';
import { endSessionsOf } from './sessions.ts';
import { accountKey, guardAttempt } from './signin.ts';
import type { IdentityTables, UserRow } from './tables.ts';

type IdentityTx = Tx<IdentityTables>;
type Db = Transaction<IdentityTables>;

/** A user as the API shows it. */
const toUser = (row: UserRow): User => ({
  id: row.id,
  username: row.username,
  email: row.email,
  name: row.name,
  role: row.role,
  authorized_networks: JSON.parse(row.authorized_networks) as string[],
  created_at: row.created_at,
  updated_at: row.updated_at,
  last_login_at: row.last_login_at,
});

export async function listUsers({ store }: Service): Promise<User[]> {
  const rows = await store
    .as<IdentityTables>()
    .selectFrom('users')
    .selectAll()
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(toUser);
}

/** 404 when there is no such user. */
export async function getUser({ store }: Service, id: string): Promise<User> {
  return toUser(await rowOf(store.as<IdentityTables>(), id));
}

export async function userExists({ store }: Service, id: string): Promise<boolean> {
  const row = await store.as<IdentityTables>().selectFrom('users').select('id').where('id', '=', id).executeTakeFirst();
  return row !== undefined;
}

/** User names by id. */
export async function usernames({ store }: Service, ids: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const wanted = [...new Set(ids)];
  for (let from = 0; from < wanted.length; from += 500) {
    const rows = await store
      .as<IdentityTables>()
      .selectFrom('users')
      .select(['id', 'username'])
      .where('id', 'in', wanted.slice(from, from + 500))
      .execute();
    for (const { id, username } of rows) found.set(id, username);
  }
  return found;
}

/** The networks that a user may use; `all` for an administrator, none for a user who is gone. */
export async function openNetworks({ store }: Service, id: string): Promise<readonly string[] | 'all'> {
  const db = store.as<IdentityTables>();
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return [];
  const { role, authorized_networks } = toUser(row);
  return role === 'administrator' ? 'all' : authorized_networks;
}

async function rowOf(db: Kysely<IdentityTables>, id: string): Promise<UserRow> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('user');
  return row;
}

/** Makes a local user. Role and networks come from the default permissions where none are given. */
export async function createUser(service: Service, wanted: NewUser, actor: Actor): Promise<User> {
  await checkNetworks(service, 'authorized_networks', wanted.authorized_networks);
  const passwordHash = await service.gate(() => hashPassword(wanted.password, service.cost));
  return orTaken(
    service.store.transaction(async (tx: IdentityTx) => {
      const defaults = await defaultsOf(tx.db);
      const at = timestamp(service.now());
      const row: UserRow = {
        id: randomUUID(),
        username: wanted.username,
        email: wanted.email ?? '',
        name: wanted.name ?? '',
        role: wanted.role ?? defaults.role,
        authorized_networks: networkList(wanted.authorized_networks) ?? defaults.authorized_networks,
        password_hash: passwordHash,
        password_version: 1,
        created_at: at,
        updated_at: at,
        last_login_at: null,
        network_password: null,
      };
      await tx.db.insertInto('users').values(row).execute();
      await takeNames(tx.db, row);
      tx.emit(event('identity.user.created', { userId: row.id, username: row.username, role: row.role }, actor));
      return toUser(row);
    }),
  );
}

/**
 * Changes what is given; what is equal already counts as no change. A new password ends the user's sessions but
 * `keepSession`. 409 where the last administrator would be none any more.
 */
export async function updateUser(
  service: Service,
  id: string,
  change: UserChange,
  actor: Actor,
  keepSession?: string,
): Promise<User> {
  await getUser(service, id);
  await checkNetworks(service, 'authorized_networks', change.authorized_networks);
  const { password } = change;
  const passwordHash =
    password === undefined ? undefined : await service.gate(() => hashPassword(password, service.cost));
  return orTaken(
    service.store.transaction(async (tx: IdentityTx) => {
      const before = await rowOf(tx.db, id);
      const wanted = {
        name: change.name ?? before.name,
        role: change.role ?? before.role,
        authorized_networks: networkList(change.authorized_networks) ?? before.authorized_networks,
        email: change.email ?? before.email,
      };
      const changed: string[] = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
        (key) => wanted[key] !== before[key],
      );
      if (passwordHash !== undefined) changed.push('password');
      if (changed.length === 0) return toUser(before);
      if (before.role === 'administrator' && wanted.role !== 'administrator') await keepAdministrator(tx.db, id);
      const after: UserRow = { ...before, ...wanted, updated_at: timestamp(service.now()) };
      await tx.db
        .updateTable('users')
        .set({ ...wanted, updated_at: after.updated_at })
        .where('id', '=', id)
        .execute();
      if (wanted.email !== before.email) await takeNames(tx.db, after);
      if (passwordHash !== undefined) await setPassword(tx.db, id, passwordHash, keepSession);
      tx.emit(event('identity.user.updated', { userId: id, changed }, actor));
      return toUser(after);
    }),
  );
}

/** Deletes a user with its sessions and tokens. 409 for the last administrator. */
export async function deleteUser(service: Service, id: string, actor: Actor): Promise<void> {
  await service.store.transaction(async (tx: IdentityTx) => {
    const row = await rowOf(tx.db, id);
    if (row.role === 'administrator') await keepAdministrator(tx.db, id);
    await tx.db.deleteFrom('users').where('id', '=', id).execute();
    tx.emit(event('identity.user.deleted', { userId: id, username: row.username }, actor));
  });
}

/** A person's own change of password; a wrong current one counts as a failed sign-in. */
export async function changeOwnPassword(
  service: Service,
  id: string,
  given: { current: string; wanted: string },
  actor: Actor,
  keepSession?: string,
): Promise<void> {
  const row = await rowOf(service.store.as<IdentityTables>(), id);
  const hash = await guardAttempt(service, accountKey(row, ''), actor.address ?? '', async () => {
    if (!(await verifyPassword(given.current, row.password_hash, service.cost))) return undefined;
    return hashPassword(given.wanted, service.cost);
  });
  if (hash === undefined) throw badRequest('current_password is not the current password');
  await service.store.transaction(async (tx: IdentityTx) => {
    const { password_version: version } = await rowOf(tx.db, id);
    if (version !== row.password_version) throw conflict('the password was changed by another request meanwhile');
    await tx.db
      .updateTable('users')
      .set({ updated_at: timestamp(service.now()) })
      .where('id', '=', id)
      .execute();
    await setPassword(tx.db, id, hash, keepSession);
    tx.emit(event('identity.user.updated', { userId: id, changed: ['password'] }, actor));
  });
}

/** Stores a new password and ends the sessions that began with the old one. */
export async function setPassword(db: Db, id: string, hash: string, keepSession?: string): Promise<void> {
  await db
    .updateTable('users')
    .set((eb) => ({ password_hash: hash, password_version: eb('password_version', '+', 1) }))
    .where('id', '=', id)
    .execute();
  await endSessionsOf(db, id, keepSession);
}

async function keepAdministrator(db: Db, id: string): Promise<void> {
  const other = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'administrator')
    .where('id', '!=', id)
    .executeTakeFirst();
  if (!other) throw conflict('this is the last administrator: make another one first');
}
