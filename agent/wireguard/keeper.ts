import type { DeviceStat } from '../os/platform.ts';
import type { DeviceConfig, WgBackend } from './backend.ts';
import { diffDevice } from './diff.ts';

/** Seconds after its handshake that a session may carry packets (WireGuard paper, section 6.1: Reject-After-Time). */
const SESSION_SECONDS = 180;

/** Holds one device at what it is told: remembers what was applied, and makes differences only. */
export class DeviceKeeper {
  readonly #backend: WgBackend;
  readonly #now: () => number;
  /** Null until the first success, and after an error that may have left the device with a part of a change. */
  #applied: DeviceConfig | null = null;

  constructor(backend: WgBackend, now: () => number = () => Date.now() / 1000) {
    this.#backend = backend;
    this.#now = now;
  }

  read(): Promise<DeviceStat> {
    return this.#backend.read();
  }

  /** Returns how many peers were touched. */
  async apply(config: DeviceConfig): Promise<number> {
    const applied = this.#applied;
    this.#applied = null;
    let change: ReturnType<typeof diffDevice>;
    if (applied) change = diffDevice(applied, config);
    else {
      const found = await this.#backend.read();
      await this.#restorePort(found, config);
      change = diffDevice(found, config, this.#alive(found));
    }
    if (change) await this.#backend.set(change);
    this.#applied = config;
    return change?.peers.length ?? 0;
  }

  /** Compares with what the device holds; says what it put right. */
  async repair(config: DeviceConfig): Promise<string[]> {
    this.#applied = null;
    const found = await this.#backend.read();
    const alive = this.#alive(found);
    const change = diffDevice(found, config, alive);
    if (change) {
      if (this.#backend.sync) {
        const listenPort = config.listenPort ?? found.listenPort;
        const peers = config.peers.map((peer) => {
          const { endpoint, ...rest } = peer;
          return endpoint === undefined || alive(peer.publicKey) ? rest : peer;
        });
        await this.#backend.sync({ ...config, ...(listenPort !== undefined && { listenPort }), peers });
      } else await this.#backend.set(change);
    }
    this.#applied = config;
    if (!change) return [];
    const repaired: string[] = [];
    if (change.privateKey !== undefined) repaired.push('the device’s private key');
    if (change.listenPort !== undefined) repaired.push('the listen port');
    if (change.fwmark !== undefined) repaired.push('the firewall mark');
    if (change.peers.length > 0) repaired.push(`${change.peers.length} WireGuard peer(s)`);
    return repaired;
  }

  /** A device that is to get its key only now is new, and is bound to the port of the one before it. */
  async #restorePort(found: DeviceStat, { privateKey, listenPort, formerPort }: DeviceConfig): Promise<void> {
    if (formerPort === undefined || listenPort !== undefined) return;
    if (found.privateKey === privateKey || found.listenPort === formerPort) return;
    try {
      await this.#backend.set({ listenPort: formerPort, peers: [] });
    } catch {
      // Somebody else has it. wireguard-go now listens nowhere: let the system choose.
      await this.#backend.set({ listenPort: 0, peers: [] });
    }
  }

  /** Peers whose session lives: their endpoint works, wherever they have roamed to. */
  #alive(found: DeviceStat): (publicKey: string) => boolean {
    const since = this.#now() - SESSION_SECONDS;
    const alive = new Set<string>();
    for (const peer of found.peers)
      if (peer.endpoint !== undefined && peer.lastHandshake > since) alive.add(peer.publicKey);
    return (publicKey) => alive.has(publicKey);
  }
}
