import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Behind, GATEWAY, HOME, MACHINES, type Machine, machinesOf, type Plan } from './plan.ts';
import { attempt, run } from './run.ts';

/** wireguard-go keeps its sockets here; network namespaces share the file system, so all of them see this folder. */
const WIREGUARD_SOCKETS = '/var/run/wireguard';
const NETNS_ETC = '/etc/netns';
const FOLDER_PREFIX = 'gatehouse-lab-';

/** A home router: it masquerades, and lets nobody in who wasn't called. */
const ROUTER_RULES = `table ip gatehouse_lab {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "eth1" oifname "eth0" accept
  }
}
`;

/**
 * Gives the process the machine's host name and an /etc of the lab's own, then becomes the program: the process id stays
 * the one that was spawned. `ip netns exec` by itself has only resolv.conf mounted in the computer's /etc, where the
 * mount is lost, and the computer's file written, as soon as anybody else on the computer replaces that file.
 */
const BECOME = `mount --bind "$1" "$2/resolv.conf" && mount --rbind "$2" /etc && shift 2 &&
echo "$0" >/proc/sys/kernel/hostname && exec "$@"`;

/** What /etc/resolv.conf says on a machine before anyone changes it. */
export const resolvConf = (machine: Machine): string =>
  `# ${machine}: as its provider gave it\nnameserver ${GATEWAY}\nsearch provider.example\n`;

export class Topology {
  /** Six hex digits; two labs on one machine differ in them. */
  readonly id: string;
  /** Everything that the lab writes to disk, mode 0700. */
  readonly folder: string;
  readonly plan: Plan;
  #madeNetnsEtc = false;

  private constructor(id: string, folder: string, plan: Plan) {
    this.id = id;
    this.plan = plan;
    this.folder = folder;
  }

  static async create(plan: Plan = HOME): Promise<Topology> {
    sweep();
    const id = randomBytes(3).toString('hex');
    const folder = mkdtempSync(path.join(os.tmpdir(), `${FOLDER_PREFIX}${id}-`));
    writeFileSync(path.join(folder, 'owner'), owner(process.pid) ?? '');
    const topology = new Topology(id, folder, plan);
    try {
      await topology.#build();
      return topology;
    } catch (error) {
      topology.remove();
      throw error;
    }
  }

