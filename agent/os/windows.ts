/**
 * Windows: WireGuardNT by the tunnel service of WireGuard for Windows and `wg.exe`, else wireguard-go by its named pipe;
 * addresses, routes and DNS by netsh.
 *
 * Not yet run on Windows: the command lines are tested as recorded, against a stand-in for the system.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import type { WgBackend } from '../wireguard/backend.ts';
import { parseCidr } from '../wireguard/cidr.ts';
import { uapiBackend, uapiPath } from '../wireguard/uapi.ts';
import { wgToolBackend } from '../wireguard/wg-tool.ts';
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

const NO_WIREGUARD =
  'WireGuard is not installed: install WireGuard for Windows (wireguard.com/install), or Gatehouse with its installer';
const NO_PRIVILEGES =
  'no privileges to make network interfaces: run as administrator (the installer makes a service that does)';

/** How long a fresh device may take to answer: this many looks, this far apart. */
const LOOKS = 100;
const LOOK_MS = 100;

/** Where programs lie. Absolute, so that no folder of the user's comes first. */
export interface WindowsPaths {
  system32: string;
  /** WireGuard for Windows: wireguard.exe and wg.exe. */
  wireguard: string;
  /** wireguard-go.exe beside the agent. */
  wireguardGo: string;
}

const isIpv6 = (text: string): boolean => text.includes(':');

/** The prefix length as a dotted mask: 24 is 255.255.255.0. */
function dottedMask(prefix: number): string {
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.');
}

export function windowsWords(paths: WindowsPaths): Words {
  const system = (program: string, ...args: string[]): Command => ({
    program: path.win32.join(paths.system32, program),
    args,
  });
  const netsh = (text: string, ...args: string[]): Command =>
    system('netsh.exe', 'interface', isIpv6(text) ? 'ipv6' : 'ipv4', ...args);
  return {
    dnsMode: 'netsh',
    mtu: (device, mtu) =>
      ['.', ':'].map((family) => netsh(family, 'set', 'subinterface', device, `mtu=${mtu}`, 'store=active')),
    address: (verb, device, address) => {
      const [host = ''] = address.split('/');
      if (isIpv6(address)) {
        const value = verb === 'add' ? address : host;
        return [netsh(address, verb, 'address', `interface=${device}`, `address=${value}`, 'store=active')];
      }
      const mask = verb === 'add' ? [`mask=${dottedMask(parseCidr(address).prefix)}`] : [];
      return [netsh(address, verb, 'address', `name=${device}`, `address=${host}`, ...mask, 'store=active')];
    },
    route: (verb, device, route) => [
      netsh(
        route,
        verb,
        'route',
        `prefix=${route}`,
        `interface=${device}`,
        `nexthop=${isIpv6(route) ? '::' : '0.0.0.0'}`,
        'store=active',
      ),
    ],
    bypass: (verb, host, gateway) => {
      if (isIpv6(host)) return [system('route.exe', verb, `${host}/128`, ...(verb === 'add' ? [gateway] : []))];
      return [system('route.exe', verb, host, ...(verb === 'add' ? ['mask', '255.255.255.255', gateway] : []))];
    },
    showGateway: (family) => system('route.exe', 'print', family === 4 ? '-4' : '-6'),
    // "0.0.0.0  0.0.0.0  gateway  interface  metric" and "if metric ::/0 gateway", in every language of the system.
    gateway: (answer, family) =>
      answer
        .split(/\r?\n/)
        .map((line) => line.trim().split(/\s+/))
        .flatMap((words) => {
          if (family === 6) return words[2] === '::/0' && words[3]?.includes(':') ? words[3] : [];
          return words[0] === '0.0.0.0' && words[1] === '0.0.0.0' && /^\d+\.\d+\.\d+\.\d+$/.test(words[2] ?? '')
            ? words[2]!
            : [];
        })[0],
    dns: (_name, device, want) => {
      const commands: Command[] = [];
      for (const family of ['.', ':']) {
        const servers = want.servers.filter((server) => isIpv6(server) === isIpv6(family));
        const [first, ...rest] = servers;
        if (first === undefined) commands.push(netsh(family, 'set', 'dnsservers', `name=${device}`, 'source=dhcp'));
        else
          commands.push(
            netsh(
              family,
              'set',
              'dnsservers',
              `name=${device}`,
              'source=static',
              `address=${first}`,
              'register=none',
              'validate=no',
            ),
          );
        for (const [i, server] of rest.entries())
          commands.push(
            netsh(family, 'add', 'dnsservers', `name=${device}`, `address=${server}`, `index=${i + 2}`, 'validate=no'),
          );
      }
      // The values are checked (letters, digits, dots, hyphens), so they can't leave PowerShell's quotes.
      const suffix = `Set-DnsClient -InterfaceAlias '${device}' -ConnectionSpecificSuffix '${want.search[0] ?? ''}'`;
      commands.push(
        system('WindowsPowerShell\\v1.0\\powershell.exe', '-NoProfile', '-NonInteractive', '-Command', suffix),
      );
      return commands;
    },
    forwarding: (device, on) =>
      ['.', ':'].map((family) =>
        netsh(family, 'set', 'interface', device, `forwarding=${on ? 'enabled' : 'disabled'}`, 'store=active'),
      ),
  };
}

export interface WindowsOptions {
  stateDir: string;
  log: (message: string) => void;
  commands?: Commands;
  paths?: WindowsPaths;
  /** The device's named pipe; tests hand in another. */
  pipe?: (device: string) => WgBackend;
}

