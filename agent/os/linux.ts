import { AgentError } from '../errors.ts';
import {
  checkName,
  hasNetAdmin,
  LINUX_PATHS,
  type LinuxDeps,
  type LinuxPaths,
  loadJournal,
  NO_PRIVILEGES,
} from './linux/deps.ts';
import { diagnoseLinux } from './linux/diagnose.ts';
import { LinuxTunnel, teardown } from './linux/tunnel.ts';
import type { Platform } from './platform.ts';
import { type Commands, systemCommands } from './run.ts';

export interface LinuxOptions {
  stateDir: string;
  log: (message: string) => void;
  commands?: Commands;
  paths?: Partial<LinuxPaths>;
}

/** Linux: WireGuard in the kernel or by wireguard-go, ip(8), resolvectl, resolvconf or resolv.conf. */
export function linuxPlatform(options: LinuxOptions): Platform {
  const deps: LinuxDeps = {
    stateDir: options.stateDir,
    log: options.log,
    commands: options.commands ?? systemCommands('linux'),
    paths: { ...LINUX_PATHS, ...options.paths },
  };
  return {
    openTunnel: async (name) => {
      checkName(name);
      if (!(await hasNetAdmin(deps.paths))) throw new AgentError('no-privileges', NO_PRIVILEGES);
      return LinuxTunnel.open(deps, name);
    },
    recover: async (name) => {
      checkName(name);
      const journal = await loadJournal(deps, name);
      const { made, dns, sysctls } = journal.data;
      if (made || dns || Object.keys(sysctls).length > 0) await teardown(deps, name, journal);
    },
    diagnose: (name) => diagnoseLinux(deps, name),
  };
}
