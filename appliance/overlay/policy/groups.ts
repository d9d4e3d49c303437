import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Actor, DomainEvent } from '../../events/index.ts';
import { badRequest, notFound } from '../../http/index.ts';
import { type OverlayContext, transact } from '../context.ts';
import type { GroupRow, NetworkRow, OverlayTables } from '../tables.ts';
import { changedFields, checkName, checkNameFree, checkRoom, type Db, networkRow, type Reader } from './fields.ts';
import { type Group, type GroupCreate, type GroupUpdate, MAX_GROUPS } from './schema.ts';

const DEFAULT_PRIORITY = 100;

type Contents = { table: 'group_peers' | 'group_policies' | 'group_routes'; item: string; order: string };
const PEERS: Contents = { table: 'group_peers', item: 'peer_id', order: 'peer_id' };
const POLICIES: Contents = { table: 'group_policies', item: 'policy_id', order: 'position' };
const ROUTES: Contents = { table: 'group_routes', item: 'route_id', order: 'route_id' };

/** What each group holds, as a list of ids: put together by the database, as there may be as many rows as peers. */
async function contentsOf(
  db: Reader,
  { table, item, order }: Contents,
  networkId: string,
  groupId?: string,
): Promise<(groupId: string) => string[]> {
  let query = db
    .selectFrom(table)
    .innerJoin('groups', 'groups.id', 'group_id')
    .select('group_id')
    .select(sql<string>`string_agg(${sql.ref(item)}, ',' order by ${sql.ref(order)}, ${sql.ref(item)})`.as('ids'))
    .where('groups.network_id', '=', networkId)
    .groupBy('group_id');
  if (groupId !== undefined) query = query.where('group_id', '=', groupId);
  const lists = new Map((await query.execute()).map((row) => [row.group_id, row.ids.split(',')]));
  return (id) => lists.get(id) ?? [];
}

/** The groups as the API shows them, with what they hold, in a fixed number of queries. */
async function views(db: Reader, rows: readonly GroupRow[], networkId: string, groupId?: string): Promise<Group[]> {
  const peerIds = await contentsOf(db, PEERS, networkId, groupId);
  const policyIds = await contentsOf(db, POLICIES, networkId, groupId);
  const routeIds = await contentsOf(db, ROUTES, networkId, groupId);
  return rows.map(({ name_key: _, ...row }) => ({
    ...row,
    peer_ids: peerIds(row.id),
    policy_ids: policyIds(row.id),
    route_ids: routeIds(row.id),
  }));
}

/** The group; 404 when the network has none with this id. */
export async function groupRow(db: Reader, networkId: string, groupId: string): Promise<GroupRow> {
  await networkRow(db, networkId);
  const row = await db
    .selectFrom('groups')
    .selectAll()
    .where('id', '=', groupId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!row) throw notFound('group');
  return row;
}

/** One group as the API shows it. */
export async function groupView(db: Reader, networkId: string, groupId: string): Promise<Group> {
  const row = await groupRow(db, networkId, groupId);
  return (await views(db, [row], networkId, groupId))[0] as Group;
}

