import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { jsonEqual } from '@gatehouse/protocol';
import { AgentError } from '../../errors.ts';
import type { WgBackend } from '../../wireguard/backend.ts';
import { DeviceKeeper } from '../../wireguard/keeper.ts';
import { checkDns, type DnsWant } from '../dns.ts';
import type { DeviceStat, Tunnel, TunnelConfig } from '../platform.ts';
import { type Commands, RunError } from '../run.ts';
import { writeDurably } from '../temp.ts';
import { EMPTY_PLAN, type PortablePlan, planPortable } from './plan.ts';

/** A program, its arguments, and what goes to its standard input. */
export interface Command {
  program: string;
  args: string[];
  input?: string;
}

/** How one system says things; every function is pure. `device` is the interface's name in that system. */
export interface Words {
  mtu(device: string, mtu: number): Command[];
  address(verb: 'add' | 'delete', device: string, address: string): Command[];
  route(verb: 'add' | 'delete', device: string, route: string): Command[];
  /** A host route by the system's own gateway. */
  bypass(verb: 'add' | 'delete', host: string, gateway: string): Command[];
  /** The command that shows the default route of a family, and the gateway in its answer. */
  showGateway(family: 4 | 6): Command;
  gateway(answer: string, family: 4 | 6): string | undefined;
  /** No servers: take the tunnel's away. */
  dns(name: string, device: string, want: DnsWant): Command[];
  dnsMode: string;
  forwarding(device: string, on: boolean): Command[];
}

/** The running device. */
export interface PortableDevice {
  /** The interface's name in the system: `utun60` for `gh0` on macOS. */
  device: string;
  driver: string;
  backend: WgBackend;
  /** Process id of a wireguard-go that doesn't end by itself with its interface. */
  pid?: number;
}

/** What was done, on disk before it is done, so that a killed daemon's successor can go on from there or undo it. */
export interface Notes {
  device: string;
  driver: string;
  pid?: number;
  plan: PortablePlan;
  /** Host routes past the tunnel, and the gateway that each went by. */
  bypass: Record<string, string>;
}

export interface PortableDeps {
  commands: Commands;
  stateDir: string;
  log: (message: string) => void;
}

const file = (deps: PortableDeps, name: string): string => path.join(deps.stateDir, `os-${name}.json`);

export async function readNotes(deps: PortableDeps, name: string): Promise<Notes | null> {
  try {
    return JSON.parse(await readFile(file(deps, name), 'utf8')) as Notes;
  } catch {
    return null;
  }
}

export async function writeNotes(deps: PortableDeps, name: string, notes: Notes): Promise<void> {
  await mkdir(deps.stateDir, { recursive: true, mode: 0o700 });
  await writeDurably(file(deps, name), `${JSON.stringify(notes)}\n`, 0o600);
}

/** Runs commands; those that delete, or add what is there already, may find nothing to do. */
export async function runAll(deps: PortableDeps, commands: Command[], lenient = false): Promise<void> {
  for (const { program, args, input } of commands) {
    try {
      await deps.commands.run(program, args, input);
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      if (lenient || /exists|already/i.test(error.stderr)) continue;
      throw new AgentError('apply-failed', `${path.basename(program)} ${args.join(' ')}: ${error.message}`, {
        cause: error,
      });
    }
  }
}

/** Undoes what the notes say, the device last. */
export async function undo(
  deps: PortableDeps,
  words: Words,
  name: string,
  notes: Notes,
  removeDevice: (notes: Notes) => Promise<void>,
): Promise<void> {
  const { device, plan, bypass } = notes;
  if (plan.dns.servers.length > 0) await runAll(deps, words.dns(name, device, EMPTY_PLAN.dns), true);
  for (const [host, gateway] of Object.entries(bypass)) await runAll(deps, words.bypass('delete', host, gateway), true);
  if (plan.hub) await runAll(deps, words.forwarding(device, false), true);
  // Addresses and routes go with the interface.
  await removeDevice(notes);
  await rm(file(deps, name), { force: true });
}

