import type { Names } from '../dns/index.ts';
import type { DeviceStat, Platform, Tunnel, TunnelConfig } from '../os/platform.ts';
import type { Portal } from '../portal/index.ts';

/**
 * Does one thing at a time to the tunnel, and the newest only: when three states arrive while one is being applied,
 * the first two are skipped.
 */
export class TunnelWorker {
  readonly #platform: Platform;
  readonly #name: string;
  /** A hub's DNS, which stands on the tunnel's addresses. */
  readonly #names: Names | undefined;
  /** And where it sends devices that have to sign in first. */
  readonly #portal: Portal | undefined;
  #tunnel: Tunnel | null = null;
  #tail: Promise<void> = Promise.resolve();
  #busy = 0;
  #wanted: TunnelConfig | null = null;
  #waiting: Promise<void> | null = null;

  constructor(platform: Platform, name: string, names?: Names, portal?: Portal) {
    this.#platform = platform;
    this.#name = name;
    this.#names = names;
    this.#portal = portal;
  }

  get tunnel(): Tunnel | null {
    return this.#tunnel;
  }

  /** True while something is being done, when a reading would have to wait. */
  get busy(): boolean {
    return this.#busy > 0;
  }

  /** What is wrong with what stands on the tunnel, in words for people. */
  get problems(): string[] {
    return [...(this.#names?.problems ?? []), ...(this.#portal?.problems ?? [])];
  }

  /** Opens the tunnel where it isn't, and applies the newest configuration. */
  apply(config: TunnelConfig): Promise<void> {
    this.#wanted = config;
    this.#waiting ??= this.#queue(async () => {
      this.#waiting = null;
      const wanted = this.#wanted;
      if (!wanted) return;
      this.#tunnel ??= await this.#platform.openTunnel(this.#name);
      try {
        await this.#tunnel.apply(wanted);
        await this.#names?.update(wanted.state);
        await this.#portal?.update(wanted.state);
      } catch (error) {
        // The device itself may be what is gone: then the next attempt opens it anew.
        await this.#tunnel.read().catch(() => {
          this.#tunnel = null;
        });
        throw error;
      }
    });
    return this.#waiting;
  }

  /** Takes the tunnel down, also one that a killed daemon left. */
  close(): Promise<void> {
    this.#wanted = null;
    this.#waiting = null;
    return this.#queue(async () => {
      const tunnel = this.#tunnel;
      this.#tunnel = null;
      await this.#names?.update(null);
      await this.#portal?.update(null);
      try {
        await tunnel?.close();
        if (tunnel) return;
      } catch {
        // `recover` goes by what the system holds, not by what we think we made.
      }
      await this.#platform.recover(this.#name);
    });
  }

  /** Finishes what is under way and does no more: the tunnel stands as it is, for the daemon that comes next. */
  leave(): Promise<void> {
    this.#wanted = null;
    this.#waiting = null;
    return this.#queue(async () => {
      this.#tunnel = null;
      await this.#names?.update(null);
      await this.#portal?.update(null);
    });
  }

  /** Puts right what an outsider changed; says what. */
  repair(config: TunnelConfig): Promise<string[]> {
    return this.#queue(async () => (this.#tunnel ? this.#tunnel.repair(config) : []));
  }

  /** Null when there is no tunnel. A failure lets go of the tunnel, so that `apply` opens it anew. */
  read(): Promise<DeviceStat | null> {
    return this.#queue(async () => {
      if (!this.#tunnel) return null;
      try {
        return await this.#tunnel.read();
      } catch (error) {
        this.#tunnel = null;
        throw error;
      }
    });
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    const result = this.#tail.then(work).finally(() => {
      this.#busy -= 1;
    });
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
