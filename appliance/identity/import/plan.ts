import type { Group } from '../groups.ts';
import { nameKey } from '../names.ts';
import type { UserRow } from '../tables.ts';
import { type Column, type Faults, MAX_LISTED, type Row } from './parse.ts';

/** What the database has of what the file names. */
export interface Existing {
  /** Users that have any name of the file, by id. */
  users: ReadonlyMap<string, UserRow>;
  /** Whose a name of the file is, by its key. */
  owners: ReadonlyMap<string, string>;
  /** Groups of those users, by user id, sorted by key. */
  groups: ReadonlyMap<string, readonly Group[]>;
  /** How groups of the file are spelled, by key. */
  spelling: ReadonlyMap<string, string>;
  /** A user's network password in the clear; null where there is none. */
  networkPassword(user: UserRow): string | null;
}

export interface Change {
  line: number;
  username: string;
  action: 'create' | 'update';
  changes: Column[];
}

export interface Creation {
  row: Row;
  groups: Group[];
}
export interface Update extends Creation {
  user: UserRow;
  changes: Column[];
}

/** What an import would do. */
export interface Plan {
  creations: Creation[];
  updates: Update[];
  unchanged: number;
  /** The first of them, in the order of the file. */
  changes: Change[];
  truncated: boolean;
}

/**
 * Compares a file with what there is. Faults: a user twice, a name that two would have once everything is done (so two
 * users may swap their emails). Pure.
 */
export function planImport(rows: readonly Row[], existing: Existing, faults: Faults): Plan {
  const userOf = (row: Row): UserRow | undefined => {
    const user = existing.users.get(existing.owners.get(nameKey(row.username)) ?? '');
    return user && nameKey(user.username) === nameKey(row.username) ? user : undefined;
  };
  checkNames(rows, existing, userOf, faults);

  const spelling = new Map(existing.spelling);
  const spelled = ({ name, key }: Group): Group => {
    const known = spelling.get(key);
    if (known === undefined) spelling.set(key, name);
    return { name: known ?? name, key };
  };
  const plan: Plan = { creations: [], updates: [], unchanged: 0, changes: [], truncated: false };
  for (const row of rows) {
    if (faults.has(row.line)) continue;
    const user = userOf(row);
    const groups = row.groups.map(spelled);
    const before = user ? (existing.groups.get(user.id) ?? []) : [];
    const changes: Column[] = [];
    if (row.email !== (user?.email ?? '')) changes.push('email');
    if (row.name !== (user?.name ?? '')) changes.push('name');
    if (row.networkPassword !== undefined && row.networkPassword !== (user && existing.networkPassword(user))) {
      changes.push('network_password');
    }
    if (textOf(groups) !== textOf(before)) changes.push('groups');
    if (user && changes.length === 0) {
      plan.unchanged++;
      continue;
    }
    if (user) plan.updates.push({ row, groups, user, changes });
    else plan.creations.push({ row, groups });
    if (plan.changes.length < MAX_LISTED) {
      const { line, username } = row;
      plan.changes.push({ line, username, action: user ? 'update' : 'create', changes });
    } else {
      plan.truncated = true;
    }
  }
  return plan;
}

const textOf = (groups: readonly Group[]): string => groups.map(({ name }) => name).join(';');

function checkNames(
  rows: readonly Row[],
  { owners, users }: Existing,
  userOf: (row: Row) => UserRow | undefined,
  faults: Faults,
): void {
  const claims = new Map<string, { line: number; column: Column }>();
  const inFile = new Set<string>();
  const clashing: { row: Row; column: 'username' | 'email'; owner: string }[] = [];
  for (const row of rows) {
    const user = userOf(row);
    if (user) inFile.add(user.id);
    const own = new Set<string>();
    for (const column of ['username', 'email'] as const) {
      const key = nameKey(row[column]);
      if (key === '' || own.has(key)) continue;
      own.add(key);
      const claim = claims.get(key);
      if (claim) {
        const also = claim.column === column ? '' : `as ${claim.column} `;
        faults.add(row.line, `${column} ${row[column]} is ${also}in line ${claim.line} too`, column);
        continue;
      }
      claims.set(key, { line: row.line, column });
      const owner = owners.get(key);
      if (owner !== undefined && owner !== user?.id) clashing.push({ row, column, owner });
    }
  }
  for (const { row, column, owner } of clashing) {
    // A user of the file has the names that its row gives it, and those were compared above.
    if (inFile.has(owner)) continue;
    const other = users.get(owner)?.username ?? owner;
    faults.add(row.line, `${column} ${row[column]} is taken by the user ${other}`, column);
  }
}
