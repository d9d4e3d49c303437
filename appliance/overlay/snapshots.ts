import type { Heard } from '../events/index.ts';
import type { OverlayContext } from './context.ts';
import { pskContext } from './networks.ts';
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

const snapshotPeer = (row: Pick<PeerRow, (typeof PEER_COLUMNS)[number]>): SnapshotPeer => ({
  id: row.id,
  name: row.name,
  publicKey: row.public_key,
  addresses: row.address_v6 === null ? [row.address] : [row.address, row.address_v6],
  endpoint: row.endpoint,
  listenPort: row.listen_port,
  additionalAllowedIps: JSON.parse(row.additional_allowed_ips),
  isHub: row.is_jump === 1,
  useAgent: row.use_agent === 1,
  createdAt: row.created_at,
});

/** What an event changed in a snapshot: `null` where there was, or is, no such peer. */
export interface PeerChange {
  before: SnapshotPeer | null;
  after: SnapshotPeer | null;
}

export type OverlayEvent = Heard<
  | 'overlay.network.created'
  | 'overlay.network.updated'
  | 'overlay.network.deleted'
  | 'overlay.peer.created'
  | 'overlay.peer.updated'
  | 'overlay.peer.deleted'
  | 'overlay.peer.enrolled'
  | 'overlay.peer.token_issued'
>;

/**
 * The networks in memory, as `compile` wants them. Read from the database when first asked for; from then on kept
 * fresh by the events, each of which reads one row again, whatever the size of the network.
 */
export function createSnapshots(context: OverlayContext, downHubs: ReadonlySet<string>) {
  const db = context.store.as<OverlayTables>();
  const loaded = new Map<string, Promise<NetworkSnapshot | undefined>>();

  const networkPart = (row: NetworkRow): NetworkFields => ({
    id: row.id,
    name: row.name,
    cidrs: row.cidr_v6 === null ? [row.cidr] : [row.cidr, row.cidr_v6],
    dns: JSON.parse(row.dns) as string[],
    domainSuffix: row.domain_suffix,
    mtu: row.mtu,
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
    return createSnapshot(networkPart(row), rows.map(snapshotPeer));
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
    /** The network as it is now; undefined when there is none. Events that are under way are waited for. */
    async fresh(id: string): Promise<NetworkSnapshot | undefined> {
      await context.store.drained();
      return get(id);
    },
    get,
    /** Takes in an event. Answers what it changed for peers, or `'all'` when every peer of the network is concerned. */
    async apply(event: OverlayEvent): Promise<PeerChange | 'all'> {
      const { networkId } = event.data;
      if (event.type === 'overlay.network.deleted') {
        loaded.delete(networkId);
        return 'all';
      }
      const pending = loaded.get(networkId);
      if (!('peerId' in event.data)) {
        // New addresses concern every row, so the whole network is read again; it is rare.
        loaded.delete(networkId);
        return 'all';
      }
      const snapshot = await pending;
      const { peerId } = event.data;
      const row = await db.selectFrom('peers').select(PEER_COLUMNS).where('id', '=', peerId).executeTakeFirst();
      const after = row ? snapshotPeer(row) : null;
      // What was there before isn't known, so it may concern everybody.
      if (!snapshot) return 'all';
      return { before: putPeer(snapshot, peerId, after), after };
    },
  };
}
export type Snapshots = ReturnType<typeof createSnapshots>;

/**
 * Which peers a change concerns: the peer itself and the hubs; everybody when a hub changed, or what a spoke routes.
 * Only those are compiled.
 */
export function affectedPeers(network: NetworkSnapshot, peerId: string, change: PeerChange): Iterable<string> {
  const { before, after } = change;
  const routes = (peer: SnapshotPeer | null) => peer?.additionalAllowedIps.join() ?? '';
  if (before?.isHub || after?.isHub || routes(before) !== routes(after)) return network.peers.keys();
  return new Set([peerId, ...network.hubs.map((hub) => hub.id)]);
}
