import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { flatten, hostCidr, parseCidr } from './addresses.ts';
import { formatEndpoint } from './endpoint.ts';
import { linkPresharedKey } from './keys.ts';
import { classify } from './policy/classes.ts';
import { isShutOut, routesOf } from './policy/evaluate.ts';
import { dnsLabel, recordsOf } from './policy/names.ts';
import { byAge, type NetworkSnapshot, primaryHub, type SnapshotPeer } from './snapshot.ts';

export const KEEPALIVE_SECONDS = 25;
export const DEFAULT_MTU = 1420;
/** More than any resolver asks. */
const MAX_DNS_SERVERS = 8;

const ownCidrs = (peer: SnapshotPeer): string[] => peer.addresses.map(hostCidr);

/**
 * Links made so far. Peers of a snapshot are never changed in place, so a pair of them stands for all that a link is
 * made of; on a hub with 10,000 spokes one changed spoke costs one link, and the others are the same objects.
 */
const links = new WeakMap<SnapshotPeer, WeakMap<SnapshotPeer, WgPeer>>();

/** `other` as `peer` sees it, under its own addresses only. */
function link(network: NetworkSnapshot, peer: SnapshotPeer, other: SnapshotPeer): WgPeer {
  let made = links.get(peer);
  if (!made) {
    made = new WeakMap();
    links.set(peer, made);
  }
  let one = made.get(other);
  if (!one) {
    const endpoint = other.endpoint && formatEndpoint(other.endpoint, other.listenPort);
    one = {
      publicKey: other.publicKey,
      name: other.name,
      hub: other.isHub,
      presharedKey: linkPresharedKey(network.pskSecret, peer.publicKey, other.publicKey),
      ...(endpoint && { endpoint }),
      allowedIps: ownCidrs(other),
      keepalive: KEEPALIVE_SECONDS,
    };
    made.set(other, one);
  }
  return one;
}

/** The link with the class of `other`; remembered in its place where nothing else is special about it. */
function classed(network: NetworkSnapshot, peer: SnapshotPeer, other: SnapshotPeer, one: WgPeer, id: number): WgPeer {
  const made = { ...one, class: id, label: dnsLabel(other.name) };
  if (one === link(network, peer, other)) links.get(peer)?.set(other, made);
  return made;
}

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
  // Own routes are this device's business: what it routes itself never goes under one of its peers.
  const taken = new Set<string>(peer.additionalAllowedIps);
  const claim = (cidrs: readonly string[]): string[] =>
    cidrs.filter((cidr) => {
      const free = !taken.has(cidr);
      taken.add(cidr);
      return free;
    });
  const withRoutes = (other: SnapshotPeer, cidrs: readonly string[]): WgPeer => ({
    ...link(network, peer, other),
    allowedIps: claim(cidrs),
  });
  const routed = routesOf(network.policy, peer).map(({ route }) => route);
  /** What a spoke reaches through a hub beside the network: what it routes for all, and the routes of the spoke's groups. */
  const through = (hub: SnapshotPeer): string[] => [
    ...hub.additionalAllowedIps,
    ...routed.filter((route) => route.jumpPeerId === hub.id).map((route) => route.destinationCidr),
  ];

  const peers: WgPeer[] = [];
  const rights = peer.isHub ? classify(network) : undefined;
  if (rights) {
    // Who routes something claims it by age; the rest has its own addresses only, and comes in the order of the keys.
    const routing = new Map<SnapshotPeer, WgPeer>();
    for (const other of [...network.hubs, ...network.routers].sort(byAge)) {
      if (other === peer || other.additionalAllowedIps.length === 0) continue;
      routing.set(other, withRoutes(other, [...ownCidrs(other), ...other.additionalAllowedIps]));
    }
    for (const other of network.byKey) {
      if (other === peer) continue;
      const one = routing.get(other) ?? link(network, peer, other);
      const id = rights.classOf(other);
      peers.push(one.class === id ? one : classed(network, peer, other, one, id));
    }
  } else {
    const primary = primaryHub(network);
    if (primary) {
      const first = withRoutes(primary, [...network.cidrs, ...through(primary)]);
      peers.push(first);
      for (const hub of network.hubs) {
        if (hub !== primary) peers.push(withRoutes(hub, [...ownCidrs(hub), ...through(hub)]));
      }
      for (const other of network.routers) first.allowedIps.push(...claim(other.additionalAllowedIps));
    }
    peers.sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
  }

  return {
    peer: {
      id: peer.id,
      name: peer.name,
      networkId: network.id,
      networkName: network.name,
      role: peer.isHub ? 'hub' : 'spoke',
      ...(!peer.isHub && isShutOut(network, peer) && { keptOut: true as const }),
    },
    interface: {
      publicKey: peer.publicKey,
      addresses: interfaceAddresses(network, peer),
      ...(peer.listenPort !== null && { listenPort: peer.listenPort }),
      mtu: network.mtu ?? DEFAULT_MTU,
    },
    routes: systemRoutes(network, peer, peers),
    dns: dnsOf(network, peer),
    ...(rights && {
      firewall: {
        own: rights.classOf(peer),
        classes: rights.rights,
        masquerade: [...network.policy.routes.values()]
          .filter((route) => route.jumpPeerId === peer.id)
          .map((route) => route.destinationCidr)
          .filter((cidr, i, all) => all.indexOf(cidr) === i)
          .sort(),
      },
      names: {
        domain: network.domainSuffix,
        label: dnsLabel(peer.name),
        records: recordsOf(network).map(({ fqdn, address }) => ({ name: fqdn, address })),
        upstream: network.dns,
      },
    }),
    peers,
  };
}

/**
 * A spoke asks its hubs, the primary first, which know the network's names, then the servers that the network adds. A hub
 * without an agent has no DNS. A hub itself keeps the system's DNS.
 */
function dnsOf(network: NetworkSnapshot, peer: SnapshotPeer): PeerState['dns'] {
  if (peer.isHub) return { servers: [], search: [] };
  const primary = primaryHub(network);
  const hubs = network.hubs.filter((hub) => hub.useAgent).sort((a, b) => Number(b === primary) - Number(a === primary));
  const servers = [...hubs.flatMap((hub) => hub.addresses.slice(0, 1)), ...network.dns].slice(0, MAX_DNS_SERVERS);
  return { servers, search: servers.length > 0 ? [network.domainSuffix] : [] };
}

/** A hub has the network on its interface, so that the system routes all of it there; a spoke has its address only. */
function interfaceAddresses(network: NetworkSnapshot, peer: SnapshotPeer): string[] {
  if (!peer.isHub) return ownCidrs(peer);
  return peer.addresses.map((address, i) => `${address}/${parseCidr(network.cidrs[i] as string)?.prefix}`);
}

function systemRoutes(network: NetworkSnapshot, peer: SnapshotPeer, peers: readonly WgPeer[]): string[] {
  if (!peer.isHub) return flatten(peers.flatMap((other) => other.allowedIps));
  const extra = [...network.hubs, ...network.routers]
    .filter((other) => other !== peer)
    .flatMap((other) => other.additionalAllowedIps)
    .filter((cidr) => !peer.additionalAllowedIps.includes(cidr));
  return flatten(extra);
}
