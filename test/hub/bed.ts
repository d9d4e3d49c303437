/**
 * A hub, its peers and a LAN behind it, each a network namespace. The peers hang on a bridge that stands in for the
 * WireGuard interface: the firewall knows the interface by its name only, and each peer has its address only, so that
 * all goes through the hub.
 */
import { execFileSync } from 'node:child_process';
import { type Commands, systemCommands } from '../../agent/os/run.ts';
import { type Probe, startProbe } from './probe.ts';

/** The hub's interface that the firewall judges, and the one to the LAN. */
export const WG = 'gh0';
export const LAN_SIDE = 'lan0';

export interface Bed {
  /** The address n of the overlay: 1 is the hub. */
  v4(n: number): string;
  v6(n: number): string;
  hub: Probe;
  /** From 2 on. */
  peers: Map<number, Probe>;
  lan: Probe;
  /** Runs programs in the hub's namespace. */
  commands: Commands;
  inHub(...command: string[]): string;
  remove(): Promise<void>;
}

const sh = (...command: string[]): string => execFileSync(command[0]!, command.slice(1), { encoding: 'utf8' });

let beds = 0;

/** `lan` are the addresses that answer behind the hub; all that isn't the overlay's leads there. */
export function makeBed(peers: number, lan: string[]): Bed {
  const tag = `${process.pid.toString(36)}${beds++}`;
  const ns = (name: string): string => `gf${tag}-${name}`;
  const v4 = (n: number): string => `10.77.0.${n}`;
  const v6 = (n: number): string => `fd77::${n.toString(16)}`;
  const mac = (n: number): string => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
  const spaces = [ns('hub'), ns('lan')];
  for (let n = 2; n <= peers + 1; n++) spaces.push(ns(`p${n}`));
  const lines = new Map(spaces.map((space): [string, string[]] => [space, ['link set lo up']]));
  const at = (space: string, ...commands: string[]): void => void lines.get(space)!.push(...commands);
  for (const space of spaces) {
    sh('ip', 'netns', 'add', space);
    for (const key of ['net/ipv4/conf/all/rp_filter', 'net/ipv4/conf/default/rp_filter'])
      sh('ip', 'netns', 'exec', space, 'sh', '-c', `echo 0 > /proc/sys/${key}`);
    sh(
      'ip',
      'netns',
      'exec',
      space,
      'sh',
      '-c',
      'echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad',
    );
  }
  const [hub, outside] = [ns('hub'), ns('lan')];
  at(hub, `link add ${WG} type bridge`, `link set ${WG} address ${mac(1)}`);
  at(hub, `address add ${v4(1)}/16 dev ${WG}`, `address add ${v6(1)}/64 dev ${WG} nodad`, `link set ${WG} up`);
  at(hub, `link add ${LAN_SIDE} type veth peer name eth0 netns ${outside}`);
  at(hub, `address add 192.0.2.1/24 dev ${LAN_SIDE}`, `address add 2001:db8::1/64 dev ${LAN_SIDE} nodad`);
  at(hub, `link set ${LAN_SIDE} up`, 'route add default via 192.0.2.2', 'route add default via 2001:db8::2');
  at(outside, 'address add 192.0.2.2/24 dev eth0', 'address add 2001:db8::2/64 dev eth0 nodad', 'link set eth0 up');
  at(outside, `route add ${v4(0)}/16 via 192.0.2.1`, `route add fd77::/64 via 2001:db8::1`);
  for (const address of lan) at(outside, `address add ${address} dev lo${address.includes(':') ? ' nodad' : ''}`);
  for (let n = 2; n <= peers + 1; n++) {
    const space = ns(`p${n}`);
    at(
      hub,
      `link add p${n} type veth peer name eth0 netns ${space}`,
      `link set p${n} master ${WG}`,
      `link set p${n} up`,
    );
    at(space, `link set eth0 address ${mac(n)}`, 'link set eth0 up');
    at(space, `address add ${v4(n)}/32 dev eth0`, `address add ${v6(n)}/128 dev eth0 nodad`);
    at(space, `route add ${v4(1)} dev eth0`, `route add ${v6(1)} dev eth0`);
    // WireGuard asks nobody for link addresses, and the firewall lets nobody answer.
    for (const hop of [v4(1), v6(1)]) at(space, `neighbor add ${hop} lladdr ${mac(1)} dev eth0 nud permanent`);
    for (const hop of [v4(n), v6(n)]) at(hub, `neighbor add ${hop} lladdr ${mac(n)} dev ${WG} nud permanent`);
    at(space, `route add default via ${v4(1)} onlink dev eth0`, `route add default via ${v6(1)} dev eth0`);
  }
  for (const space of [hub, outside, ...spaces.slice(2)])
    execFileSync('ip', ['-n', space, '-batch', '-'], {
      input: lines.get(space)!.join('\n'),
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  for (const key of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'])
    sh('ip', 'netns', 'exec', hub, 'sh', '-c', `echo 1 > /proc/sys/${key}`);
  for (const key of ['all', WG])
    sh('ip', 'netns', 'exec', hub, 'sh', '-c', `echo 0 > /proc/sys/net/ipv4/conf/${key}/send_redirects`);

  const system = systemCommands('linux');
  const probes = new Map(spaces.map((space) => [space, startProbe(space)]));
  return {
    v4,
    v6,
    hub: probes.get(hub)!,
    lan: probes.get(outside)!,
    peers: new Map(spaces.slice(2).map((space, i) => [i + 2, probes.get(space)!])),
    commands: {
      ...system,
      run: (program, args, input) => system.run('ip', ['netns', 'exec', hub, program, ...args], input),
    },
    inHub: (...command) => sh('ip', 'netns', 'exec', hub, ...command),
    remove: async () => {
      for (const probe of probes.values()) await probe.stop();
      for (const space of spaces) sh('ip', 'netns', 'delete', space);
    },
  };
}

/** Polls until it holds. */
export async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 10));
}
