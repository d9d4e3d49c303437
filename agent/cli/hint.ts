import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { defaultAgentSocket } from '@gatehouse/protocol';
import { ConnectError, IpcError } from '@gatehouse/protocol/socket';
import { AgentError } from '../errors.ts';
import { Interrupted, UsageError, VersionError } from './exit.ts';

/** The machine, as far as hints go by it; a test gives its own. */
export interface Surroundings {
  platform: NodeJS.Platform;
  exists(file: string): boolean;
  /** Of a folder; undefined where it can't be asked. */
  gid(folder: string): number | undefined;
  /** `/etc/group`, or nothing. */
  groups(): string;
  /** Who runs this. */
  user: string | undefined;
}

const attempt = <T>(ask: () => T): T | undefined => {
  try {
    return ask();
  } catch {
    return undefined;
  }
};

export const surroundings = (env: NodeJS.ProcessEnv): Surroundings => ({
  platform: process.platform,
  exists: existsSync,
  gid: (folder) => attempt(() => statSync(folder).gid),
  groups: () => attempt(() => readFileSync('/etc/group', 'utf8')) ?? '',
  user: env.USER,
});

const UNITS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
const LAUNCHD = '/Library/LaunchDaemons/org.gatehouse.agent.plist';

/** How the service is started (or restarted), where the packages have installed it. */
function service(verb: 'start' | 'restart', socketPath: string, { platform, exists }: Surroundings): string {
  // Another socket is another agent's.
  if (socketPath === defaultAgentSocket(platform)) {
    const unit = UNITS.some((folder) => exists(`${folder}/gatehouse-agent.service`));
    if (platform === 'linux' && unit && exists('/run/systemd/system')) return `sudo systemctl ${verb} gatehouse-agent`;
    if (platform === 'darwin' && exists(LAUNCHD)) {
      return `sudo launchctl kickstart ${verb === 'restart' ? '-k ' : ''}system/org.gatehouse.agent`;
    }
    if (platform === 'win32')
      return `${verb === 'restart' ? 'Restart' : 'Start'}-Service GatehouseAgent (as administrator)`;
  }
  return verb === 'start' ? 'sudo gatehouse daemon' : 'end it, then sudo gatehouse daemon';
}

/** How whoever asks gets the right to open the socket; null where only root has it, or it isn't known. */
function permission(socketPath: string, { platform, gid, groups, user }: Surroundings): string | null {
  if (platform === 'win32')
    return 'Ask an administrator to make you a member of the group Gatehouse Users, then sign in anew.';
  const group = gid(path.dirname(socketPath));
  const entry = groups()
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields.length >= 4 && Number(fields[2]) === group);
  const [name, , , members = ''] = entry ?? [];
  if (name === undefined || group === 0 || platform !== 'linux') return null;
  if (user !== undefined && members.split(',').includes(user)) {
    return `You became a member of the group ${name} after you signed in: sign out and in again, or: newgrp ${name}`;
  }
  return `To be let in from the next sign-in on: sudo usermod -aG ${name} ${user ?? '<you>'}`;
}

/** One line of what to do about an error; null where its message says that already. */
export function hintOf(error: unknown, socketPath: string | undefined, around: Surroundings): string | null {
  if (error instanceof UsageError) return error.hint;
  if (error instanceof Interrupted || socketPath === undefined) return null;
  if (error instanceof VersionError) return `Restart the agent: ${service('restart', socketPath, around)}`;
  if (error instanceof ConnectError) {
    if (error.reason === 'not-permitted') return permission(socketPath, around);
    return `Start it: ${service('start', socketPath, around)}`;
  }
  if (!(error instanceof IpcError || error instanceof AgentError)) return null;
  if (error.code === 'unknown-profile') return 'See: gatehouse profiles';
  return error.code === 'internal' ? 'See: gatehouse logs' : null;
}
