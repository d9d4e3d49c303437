import { AgentError } from '../errors.ts';
import { linuxPlatform } from './linux.ts';
import type { Platform } from './platform.ts';

export type { DeviceStat, PeerStat, Platform, Tunnel, TunnelConfig } from './platform.ts';

export interface PlatformOptions {
  /** `process.platform` */
  platform: NodeJS.Platform;
  /** The agent's state folder: the adapter notes there what to put back. */
  stateDir: string;
  log: (message: string) => void;
}

/** The adapter for this operating system. Throws AgentError `no-wireguard` where there is none. */
export function createPlatform({ platform, stateDir, log }: PlatformOptions): Platform {
  switch (platform) {
    case 'linux':
      return linuxPlatform({ stateDir, log });
    default:
      throw new AgentError('no-wireguard', `the agent doesn't run on ${platform}: it knows Linux, macOS and Windows`);
  }
}
