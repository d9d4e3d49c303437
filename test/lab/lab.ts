import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentStatus } from '../../protocol/index.ts';
import { Api, type Network, type Peer, type Session } from './api.ts';
import { ask } from './ipc.ts';
import { pingOnce } from './ping.ts';
import { type AgentName, HOME, type Machine, type Plan } from './plan.ts';
import { attempt, type Ran, run, until } from './run.ts';
import { Supervisor } from './supervisor.ts';
import { Topology } from './topology.ts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const DOORWAY = fileURLToPath(new URL('./doorway.ts', import.meta.url));
/** Of a controller that lives for minutes on a network that leads nowhere. */
const ADMIN_PASSWORD = 'lab-Password-1';
const CONTROLLER_PORT = 8080;
/** The controller is on the hub in every plan. */
const CONTROLLER_HOST = HOME.internet.hub;
export const CONTROLLER_URL = `http://${CONTROLLER_HOST}:${CONTROLLER_PORT}`;
export const HUB_ENDPOINT = `${CONTROLLER_HOST}:51820`;
/** The network that the agents enroll in; IPv6 by a unique local prefix (RFC 4193). */
export const OVERLAY = { v4: '10.77.0.0/16', v6: 'fd77:6a7e:4057::/64' } as const;
/** Name of the controller among the services. */
export const CONTROLLER = 'controller';

/** The machines that carry an agent, where nobody asks for another plan. */
export const AGENTS = HOME.agents;

export interface WgPeerRow {
  publicKey: string;
  presharedKey: string;
  endpoint: string;
  allowedIps: string[];
  /** Seconds since the epoch; 0 is never. */
  handshake: number;
  rx: number;
  tx: number;
}

/** The whole lab: machines, the controller, the agents, and the network that they enroll in. */
export class Lab {
  readonly topology: Topology;
  readonly services = new Supervisor();
  readonly api: Api;
  readonly peers = new Map<AgentName, Peer>();
  /** Enrollment tokens as the controller gave them, kept to show that they are spent. */
  readonly tokens = new Map<AgentName, string>();
  #network: Network | undefined;
  #closing: Promise<void> | undefined;
  readonly #onExit: () => void;

