import { AgentError } from '../errors.ts';
import { Firewall } from '../firewall/index.ts';
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
  const { stateDir, log, commands = systemCommands('linux') } = options;
  const firewalls = new Map<string, Firewall>();
  const deps: LinuxDeps = {
    stateDir,
    log,
    commands,
    paths: { ...LINUX_PATHS, ...options.paths },
    firewall: (name) => {
      const firewall = firewalls.get(name) ?? new Firewall({ name, commands, log });
      firewalls.set(name, firewall);
      return firewall;
    },
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
      const { made, firewall, dns, sysctls } = journal.data;
      if (made || firewall || dns || Object.keys(sysctls).length > 0) await teardown(deps, name, journal);
    },
    diagnose: (name) => diagnoseLinux(deps, name),
  };
}
