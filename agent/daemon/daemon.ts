import { type AgentPeer, type AgentStatus, CauseCode } from '@gatehouse/protocol';
import { type Identity, type Position, portalUrl } from '../controller/index.ts';
import { NameServer } from '../dns/index.ts';
import { AgentError } from '../errors.ts';
import type { DeviceStat, TunnelConfig } from '../os/platform.ts';
import { PortalServer } from '../portal/index.ts';
import {
  type Effect,
  type Input,
  initialState,
  type Now,
  primaryHub,
  reduce,
  type TunnelState,
} from '../tunnel/index.ts';
import { systemClock } from './clock.ts';
import { Instruments } from './instruments.ts';
import { Known } from './known.ts';
import { NetworkWatch, networkFingerprint } from './network.ts';
import type { DaemonParts } from './parts.ts';
import { Rarely } from './rarely.ts';
import { Saver } from './saver.ts';
import { agentPeers, agentStatus, type Snapshot } from './status.ts';
import { Unapplied } from './unapplied.ts';
import { Uplink } from './uplink.ts';
import { TunnelWorker } from './worker.ts';

const TICK = 1_000;
/** Reading a device may take this part of the time: one with 10,000 peers is read less often. */
const READ_SHARE = 1 / 20;

const causes = new Set<string>(CauseCode.enum);