  private constructor(topology: Topology) {
    this.topology = topology;
    this.api = new Api(this.#path('door.sock'), `${CONTROLLER_HOST}:${CONTROLLER_PORT}`);
    this.#onExit = () => topology.remove();
    process.on('exit', this.#onExit);
  }

  /** Builds the machines and starts the controller and the daemons; nobody is enrolled yet. */
  static async open(say: (line: string) => void = () => {}, plan: Plan = HOME): Promise<Lab> {
    say('building the network');
    const lab = new Lab(await Topology.create(plan));
    try {
      say('starting the controller and the agents');
      await lab.#start();
      return lab;
    } catch (error) {
      const logs = lab.services.tails();
      await lab.close();
      throw new Error(`the lab could not start: ${(error as Error).message}\n${logs}`, { cause: error });
    }
  }

  get agents(): readonly AgentName[] {
    return this.topology.plan.agents;
  }

  get network(): Network {
    if (!this.#network) throw new Error('no network was made yet');
    return this.#network;
  }

  /** Ends all processes in order and removes what the lab made. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.services.stopAll();
      this.topology.remove();
      process.off('exit', this.#onExit);
    })();
    return this.#closing;
  }

  /** Makes the network, the hubs and the laptops at the controller, and enrolls an agent as each. */
  async enrollAll(say: (line: string) => void = () => {}): Promise<void> {
    await this.makeNetwork();
    for (const name of this.agents) {
      const ran = await this.enroll(name, await this.makePeer(name));
      if (ran.code !== 0) throw new Error(`enroll ${name}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
      say(`enrolled ${name} as ${this.overlayAddress(name)}`);
    }
  }

  async makeNetwork(): Promise<void> {
    await this.api.login('admin', ADMIN_PASSWORD);
    const network = { name: 'lab', cidr: OVERLAY.v4, cidr_v6: OVERLAY.v6 };
    this.#network = await this.api.call<Network>('POST', '/networks', network);
  }

  /** Makes the peer that a machine is to be; gives its enrollment token. */
  async makePeer(name: AgentName): Promise<string> {
    const isHub = name.startsWith('hub');
    const hub = { endpoint: `${this.topology.plan.internet[name]}:51820`, listen_port: 51820 };
    const body = { name, is_jump: isHub, use_agent: true, ...(isHub && hub) };
    const peer = await this.api.call<Peer>('POST', this.path('/peers'), body);
    this.peers.set(name, peer);
    this.tokens.set(name, peer.token);
    return peer.token;
  }

  enroll(name: Machine, token: string): Promise<Ran> {
    return this.gatehouse(name, ['enroll', CONTROLLER_URL, '--token', '-', '--allow-http'], `${token}\n`);
  }

  /** Runs the agent's command line on a machine. */
  gatehouse(name: Machine, args: readonly string[], input = ''): Promise<Ran> {
    const [program, ...rest] = this.topology.on(name, [process.execPath, 'agent/main.ts', ...args]);
    return attempt(program, rest, { env: this.#agentEnv(name), cwd: ROOT, input });
  }

  /** What the agent says of itself; undefined while its daemon doesn't answer. */
  status(name: Machine): Promise<AgentStatus | undefined> {
    return ask(this.socketPath(name), 'status').catch(() => undefined);
  }

  /** The same as a person asks for it. */
  async statusByCommand(name: Machine): Promise<AgentStatus> {
    const ran = await this.gatehouse(name, ['status', '--json']);
    if (ran.code !== 0) throw new Error(`status --json: exit ${ran.code}\n${ran.stderr}`);
    return JSON.parse(ran.stdout) as AgentStatus;
  }

  /** Waits until the agent's status is as asked, and gives it. */
  async reaches(
    name: AgentName,
    state: AgentStatus['state'],
    cause?: NonNullable<AgentStatus['cause']>['code'],
    seconds = 180,
  ): Promise<AgentStatus> {
    let last: AgentStatus | undefined;
    const wanted = `${name} to be ${state}${cause ? ` with cause ${cause}` : ''}`;
    return until(
      wanted,
      async () => {
        last = await this.status(name);
        if (last?.state === state && (cause === undefined || last.cause?.code === cause)) return last;
        throw new Error(`it is ${last ? `${last.state} ${JSON.stringify(last.cause)}` : 'silent'}`);
      },
      seconds,
    );
  }

  /** The peer as the controller knows it now. */
  peer(name: AgentName): Promise<Peer> {
    return this.api.call<Peer>('GET', this.peerPath(name));
  }

  /** A path of the API below the network's. */
  path(rest: string): string {
    return `/networks/${this.network.id}${rest}`;
  }

  peerPath(name: AgentName): string {
    return this.path(`/peers/${this.peers.get(name)?.id}`);
  }

  overlayAddress(name: AgentName, family: 4 | 6 = 4): string {
    const peer = this.peers.get(name);
    if (!peer) throw new Error(`${name} is not enrolled`);
    return family === 4 ? peer.address : peer.address_v6;
  }

  async sessions(): Promise<Session[]> {
    return this.api.call<Session[]>('GET', `/networks/${this.network.id}/sessions`);
  }

  /** One echo from machine to machine through the overlay; milliseconds. */
  ping(from: AgentName, to: AgentName): Promise<number | undefined> {
    return pingOnce(this.topology, from, this.overlayAddress(to));
  }

  /**
   * Waits until both laptops reach each other. Both ways at a time: after a hub has lost its sessions, a laptop is
   * found again when it sends.
   */
  async tunnelWorks(seconds = 180): Promise<void> {
    const works = (from: AgentName, to: AgentName): Promise<number> =>
      until(`an echo ${from} → ${to}`, () => this.ping(from, to), seconds);
    await Promise.all([works('alice', 'bob'), works('bob', 'alice')]);
  }

  /** Output of a program on a machine. */
  on(machine: Machine, argv: readonly string[]): Promise<string> {
    const [program, ...args] = this.topology.on(machine, argv);
    return run(program, args);
  }

  /** Loads a firewall on a machine. */
  async nft(machine: Machine, rules: string): Promise<void> {
    const file = this.#path(`${machine}.nft`);
    writeFileSync(file, rules);
    await this.on(machine, ['nft', '-f', file]);
  }

  /** `wg show <interface> dump` without its first row: a foreign program's view of the tunnel. */
  async wg(name: AgentName): Promise<WgPeerRow[]> {
    const text = await this.on(name, ['wg', 'show', this.topology.interfaceName(name), 'dump']);
    return text
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [publicKey = '', presharedKey = '', endpoint = '', allowed = '', handshake, rx, tx] = line.split('\t');
        const allowedIps = allowed === '(none)' ? [] : allowed.split(',');
        const counters = { handshake: Number(handshake), rx: Number(rx), tx: Number(tx) };
        return { publicKey, presharedKey, endpoint, allowedIps, ...counters };
      });
  }

  /** The machine's /etc/resolv.conf as programs on it see it. */
  resolvConf(machine: Machine): string {
    return readFileSync(`/etc/netns/${this.topology.namespace(machine)}/resolv.conf`, 'utf8');
  }

  startController(): void {
    this.services.start({
      name: CONTROLLER,
      argv: this.topology.on('hub', [process.execPath, 'appliance/main.ts']),
      cwd: ROOT,
      log: this.#path('controller.log'),
      env: {
        ...baseEnv(),
        GATEHOUSE_DATA: this.#path('data'),
        GATEHOUSE_LISTEN: `${CONTROLLER_HOST}:${CONTROLLER_PORT}`,
        GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD,
      },
    });
  }

  async controllerReady(): Promise<void> {
    await until('the controller to answer', async () => {
      // A controller that ends at once (a bad setting, a broken build) will not get better by waiting.
      if (this.services.starts(CONTROLLER) > 20) throw new Error('it ends again and again');
      return (await this.api.request('GET', '/health')).status === 200;
    });
  }

  /** Starts a daemon on a machine, under the machine's name. */
  startAgent(name: Machine): void {
    this.services.start({
      name,
      argv: this.topology.on(name, [process.execPath, 'agent/main.ts', 'daemon']),
      cwd: ROOT,
      log: this.#path(`${name}.log`),
      env: this.#agentEnv(name),
    });
  }

  async agentReady(name: Machine): Promise<void> {
    await until(`${name}'s daemon to answer`, async () => (await this.status(name)) !== undefined);
  }

  async #start(): Promise<void> {
    this.services.start({
      name: 'doorway',
      argv: this.topology.on('wan', [
        process.execPath,
        DOORWAY,
        this.#path('door.sock'),
        CONTROLLER_HOST,
        String(CONTROLLER_PORT),
      ]),
      cwd: ROOT,
      log: this.#path('doorway.log'),
      env: baseEnv(),
    });
    this.startController();
    for (const name of this.agents) this.startAgent(name);
    await this.controllerReady();
    for (const name of this.agents) await this.agentReady(name);
  }

  #agentEnv(name: Machine): NodeJS.ProcessEnv {
    return {
      ...baseEnv(),
      GATEHOUSE_AGENT_STATE: this.stateFolder(name),
      GATEHOUSE_AGENT_SOCKET: this.socketPath(name),
      GATEHOUSE_AGENT_INTERFACE: this.topology.interfaceName(name),
    };
  }

  /** Where the daemon of a machine listens: files are shared by all machines. */
  socketPath(name: Machine): string {
    return this.#path(`${name}-run/agent.sock`);
  }

  /** Where the daemon of a machine keeps its state. */
  stateFolder(name: Machine): string {
    return this.#path(name);
  }

  #path(name: string): string {
    return path.join(this.topology.folder, name);
  }
}

/** Of the caller's environment only what a program needs to run: its own settings must not leak into the lab. */
function baseEnv(): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '/root', LANG = 'C.UTF-8', NODE_COMPILE_CACHE } = process.env;
  return { PATH: `${PATH}:/usr/sbin:/sbin`, HOME, LANG, NODE_COMPILE_CACHE };
}
