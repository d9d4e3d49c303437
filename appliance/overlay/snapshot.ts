import { linkPresharedKey } from './keys.ts';

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
  createdAt: string;
}

/** A network with all its peers, as data: the whole input of `compile`. */
export interface NetworkSnapshot {
  id: string;
  name: string;
  /** IPv4 first, then IPv6 where the network has it. */
  cidrs: string[];
  dns: string[];
  domainSuffix: string;
  mtu: number | null;
  pskSecret: Buffer;
  peers: Map<string, SnapshotPeer>;
  /** Public key → peer id: reports of agents name peers by their keys. */
  peerByKey: Map<string, string>;
  /** Hubs that have stopped reporting. */
  downHubs: ReadonlySet<string>;
}

/** The hubs of a network, oldest first: an order that no change of another peer disturbs. */
export const hubsOf = (network: NetworkSnapshot): SnapshotPeer[] =>
  [...network.peers.values()]
    .filter((peer) => peer.isHub)
    .sort((a, b) => (a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.id < b.id) ? -1 : 1));

/**
 * The hub that carries the traffic between spokes: the oldest that reports; when none does, the oldest. It is one and
 * the same for all spokes: were two spokes on two hubs, a hub would need each spoke's address under two of its peers
 * (the spoke itself for its own routes, the other hub for the rest), and WireGuard allows an address under one only.
 */
export function primaryHub(network: NetworkSnapshot): SnapshotPeer | undefined {
  const hubs = hubsOf(network);
  return hubs.find((hub) => !network.downHubs.has(hub.id)) ?? hubs[0];
}

export const presharedKey = (network: NetworkSnapshot, a: SnapshotPeer, b: SnapshotPeer): string =>
  linkPresharedKey(network.pskSecret, a.publicKey, b.publicKey);
