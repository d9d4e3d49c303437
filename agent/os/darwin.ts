/**
 * macOS: wireguard-go on a utun device, ifconfig(8), route(8), and DNS by scutil(8).
 *
 * Not yet run on macOS: the command lines are tested as recorded, against a stand-in for the system.
 */
import { rm } from 'node:fs/promises';
import type { Finding } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import type { WgBackend } from '../wireguard/backend.ts';
import { uapiBackend, uapiPath } from '../wireguard/uapi.ts';
import type { Platform } from './platform.ts';
import { EMPTY_PLAN } from './portable/plan.ts';
import {
  type Command,
  type Notes,
  type PortableDeps,
  PortableTunnel,
  readNotes,
  undo,
  type Words,
  writeNotes,
} from './portable/tunnel.ts';
import { type Commands, RunError, systemCommands } from './run.ts';

/** The first utun number tried; the system's own services use low ones. */
const FIRST_UTUN = 60;
const LAST_UTUN = 160;

const NO_WIREGUARD = 'wireguard-go is not installed: brew install wireguard-go (the package of Gatehouse brings it)';
const NO_PRIVILEGES = 'no privileges to make network interfaces: run as root (the package starts the daemon so)';

const inet = (text: string): string => (text.includes(':') ? '-inet6' : '-inet');

function dns(name: string, want: Parameters<Words['dns']>[2]): string {
  const key = `State:/Network/Service/gatehouse-${name}/DNS`;
  if (want.servers.length === 0) return `remove ${key}\nquit\n`;
  // An empty match domain takes all names; with domains of its own and no full tunnel the servers serve only those.
  const match = want.exclusive || want.search.length === 0 ? '""' : want.search.join(' ');
  const lines = [
    'd.init',
    `d.add ServerAddresses * ${want.servers.join(' ')}`,
    `d.add SupplementalMatchDomains * ${match}`,
  ];
  if (want.search.length > 0) lines.push(`d.add SearchDomains * ${want.search.join(' ')}`);
  return `${[...lines, `set ${key}`, 'quit'].join('\n')}\n`;
}

export const darwinWords: Words = {
  dnsMode: 'scutil',
  mtu: (device, mtu) => [{ program: '/sbin/ifconfig', args: [device, 'mtu', String(mtu), 'up'] }],
  address: (verb, device, address) => {
    const [host = ''] = address.split('/');
    if (verb === 'delete') {
      const family = address.includes(':') ? 'inet6' : 'inet';
      return [{ program: '/sbin/ifconfig', args: [device, family, host, '-alias'] }];
    }
    // A utun is point to point: IPv4 wants a far end, and its own address will do.
    const args = address.includes(':') ? [device, 'inet6', address, 'alias'] : [device, 'inet', address, host, 'alias'];
    return [{ program: '/sbin/ifconfig', args }];
  },
  route: (verb, device, route) => [
    { program: '/sbin/route', args: ['-q', '-n', verb, inet(route), route, '-interface', device] },
  ],
  bypass: (verb, host, gateway) => [
    { program: '/sbin/route', args: ['-q', '-n', verb, inet(host), '-host', host, '-gateway', gateway] },
  ],
  showGateway: (family) => ({
    program: '/usr/sbin/netstat',
    args: ['-n', '-r', '-f', family === 4 ? 'inet' : 'inet6'],
  }),
  gateway: (answer) =>
    answer
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      // A default route by `link#4` or by another tunnel has no gateway that could be used.
      .find(
        ([target, gateway = '', , device = '']) =>
          target === 'default' &&
          /^[0-9a-f.:%a-z]+$/.test(gateway) &&
          !gateway.startsWith('link') &&
          !device.startsWith('utun'),
      )?.[1],
  dns: (name, _device, want) => [{ program: '/usr/sbin/scutil', args: [], input: dns(name, want) }],
  forwarding: (_device, on): Command[] => [
    { program: '/usr/sbin/sysctl', args: ['-w', `net.inet.ip.forwarding=${on ? 1 : 0}`] },
    { program: '/usr/sbin/sysctl', args: ['-w', `net.inet6.ip6.forwarding=${on ? 1 : 0}`] },
  ],
};

export interface DarwinOptions {
  stateDir: string;
  log: (message: string) => void;
  commands?: Commands;
  /** The device's configuration socket; tests hand in another. */
  backend?: (device: string) => WgBackend;
  uid?: () => number | undefined;
}

export function darwinPlatform(options: DarwinOptions): Platform {
  const deps: PortableDeps = { ...options, commands: options.commands ?? systemCommands('darwin') };
  const backendOf = options.backend ?? ((device) => uapiBackend(device, uapiPath(device, 'darwin')));
  const uid = options.uid ?? (() => process.geteuid?.());

  /** wireguard-go ends when its socket goes, and the utun with it. */
  const removeDevice = (notes: Notes): Promise<void> => rm(uapiPath(notes.device, 'darwin'), { force: true });

  const make = async (): Promise<string> => {
    if (!deps.commands.find('wireguard-go')) throw new AgentError('no-wireguard', NO_WIREGUARD);
    const taken = (await deps.commands.run('/sbin/ifconfig', ['-l'])).trim().split(/\s+/);
    for (let number = FIRST_UTUN; number < LAST_UTUN; number++) {
      const device = `utun${number}`;
      if (taken.includes(device)) continue;
      await rm(uapiPath(device, 'darwin'), { force: true });
      try {
        await deps.commands.run('wireguard-go', [device]);
      } catch (error) {
        const said = error instanceof RunError ? error.stderr : '';
        if (/not permitted/.test(said)) throw new AgentError('no-privileges', NO_PRIVILEGES, { cause: error });
        throw new AgentError('apply-failed', `can't start wireguard-go: ${said.trim()}`, { cause: error });
      }
      return device;
    }
    throw new AgentError('apply-failed', `no utun device is free from ${FIRST_UTUN} to ${LAST_UTUN - 1}`);
  };

  return {
    openTunnel: async (name) => {
      if (uid() !== 0) throw new AgentError('no-privileges', NO_PRIVILEGES);
      let notes = await readNotes(deps, name);
      const alive =
        notes &&
        (await backendOf(notes.device)
          .read()
          .then(
            () => true,
            () => false,
          ));
      if (!notes || !alive) {
        if (notes) await undo(deps, darwinWords, name, notes, removeDevice);
        notes = { device: await make(), driver: 'wireguard-go', plan: EMPTY_PLAN, bypass: {} };
        await writeNotes(deps, name, notes);
      }
      const opened = { device: notes.device, driver: notes.driver, backend: backendOf(notes.device) };
      return new PortableTunnel(name, deps, darwinWords, opened, notes, removeDevice);
    },
    recover: async (name) => {
      const notes = await readNotes(deps, name);
      if (notes) await undo(deps, darwinWords, name, notes, removeDevice);
    },
    diagnose: async (): Promise<Finding[]> => {
      const go = deps.commands.find('wireguard-go');
      const root = uid() === 0;
      return [
        {
          check: 'privileges',
          result: root ? 'ok' : 'failed',
          detail: root ? 'root' : 'not root',
          advice: root ? null : NO_PRIVILEGES,
        },
        {
          check: 'wireguard',
          result: go ? 'ok' : 'failed',
          detail: go ?? 'no wireguard-go',
          advice: go ? null : NO_WIREGUARD,
        },
        { check: 'dns', result: 'ok', detail: 'set by scutil', advice: null },
      ];
    },
  };
}
