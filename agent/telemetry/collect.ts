import os from 'node:os';
import type { Telemetry } from '@gatehouse/protocol';
import { AGENT_VERSION } from '../config.ts';
import type { PeerStat } from '../os/platform.ts';
import { type Source, systemSource } from './source.ts';

type Os = Telemetry['os'];

/** A battery changes slowly, and asking for it starts a process on macOS and Windows. */
const BATTERY_EVERY = 5 * 60_000;
/** No question to the system may hold telemetry up for longer. */
const PATIENCE = 5_000;

/** Gathers what a device reports of itself. Never throws: what can't be had is left at its neutral value. */
export class TelemetryCollector {
  readonly #source: Source;
  readonly #now: () => number;
  #os: Os | undefined;
  #battery: { value: Telemetry['battery']; at: number } | undefined;
  #hasBattery = true;

  constructor(source: Source = systemSource(), now: () => number = () => performance.now()) {
    this.#source = source;
    this.#now = now;
  }

  /** `wireguardUptime` in seconds; `wall` in milliseconds, for the age of handshakes. */
  async collect(peers: PeerStat[], wireguardUptime: number, wall: number): Promise<Telemetry> {
    this.#os ??= await this.#readOs();
    const [cpu, memory, battery] = await Promise.all([this.#readCpu(), this.#readMemory(), this.#readBattery()]);
    return {
      hostname: os.hostname().slice(0, 253),
      agentVersion: AGENT_VERSION,
      os: this.#os,
      systemUptime: Math.max(0, Math.floor(os.uptime())),
      wireguardUptime: Math.max(0, Math.floor(wireguardUptime)),
      cpu,
      memory,
      battery,
      peers: peers.map((peer) => ({
        publicKey: peer.publicKey,
        endpoint: peer.endpoint?.slice(0, 64) ?? null,
        handshakeAge: peer.lastHandshake > 0 ? Math.max(0, Math.floor(wall / 1000 - peer.lastHandshake)) : null,
        rx: whole(peer.rx),
        tx: whole(peer.tx),
      })),
    };
  }

  async #readOs(): Promise<Os> {
    const info = await attempt(() => this.#source.osInfo());
    return {
      platform: os.platform().slice(0, 32),
      distro: (info?.distro || os.type()).slice(0, 128),
      release: (info?.release || os.release()).slice(0, 128),
      arch: os.arch().slice(0, 32),
    };
  }

  async #readCpu(): Promise<number> {
    const load = (await attempt(() => this.#source.currentLoad()))?.currentLoad;
    return typeof load === 'number' && Number.isFinite(load) ? Math.min(1, Math.max(0, load / 100)) : 0;
  }

  async #readMemory(): Promise<Telemetry['memory']> {
    const memory = await attempt(() => this.#source.mem());
    const total = whole(memory?.total ?? os.totalmem());
    return { total, used: Math.min(total, whole(memory?.active ?? os.totalmem() - os.freemem())) };
  }

  async #readBattery(): Promise<Telemetry['battery']> {
    if (!this.#hasBattery) return null;
    if (this.#battery && this.#now() - this.#battery.at < BATTERY_EVERY) return this.#battery.value;
    const battery = await attempt(() => this.#source.battery());
    // Machines don't grow batteries: asked once, unless the question itself failed.
    if (battery && !battery.hasBattery) this.#hasBattery = false;
    const percent = Number(battery?.percent);
    const value =
      battery?.hasBattery && Number.isFinite(percent)
        ? { percent: Math.min(100, Math.max(0, percent)), charging: battery.isCharging === true }
        : null;
    this.#battery = { value, at: this.#now() };
    return value;
  }
}

const whole = (value: number): number => (Number.isFinite(value) ? Math.max(0, Math.floor(value)) : 0);

async function attempt<T>(ask: () => Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE);
  });
  try {
    return await Promise.race([ask(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
