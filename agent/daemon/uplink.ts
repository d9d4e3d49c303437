import type { Directory, Telemetry } from '@gatehouse/protocol';
import { Channel, fetchDirectory, type Identity, type Position, publicKeyOf } from '../controller/index.ts';
import { AgentError } from '../errors.ts';
import type { DeviceStat } from '../os/platform.ts';
import type { PostureReading } from '../posture/index.ts';
import { Reporter } from '../telemetry/index.ts';
import type { Input, Now } from '../tunnel/index.ts';
import { Compliance } from './compliance.ts';
import { Detour, type Door } from './detour.ts';
import type { DaemonParts } from './parts.ts';

export interface UplinkEvents {
  /** What the state machine is to hear. */
  controller(input: Input & { type: 'controller' }): void;
  revoked(identity: Identity, message: string): void;
  /** A new state, acknowledged once this resolves. */
  state(position: Position): Promise<void>;
  /** The controller is at another address than before. */
  moved(): void;
  /** Another way to the controller is to be tried. */
  way(): void;
}

/** The controller as the daemon has it: one channel at a time, what is sent on it and asked beside it. */
export class Uplink {
  readonly #log: (message: string) => void;
  readonly #clock: () => Now;
  readonly #reporter: Reporter;
  readonly #events: UplinkEvents;
  /** What this device tells of itself, and what the controller makes of it. */
  readonly compliance: Compliance;
  #channel: Channel | null = null;
  #detour: Detour | null = null;
  /** Of the tunnel, as the controller has them. */
  #routes: readonly string[] = [];
  #connected = false;
  #problem = '';
  /** Wall clock, ms. */
  lastContact: number | null = null;

  constructor(parts: Pick<DaemonParts, 'log' | 'collector' | 'posture'> & { clock: () => Now }, events: UplinkEvents) {
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#reporter = new Reporter(parts.collector);
    this.#events = events;
    const send = (reading: PostureReading) => this.#channel?.sendPosture(reading.macs, reading.facts) ?? false;
    this.compliance = new Compliance({ log: parts.log, collector: parts.posture, send }, parts.clock().mono);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** What is to be reached past the tunnel. */
  get past(): Door | undefined {
    return this.#detour?.door;
  }

  /** Where the controller was reached last. */
  get address(): string | undefined {
    return this.#detour?.address;
  }

  /** The controller's `url`, and where it was reached last. */
  remember(url: string, address: string | undefined): void {
    this.#detour = new Detour(url, address);
  }

  connect(identity: Identity, position: Position | null): void {
    if (this.#channel) return;
    this.#routes = position?.state.routes ?? [];
    this.#channel = new Channel({
      url: identity.url,
      ca: identity.ca,
      credential: identity.credential,
      publicKey: publicKeyOf(identity.privateKey),
      position,
      log: this.#log,
      remembered: () => this.#detour?.address,
      events: {
        connected: (address) => {
          if (this.#detour?.reached(address)) this.#events.moved();
          this.#contact();
          this.#connected = true;
          this.#problem = '';
          this.#log(`controller ${identity.url} connected`);
          this.#reporter.reset();
          this.compliance.connected(this.#clock().mono);
          this.#events.controller({ type: 'controller', connected: true });
        },
        lost: (code, message, reached) => {
          const failed = !this.#connected && !reached;
          if (this.#connected) this.#contact();
          this.#connected = false;
          if (failed && this.#detour?.failed(this.#routes)) {
            this.#log(`the controller is tried ${this.past ? 'past' : 'through'} the tunnel`);
            this.#events.way();
          }
          if (message !== this.#problem) this.#log(`controller: ${message}`);
          this.#problem = message;
          this.compliance.disconnected();
          this.#events.controller({ type: 'controller', connected: false, code, message });
        },
        revoked: (message) => {
          this.#connected = false;
          this.#events.revoked(identity, message);
        },
        state: (position) => {
          this.#contact();
          this.#routes = position.state.routes;
          return this.#events.state(position);
        },
      },
    });
    this.#channel.start();
  }

  disconnect(): void {
    this.#channel?.stop();
    this.#channel = null;
    this.#connected = false;
    this.#problem = '';
    this.compliance.disconnected();
  }

  /** Another identity, or none: hangs up, and nothing is known of its controller. */
  forget(): void {
    this.disconnect();
    this.lastContact = null;
    this.compliance.reset();
  }

  reconnect(): void {
    this.#channel?.reconnect();
  }

  /** Asks the controller for a sign of life. */
  check(): void {
    this.#channel?.check();
  }

  /** Sends what is due; `uptime` of the interface in seconds. */
  tick(identity: Identity | null, device: DeviceStat | null, uptime: number): void {
    const now = this.#clock();
    this.compliance.tick(identity, now.mono);
    if (!this.#connected) return;
    const send = (telemetry: Telemetry) => this.#channel?.sendTelemetry(telemetry) ?? false;
    void this.#reporter.report(device?.peers ?? [], uptime, now, send);
  }

  /** What this device may reach, as the controller says now. Throws AgentError. */
  async directory(identity: Identity | null, search: string | undefined): Promise<Directory> {
    if (!identity) throw new AgentError('not-enrolled', 'This device is not enrolled: gatehouse enroll <url>.');
    if (!this.#connected) {
      const why = this.#problem === '' ? 'This device is not connected to it: gatehouse up.' : this.#problem;
      throw new AgentError('controller-unreachable', `Only the controller knows what there is to reach. ${why}`);
    }
    return fetchDirectory(identity, search).catch((error: Error) => {
      throw new AgentError('controller-error', error.message, { cause: error });
    });
  }

  #contact(): void {
    this.lastContact = this.#clock().wall;
  }
}
