import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { type Cidr, contains, formatAddress, parseCidr } from './cidr.ts';

export interface Host {
  family: 4 | 6;
  /** In canonical spelling. */
  address: string;
}

interface Parsed extends Host {
  block: Cidr;
}

/** Peers are never changed in place, so one of 10,000 that changed costs one. */
const parsed = new WeakMap<WgPeer, Parsed[]>();

function hostsOf(peer: WgPeer): Parsed[] {
  let hosts = parsed.get(peer);
  if (!hosts) {
    hosts = peer.allowedIps
      .map((text) => parseCidr(text))
      .filter((block) => block.prefix === (block.family === 4 ? 32 : 128))
      .map((block) => ({ family: block.family, address: formatAddress(block), block }));
    parsed.set(peer, hosts);
  }
  return hosts;
}

/**
 * The peer's own addresses: whole ones within the overlay. What else is under a peer is a network behind it, which
 * stands for nobody. Throws RangeError when an address isn't one.
 */
export function overlayHosts(peer: WgPeer, overlay: readonly Cidr[]): Host[] {
  return hostsOf(peer).filter(({ block }) => overlay.some((network) => contains(network, block)));
}

/** A hub's own addresses, and the overlay's networks, which a hub has on its interface. */
export function ownHosts({ interface: { addresses } }: Pick<PeerState, 'interface'>): {
  own: Host[];
  overlay: Cidr[];
} {
  const overlay = addresses.map(parseCidr);
  return { own: overlay.map((block) => ({ family: block.family, address: formatAddress(block) })), overlay };
}