/** Drives the tunnel: feeds the reducer with what happens, does what it says, and keeps what has to outlive a crash. */
export class Daemon {
  readonly #parts: DaemonParts;
  readonly #clock: () => Now;
  readonly #random: () => number;
  readonly #worker: TunnelWorker;
  readonly uplink: Uplink;
  readonly instruments: Instruments;
  readonly #known: Known;
  /** A controller may send thousands in a row, and the log holds other things too. */
  readonly #states: Rarely;
  readonly #saver = new Saver(() => this.#writeNetwork());
  readonly #unapplied = new Unapplied();
  readonly #network: NetworkWatch;
  readonly #watchers = new Set<() => void>();
  #tunnel: TunnelState;
  #identity: Identity | null = null;
  #device: DeviceStat | null = null;
  #openedAt = 0;
  /** From one identity to another: what is known of the old one is not applied any more. */
  #switching = false;
  #nextReadAt = 0;
  #closing: Promise<void> = Promise.resolve();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
    this.uplink = new Uplink(
      { ...parts, clock: this.#clock },
      {
        controller: (input) => {
          this.dispatch(input);
          this.#report();
        },
        revoked: (identity, message) => void this.#revoked(identity, message),
        state: (position) => this.#accept(position),
        moved: () => void this.#saver.save(),
        way: () => {
          if (this.#tunnel.open) this.#run('apply');
        },
      },
    );
    this.#states = new Rarely(parts.log);
    this.#network = new NetworkWatch(parts.fingerprint ?? (() => networkFingerprint(parts.interfaceName)));
    this.instruments = new Instruments(parts.store, parts.log, this.#clock);
    const portal = parts.portal ?? new PortalServer({ log: parts.log, portalUrl: (peer) => this.#portalUrl(peer) });
    this.#worker = new TunnelWorker(parts.platform, parts.interfaceName, parts.names ?? new NameServer(parts), portal);
    this.#known = new Known(parts.lookup);
    this.#tunnel = initialState(this.#clock());
  }

  get identity(): Identity | null {
    return this.#identity;
  }

  get tunnel(): TunnelState {
    return this.#tunnel;
  }

  /** Takes up what was left: the tunnel as it was, without waiting for a controller; or what a crash left is cleared. */
  async start(): Promise<void> {
    const { active, problem } = this.#parts.profiles;
    await this.instruments.restore(this.#parts.store);
    this.#network.changed();
    this.dispatch({ type: 'network', up: this.#network.up });
    const target = await this.#parts.store.readTarget();
    if (active) await this.#adopt(active);
    else this.dispatch({ type: 'left', ...(problem !== null && { problem }) });
    this.dispatch({ type: 'target', target });
    this.#tick();
  }

  /**
   * Ends channel and tunnel, and puts the system back as it was; the target stays. While `keep` says so the tunnel stays
   * too, for a daemon that is started next and adopts it; its last word counts.
   */
  async stop(keep: () => boolean = () => false): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.uplink.disconnect();
    this.instruments.end('stopped');
    const left = keep();
    await (left ? this.#worker.leave() : this.#closeTunnel());
    await Promise.all([this.#saver.flush(), this.instruments.flush()]);
    if (left && !keep()) await this.#closeTunnel();
  }

  status(): AgentStatus {
    return agentStatus(this.#snapshot());
  }

  peers(): AgentPeer[] {
    return agentPeers(this.#snapshot());
  }

  /** Calls `listener` after each tick and transition; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  async setTarget(target: 'up' | 'down'): Promise<void> {
    await this.#parts.store.writeTarget(target);
    this.#parts.log(`target: ${target}`);
    this.dispatch({ type: 'target', target });
    if (target === 'down') await this.#closing;
  }

  /** Another identity takes the place of what was: tunnel down, then up as the target says. */
  async become(identity: Identity): Promise<void> {
    this.#switching = true;
    this.uplink.disconnect();
    // What can't be taken down is said in the log, and becomes the new one's: the interface has the same name.
    if (this.#worker.tunnel) await this.#closeTunnel().catch(() => undefined);
    await this.#saver.flush();
    await this.#adopt(identity);
  }

  /** Forgets the identity; what is on disk is the caller's to remove, after this. */
  async left(): Promise<void> {
    this.dispatch({ type: 'target', target: 'down' });
    this.dispatch({ type: 'left' });
    await this.#closing;
    await this.#saver.flush();
    this.#identity = null;
    this.#known.position = null;
    this.uplink.forget();
    this.#notify();
  }

  dispatch(input: Input): void {
    if (this.#stopped) return;
    const before = this.#tunnel;
    const { state, effects } = reduce(before, input, this.#clock());
    this.#tunnel = state;
    const told = state.name !== before.name || state.cause?.code !== before.cause?.code;
    if (told) {
      const why = state.cause ? ` (${state.cause.code}: ${state.cause.message})` : '';
      this.#parts.log(`tunnel ${state.name}${why}`);
    }
    const url = this.#identity?.url ?? null;
    this.instruments.observe({ tunnel: state, url, state: this.#known.position?.state ?? null });
    for (const effect of effects) this.#run(effect);
    if (told || state.open !== before.open) this.#notify();
  }

  #run(effect: Effect): void {
    switch (effect) {
      case 'apply':
        void this.#apply();
        break;
      case 'close':
        this.#closing = this.#closeTunnel();
        // Whoever waits for it hears of a failure too.
        this.#closing.catch(() => undefined);
        break;
      case 'connect':
        if (this.#identity) this.uplink.connect(this.#identity, this.#known.position);
        break;
      case 'disconnect':
        this.uplink.disconnect();
        this.#unapplied.forget();
        break;
      case 'reconnect':
        this.uplink.reconnect();
        break;
      case 'check':
        this.uplink.check();
        break;
      case 'resolve':
        void this.#resolve(true);
        break;
      case 'repair':
        void this.#repair();
    }
  }

  async #adopt(identity: Identity): Promise<void> {
    const network = await this.#parts.store.readNetwork(identity);
    this.#switching = false;
    this.#identity = identity;
    this.#known.take(network);
    this.#unapplied.forget();
    this.uplink.forget();
    this.uplink.remember(identity.url, network?.controller);
    this.instruments.end('replaced');
    this.dispatch({ type: 'enrolled' });
    if (identity.revoked !== undefined) this.dispatch({ type: 'revoked', message: identity.revoked });
    else if (this.#known.position) this.#configured(this.#known.position);
  }

  #configured({ state }: Position): void {
    const { id, name, networkName } = state.peer;
    if (id === this.#identity?.peerId) this.#parts.profiles.named(id, name, networkName);
    this.uplink.compliance.keptOut(state.peer.keptOut === true, this.#clock().mono);
    const hub = primaryHub(state);
    this.dispatch({
      type: 'configured',
      role: state.peer.role,
      hub: hub && { publicKey: hub.publicKey, name: hub.name },
    });
  }

  async #revoked(identity: Identity, message: string): Promise<void> {
    if (this.#identity !== identity) return;
    this.#identity = { ...identity, revoked: message };
    // What the controller made of it is past.
    this.uplink.compliance.reset();
    // On disk first: a restart doesn't bring up a tunnel that the user was told is gone.
    await this.#parts.profiles.update(this.#identity).catch(this.#cantWrite);
    this.dispatch({ type: 'revoked', message });
  }

  /** Takes a state of the controller over; resolves once it is applied and on disk. */
  async #accept(position: Position): Promise<void> {
    this.#known.position = position;
    const { state } = position;
    const text = `state ${position.seq}: ${state.peers.length} peers, ${state.routes.length} routes`;
    this.#states.say(text, this.#clock().mono);
    const saved = this.#saver.save();
    const applied = this.#unapplied.come();
    this.#configured(position);
    await applied;
    // Its routes may lead past the connection that brought it.
    this.uplink.check();
    await saved;
  }

  #config(): TunnelConfig | null {
    if (!this.#identity || this.#switching) return null;
    return this.#known.config(this.#identity.privateKey, !this.#worker.tunnel, this.uplink.past);
  }

  async #apply(): Promise<void> {
    const config = this.#config();
    if (!config) return;
    const generation = this.#unapplied.newest;
    try {
      const fresh = !this.#worker.tunnel;
      await this.#worker.apply(config);
      if (fresh) this.#openedAt = this.#clock().mono;
    } catch (error) {
      const { message } = error as Error;
      const code = error instanceof AgentError && causes.has(error.code) ? (error.code as CauseCode) : 'apply-failed';
      this.#parts.log(`the tunnel can't be set up: ${message}`);
      this.dispatch({ type: 'failed', code, message, jitter: this.#random() });
      return;
    }
    this.dispatch({ type: 'applied' });
    this.#unapplied.applied(generation);
    await Promise.all([this.#read(), this.#resolve(false)]);
  }

  /** Looks names up: all `anew`, or those that have no address. Applies when an address is another than before. */
  async #resolve(anew: boolean): Promise<void> {
    const resolver = this.#known.resolver;
    const position = this.#known.position;
    if (!position || this.#stopped) return;
    const changed = await resolver.refresh(position.state, anew);
    if (resolver !== this.#known.resolver || this.#known.position === null) return;
    const { state } = this.#known.position;
    this.dispatch({ type: 'resolved', unresolved: resolver.missing(state, primaryHub(state)) });
    if (!changed) return;
    void this.#saver.save();
    if (this.#tunnel.open) this.#run('apply');
  }

  async #read(): Promise<void> {
    const began = performance.now();
    try {
      const device = await this.#worker.read();
      this.#nextReadAt = this.#clock().mono + (performance.now() - began) / READ_SHARE;
      this.instruments.sample(device);
      if (!device) return;
      this.#device = device;
      if (this.#known.seen.learn(device)) void this.#saver.save();
      const hub = this.#tunnel.hub?.publicKey;
      const stat = hub === undefined ? undefined : device.peers.find((peer) => peer.publicKey === hub);
      this.dispatch({ type: 'reading', lastHandshake: stat?.lastHandshake ?? 0, rx: stat?.rx ?? 0 });
    } catch (error) {
      this.#device = null;
      this.instruments.sample(null);
      const message = `The interface is gone: ${(error as Error).message}`;
      this.#parts.log(`${message}; opening it anew`);
      this.dispatch({ type: 'lost', message, jitter: this.#random() });
    }
  }

  async #repair(): Promise<void> {
    const config = this.#config();
    if (!config) return;
    try {
      for (const what of await this.#worker.repair(config)) this.#parts.log(`repaired: ${what}`);
    } catch (error) {
      this.#parts.log(`repair failed: ${(error as Error).message}`);
    }
  }

  async #closeTunnel(): Promise<void> {
    try {
      await this.#worker.close();
    } catch (error) {
      this.#parts.log(`the tunnel can't be taken down: ${(error as Error).message}`);
      throw new AgentError('internal', `The tunnel can't be taken down: ${(error as Error).message}`, { cause: error });
    } finally {
      this.#device = null;
    }
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#tick(), this.#parts.tickEvery ?? TICK);
    const network = this.#network.changed();
    if (network !== null) {
      this.#parts.log(`network changed: ${network}`);
      this.instruments.networkChanged();
      this.dispatch({ type: 'network', up: this.#network.up });
    }
    if (this.#worker.tunnel && !this.#worker.busy && this.#clock().mono >= this.#nextReadAt) void this.#read();
    this.#states.tick(this.#clock().mono);
    this.dispatch({ type: 'tick' });
    this.#report();
    this.#notify();
  }

  #report(): void {
    const uptime = this.#worker.tunnel ? (this.#clock().mono - this.#openedAt) / 1000 : 0;
    this.uplink.tick(this.#identity, this.#device, uptime);
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  async #writeNetwork(): Promise<void> {
    const network = this.#known.network(this.uplink.address);
    if (!network || !this.#identity) return;
    await this.#parts.store.writeNetwork(this.#identity.peerId, network).catch(this.#cantWrite);
  }

  async #portalUrl(peer: string): Promise<string> {
    if (!this.#identity) throw new Error('this device is enrolled nowhere');
    return portalUrl(this.#identity, peer);
  }

  #cantWrite = (error: Error): void => this.#parts.log(`the state folder can't be written: ${error.message}`);

  #snapshot(): Snapshot {
    return {
      tunnel: this.#tunnel,
      identity: this.#identity,
      network: this.#known.position,
      device: this.#device,
      opened: this.#worker.tunnel,
      lastContact: this.uplink.lastContact,
      warnings: this.#worker.problems,
      standing: this.uplink.compliance.standing,
      profiles: this.#parts.profiles.list(),
      ...this.instruments.readings,
    };
  }
}