/** A tunnel on a system where each step is a command: differences to what was applied last, by the notes. */
export class PortableTunnel implements Tunnel {
  readonly name: string;
  readonly driver: string;
  readonly #deps: PortableDeps;
  readonly #words: Words;
  readonly #keeper: DeviceKeeper;
  readonly #removeDevice: (notes: Notes) => Promise<void>;
  #notes: Notes;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    name: string,
    deps: PortableDeps,
    words: Words,
    opened: PortableDevice,
    notes: Notes,
    removeDevice: (notes: Notes) => Promise<void>,
  ) {
    this.name = name;
    this.driver = opened.driver;
    this.#deps = deps;
    this.#words = words;
    this.#keeper = new DeviceKeeper(opened.backend);
    this.#notes = notes;
    this.#removeDevice = removeDevice;
  }

  get dnsMode(): string | null {
    return this.#notes.plan.dns.servers.length > 0 ? this.#words.dnsMode : null;
  }

  apply(config: TunnelConfig): Promise<void> {
    return this.#next(() => this.#bring(config, false).then(() => undefined));
  }

  repair(config: TunnelConfig): Promise<string[]> {
    return this.#next(() => this.#bring(config, true));
  }

  read(): Promise<DeviceStat> {
    return this.#keeper.read();
  }

  close(): Promise<void> {
    return this.#next(() => undo(this.#deps, this.#words, this.name, this.#notes, this.#removeDevice));
  }

  #next<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** A repair says everything again: these systems answer "exists" to what is there. */
  async #bring({ privateKey, state, formerPort, past }: TunnelConfig, repair: boolean): Promise<string[]> {
    if (state.firewall)
      throw new AgentError(
        'apply-failed',
        'a hub must enforce what is allowed, which this agent can on Linux only: make a Linux machine the hub (jump peer)',
      );
    let plan: PortablePlan;
    try {
      plan = planPortable({ state, past });
      checkDns(plan.dns);
    } catch (error) {
      if (error instanceof AgentError) throw error;
      throw new AgentError(
        'apply-failed',
        `the controller sent a state that can't be applied: ${(error as Error).message}`,
      );
    }
    const { listenPort } = state.interface;
    const ports = { ...(listenPort !== undefined && { listenPort }), formerPort };
    const device = { privateKey, fwmark: 0, peers: state.peers, ...ports };
    const repaired = repair ? await this.#keeper.repair(device) : [];
    if (!repair) await this.#keeper.apply(device);
    const before = this.#notes.plan;
    if (repair || !jsonEqual(before, plan)) await this.#network(before, plan, repair);
    return repaired;
  }

  async #network(before: PortablePlan, plan: PortablePlan, again: boolean): Promise<void> {
    const { device } = this.#notes;
    const words = this.#words;
    const gone = (have: string[], want: string[]): string[] => have.filter((item) => !want.includes(item));
    const fresh = (have: string[], want: string[]): string[] => (again ? want : gone(want, have));
    const bypass = await this.#gateways(plan.bypass);
    const old = this.#notes.bypass;
    // What is to be undone later is on disk first: the union of before and after.
    await this.#note({
      plan: { ...plan, hub: plan.hub || before.hub, dns: plan.dns.servers.length > 0 ? plan.dns : before.dns },
      bypass: { ...old, ...bypass },
    });
    const removals = [
      ...gone(before.routes, plan.routes).flatMap((route) => words.route('delete', device, route)),
      ...Object.entries(old)
        .filter(([host, gateway]) => bypass[host] !== gateway)
        .flatMap(([host, gateway]) => words.bypass('delete', host, gateway)),
      ...gone(before.addresses, plan.addresses).flatMap((address) => words.address('delete', device, address)),
    ];
    await runAll(this.#deps, removals, true);
    const additions = [
      ...(again || before.mtu !== plan.mtu ? words.mtu(device, plan.mtu) : []),
      ...fresh(before.addresses, plan.addresses).flatMap((address) => words.address('add', device, address)),
      ...Object.entries(bypass)
        .filter(([host, gateway]) => again || old[host] !== gateway)
        .flatMap(([host, gateway]) => words.bypass('add', host, gateway)),
      ...fresh(before.routes, plan.routes).flatMap((route) => words.route('add', device, route)),
      ...((again && plan.hub) || before.hub !== plan.hub ? words.forwarding(device, plan.hub) : []),
      ...((again && plan.dns.servers.length > 0) || !jsonEqual(before.dns, plan.dns)
        ? words.dns(this.name, device, plan.dns)
        : []),
    ];
    try {
      await runAll(this.#deps, additions);
    } catch (error) {
      // What stands is unknown: the next time everything is said again.
      await this.#note({ plan: { ...this.#notes.plan, mtu: 0, addresses: [], routes: [] } });
      throw error;
    }
    await this.#note({ plan, bypass });
  }

  async #note(change: Partial<Notes>): Promise<void> {
    this.#notes = { ...this.#notes, ...change };
    await writeNotes(this.#deps, this.name, this.#notes);
  }

  /** Where the way to each host leads without the tunnel; hosts of a family without a default route are left out. */
  async #gateways(hosts: string[]): Promise<Record<string, string>> {
    const result: Record<string, string> = {};
    for (const family of [4, 6] as const) {
      const mine = hosts.filter((host) => host.includes(':') === (family === 6));
      if (mine.length === 0) continue;
      const { program, args } = this.#words.showGateway(family);
      const gateway = this.#words.gateway(await this.#deps.commands.run(program, args).catch(() => ''), family);
      if (gateway !== undefined) for (const host of mine) result[host] = gateway;
    }
    return result;
  }
}
