import type { Actor, DomainEvent } from '../../events/index.ts';
import { badRequest, HttpError, notFound } from '../../http/index.ts';
import { type OverlayContext, transact } from '../context.ts';
import type { GroupRow, OverlayTables, PeerRow } from '../tables.ts';
import { checkAttached, checkMember } from './circular.ts';
import type { Db, Reader } from './fields.ts';
import { groupRow, groupView, touchGroup } from './groups.ts';
import { policyRow, policyViews } from './policies.ts';
import { routeRow, routeView } from './routes.ts';
import type { Group, Policy, Route } from './schema.ts';

/** Members, policies and routes of groups. Attaching what is attached already changes nothing; detaching what isn't is 404. */
interface Call {
  context: OverlayContext;
  actor: Actor;
  networkId: string;
  groupId: string;
}

type Change = (db: Db, emit: (event: DomainEvent) => void, group: GroupRow) => Promise<boolean>;

/** Runs a change of a group in a transaction; `change` answers whether there was one. */
function changeGroup({ context, networkId, groupId }: Call, change: Change): Promise<Group> {
  return transact(context, async (db, emit) => {
    const group = await groupRow(db, networkId, groupId);
    if (await change(db, emit, group)) await touchGroup(context, db, groupId);
    return groupView(db, networkId, groupId);
  });
}

async function peerRow(db: Reader, networkId: string, peerId: string): Promise<PeerRow> {
  const row = await db
    .selectFrom('peers')
    .selectAll()
    .where('id', '=', peerId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!row) throw notFound('peer');
  return row;
}

export const addMember = (call: Call, peerId: string): Promise<Group> =>
  changeGroup(call, async (db, emit) => {
    const { networkId, groupId, actor } = call;
    const peer = await peerRow(db, networkId, peerId);
    await checkMember(db, groupId, peer);
    const added = await db
      .insertInto('group_peers')
      .values({ group_id: groupId, peer_id: peerId })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (!added.numInsertedOrUpdatedRows) return false;
    emit({ type: 'overlay.group.member_added', data: { networkId, groupId, peerId, actor } });
    return true;
  });

export const removeMember = (call: Call, peerId: string): Promise<Group> =>
  changeGroup(call, async (db, emit) => {
    const { networkId, groupId, actor } = call;
    await peerRow(db, networkId, peerId);
    const { numDeletedRows } = await db
      .deleteFrom('group_peers')
      .where('group_id', '=', groupId)
      .where('peer_id', '=', peerId)
      .executeTakeFirst();
    if (!numDeletedRows) throw new HttpError(404, 'the peer is not in this group');
    emit({ type: 'overlay.group.member_removed', data: { networkId, groupId, peerId, actor } });
    return true;
  });

const emitChanged = ({ networkId, groupId, actor }: Call, emit: (event: DomainEvent) => void, field: string): true => {
  emit({ type: 'overlay.group.updated', data: { networkId, groupId, changed: [field], actor } });
  return true;
};

/** Attaches the policy behind those that the group has. */
export const attachPolicy = (call: Call, policyId: string): Promise<Group> =>
  changeGroup(call, async (db, emit) => {
    const { networkId, groupId } = call;
    await policyRow(db, networkId, policyId);
    const { last } = await db
      .selectFrom('group_policies')
      .select((eb) => eb.fn.max('position').as('last'))
      .where('group_id', '=', groupId)
      .executeTakeFirstOrThrow();
    const added = await db
      .insertInto('group_policies')
      .values({ group_id: groupId, policy_id: policyId, position: Number(last ?? 0) + 1 })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return added.numInsertedOrUpdatedRows ? emitChanged(call, emit, 'policy_ids') : false;
  });

export const detachPolicy = (call: Call, policyId: string): Promise<Group> =>
  changeGroup(call, async (db, emit) => {
    await policyRow(db, call.networkId, policyId);
    const { numDeletedRows } = await db
      .deleteFrom('group_policies')
      .where('group_id', '=', call.groupId)
      .where('policy_id', '=', policyId)
      .executeTakeFirst();
    if (!numDeletedRows) throw new HttpError(404, 'the policy is not attached to this group');
    return emitChanged(call, emit, 'policy_ids');
  });

/** Puts the group's policies into this order, which must name each of them once: 400. */
export const reorderPolicies = (call: Call, policyIds: readonly string[]): Promise<Group> =>
  changeGroup(call, async (db, emit) => {
    const rows = await db
      .selectFrom('group_policies')
      .selectAll()
      .where('group_id', '=', call.groupId)
      .orderBy('position')
      .execute();
    const attached = new Set(rows.map((row) => row.policy_id));
    const wanted = new Set(policyIds);
    const stranger = policyIds.find((id) => !attached.has(id));
    if (stranger !== undefined)
      throw badRequest(`policy_ids names a policy that is not attached to this group: ${stranger}`);
    const missing = [...attached].find((id) => !wanted.has(id));
    if (missing !== undefined)
      throw badRequest(`policy_ids must name every policy of the group; ${missing} is missing`);
    if (wanted.size !== policyIds.length) throw badRequest('policy_ids must name every policy once');
    if (rows.every((row, i) => row.policy_id === policyIds[i])) return false;
    for (const [i, id] of policyIds.entries()) {
      await db
        .updateTable('group_policies')
        .set({ position: i + 1 })
        .where('group_id', '=', call.groupId)
        .where('policy_id', '=', id)
        .execute();
    }
    return emitChanged(call, emit, 'policy_ids');
  });

export const attachRoute = (call: Call, routeId: string): Promise<Group> =>
  changeGroup(call, async (db, emit, group) => {
    const route = await routeRow(db, call.networkId, routeId);
    await checkAttached(db, group, route);
    const added = await db
      .insertInto('group_routes')
      .values({ group_id: call.groupId, route_id: routeId })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return added.numInsertedOrUpdatedRows ? emitChanged(call, emit, 'route_ids') : false;
  });

export const detachRoute = (call: Call, routeId: string): Promise<Group> =>
  changeGroup(call, async (db, emit) => {
    await routeRow(db, call.networkId, routeId);
    const { numDeletedRows } = await db
      .deleteFrom('group_routes')
      .where('group_id', '=', call.groupId)
      .where('route_id', '=', routeId)
      .executeTakeFirst();
    if (!numDeletedRows) throw new HttpError(404, 'the route is not attached to this group');
    return emitChanged(call, emit, 'route_ids');
  });

/** The group's policies in the order in which they are tried. */
export async function groupPolicies({ store }: OverlayContext, networkId: string, groupId: string): Promise<Policy[]> {
  const db = store.as<OverlayTables>();
  await groupRow(db, networkId, groupId);
  const rows = await db
    .selectFrom('policies')
    .innerJoin('group_policies', 'group_policies.policy_id', 'policies.id')
    .selectAll('policies')
    .where('group_policies.group_id', '=', groupId)
    .orderBy('group_policies.position')
    .orderBy('policies.id')
    .execute();
  return policyViews(db, rows);
}

export async function groupRoutes({ store }: OverlayContext, networkId: string, groupId: string): Promise<Route[]> {
  const db = store.as<OverlayTables>();
  await groupRow(db, networkId, groupId);
  const rows = await db
    .selectFrom('routes')
    .innerJoin('group_routes', 'group_routes.route_id', 'routes.id')
    .selectAll('routes')
    .where('group_routes.group_id', '=', groupId)
    .orderBy('routes.created_at')
    .orderBy('routes.id')
    .execute();
  return rows.map(routeView);
}
