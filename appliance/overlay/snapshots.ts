import { isDeepStrictEqual } from 'node:util';
import type { Heard } from '../events/index.ts';
import type { OverlayContext } from './context.ts';
import { pskContext } from './networks.ts';
import { loadMemberships, loadPolicy, loadQuarantined } from './policy/load.ts';
import type { NetworkPolicy } from './policy/model.ts';
import { loadAdmitted, type SeenFrom } from './portal/load.ts';
import { createSnapshot, type NetworkFields, type NetworkSnapshot, putPeer, type SnapshotPeer } from './snapshot.ts';
import type { NetworkRow, OverlayTables, PeerRow } from './tables.ts';

const PEER_COLUMNS = [
  'id',
  'name',
  'public_key',
  'address',
  'address_v6',
  'endpoint',
  'listen_port',
  'additional_allowed_ips',
  'is_jump',
  'use_agent',
  'created_at',
] as const;

const snapshotPeer = (
  row: Pick<PeerRow, (typeof PEER_COLUMNS)[number]>,
  groups: ReadonlyMap<string, string[]>,
  quarantined: ReadonlySet<string>,
  /** Null where the captive portal is off. */
  admitted: ReadonlyMap<string, SeenFrom> | null,
): SnapshotPeer => ({
  id: row.id,
  name: row.name,
  publicKey: row.public_key,
  addresses: row.address_v6 === null ? [row.address] : [row.address, row.address_v6],
  endpoint: row.endpoint,
  listenPort: row.listen_port,
  additionalAllowedIps: JSON.parse(row.additional_allowed_ips),
  isHub: row.is_jump === 1,
  useAgent: row.use_agent === 1,
  groupIds: groups.get(row.id) ?? [],
  quarantined: quarantined.has(row.id),
  captive: admitted !== null && row.is_jump === 0 && row.use_agent === 0 && !admitted.has(row.id),
  admittedFrom: admitted?.get(row.id),
  createdAt: row.created_at,
});

/** What an event changed in a snapshot: `null` where there was, or is, no such peer. */
export interface PeerChange {
  before: SnapshotPeer | null;
  after: SnapshotPeer | null;
}

/** The events that change what some peer is to be told. */
export const STATE_EVENTS = [
  'overlay.network.created',
  'overlay.network.updated',
  'overlay.network.deleted',
  'overlay.peer.created',
  'overlay.peer.updated',
  'overlay.peer.deleted',
  'overlay.peer.enrolled',
  'overlay.peer.token_issued',
  'overlay.group.created',
  'overlay.group.updated',
  'overlay.group.deleted',
  'overlay.group.member_added',
  'overlay.group.member_removed',
  'overlay.policy.created',
  'overlay.policy.updated',
  'overlay.policy.deleted',
  'overlay.route.created',
  'overlay.route.updated',
  'overlay.route.deleted',
  'overlay.dns.created',
  'overlay.dns.updated',
  'overlay.dns.deleted',
  'overlay.acl.updated',
  'overlay.incident.opened',
  'overlay.incident.resolved',
  'overlay.portal.admitted',
  'overlay.portal.ended',
] as const;
export type OverlayEvent = Heard<(typeof STATE_EVENTS)[number]>;

/** How long an answer waits for events that are under way. */
const FRESH_MS = 2_000;

/**
 * The networks in memory, as `compile` wants them. Read from the database when first asked for; from then on kept
 * fresh by the events, each of which reads one row again, whatever the size of the network.
 */
