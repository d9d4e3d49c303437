import os from 'node:os';
import path from 'node:path';
import { defaultAgentSocket } from '@gatehouse/protocol';

/** The agent's version, as it tells it to the controller and the tray app. */
export const AGENT_VERSION = '0.1.0';

/** The three settings that tell several agents on one machine apart. */
export interface AgentConfig {
  stateDir: string;
  /** Path of the Unix socket, or of the named pipe on Windows. */
  socketPath: string;
  interfaceName: string;
}

/** A setting that can't be used; the message names it. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** `sun_path` of the smallest system (macOS) holds 104 bytes with the final zero. */
const MAX_SOCKET_PATH = 103;

const STATE_DIRS: Partial<Record<NodeJS.Platform, string>> = {
  darwin: '/Library/Application Support/Gatehouse',
  win32: 'C:\\ProgramData\\Gatehouse',
};

/** Reads `GATEHOUSE_AGENT_STATE`, `_SOCKET` and `_INTERFACE`. Throws ConfigError. */
export function readConfig(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = os.platform()): AgentConfig {
  const flavour = platform === 'win32' ? path.win32 : path.posix;
  const setting = (name: string, fallback: string): string => {
    const value = env[name] ?? fallback;
    if (value === '') throw new ConfigError(`${name} is empty: give it a value or unset it (default ${fallback})`);
    return value;
  };
  const stateDir = setting('GATEHOUSE_AGENT_STATE', STATE_DIRS[platform] ?? '/var/lib/gatehouse-agent');
  if (stateDir.includes('\0') || !flavour.isAbsolute(stateDir)) {
    throw new ConfigError(`GATEHOUSE_AGENT_STATE must be an absolute path, not '${stateDir}'`);
  }
  const socketPath = setting('GATEHOUSE_AGENT_SOCKET', defaultAgentSocket(platform));
  if (socketPath.includes('\0') || !flavour.isAbsolute(socketPath)) {
    throw new ConfigError(`GATEHOUSE_AGENT_SOCKET must be an absolute path, not '${socketPath}'`);
  }
  if (platform === 'win32' && !socketPath.startsWith('\\\\.\\pipe\\')) {
    throw new ConfigError(`GATEHOUSE_AGENT_SOCKET must be a named pipe (\\\\.\\pipe\\…), not '${socketPath}'`);
  }
  if (platform !== 'win32' && Buffer.byteLength(socketPath) > MAX_SOCKET_PATH) {
    throw new ConfigError(`GATEHOUSE_AGENT_SOCKET is longer than ${MAX_SOCKET_PATH} bytes: choose a shorter path`);
  }
  const interfaceName = setting('GATEHOUSE_AGENT_INTERFACE', 'gh0');
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(interfaceName) || /^\.{1,2}$/.test(interfaceName)) {
    throw new ConfigError(
      `GATEHOUSE_AGENT_INTERFACE must be 1 to 15 of the characters A-Z a-z 0-9 _ . -, not '${interfaceName}'`,
    );
  }
  return { stateDir, socketPath, interfaceName };
}
