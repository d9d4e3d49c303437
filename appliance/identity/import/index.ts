import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { Actor } from '../../events/index.ts';
import { unprocessable } from '../../http/index.ts';
import type { Tx } from '../../store/index.ts';
import { networkPasswordContext, openNetworkPassword } from '../accounts.ts';
import type { Group } from '../groups.ts';
import { nameKey, orTaken } from '../names.ts';
import { defaultsOf } from '../permissions.ts';
import { event, type Service, timestamp } from '../service.ts';
import type { IdentityTables, UserRow } from '../tables.ts';
import { Faults, parseUsers, type Row } from './parse.ts';
import { type Existing, type Plan, planImport } from './plan.ts';
import type { ImportResult } from './schema.ts';

/** Values that one statement names; between two others get the thread. */
const CHUNK = 500;

type Db = Kysely<IdentityTables>;

/**
 * Brings users to what the file says: makes those that aren't there (without an account password, with the default
 * permissions), changes those that are, and leaves alone whom the file doesn't name. All or nothing: 422 with the same
 * members where anything is wrong.
 */
export async function importUsers(
  service: Service,
  file: Buffer,
  dryRun: boolean,
  actor: Actor,
): Promise<ImportResult> {
  const faults = new Faults();
  const rows = await parseUsers(file, faults);
  const planned = async (db: Db): Promise<ImportResult & { plan: Plan }> => {
    const plan = planImport(rows, await existingOf(service, db, rows), faults);
    const result = resultOf(plan, faults, dryRun);
    if (faults.lines > 0)
      throw unprocessable(`nothing was imported: ${lines(faults.lines)} of the file`, { ...result });
    return { ...result, plan };
  };
  if (dryRun || faults.lines > 0) {
    const { plan: _, ...result } = await planned(service.store.as<IdentityTables>());
    return result;
  }
  return orTaken(
    service.store.transaction(async (tx: Tx<IdentityTables>) => {
      const { plan, ...result } = await planned(tx.db);
      await write(service, tx, plan, actor);
      return result;
    }),
  );
}

const lines = (count: number): string =>
  count === 1 ? 'there is an error in one line' : `there are errors in ${count} lines`;

const resultOf = (plan: Plan, faults: Faults, dryRun: boolean): ImportResult => ({
  dry_run: dryRun,
  created: plan.creations.length,
  updated: plan.updates.length,
  unchanged: plan.unchanged,
  failed: faults.lines,
  truncated: plan.truncated || faults.truncated,
  changes: plan.changes,
  errors: faults.list.toSorted((a, b) => a.line - b.line),
});

/** Calls `work` with a chunk after the other, and lets others have the thread between two. */
async function inChunks<T>(list: readonly T[], work: (chunk: T[]) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < list.length; at += CHUNK) {
    await work(list.slice(at, at + CHUNK));
    await setImmediate();
  }
}

async function existingOf(service: Service, db: Db, rows: readonly Row[]): Promise<Existing> {
  const names = new Set(rows.flatMap(({ username, email }) => [nameKey(username), nameKey(email)]));
  names.delete('');
  const owners = new Map<string, string>();
  await inChunks([...names], async (chunk) => {
    const found = await db.selectFrom('user_names').selectAll().where('name', 'in', chunk).execute();
    for (const { name, user_id: id } of found) owners.set(name, id);
  });
  const users = new Map<string, UserRow>();
  const groups = new Map<string, Group[]>();
  await inChunks([...new Set(owners.values())], async (chunk) => {
    for (const user of await db.selectFrom('users').selectAll().where('id', 'in', chunk).execute()) {
      users.set(user.id, user);
      groups.set(user.id, []);
    }
    const members = db.selectFrom('user_groups').selectAll().where('user_id', 'in', chunk);
    for (const { user_id: id, name, name_key: key } of await members.execute()) groups.get(id)?.push({ name, key });
  });
  for (const list of groups.values()) list.sort((a, b) => (a.key < b.key ? -1 : 1));
  const spelling = new Map<string, string>();
  await inChunks([...new Set(rows.flatMap((row) => row.groups.map(({ key }) => key)))], async (chunk) => {
    const known = await db
      .selectFrom('user_groups')
      .select((eb) => ['name_key', eb.fn.min('name').as('name')])
      .where('name_key', 'in', chunk)
      .groupBy('name_key')
      .execute();
    for (const row of known) spelling.set(row.name_key, row.name);
  });
  return { users, owners, groups, spelling, networkPassword: (user) => openNetworkPassword(service, user) };
}