function windowsPaths(): WindowsPaths {
  const { SystemRoot = 'C:\\Windows', ProgramFiles = 'C:\\Program Files' } = process.env;
  return {
    system32: path.win32.join(SystemRoot, 'System32'),
    wireguard: path.win32.join(ProgramFiles, 'WireGuard'),
    wireguardGo: path.win32.join(path.dirname(process.execPath), 'wireguard-go.exe'),
  };
}

export function windowsPlatform(options: WindowsOptions): Platform {
  const paths = options.paths ?? windowsPaths();
  const deps: PortableDeps = { ...options, commands: options.commands ?? systemCommands('win32') };
  const words = windowsWords(paths);
  const system32 = (program: string): string => path.win32.join(paths.system32, program);
  const service = path.win32.join(paths.wireguard, 'wireguard.exe');
  const wg = path.win32.join(paths.wireguard, 'wg.exe');
  const pipe = options.pipe ?? ((device) => uapiBackend(device, uapiPath(device, 'win32')));
  const tool: Commands = { ...deps.commands, run: (_program, args, input) => deps.commands.run(wg, args, input) };
  const backendOf = (driver: string, name: string): WgBackend =>
    driver === 'wireguard-nt' ? wgToolBackend(name, tool) : pipe(name);
  const alive = (backend: WgBackend): Promise<boolean> =>
    backend.read().then(
      () => true,
      () => false,
    );

  const isAdministrator = (): Promise<boolean> =>
    // Answers to administrators only, and changes nothing.
    deps.commands.run(system32('fltmc.exe'), ['filters']).then(
      () => true,
      () => false,
    );

  const removeDevice = async ({ device, driver, pid }: Notes): Promise<void> => {
    if (driver === 'wireguard-nt') {
      await deps.commands.run(service, ['/uninstalltunnelservice', device]).catch(() => '');
    } else if (pid !== undefined) {
      // By name too, since the number may be another process's by now.
      const filters = ['/FI', `PID eq ${pid}`, '/FI', 'IMAGENAME eq wireguard-go.exe'];
      await deps.commands.run(system32('taskkill.exe'), ['/F', ...filters]).catch(() => '');
    }
  };

  /** The service of WireGuard for Windows holds the adapter, so the tunnel outlives the daemon. */
  const makeService = async (name: string): Promise<void> => {
    const file = path.join(deps.stateDir, `${name}.conf`);
    // The service wants a key to begin with; the real one is set over the driver and is in no file.
    const key = randomBytes(32);
    key[0]! &= 248;
    key[31] = (key[31]! & 127) | 64;
    await mkdir(deps.stateDir, { recursive: true, mode: 0o700 });
    await writeFile(file, `[Interface]\r\nPrivateKey = ${key.toString('base64')}\r\n`, { mode: 0o600 });
    await deps.commands.run(service, ['/installtunnelservice', file]);
  };

  const make = async (name: string): Promise<Notes> => {
    const empty = { device: name, plan: EMPTY_PLAN, bypass: {} };
    let notes: Notes;
    try {
      if (deps.commands.find(service) && deps.commands.find(wg)) {
        notes = { ...empty, driver: 'wireguard-nt' };
        await writeNotes(deps, name, notes);
        await makeService(name);
      } else if (deps.commands.find(paths.wireguardGo)) {
        notes = { ...empty, driver: 'wireguard-go', pid: await deps.commands.launch(paths.wireguardGo, [name]) };
        await writeNotes(deps, name, notes);
      } else throw new AgentError('no-wireguard', NO_WIREGUARD);
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      throw new AgentError('apply-failed', `can't start WireGuard: ${error.message}`, { cause: error });
    }
    for (let look = 0; look < LOOKS; look++) {
      if (await alive(backendOf(notes.driver, name))) return notes;
      await sleep(LOOK_MS);
    }
    throw new AgentError('no-wireguard', `WireGuard (${notes.driver}) started, but the device ${name} does not answer`);
  };

  return {
    openTunnel: async (name) => {
      if (!/^[A-Za-z0-9_-]{1,32}$/.test(name))
        throw new AgentError('apply-failed', `${JSON.stringify(name)} can't be an interface's name`);
      if (!(await isAdministrator())) throw new AgentError('no-privileges', NO_PRIVILEGES);
      let notes = await readNotes(deps, name);
      if (notes && !(await alive(backendOf(notes.driver, name)))) {
        await undo(deps, words, name, notes, removeDevice);
        notes = null;
      }
      notes ??= await make(name);
      const opened = { device: name, driver: notes.driver, backend: backendOf(notes.driver, name) };
      return new PortableTunnel(name, deps, words, opened, notes, removeDevice);
    },
    recover: async (name) => {
      const notes = await readNotes(deps, name);
      if (notes) await undo(deps, words, name, notes, removeDevice);
      await rm(path.join(deps.stateDir, `${name}.conf`), { force: true });
    },
    diagnose: async (): Promise<Finding[]> => {
      const administrator = await isAdministrator();
      const found = [service, paths.wireguardGo].find((program) => deps.commands.find(program));
      return [
        {
          check: 'privileges',
          result: administrator ? 'ok' : 'failed',
          detail: administrator ? 'administrator' : 'not an administrator',
          advice: administrator ? null : NO_PRIVILEGES,
        },
        {
          check: 'wireguard',
          result: found ? 'ok' : 'failed',
          detail: found ?? 'not installed',
          advice: found ? null : NO_WIREGUARD,
        },
        { check: 'dns', result: 'ok', detail: 'set by netsh', advice: null },
      ];
    },
  };
}
