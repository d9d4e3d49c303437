import { AgentError } from '../errors.ts';
import { darwinPlatform } from './darwin.ts';
import { linuxPlatform } from './linux.ts';
import type { Platform } from './platform.ts';
import { windowsPlatform } from './windows.ts';

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
    case 'darwin':
      return darwinPlatform({ stateDir, log });
    case 'win32':
      return windowsPlatform({ stateDir, log });
    default:
      throw new AgentError('no-wireguard', `the agent doesn't run on ${platform}: it knows Linux, macOS and Windows`);
  }
}
