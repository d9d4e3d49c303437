import type { NetworkPolicy } from './policy/model.ts';
import type { SeenFrom } from './portal/load.ts';

/** A peer as `compile` needs it. */
export interface SnapshotPeer {
  id: string;
  name: string;
  publicKey: string;
  /** IPv4 first, then IPv6 where the network has it. */
  addresses: string[];
  endpoint: string;
  listenPort: number | null;
  additionalAllowedIps: string[];
  isHub: boolean;
  useAgent: boolean;
  /** Sorted. */
  groupIds: string[];
  /** An incident is open, or an access policy keeps the peer out: blocked on every hub until that has ended. */
  quarantined: boolean;
  /** Without an agent, in a network with the captive portal on, and nobody has signed in for it. */
  captive: boolean;
  /** Let in by the captive portal: where each hub saw it. */
  admittedFrom?: SeenFrom | undefined;
  createdAt: string;
}

/** What a network is without its peers. */
export interface NetworkFields {
  id: string;
  name: string;
  /** IPv4 first, then IPv6 where the network has it. */
  cidrs: string[];
  dns: string[];
  domainSuffix: string;
  mtu: number | null;
  captivePortal: boolean;
  pskSecret: Buffer;
  /** Hubs that have stopped reporting. */
  downHubs: ReadonlySet<string>;
  /** Replaced whole when a rule, a group, a route or the ACL changes. */
  policy: NetworkPolicy;
}

/**
 * A network with all its peers, as data: the whole input of `compile`. A peer is never changed in place: `putPeer` puts
 * another one there. The indexes keep what is done for each spoke independent of how many others there are.
 */
export interface NetworkSnapshot extends NetworkFields {
  readonly peers: ReadonlyMap<string, SnapshotPeer>;
  /** Public key → peer id: reports of agents name peers by their keys. */
  readonly peerByKey: ReadonlyMap<string, string>;
  /** By public key: the order of a state's peers, kept so that none has to be sorted. */
  readonly byKey: readonly SnapshotPeer[];
  /** Oldest first: an order that no change of another peer disturbs. */
  readonly hubs: readonly SnapshotPeer[];
  /** Spokes that route something, oldest first. */
  readonly routers: readonly SnapshotPeer[];
}

export function createSnapshot(fields: NetworkFields, peers: Iterable<SnapshotPeer>): NetworkSnapshot {
  const snapshot = { ...fields, peers: new Map(), peerByKey: new Map(), byKey: [], hubs: [], routers: [] };
  for (const peer of peers) putPeer(snapshot, peer.id, peer);
  return snapshot;
}

/** Where a public key stands, or would stand, in the order of the keys. */
function position(peers: readonly SnapshotPeer[], publicKey: string): number {
  let [low, high] = [0, peers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((peers[middle] as SnapshotPeer).publicKey < publicKey) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order of claims: what two peers route goes to the older. */
export const byAge = (a: SnapshotPeer, b: SnapshotPeer): number =>
  a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.id < b.id) ? -1 : 1;

/** Puts a peer in the place of the one with this id; null takes it out. Answers the one before. */
export function putPeer(snapshot: NetworkSnapshot, id: string, peer: SnapshotPeer | null): SnapshotPeer | null {
  const peers = snapshot.peers as Map<string, SnapshotPeer>;
  const peerByKey = snapshot.peerByKey as Map<string, string>;
  const listOf = ({ isHub, additionalAllowedIps }: SnapshotPeer): SnapshotPeer[] | undefined =>
    (isHub ? snapshot.hubs : additionalAllowedIps.length > 0 ? snapshot.routers : undefined) as
      | SnapshotPeer[]
      | undefined;
  const byKey = snapshot.byKey as SnapshotPeer[];
  const before = peers.get(id) ?? null;
  if (before) {
    peerByKey.delete(before.publicKey);
    byKey.splice(position(byKey, before.publicKey), 1);
    const list = listOf(before);
    list?.splice(list.indexOf(before), 1);
  }
  if (peer) {
    peers.set(id, peer);
    peerByKey.set(peer.publicKey, id);
    byKey.splice(position(byKey, peer.publicKey), 0, peer);
    const list = listOf(peer);
    list?.push(peer);
    list?.sort(byAge);
  } else {
    peers.delete(id);
  }
  return before;
}

/**
 * The hub that carries the traffic between spokes: the oldest that reports; when none does, the oldest. It is one and
 * the same for all spokes: were two spokes on two hubs, a hub would need each spoke's address under two of its peers
 * (the spoke itself for its own routes, the other hub for the rest), and WireGuard allows an address under one only.
 */
export const primaryHub = ({ hubs, downHubs }: NetworkSnapshot): SnapshotPeer | undefined =>
  hubs.find((hub) => !downHubs.has(hub.id)) ?? hubs[0];
