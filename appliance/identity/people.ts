import { type Kysely, sql } from 'kysely';
import type { Actor } from '../events/index.ts';
import { type CursorPage, notFound, unprocessable } from '../http/index.ts';
import type { Tx } from '../store/index.ts';
import { networkPasswordContext, openNetworkPassword } from './accounts.ts';
import { groupList, groupsOf, spelledAlike } from './groups.ts';
import { nameKey } from './names.ts';
import { generateNetworkPassword, networkPasswordFault } from './network-password.ts';
import type { Person } from './schema.ts';
import { event, type Service, timestamp } from './service.ts';
import type { IdentityTables, UserRow } from './tables.ts';

type Db = Kysely<IdentityTables>;

const toPerson = (row: UserRow, groups: string[] = []): Person => ({
  id: row.id,
  username: row.username,
  email: row.email,
  name: row.name,
  role: row.role,
  groups,
  network_password_set: row.network_password !== null,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

/** A `like` pattern for a substring, with `\` as the escape. */
const containing = (text: string): string => `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;

/** Users by their names: those that have `q` in user name, email or name, and are in `group`. */
export async function listPeople(
  { store }: Service,
  query: { q?: string; group?: string },
  page: CursorPage,
): Promise<Person[]> {
  const db = store.as<IdentityTables>();
  const { after } = page;
  let users = db
    .selectFrom('users')
    .selectAll()
    .orderBy('username')
    .orderBy('id')
    .limit(page.limit + 1);
  if (after) {
    users = users.where((eb) =>
      eb.or([eb('username', '>', after.key), eb.and([eb('username', '=', after.key), eb('id', '>', after.id)])]),
    );
  }
  const { q, group } = query;
  if (q !== undefined && q !== '') {
    const like = containing(q);
    users = users.where((eb) =>
      eb.or(
        (['username', 'email', 'name'] as const).map(
          (column) => sql<boolean>`lower(${sql.ref(column)}) like ${like} escape '\\'`,
        ),
      ),
    );
  }
  if (group !== undefined) {
    users = users.where('id', 'in', (qb) =>
      qb.selectFrom('user_groups').select('user_id').where('name_key', '=', nameKey(group)),
    );
  }
  const rows = page.cut(await users.execute(), (row) => ({ key: row.username, id: row.id }));
  const groups = await groupsOf(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => toPerson(row, groups.get(row.id)));
}

/** 404 when there is no such user. */
export async function getPerson({ store }: Service, id: string): Promise<Person> {
  return personIn(store.as<IdentityTables>(), id);
}

async function personIn(db: Db, id: string): Promise<Person> {
  return toPerson(await rowOf(db, id), (await groupsOf(db, [id])).get(id));
}

async function rowOf(db: Db, id: string): Promise<UserRow> {
  const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('user');
  return row;
}

/** Puts a user into these groups and no others. */
export async function setGroups(service: Service, id: string, names: readonly string[], actor: Actor): Promise<Person> {
  return service.store.transaction(async ({ db, emit }: Tx<IdentityTables>) => {
    await rowOf(db, id);
    const groups = await spelledAlike(db, groupList(names), id);
    const before = (await groupsOf(db, [id])).get(id) ?? [];
    if (JSON.stringify(before) === JSON.stringify(groups.map(({ name }) => name))) return personIn(db, id);
    await db.deleteFrom('user_groups').where('user_id', '=', id).execute();
    if (groups.length > 0) {
      await db
        .insertInto('user_groups')
        .values(groups.map(({ name, key }) => ({ user_id: id, name, name_key: key })))
        .execute();
    }
    await touch(service, db, id, {});
    emit(event('identity.user.updated', { userId: id, changed: ['groups'] }, actor));
    return personIn(db, id);
  });
}

/**
 * Sets a user's network password; without one it is made up, and the answer has it, this once. 422 for one that can't
 * be. The same one again changes nothing.
 */
export async function setNetworkPassword(
  service: Service,
  id: string,
  password: string | undefined,
  actor: Actor,
): Promise<string | undefined> {
  const fault = password === undefined ? undefined : networkPasswordFault(password);
  if (fault) throw unprocessable(`password ${fault}`);
  const wanted = password?.normalize('NFC') ?? generateNetworkPassword();
  await service.store.transaction(async ({ db, emit }: Tx<IdentityTables>) => {
    const row = await rowOf(db, id);
    if (openNetworkPassword(service, row) === wanted) return;
    await touch(service, db, id, { network_password: service.secrets.seal(wanted, networkPasswordContext(id)) });
    emit(event('identity.user.updated', { userId: id, changed: ['network_password'] }, actor));
  });
  return password === undefined ? wanted : undefined;
}

/** Takes a user's network password away. 404 when there is no such user; none to take is no error. */
export async function deleteNetworkPassword(service: Service, id: string, actor: Actor): Promise<void> {
  await service.store.transaction(async ({ db, emit }: Tx<IdentityTables>) => {
    const row = await rowOf(db, id);
    if (row.network_password === null) return;
    await touch(service, db, id, { network_password: null });
    emit(event('identity.user.updated', { userId: id, changed: ['network_password'] }, actor));
  });
}

async function touch(
  service: Service,
  db: Db,
  id: string,
  change: { network_password?: string | null },
): Promise<void> {
  await db
    .updateTable('users')
    .set({ ...change, updated_at: timestamp(service.now()) })
    .where('id', '=', id)
    .execute();
}

/** Users that one query reads. */
const FACTS_BATCH = 500;

/** Name and groups of these users; who doesn't exist is left out. */
export async function usersFacts(
  { store }: Pick<Service, 'store'>,
  ids: readonly string[],
): Promise<Map<string, { username: string; groups: readonly string[] }>> {
  const db = store.as<IdentityTables>();
  const facts = new Map<string, { username: string; groups: readonly string[] }>();
  const wanted = [...new Set(ids)];
  for (let from = 0; from < wanted.length; from += FACTS_BATCH) {
    const part = wanted.slice(from, from + FACTS_BATCH);
    const groups = await groupsOf(db, part);
    const rows = await db.selectFrom('users').select(['id', 'username']).where('id', 'in', part).execute();
    for (const { id, username } of rows) facts.set(id, { username, groups: groups.get(id) ?? [] });
  }
  return facts;
}

/** The user with this user name or email, in any case. */
export async function findByName(
  service: Pick<Service, 'store'>,
  name: string,
): Promise<{ id: string; username: string; groups: readonly string[] } | undefined> {
  const db = service.store.as<IdentityTables>();
  const row = await db.selectFrom('user_names').select('user_id').where('name', '=', nameKey(name)).executeTakeFirst();
  if (!row) return undefined;
  const facts = (await usersFacts(service, [row.user_id])).get(row.user_id);
  return facts && { id: row.user_id, ...facts };
}
