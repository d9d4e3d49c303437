import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { type Cidr, contains, formatAddress, parseCidr } from './cidr.ts';

export interface Host {
  family: 4 | 6;
  /** In canonical spelling. */
  address: string;
}

/** A hub's own addresses, and the overlay's networks, which a hub has on its interface. */
interface Own {
  own: Host[];
  overlay: Cidr[];
}

/** Parts of a state are never changed in place, so that of 10,000 peers only the one that changed is read anew. */
const owns = new WeakMap<PeerState['interface'], Own>();
const hosts = new WeakMap<WgPeer, { overlay: readonly Cidr[]; found: Host[] }>();

const bare = (block: Cidr): Host => ({ family: block.family, address: formatAddress(block) });

/** Throws RangeError when an address isn't one. */
export function ownHosts({ interface: own }: Pick<PeerState, 'interface'>): Own {
  let made = owns.get(own);
  if (!made) {
    const overlay = own.addresses.map(parseCidr);
    made = { own: overlay.map(bare), overlay };
    owns.set(own, made);
  }
  return made;
}

/**
 * The peer's own addresses: whole ones within the overlay, as `ownHosts` gives it. What else is under a peer is
 * a network behind it, which stands for nobody. Throws RangeError when an address isn't one.
 */
export function overlayHosts(peer: WgPeer, overlay: readonly Cidr[]): Host[] {
  const known = hosts.get(peer);
  if (known?.overlay === overlay) return known.found;
  const found = peer.allowedIps
    .map(parseCidr)
    .filter((block) => block.prefix === (block.family === 4 ? 32 : 128))
    .filter((block) => overlay.some((network) => contains(network, block)))
    .map(bare);
  hosts.set(peer, { overlay, found });
  return found;
}
