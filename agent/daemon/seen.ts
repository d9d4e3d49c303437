import type { PeerState } from '@gatehouse/protocol';
import type { DeviceStat } from '../os/platform.ts';

/**
 * What a device that is made anew should know of the one before. Its port: see `DeviceConfig`. And where peers without a
 * configured endpoint were last seen: a new device (wireguard-go killed, a reboot) knows none of them, and what spokes send
 * while idle, keepalives of a session that it doesn't have, doesn't tell it: it would be silent to them until their session
 * ends, up to two minutes. Told where they were, it calls them at once.
 */
export class Seen {
  #seen = new Map<string, string>();
  /** The UDP port of the profile's last device, which is kept on disk. */
  port: number | undefined;

  /** True when the port is another than before. */
  learn({ peers, listenPort }: DeviceStat): boolean {
    for (const { publicKey, endpoint } of peers) if (endpoint) this.#seen.set(publicKey, endpoint);
    if (!listenPort || listenPort === this.port) return false;
    this.port = listenPort;
    return true;
  }

  /** The state with an endpoint for each peer that has none and was seen. For a new device only: others know better. */
  fill(state: PeerState): PeerState {
    // What is no longer a peer is forgotten.
    const kept = new Map<string, string>();
    const peers = state.peers.map((peer) => {
      const endpoint = this.#seen.get(peer.publicKey);
      if (endpoint === undefined) return peer;
      kept.set(peer.publicKey, endpoint);
      return peer.endpoint === undefined ? { ...peer, endpoint } : peer;
    });
    this.#seen = kept;
    return { ...state, peers };
  }
}