async function write(service: Service, { db, emit }: Tx<IdentityTables>, plan: Plan, actor: Actor): Promise<void> {
  const at = timestamp(service.now());
  const defaults = await defaultsOf(db);
  const seal = (id: string, password: string | undefined): string | null =>
    password === undefined ? null : service.secrets.seal(password, networkPasswordContext(id));
  const made = plan.creations.map(({ row, groups }) => ({ row, groups, id: randomUUID() }));

  // Names first go, then come: two users may swap theirs.
  const renamed = plan.updates.filter(({ changes }) => changes.includes('email'));
  await inChunks(renamed, (chunk) =>
    db
      .deleteFrom('user_names')
      .where(
        'user_id',
        'in',
        chunk.map(({ user }) => user.id),
      )
      .execute(),
  );
  await inChunks(made, (chunk) =>
    db
      .insertInto('users')
      .values(
        chunk.map(({ row, id }) => ({
          id,
          username: row.username,
          email: row.email,
          name: row.name,
          role: defaults.role,
          authorized_networks: defaults.authorized_networks,
          password_hash: null,
          password_version: 0,
          created_at: at,
          updated_at: at,
          last_login_at: null,
          network_password: seal(id, row.networkPassword),
        })),
      )
      .execute(),
  );
  // Rows that are there already, in one statement: each "insert" is an update of what may have changed.
  await inChunks(plan.updates, (chunk) =>
    db
      .insertInto('users')
      .values(
        chunk.map(({ user, row }) => ({
          ...user,
          email: row.email,
          name: row.name,
          updated_at: at,
          network_password: seal(user.id, row.networkPassword) ?? user.network_password,
        })),
      )
      .onConflict((oc) =>
        oc.column('id').doUpdateSet((eb) => ({
          email: eb.ref('excluded.email'),
          name: eb.ref('excluded.name'),
          updated_at: eb.ref('excluded.updated_at'),
          network_password: eb.ref('excluded.network_password'),
        })),
      )
      .execute(),
  );
  const names = [...made, ...renamed.map(({ row, user }) => ({ row, id: user.id }))].flatMap(({ row, id }) =>
    [...new Set([nameKey(row.username), nameKey(row.email)])]
      .filter((name) => name !== '')
      .map((name) => ({ name, user_id: id })),
  );
  await inChunks(names, (chunk) => db.insertInto('user_names').values(chunk).execute());

  const regrouped = plan.updates.filter(({ changes }) => changes.includes('groups'));
  await inChunks(regrouped, (chunk) =>
    db
      .deleteFrom('user_groups')
      .where(
        'user_id',
        'in',
        chunk.map(({ user }) => user.id),
      )
      .execute(),
  );
  const members = [...made, ...regrouped.map(({ groups, user }) => ({ groups, id: user.id }))].flatMap(
    ({ groups, id }) => groups.map(({ name, key }) => ({ user_id: id, name, name_key: key })),
  );
  await inChunks(members, (chunk) => db.insertInto('user_groups').values(chunk).execute());

  for (const { row, id } of made) {
    emit(event('identity.user.created', { userId: id, username: row.username, role: defaults.role }, actor));
  }
  for (const { user, changes } of plan.updates) {
    emit(event('identity.user.updated', { userId: user.id, changed: changes }, actor));
  }
}
