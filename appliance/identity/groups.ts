import type { Kysely } from 'kysely';
import { nameKey } from './names.ts';
import type { IdentityTables } from './tables.ts';

export const MAX_GROUPS = 64;
export const MAX_GROUP_NAME = 64;
/** Letters, digits and space . _ - without a space at either end. */
export const GROUP_PATTERN = '^[\\p{L}\\p{N}._-]([\\p{L}\\p{N} ._-]*[\\p{L}\\p{N}._-])?$';

export interface Group {
  name: string;
  key: string;
}

/** Group names as they are stored: in NFC, each group once, in the order of their keys. */
export function groupList(names: readonly string[]): Group[] {
  const groups = new Map<string, Group>();
  for (const name of names) {
    const key = nameKey(name);
    if (!groups.has(key)) groups.set(key, { name: name.normalize('NFC'), key });
  }
  return [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/**
 * The same groups, spelled as other users have them: a group is one, however it is written. `except` are users whose
 * own spelling doesn't count, as theirs is being replaced.
 */
export async function spelledAlike(
  db: Kysely<IdentityTables>,
  groups: readonly Group[],
  except: string,
): Promise<Group[]> {
  if (groups.length === 0) return [];
  const known = await db
    .selectFrom('user_groups')
    .select((eb) => ['name_key', eb.fn.min('name').as('name')])
    .where(
      'name_key',
      'in',
      groups.map(({ key }) => key),
    )
    .where('user_id', '!=', except)
    .groupBy('name_key')
    .execute();
  const names = new Map(known.map((row) => [row.name_key, row.name]));
  return groups.map(({ name, key }) => ({ name: names.get(key) ?? name, key }));
}

/** The names of users' groups, by user id. */
export async function groupsOf(db: Kysely<IdentityTables>, ids: readonly string[]): Promise<Map<string, string[]>> {
  const groups = new Map<string, string[]>();
  if (ids.length === 0) return groups;
  const rows = await db
    .selectFrom('user_groups')
    .select(['user_id', 'name'])
    .where('user_id', 'in', ids)
    .orderBy('user_id')
    .orderBy('name_key')
    .execute();
  for (const { user_id: id, name } of rows) {
    const list = groups.get(id);
    if (list) list.push(name);
    else groups.set(id, [name]);
  }
  return groups;
}
