import type { AgentConfig } from '../config.ts';
import { AGENT_VERSION } from '../config.ts';
import { AgentError } from '../errors.ts';
import { type IpcServer, serveIpc } from '../ipc/index.ts';
import type { Platform } from '../os/platform.ts';
import { Daemon } from './daemon.ts';
import { diagnose } from './doctor.ts';
import { makeStateFolder } from './files.ts';
import { claimFormat } from './format.ts';
import { Service } from './handlers.ts';
import { lockFolder } from './lock.ts';
import type { Log } from './log.ts';
import type { DaemonParts } from './parts.ts';
import { Profiles } from './profiles.ts';
import { AgentStore } from './store.ts';

export interface RunningDaemon {
  /** Takes the tunnel down unless it is to be kept, keeps the target, lets everything go. */
  stop(options?: { keep?: boolean }): Promise<void>;
}

export type Overrides = Pick<
  DaemonParts,
  'clock' | 'random' | 'lookup' | 'fingerprint' | 'collector' | 'posture' | 'names' | 'portal' | 'tickEvery'
>;

/**
 * Starts the agent: local IPC, and the tunnel as the user left it. Throws AgentError when another agent has the
 * socket or the state folder, or when either can't be used.
 */
export async function startDaemon(
  config: AgentConfig,
  platform: Platform,
  log: Log,
  overrides: Overrides = {},
): Promise<RunningDaemon> {
  const unlock = await hold(config.stateDir);
  let server: IpcServer | undefined;
  try {
    const store = new AgentStore(config.stateDir, log.write);
    const profiles = new Profiles(store, log.write);
    const { interfaceName } = config;
    const daemon = new Daemon({ interfaceName, platform, store, profiles, log: log.write, ...overrides });
    const service = new Service(daemon, profiles, log, () => diagnose(daemon, platform, interfaceName));
    const serving = await serveIpc(config.socketPath, service.handlers, log.write).catch((error: Error) => {
      throw unusable(error, 'GATEHOUSE_AGENT_SOCKET', config.socketPath);
    });
    server = serving;
    await profiles.load();
    await daemon.start();
    service.start();
    log.write(`gatehouse agent ${AGENT_VERSION} ready on ${config.socketPath}, interface ${interfaceName}`);
    return {
      stop: async (options) => {
        service.stop();
        try {
          await daemon.stop(options);
        } finally {
          await serving.close();
          unlock();
        }
      },
    };
  } catch (error) {
    // An open socket would keep the process, and nobody would start it again.
    await server?.close();
    unlock();
    throw error;
  }
}

async function hold(folder: string): Promise<() => void> {
  let unlock: (() => void) | null = null;
  try {
    await makeStateFolder(folder);
    unlock = lockFolder(folder);
    if (unlock) await claimFormat(folder);
  } catch (error) {
    unlock?.();
    throw unusable(error as Error, 'GATEHOUSE_AGENT_STATE', folder);
  }
  if (unlock) return unlock;
  throw new AgentError('internal', `Another Gatehouse agent uses ${folder} (GATEHOUSE_AGENT_STATE).`);
}

function unusable(error: Error, setting: string, path: string): AgentError {
  if (error instanceof AgentError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return new AgentError(
      'no-privileges',
      `${path} (${setting}) may not be used: run the daemon as root, or choose another place.`,
      { cause: error },
    );
  }
  return new AgentError('internal', `${path} (${setting}) can't be used: ${error.message}`, { cause: error });
}
