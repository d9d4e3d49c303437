import { readFile } from 'node:fs/promises';
import { AgentError } from '../../errors.ts';
import type { Firewall } from '../../firewall/index.ts';
import { type Commands, RunError } from '../run.ts';
import { withTempFiles } from '../temp.ts';
import { type LinkFound, parseLink } from './ip-plan.ts';
import { Journal } from './journal.ts';

/** Where things lie on Linux; tests put some of them elsewhere. */
export const LINUX_PATHS = {
  procSys: '/proc/sys',
  processStatus: '/proc/self/status',
  resolvConf: '/etc/resolv.conf',
  interfaceOrder: '/etc/resolvconf/interface-order',
  uapiFolder: '/var/run/wireguard',
  tun: '/dev/net/tun',
  module: '/sys/module/wireguard',
};
export type LinuxPaths = typeof LINUX_PATHS;

export interface LinuxDeps {
  commands: Commands;
  /** The agent's state folder. */
  stateDir: string;
  log: (message: string) => void;
  paths: LinuxPaths;
  /** An interface's firewall: one for as long as the process runs, since it outlives the device. */
  firewall(name: string): Firewall;
}

/** Linux interface names that are safe in a file name and on a command line (IFNAMSIZ: 15 characters). */
export function checkName(name: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_=+.-]{0,14}$/.test(name))
    throw new AgentError(
      'apply-failed',
      `${JSON.stringify(name)} can't be an interface's name: use 1 to 15 letters and digits`,
    );
}

/** CAP_NET_ADMIN is bit 12 of the effective capabilities (capability.h). */
export async function hasNetAdmin(paths: LinuxPaths): Promise<boolean> {
  const status = await readFile(paths.processStatus, 'utf8').catch(() => '');
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  if (!match) return process.geteuid?.() === 0;
  return ((BigInt(`0x${match[1]}`) >> 12n) & 1n) === 1n;
}

export const NO_PRIVILEGES =
  'no privileges to make network interfaces: run as root or with CAP_NET_ADMIN (the packages start the daemon so)';

export async function loadJournal(deps: LinuxDeps, name: string): Promise<Journal> {
  const bootId = await readFile(`${deps.paths.procSys}/kernel/random/boot_id`, 'utf8').catch(() => '');
  return Journal.load(deps.stateDir, name, bootId.trim());
}

/** The interface; null when there is none of that name. */
export async function findLink(deps: LinuxDeps, name: string): Promise<LinkFound | null> {
  try {
    return parseLink(await deps.commands.run('ip', ['-j', '-d', 'address', 'show', 'dev', name]));
  } catch (error) {
    if (error instanceof RunError && /does not exist|Cannot find device/.test(error.stderr)) return null;
    throw failed(error, 'can’t look at the interface');
  }
}

/** What a program said, as an AgentError that people can act on. */
export function failed(error: unknown, what: string): AgentError {
  if (error instanceof AgentError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof RunError) {
    if (/Operation not permitted/.test(error.stderr))
      return new AgentError('no-privileges', NO_PRIVILEGES, { cause: error });
    if (error.code === 'ENOENT')
      return new AgentError('apply-failed', `${what}: ${text}: install it (on Debian: apt install iproute2)`, {
        cause: error,
      });
  }
  return new AgentError('apply-failed', `${what}: ${text}`, { cause: error });
}

/** Runs lines of ip(8) from a file; on failure the error has the line. */
export async function ipBatch(deps: LinuxDeps, options: string[], lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await withTempFiles([`${lines.join('\n')}\n`], async ([file]) => {
    try {
      await deps.commands.run('ip', [...options, '-batch', file!]);
    } catch (error) {
      const said = error instanceof RunError ? error.stderr : '';
      const line = lines[Number(/Command failed .*:(\d+)/.exec(said)?.[1] ?? 0) - 1];
      if (line === undefined || /Operation not permitted/.test(said)) throw failed(error, 'ip -batch');
      const reason = said.replace(/^Command failed.*$/m, '').trim();
      throw new AgentError('apply-failed', `ip ${line}: ${reason}`, { cause: error });
    }
  });
}