export function createSnapshots(context: OverlayContext, downHubs: ReadonlySet<string>) {
  const db = context.store.as<OverlayTables>();
  const loaded = new Map<string, Promise<NetworkSnapshot | undefined>>();

  const networkPart = (row: NetworkRow, policy: NetworkPolicy): NetworkFields => ({
    policy,
    id: row.id,
    name: row.name,
    cidrs: row.cidr_v6 === null ? [row.cidr] : [row.cidr, row.cidr_v6],
    dns: JSON.parse(row.dns) as string[],
    domainSuffix: row.domain_suffix,
    mtu: row.mtu,
    captivePortal: row.captive_portal === 1,
    pskSecret: Buffer.from(context.secrets.open(row.psk_secret, pskContext(row.id)), 'base64'),
    downHubs,
  });
  const networkRow = (id: string) => db.selectFrom('networks').selectAll().where('id', '=', id).executeTakeFirst();

  async function load(id: string): Promise<NetworkSnapshot | undefined> {
    const row = await networkRow(id);
    if (!row) return undefined;
    const rows = await db
      .selectFrom('peers')
      .select(PEER_COLUMNS)
      .where('network_id', '=', id)
      // By age, as later ones are added: of two peers that claim a CIDR, `compile` gives it to the first.
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    const groups = await loadMemberships(db, id);
    const quarantined = await loadQuarantined(db, id);
    const admitted = row.captive_portal === 1 ? await loadAdmitted(db, context.now(), id) : null;
    return createSnapshot(
      networkPart(row, await loadPolicy(db, id)),
      rows.map((peer) => snapshotPeer(peer, groups, quarantined, admitted)),
    );
  }

  /**
   * Peers that lost a rule because they were deleted, while the news of that is still on its way: they go at once. Without
   * the rule that blocked it, a peer must not be there for a moment.
   */
  async function goneWith(snapshot: NetworkSnapshot, policy: NetworkPolicy): Promise<string[]> {
    const still = namedPeers(policy);
    const lost = [...namedPeers(snapshot.policy)].filter((id) => !still.has(id) && snapshot.peers.has(id));
    if (lost.length === 0) return [];
    const rows = await db.selectFrom('peers').select('id').where('id', 'in', lost).execute();
    return lost.filter((id) => !rows.some((row) => row.id === id));
  }

  function get(id: string): Promise<NetworkSnapshot | undefined> {
    let snapshot = loaded.get(id);
    if (!snapshot) {
      snapshot = load(id);
      loaded.set(id, snapshot);
      snapshot.then(
        (found) => found ?? loaded.delete(id),
        () => loaded.delete(id),
      );
    }
    return snapshot;
  }

  return {
    /**
     * The network as it is now; undefined when there is none. Events that are under way are waited for, though not for
     * long: a listener of another capability that fails is no reason to refuse a device its file.
     */
    async fresh(id: string): Promise<NetworkSnapshot | undefined> {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise((resolve) => {
        timer = setTimeout(resolve, FRESH_MS);
      });
      await Promise.race([context.store.drained(), patience]);
      clearTimeout(timer);
      return get(id);
    },
    get,
    /** Takes in an event and answers whom it concerns: only those are to be compiled again. */
    async apply(event: OverlayEvent): Promise<Iterable<string>> {
      const { networkId } = event.data;
      const snapshot = await loaded.get(networkId);
      // Nobody has asked for this network yet, so nobody was told anything that could change.
      if (!snapshot) return (await get(networkId))?.peers.keys() ?? [];
      if (event.type === 'overlay.network.deleted') {
        loaded.delete(networkId);
        return [];
      }
      if ('peerId' in event.data) {
        const { peerId } = event.data;
        const row = await db.selectFrom('peers').select(PEER_COLUMNS).where('id', '=', peerId).executeTakeFirst();
        const groups = await loadMemberships(db, networkId, peerId);
        const quarantined = await loadQuarantined(db, networkId, peerId);
        const { captivePortal } = snapshot;
        const admitted = captivePortal ? await loadAdmitted(db, context.now(), networkId, peerId) : null;
        const after = row ? snapshotPeer(row, groups, quarantined, admitted) : null;
        const before = putPeer(snapshot, peerId, after);
        // With a hub its routes are gone, and with a peer the rules that name it.
        if (event.type === 'overlay.peer.deleted') snapshot.policy = await loadPolicy(db, networkId);
        return affectedPeers(snapshot, peerId, { before, after });
      }
      // With its route, whose event comes first.
      if (event.type === 'overlay.dns.deleted' && !snapshot.policy.routes.has(event.data.routeId)) return [];
      // It holds for peers that are yet to be made.
      if (event.type === 'overlay.network.updated' && event.data.changed.join() === 'default_group_ids') return [];
      if (event.type === 'overlay.network.created' || event.type === 'overlay.network.updated') {
        // New addresses concern every row, so the whole network is read again; it is rare.
        loaded.delete(networkId);
        return (await get(networkId))?.peers.keys() ?? [];
      }
      const before = snapshot.policy;
      const policy = await loadPolicy(db, networkId);
      const gone = await goneWith(snapshot, policy);
      snapshot.policy = policy;
      const affected = affectedByPolicy(snapshot, before);
      for (const id of gone) {
        for (const other of affectedPeers(snapshot, id, { before: putPeer(snapshot, id, null), after: null })) {
          affected.add(other);
        }
      }
      if (event.type === 'overlay.group.deleted') {
        const { groupId } = event.data;
        for (const peer of membersOf(snapshot, [groupId])) {
          putPeer(snapshot, peer.id, { ...peer, groupIds: peer.groupIds.filter((id) => id !== groupId) });
        }
      }
      return affected;
    },
  };
}
export type Snapshots = ReturnType<typeof createSnapshots>;