  /** A copy of the computer's /etc. */
  get #etc(): string {
    return path.join(this.folder, 'etc');
  }

  namespace(machine: Machine): string {
    return `gh${this.id}-${machine}`;
  }

  /** The WireGuard interface of a machine's agent: unique on this computer, at most 15 characters. */
  interfaceName(machine: Machine): string {
    return `g${this.id}${machine[0]}${/\d*$/.exec(machine)?.[0]}`;
  }

  /** The program and arguments that run `argv` on a machine, under that machine's host name. */
  on(machine: Machine, argv: readonly string[]): [program: string, ...args: string[]] {
    const namespace = this.namespace(machine);
    const files = [path.join(NETNS_ETC, namespace, 'resolv.conf'), this.#etc];
    return ['ip', 'netns', 'exec', namespace, 'unshare', '--uts', 'sh', '-c', BECOME, machine, ...files, ...argv];
  }

  /** What a person types to stand on a machine. */
  enter(machine: Machine): string {
    return `ip netns exec ${this.namespace(machine)} bash`;
  }

  /** Process ids that run on a machine; with `name`, those of that program. */
  processes(machine: Machine, name?: string): number[] {
    return pids(this.namespace(machine)).filter((pid) => name === undefined || commandName(pid) === name);
  }

  /** Pulls the cable between a machine and the internet: carrier is lost, the machine's own settings stay. */
  async unplug(machine: 'hub' | 'alice' | 'router'): Promise<void> {
    await run('ip', ['-n', this.namespace('wan'), 'link', 'set', machine, 'down']);
  }

  async plug(machine: 'hub' | 'alice' | 'router'): Promise<void> {
    await run('ip', ['-n', this.namespace('wan'), 'link', 'set', machine, 'up']);
  }

  /** Takes everything away that this lab made. Safe to call twice, and where a program ends: it waits for nothing. */
  remove(): void {
    removeLab(this.id, this.folder);
    if (!this.#madeNetnsEtc) return;
    try {
      rmdirSync(NETNS_ETC);
    } catch {
      // Another lab stands on it.
    }
  }

  async #build(): Promise<void> {
    // What vanishes meanwhile is no loss.
    await attempt('cp', ['-a', '/etc', this.#etc]);
    rmSync(path.join(this.#etc, 'resolv.conf'), { force: true });
    writeFileSync(path.join(this.#etc, 'resolv.conf'), '');
    this.#madeNetnsEtc = !existsSync(NETNS_ETC);
    for (const machine of machinesOf(this.plan)) {
      const namespace = this.namespace(machine);
      mkdirSync(path.join(NETNS_ETC, namespace), { recursive: true });
      writeFileSync(path.join(NETNS_ETC, namespace, 'resolv.conf'), resolvConf(machine));
      await run('ip', ['netns', 'add', namespace]);
      await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    }
    await this.#internet();
    for (const one of this.plan.behind) await this.#behind(one);
    if (this.plan.router) await this.#masquerade(this.plan.router);
  }

  /** One Ethernet segment plays the internet; its own address is everyone's way out, and leads nowhere. */
  async #internet(): Promise<void> {
    const wan = this.namespace('wan');
    await run('ip', ['-n', wan, 'link', 'add', 'internet', 'type', 'bridge']);
    await run('ip', ['-n', wan, 'address', 'add', `${GATEWAY}/24`, 'dev', 'internet']);
    await run('ip', ['-n', wan, 'link', 'set', 'internet', 'up']);
    for (const [machine, address] of Object.entries(this.plan.internet) as [Machine, string][]) {
      const there = this.namespace(machine);
      const ends = ['link', 'add', machine, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', there];
      await run('ip', ['-n', wan, ...ends]);
      await run('ip', ['-n', wan, 'link', 'set', machine, 'master', 'internet', 'up']);
      await run('ip', ['-n', there, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
      await run('ip', ['-n', there, 'link', 'set', 'eth0', 'up']);
      await run('ip', ['-n', there, 'route', 'add', 'default', 'via', GATEWAY]);
    }
  }

  /** A machine behind another, which is its way out. */
  async #behind({ machine, gateway, inside, addresses }: Behind): Promise<void> {
    const [outer, inner] = [this.namespace(gateway), this.namespace(machine)];
    await run('ip', ['-n', outer, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inner]);
    await run('ip', ['-n', outer, 'address', 'add', `${inside}/24`, 'dev', 'eth1']);
    await run('ip', ['-n', outer, 'link', 'set', 'eth1', 'up']);
    for (const address of addresses) await run('ip', ['-n', inner, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    await run('ip', ['-n', inner, 'link', 'set', 'eth0', 'up']);
    await run('ip', ['-n', inner, 'route', 'add', 'default', 'via', inside]);
  }

  async #masquerade(router: Machine): Promise<void> {
    const namespace = this.namespace(router);
    await run('ip', ['netns', 'exec', namespace, 'tee', '/proc/sys/net/ipv4/ip_forward'], { input: '1\n' });
    const rules = path.join(this.folder, 'router.nft');
    writeFileSync(rules, ROUTER_RULES);
    await run('ip', ['netns', 'exec', namespace, 'nft', '-f', rules]);
  }
}

/** `ip` without its output, empty when it fails: for questions about things that may be gone. */
function quiet(args: string[], program = 'ip'): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

const pids = (namespace: string): number[] =>
  quiet(['netns', 'pids', namespace]).split('\n').filter(Boolean).map(Number);

function commandName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** A process id and when it began (clock ticks since boot, proc_pid_stat(5) field 22); undefined when it is gone. */
function owner(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}

function removeLab(id: string, folder: string): void {
  const namespaces = MACHINES.map((machine) => `gh${id}-${machine}`);
  for (const namespace of namespaces) {
    // More than once: a process may have started another in between.
    for (let round = 0, alive = pids(namespace); alive.length > 0 && round < 50; round++, alive = pids(namespace)) {
      for (const pid of alive) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
    }
    quiet(['netns', 'delete', namespace]);
    rmSync(path.join(NETNS_ETC, namespace), { recursive: true, force: true });
  }
  if (existsSync(WIREGUARD_SOCKETS)) {
    for (const file of readdirSync(WIREGUARD_SOCKETS)) {
      if (file.startsWith(`g${id}`)) rmSync(path.join(WIREGUARD_SOCKETS, file), { force: true });
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Removes labs whose program was killed before it could tidy up. */
function sweep(): void {
  for (const name of readdirSync(os.tmpdir())) {
    const id = new RegExp(`^${FOLDER_PREFIX}([0-9a-f]{6})-`).exec(name)?.[1];
    if (id === undefined) continue;
    const folder = path.join(os.tmpdir(), name);
    try {
      const text = readFileSync(path.join(folder, 'owner'), 'utf8');
      if (owner(Number(text.split(' ')[0])) !== text) removeLab(id, folder);
    } catch {
      // Without an owner's name it is being made or removed at this moment: leave it.
    }
  }
}
