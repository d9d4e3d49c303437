import type { AgentSession, PeerState, Traffic } from '@gatehouse/protocol';
import { CaptiveWatch } from '../captive/index.ts';
import { type Bytes, Sessions, TrafficMeter } from '../history/index.ts';
import { LatencyMeter, latencyTarget } from '../latency/index.ts';
import type { DeviceStat } from '../os/platform.ts';
import { cleanName } from '../text.ts';
import { carries, type Now, primaryHub, type TunnelState } from '../tunnel/index.ts';
import { Saver } from './saver.ts';
import type { AgentStore } from './store.ts';

/** How much of the traffic's history a crash may lose, in milliseconds: rarely enough for any card. */
const SAVE_TRAFFIC_EVERY = 15 * 60_000;

/** What the daemon knows at one moment. */
interface View {
  tunnel: TunnelState;
  /** The controller's URL. */
  url: string | null;
  state: PeerState | null;
}

/** What is measured beside the tunnel, and changes nothing of it: traffic, sessions, latency, captive portals. */
export class Instruments {
  readonly #clock: () => Now;
  readonly #saver: Saver;
  readonly #trafficSaver: Saver;
  readonly #meter: TrafficMeter;
  readonly #sessions: Sessions;
  readonly #latency = new LatencyMeter();
  readonly #captive = new CaptiveWatch();
  #fresh: Bytes = { rx: 0, tx: 0 };
  #target: { state: PeerState; address: string | null } | null = null;
  #newest: Parameters<AgentStore['writeSessions']>[0] = null;
  #trafficSavedAt: number;
  #cleared = false;

  constructor(store: AgentStore, log: (message: string) => void, clock: () => Now) {
    this.#clock = clock;
    this.#meter = new TrafficMeter(clock());
    this.#trafficSavedAt = clock().mono;
    this.#trafficSaver = new Saver(() => {
      const file = this.#cleared ? null : this.#meter.dump(this.#clock());
      return store.writeTraffic(file).catch((error: Error) => log(`the traffic can't be written: ${error.message}`));
    });
    this.#saver = new Saver(() =>
      store.writeSessions(this.#newest).catch((error: Error) => log(`the sessions can't be written: ${error.message}`)),
    );
    this.#sessions = new Sessions((file) => {
      this.#newest = file;
      void this.#saver.save();
    });
  }

  async restore(store: AgentStore): Promise<void> {
    this.#sessions.restore(await store.readSessions());
    const traffic = await store.readTraffic();
    if (traffic) this.#meter.restore(traffic, this.#clock());
  }

  /** `null` when there is no device. */
  sample(device: DeviceStat | null): void {
    const now = this.#clock();
    const passed = this.#meter.sample(device && total(device), now);
    if (now.mono - this.#trafficSavedAt >= SAVE_TRAFFIC_EVERY) this.#saveTraffic(now.mono);
    this.#fresh = { rx: this.#fresh.rx + passed.rx, tx: this.#fresh.tx + passed.tx };
  }

  /** After each step of the state machine. */
  observe({ tunnel, url, state }: View): void {
    const now = this.#clock();
    const hub = state && primaryHub(state);
    const carried = carries(tunnel, now.mono);
    const why = tunnel.target === 'down' || !tunnel.enrolled ? 'user' : (tunnel.cause?.code ?? 'no-traffic');
    const networkName = state ? cleanName(state.peer.networkName) : null;
    const names = { networkName, hub: hub ? cleanName(hub.name) : null };
    this.#sessions.observe(carried ? names : { why }, this.#fresh, now.wall);
    this.#fresh = { rx: 0, tx: 0 };
    if (state && this.#target?.state !== state) this.#target = { state, address: latencyTarget(state, hub) };
    this.#latency.tick(carried && state ? (this.#target?.address ?? null) : null, now.mono);
    const away = tunnel.target === 'up' && tunnel.revoked === null && tunnel.controller.problem !== null;
    this.#captive.tick(away ? url : null, now.mono);
  }

  #saveTraffic(mono: number): void {
    if (!this.#meter.changed) return;
    this.#trafficSavedAt = mono;
    this.#cleared = false;
    void this.#trafficSaver.save();
  }

  networkChanged(): void {
    this.#captive.reset(this.#clock().mono);
  }

  end(why: 'replaced' | 'stopped'): void {
    const { mono, wall } = this.#clock();
    this.#sessions.end(why, wall);
    if (why === 'stopped') this.#saveTraffic(mono);
  }

  /** Nobody is enrolled any more: what was, is nobody's business. */
  async clear(): Promise<void> {
    this.#sessions.clear();
    this.#newest = null;
    this.#meter.clear();
    this.#cleared = true;
    await Promise.all([this.#saver.save(), this.#trafficSaver.save()]);
  }

  async flush(): Promise<void> {
    await Promise.all([this.#saver.flush(), this.#trafficSaver.flush()]);
  }

  get readings(): { connectedSince: string | null; latency: number | null; captive: { url: string } | null } {
    const url = this.#captive.url;
    return {
      connectedSince: this.#sessions.since,
      latency: this.#latency.value,
      captive: url === null ? null : { url },
    };
  }

  traffic(): Traffic {
    return this.#meter.read(this.#clock());
  }

  sessions(): AgentSession[] {
    return this.#sessions.list();
  }
}

function total({ peers }: DeviceStat): Bytes {
  const bytes = { rx: 0, tx: 0 };
  for (const { rx, tx } of peers) {
    bytes.rx += rx;
    bytes.tx += tx;
  }
  return bytes;
}
