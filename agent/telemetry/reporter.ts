import type { Telemetry } from '@gatehouse/protocol';
import type { PeerStat } from '../os/platform.ts';
import type { Now } from '../tunnel/index.ts';
import { TelemetryCollector } from './collect.ts';
import { TelemetryPace } from './pace.ts';

/** Collects telemetry when it is due and hands it to `send`, one at a time. */
export class Reporter {
  readonly #collector: TelemetryCollector;
  readonly #pace = new TelemetryPace();
  #busy = false;

  constructor(collector: TelemetryCollector = new TelemetryCollector()) {
    this.#collector = collector;
  }

  /** A new connection: it is due at once. */
  reset(): void {
    this.#pace.reset();
  }

  /** `uptime` of the interface in seconds. `send` says whether it could. */
  async report(peers: PeerStat[], uptime: number, now: Now, send: (telemetry: Telemetry) => boolean): Promise<void> {
    if (this.#busy || !this.#pace.due(peers, now.mono)) return;
    this.#busy = true;
    try {
      if (send(await this.#collector.collect(peers, uptime, now.wall))) this.#pace.sent(peers, now.mono);
    } finally {
      this.#busy = false;
    }
  }
}
