import type { AgentConfig } from '../config.ts';
import { AGENT_VERSION } from '../config.ts';
import { AgentError } from '../errors.ts';
import { type Handlers, type IpcServer, serveIpc } from '../ipc/index.ts';
import type { Platform } from '../os/platform.ts';
import { Daemon } from './daemon.ts';
import { diagnose } from './doctor.ts';
import { makeStateFolder } from './files.ts';
import { claimFormat, StateRefused } from './format.ts';
import { Service } from './handlers.ts';
import { lockFolder } from './lock.ts';
import type { Log } from './log.ts';
import type { DaemonParts } from './parts.ts';
import { Profiles } from './profiles.ts';
import { refusedHandlers } from './refused.ts';
import { AgentStore } from './store.ts';

export interface RunningDaemon {
  /** Takes the tunnel down unless `keep` says to the last that it stays, keeps the target, lets everything go. */
  stop(keep?: () => boolean): Promise<void>;
}

export type Overrides = Pick<
  DaemonParts,
  'clock' | 'random' | 'lookup' | 'fingerprint' | 'collector' | 'posture' | 'names' | 'portal' | 'tickEvery'
>;

/**
 * Starts the agent: local IPC, and the tunnel as the user left it. Throws AgentError when another agent has the
 * socket or the state folder, or when either can't be used. Where the folder isn't to be touched (StateRefused), it only
 * answers so: a daemon that ended would be started again each second, and nobody would be told why.
 */
export async function startDaemon(
  config: AgentConfig,
  platform: Platform,
  log: Log,
  overrides: Overrides = {},
): Promise<RunningDaemon> {
  const unlock = await hold(config.stateDir);
  let server: IpcServer | undefined;
  const serve = (handlers: Handlers): Promise<IpcServer> =>
    serveIpc(config.socketPath, handlers, log.write).catch((error: Error) => {
      throw unusable(error, 'GATEHOUSE_AGENT_SOCKET', config.socketPath);
    });
  try {
    const refused = await claimed(config.stateDir);
    if (refused) {
      const serving = await serve(refusedHandlers(refused, log));
      server = serving;
      log.write(`error: ${refused.message}`);
      log.write(`gatehouse agent ${AGENT_VERSION} does nothing but say so on ${config.socketPath}`);
      return { stop: () => serving.close().finally(unlock) };
    }
    const store = new AgentStore(config.stateDir, log.write);
    const profiles = new Profiles(store, log.write);
    const { interfaceName } = config;
    const daemon = new Daemon({ interfaceName, platform, store, profiles, log: log.write, ...overrides });
    const service = new Service(daemon, profiles, log, () => diagnose(daemon, platform, interfaceName));
    const serving = await serve(service.handlers);
    server = serving;
    await profiles.load();
    await daemon.start();
    service.start();
    log.write(`gatehouse agent ${AGENT_VERSION} ready on ${config.socketPath}, interface ${interfaceName}`);
    return {
      stop: async (keep) => {
        service.stop();
        try {
          await daemon.stop(keep);
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
  } catch (error) {
    throw unusable(error as Error, 'GATEHOUSE_AGENT_STATE', folder);
  }
  if (unlock) return unlock;
  throw new AgentError('internal', `Another Gatehouse agent uses ${folder} (GATEHOUSE_AGENT_STATE).`);
}

/** Why the folder isn't to be touched; null when it is ours. */
async function claimed(folder: string): Promise<StateRefused | null> {
  try {
    await claimFormat(folder);
    return null;
  } catch (error) {
    if (error instanceof StateRefused) return error;
    throw unusable(error as Error, 'GATEHOUSE_AGENT_STATE', folder);
  }
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
