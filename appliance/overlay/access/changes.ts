import { SYSTEM } from '../../events/index.ts';
import { type OverlayContext, type OverlayTx, transact } from '../context.ts';
import { touchGroup } from '../policy/groups.ts';
import type { PeerRow } from '../tables.ts';

type Reader = Pick<OverlayTx['db'], 'selectFrom'>;
/** Ids in one statement. */
const IDS_AT_ONCE = 500;

export type Candidate = Pick<PeerRow, 'id' | 'network_id' | 'owner_id'>;

/** What decisions have written for a peer so far. */
export interface Held {
  /** Id of the policy; null where the peer isn't kept out. */
  blockedBy: string | null;
  /** Groups that a policy put the peer into. */
  groupIds: Set<string>;
  /** Those of them that somebody has taken it out of by hand. */
  lost: Set<string>;
}

/** For those who are told of it. */
export interface Block {
  policyId: string;
  username: string;
  mac: string;
  reason: string;
}

/** What is to be another. */
export interface Change {
  peer: Candidate;
  /** The policy that keeps the peer out, and whom it refuses; null lets it in; undefined leaves it as it is. */
  block: Block | null | undefined;
  join: readonly string[];
  leave: readonly string[];
}

async function inParts<T>(ids: readonly string[] | undefined, read: (ids?: readonly string[]) => Promise<T[]>) {
  if (!ids) return read();
  const all: T[] = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) all.push(...(await read(ids.slice(at, at + IDS_AT_ONCE))));
  return all;
}

/** What is held for all peers, or for these: those for whom nothing is have no entry. */
export async function heldNow(db: Reader, peerIds?: readonly string[]): Promise<Map<string, Held>> {
  const held = new Map<string, Held>();
  const of = (id: string): Held => {
    const known = held.get(id) ?? { blockedBy: null, groupIds: new Set(), lost: new Set() };
    held.set(id, known);
    return known;
  };
  const blocks = await inParts(peerIds, (ids) => {
    const query = db.selectFrom('access_blocks').select(['peer_id', 'policy_id']);
    return (ids ? query.where('peer_id', 'in', ids) : query).execute();
  });
  for (const row of blocks) of(row.peer_id).blockedBy = row.policy_id;
  const memberships = await inParts(peerIds, (ids) => {
    const query = db
      .selectFrom('access_memberships')
      .leftJoin('group_peers', (join) =>
        join
          .onRef('group_peers.group_id', '=', 'access_memberships.group_id')
          .onRef('group_peers.peer_id', '=', 'access_memberships.peer_id'),
      )
      .select(['access_memberships.peer_id', 'access_memberships.group_id', 'group_peers.group_id as member_of']);
    return (ids ? query.where('access_memberships.peer_id', 'in', ids) : query).execute();
  });
  for (const row of memberships) {
    const { groupIds, lost } = of(row.peer_id);
    groupIds.add(row.group_id);
    if (row.member_of === null) lost.add(row.group_id);
  }
  return held;
}

/** Network id → lower-case name → group id. */
export async function groupsByName(db: Reader, networkIds?: readonly string[]) {
  const rows = await inParts(networkIds && [...new Set(networkIds)], (ids) => {
    const query = db.selectFrom('groups').select(['id', 'network_id', 'name_key']);
    return (ids ? query.where('network_id', 'in', ids) : query).execute();
  });
  const byNetwork = new Map<string, Map<string, string>>();
  for (const { id, network_id, name_key } of rows) {
    const names = byNetwork.get(network_id) ?? new Map<string, string>();
    byNetwork.set(network_id, names.set(name_key, id));
  }
  return byNetwork;
}

/** Of these names, those that no network has a group of. */
export async function unknownGroups(db: Reader, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const keys = names.map((name) => name.toLowerCase());
  const rows = await db.selectFrom('groups').select('name_key').where('name_key', 'in', keys).execute();
  const known = new Set(rows.map((row) => row.name_key));
  return names.filter((name) => !known.has(name.toLowerCase()));
}

/**
 * Writes changes in one transaction, with the events that tell hubs of them; a peer that is gone is left out. Answers how
 * many peers were changed.
 */
export async function writeChanges(context: OverlayContext, changes: readonly Change[]): Promise<number> {
  return transact(context, async (db, emit) => {
    const ids = changes.map(({ peer }) => peer.id);
    const rows = await db.selectFrom('peers').select('id').where('id', 'in', ids).execute();
    const still = new Set(rows.map(({ id }) => id));
    const touched = new Set<string>();
    let changed = 0;
    for (const { peer, block, join, leave } of changes) {
      if (!still.has(peer.id)) continue;
      changed++;
      const data = { networkId: peer.network_id, peerId: peer.id, actor: SYSTEM };
      if (block !== undefined) {
        await db.deleteFrom('access_blocks').where('peer_id', '=', peer.id).execute();
        if (block !== null) {
          const since = context.now().toISOString();
          const row = { peer_id: peer.id, network_id: peer.network_id, policy_id: block.policyId, since };
          await db.insertInto('access_blocks').values(row).execute();
          emit({ type: 'policy.violation', data: { ...block, nasId: null, actor: SYSTEM } });
        }
        emit({ type: 'overlay.peer.updated', data: { ...data, changed: ['access'] } });
      }
      for (const groupId of leave) {
        await db
          .deleteFrom('access_memberships')
          .where('group_id', '=', groupId)
          .where('peer_id', '=', peer.id)
          .execute();
        const { numDeletedRows } = await db
          .deleteFrom('group_peers')
          .where('group_id', '=', groupId)
          .where('peer_id', '=', peer.id)
          .executeTakeFirst();
        if (!numDeletedRows) continue;
        touched.add(groupId);
        emit({ type: 'overlay.group.member_removed', data: { ...data, groupId } });
      }
      for (const groupId of join) {
        const group = await db.selectFrom('groups').select('id').where('id', '=', groupId).executeTakeFirst();
        if (!group) continue;
        const member = { group_id: groupId, peer_id: peer.id };
        const added = await db
          .insertInto('group_peers')
          .values(member)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        // Somebody put it there by hand: theirs it stays.
        if (!added.numInsertedOrUpdatedRows) continue;
        await db
          .insertInto('access_memberships')
          .values(member)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        touched.add(groupId);
        emit({ type: 'overlay.group.member_added', data: { ...data, groupId } });
      }
    }
    for (const groupId of touched) await touchGroup(context, db, groupId);
    return changed;
  });
}
