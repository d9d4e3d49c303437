import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { contains, parseCidr } from '../wireguard/cidr.ts';

/**
 * The overlay address at which a spoke's hub can be asked for its round trip: the first DNS server, which is the hub
 * where it has an agent. Null when that isn't reached through this hub's tunnel.
 */
export function latencyTarget(state: PeerState, hub: WgPeer | null): string | null {
  const [server] = state.dns.servers;
  if (!hub || server === undefined) return null;
  try {
    const address = parseCidr(server);
    // WireGuard sends it to whoever has the longest prefix.
    let best: { peer: WgPeer; prefix: number } | null = null;
    for (const peer of state.peers) {
      for (const block of peer.allowedIps.map(parseCidr)) {
        if (contains(block, address) && block.prefix > (best?.prefix ?? -1)) best = { peer, prefix: block.prefix };
      }
    }
    return best?.peer === hub ? server : null;
  } catch {
    return null;
  }
}
