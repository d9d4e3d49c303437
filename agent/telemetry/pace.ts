import { TELEMETRY_SECONDS } from '@gatehouse/protocol';
import type { PeerStat } from '../os/platform.ts';

const EVERY = TELEMETRY_SECONDS * 1_000;
/** At most this often, however quickly endpoints change. */
const AT_MOST_EVERY = 1_000;

/** Says when telemetry is due: every 30 s, and when a peer's endpoint differs from what was reported. */
export class TelemetryPace {
  #sentAt: number | null = null;
  #reported = new Map<string, string | undefined>();

  /** A new connection knows nothing yet. */
  reset(): void {
    this.#sentAt = null;
  }

  /** `mono` in milliseconds. */
  due(peers: PeerStat[], mono: number): boolean {
    if (this.#sentAt === null) return true;
    const passed = mono - this.#sentAt;
    if (passed >= EVERY) return true;
    return passed >= AT_MOST_EVERY && peers.some((peer) => this.#reported.get(peer.publicKey) !== peer.endpoint);
  }

  sent(peers: PeerStat[], mono: number): void {
    this.#sentAt = mono;
    this.#reported = new Map(peers.map((peer) => [peer.publicKey, peer.endpoint]));
  }
}
