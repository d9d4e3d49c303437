import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { flatten, hostCidr, parseCidr } from './addresses.ts';
import { formatEndpoint } from './endpoint.ts';
import { hubsOf, type NetworkSnapshot, presharedKey, primaryHub, type SnapshotPeer } from './snapshot.ts';

export const KEEPALIVE_SECONDS = 25;
export const DEFAULT_MTU = 1420;

const ownCidrs = (peer: SnapshotPeer): string[] => peer.addresses.map(hostCidr);

/**
 * What one peer needs to hold its end of the overlay. Pure: the same snapshot gives the same state.
 *
 * - A spoke reaches the whole network, and what other spokes route, through the primary hub; every other hub carries
 *   its own address and what it routes itself.
 * - A hub has every spoke under its own address and what that spoke routes, and the other hubs likewise.
 * - A CIDR that two peers claim is given to the first only (the primary hub, then by age), as WireGuard would give it
 *   to the last without saying so.
 */
export function compile(network: NetworkSnapshot, peer: SnapshotPeer): PeerState {
  const hubs = hubsOf(network);
  const primary = primaryHub(network);
  const taken = new Set<string>();
  const claim = (cidrs: readonly string[]): string[] =>
    cidrs.filter((cidr) => {
      const free = !taken.has(cidr);
      taken.add(cidr);
      return free;
    });
  const link = (other: SnapshotPeer, allowedIps: readonly string[]): WgPeer => {
    const endpoint = other.endpoint && formatEndpoint(other.endpoint, other.listenPort);
    return {
      publicKey: other.publicKey,
      name: other.name,
      hub: other.isHub,
      presharedKey: presharedKey(network, peer, other),
      ...(endpoint && { endpoint }),
      allowedIps: claim(allowedIps),
      keepalive: KEEPALIVE_SECONDS,
    };
  };

  const peers: WgPeer[] = [];
  if (peer.isHub) {
    const others = [...network.peers.values()].filter((other) => other.id !== peer.id);
    // Own routes are this box's business: what it routes itself never goes under one of its peers.
    for (const cidr of peer.additionalAllowedIps) taken.add(cidr);
    for (const other of others) peers.push(link(other, [...ownCidrs(other), ...other.additionalAllowedIps]));
  } else if (primary) {
    for (const cidr of peer.additionalAllowedIps) taken.add(cidr);
    const spokeRoutes = [...network.peers.values()]
      .filter((other) => !other.isHub && other.id !== peer.id)
      .flatMap((other) => other.additionalAllowedIps);
    peers.push(link(primary, [...network.cidrs, ...primary.additionalAllowedIps]));
    for (const hub of hubs) {
      if (hub !== primary) peers.push(link(hub, [...ownCidrs(hub), ...hub.additionalAllowedIps]));
    }
    peers[0]?.allowedIps.push(...claim(spokeRoutes));
  }
  peers.sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));

  return {
    peer: {
      id: peer.id,
      name: peer.name,
      networkId: network.id,
      networkName: network.name,
      role: peer.isHub ? 'hub' : 'spoke',
    },
    interface: {
      publicKey: peer.publicKey,
      addresses: interfaceAddresses(network, peer),
      ...(peer.listenPort !== null && { listenPort: peer.listenPort }),
      mtu: network.mtu ?? DEFAULT_MTU,
    },
    routes: routesOf(network, peer, peers),
    dns: { servers: network.dns, search: network.dns.length > 0 ? [network.domainSuffix] : [] },
    peers,
  };
}

/** A hub has the network on its interface, so that the system routes all of it there; a spoke has its address only. */
function interfaceAddresses(network: NetworkSnapshot, peer: SnapshotPeer): string[] {
  if (!peer.isHub) return ownCidrs(peer);
  return peer.addresses.map((address, i) => `${address}/${parseCidr(network.cidrs[i] as string)?.prefix}`);
}

function routesOf(network: NetworkSnapshot, peer: SnapshotPeer, peers: readonly WgPeer[]): string[] {
  if (!peer.isHub) return flatten(peers.flatMap((other) => other.allowedIps));
  const extra = [...network.peers.values()]
    .filter((other) => other.id !== peer.id && other.additionalAllowedIps.length > 0)
    .flatMap((other) => other.additionalAllowedIps)
    .filter((cidr) => !peer.additionalAllowedIps.includes(cidr));
  return extra.length > 0 ? flatten(extra) : [];
}