export async function listGroups({ store }: OverlayContext, networkId: string): Promise<Group[]> {
  const db = store.as<OverlayTables>();
  await networkRow(db, networkId);
  const rows = await db
    .selectFrom('groups')
    .selectAll()
    .where('network_id', '=', networkId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return views(db, rows, networkId);
}

export const getGroup = ({ store }: OverlayContext, networkId: string, groupId: string): Promise<Group> =>
  groupView(store.as<OverlayTables>(), networkId, groupId);

export async function createGroup(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  body: GroupCreate,
): Promise<Group> {
  const name = checkName(body.name);
  const at = context.now().toISOString();
  const row: GroupRow = {
    id: randomUUID(),
    network_id: networkId,
    name,
    name_key: name.toLowerCase(),
    description: body.description ?? '',
    priority: body.priority ?? DEFAULT_PRIORITY,
    created_at: at,
    updated_at: at,
  };
  return transact(context, async (db, emit) => {
    await networkRow(db, networkId);
    await checkNameFree(db, 'groups', 'group', networkId, row.name_key);
    await checkRoom(db, 'groups', networkId, MAX_GROUPS);
    await db.insertInto('groups').values(row).execute();
    emit({ type: 'overlay.group.created', data: { networkId, groupId: row.id, name, actor } });
    const { name_key: _, ...fields } = row;
    return { ...fields, peer_ids: [], policy_ids: [], route_ids: [] };
  });
}

export async function updateGroup(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  groupId: string,
  body: GroupUpdate,
): Promise<Group> {
  return transact(context, async (db, emit) => {
    const before = await groupRow(db, networkId, groupId);
    const name = body.name === undefined ? before.name : checkName(body.name);
    const { description = before.description, priority = before.priority } = body;
    const after = { ...before, name, name_key: name.toLowerCase(), description, priority };
    const changed = changedFields(before, after, ['name', 'description', 'priority']);
    if (changed.length > 0) {
      await checkNameFree(db, 'groups', 'group', networkId, after.name_key, groupId);
      const updated_at = context.now().toISOString();
      const values = { name, name_key: after.name_key, description, priority, updated_at };
      await db.updateTable('groups').set(values).where('id', '=', groupId).execute();
      emit({ type: 'overlay.group.updated', data: { networkId, groupId, changed, actor } });
    }
    return groupView(db, networkId, groupId);
  });
}

/** Deletes the group, the rules that name it, and its place among the network's default groups. */
export async function deleteGroup(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  groupId: string,
): Promise<void> {
  await transact(context, async (db, emit) => {
    const { name } = await groupRow(db, networkId, groupId);
    const network = await networkRow(db, networkId);
    const at = context.now().toISOString();
    await db.deleteFrom('groups').where('id', '=', groupId).execute();
    emit({ type: 'overlay.group.deleted', data: { networkId, groupId, name, actor } });
    await dropRulesFor(db, emit, networkId, { type: 'group', id: groupId }, actor, at);
    const defaults = JSON.parse(network.default_group_ids) as string[];
    if (!defaults.includes(groupId)) return;
    const default_group_ids = JSON.stringify(defaults.filter((id) => id !== groupId));
    await db.updateTable('networks').set({ default_group_ids, updated_at: at }).where('id', '=', networkId).execute();
    emit({ type: 'overlay.network.updated', data: { networkId, changed: ['default_group_ids'], actor } });
  });
}

/** Deletes the policy rules whose target is a peer or a group that is gone. */
export async function dropRulesFor(
  db: Db,
  emit: (event: DomainEvent) => void,
  networkId: string,
  target: { type: 'peer' | 'group'; id: string },
  actor: Actor,
  at: string,
): Promise<void> {
  const rules = await db
    .selectFrom('policy_rules')
    .innerJoin('policies', 'policies.id', 'policy_rules.policy_id')
    .select(['policy_rules.id', 'policy_rules.policy_id'])
    .where('policies.network_id', '=', networkId)
    .where('target_type', '=', target.type)
    .where('target', '=', target.id)
    .execute();
  if (rules.length === 0) return;
  const policyIds = [...new Set(rules.map((rule) => rule.policy_id))];
  await db
    .deleteFrom('policy_rules')
    .where('policy_id', 'in', policyIds)
    .where('target_type', '=', target.type)
    .where('target', '=', target.id)
    .execute();
  await db.updateTable('policies').set({ updated_at: at }).where('id', 'in', policyIds).execute();
  for (const policyId of policyIds) {
    emit({ type: 'overlay.policy.updated', data: { networkId, policyId, changed: ['rules'], actor } });
  }
}

/** Marks a group as changed: what it holds is part of it. */
export async function touchGroup({ now }: OverlayContext, db: Db, groupId: string): Promise<void> {
  await db.updateTable('groups').set({ updated_at: now().toISOString() }).where('id', '=', groupId).execute();
}

/**
 * The network's default groups as they may be kept: each once. 400 when one doesn't exist. They hold for the peers that
 * users make; those are never jump peers, so no route can end up in a circle.
 */
export async function checkDefaultGroups(db: Reader, networkId: string, ids: readonly string[]): Promise<string[]> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return [];
  const rows = await db
    .selectFrom('groups')
    .select('id')
    .where('network_id', '=', networkId)
    .where('id', 'in', wanted)
    .execute();
  const unknown = wanted.find((id) => !rows.some((row) => row.id === id));
  if (unknown !== undefined) {
    throw badRequest(`default_group_ids names a group that doesn't exist in this network: ${unknown}`);
  }
  return wanted;
}

/** Puts a new peer into the network's default groups; answers which, sorted. */
export async function joinDefaultGroups(
  context: OverlayContext,
  db: Db,
  emit: (event: DomainEvent) => void,
  network: NetworkRow,
  peerId: string,
  actor: Actor,
): Promise<string[]> {
  const groupIds = JSON.parse(network.default_group_ids) as string[];
  for (const groupId of groupIds) {
    await db.insertInto('group_peers').values({ group_id: groupId, peer_id: peerId }).execute();
    await touchGroup(context, db, groupId);
    emit({ type: 'overlay.group.member_added', data: { networkId: network.id, groupId, peerId, actor } });
  }
  return groupIds.sort();
}

/** The groups of these peers, each list sorted: one query for a page. */
export async function groupIdsOf(db: Reader, peerIds: readonly string[]): Promise<(peerId: string) => string[]> {
  if (peerIds.length === 0) return () => [];
  const rows = await db
    .selectFrom('group_peers')
    .selectAll()
    .where('peer_id', 'in', peerIds)
    .orderBy('group_id')
    .execute();
  const byPeer = Map.groupBy(rows, (row) => row.peer_id);
  return (peerId) => (byPeer.get(peerId) ?? []).map((row) => row.group_id);
}