/** Only what the peer may do is another: hubs enforce that, and others see the peer as before. */
function onlyRights(before: SnapshotPeer, after: SnapshotPeer): boolean {
  const { groupIds, quarantined, ...rest } = before;
  const { groupIds: nowIn, quarantined: isNow, ...same } = after;
  return (quarantined !== isNow || groupIds.join() !== nowIn.join()) && isDeepStrictEqual(rest, same);
}

/**
 * Which peers a change concerns: the peer itself and the hubs; everybody when a hub changed, or what a spoke routes.
 * Only those are compiled.
 */
export function affectedPeers(network: NetworkSnapshot, peerId: string, change: PeerChange): Iterable<string> {
  const { before, after } = change;
  const routes = (peer: SnapshotPeer | null) => peer?.additionalAllowedIps.join() ?? '';
  const hubChanged = (before?.isHub || after?.isHub) && !(before && after && onlyRights(before, after));
  if (hubChanged || routes(before) !== routes(after)) return network.peers.keys();
  return new Set([peerId, ...network.hubs.map((hub) => hub.id)]);
}

/** The peers that the ACL or a rule names. */
function namedPeers({ acl, policies }: NetworkPolicy): Set<string> {
  const ids = new Set(acl.blocked);
  for (const { source_peer, target_peer } of acl.rules) ids.add(source_peer).add(target_peer);
  for (const { rules } of policies.values()) {
    for (const { target, targetType } of rules) if (targetType === 'peer') ids.add(target);
  }
  return ids;
}

const membersOf = (network: NetworkSnapshot, groupIds: readonly string[]): SnapshotPeer[] =>
  [...network.peers.values()].filter((peer) => peer.groupIds.some((id) => groupIds.includes(id)));

/**
 * Which peers a change of the rules concerns: the hubs, which enforce them, the spokes whose routes changed, which are
 * the members of the groups that had or have a route that is not the same as before, and whom the ACL blocks or lets in.
 */
export function affectedByPolicy(network: NetworkSnapshot, before: NetworkPolicy): Set<string> {
  const routesOfGroup = (policy: NetworkPolicy, groupId: string): string =>
    JSON.stringify((policy.groups.get(groupId)?.routeIds ?? []).map((id) => policy.routes.get(id) ?? null));
  const groupIds = [...new Set([...before.groups.keys(), ...network.policy.groups.keys()])];
  const changed = groupIds.filter((id) => routesOfGroup(before, id) !== routesOfGroup(network.policy, id));
  const { blocked } = network.policy.acl;
  const turned = blocked.symmetricDifference(before.acl.blocked);
  return new Set([...[...network.hubs, ...membersOf(network, changed)].map((peer) => peer.id), ...turned]);
}
