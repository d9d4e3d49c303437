import type { AgentStatus, IpcMethod, IpcParams, IpcResult } from '@gatehouse/protocol';
import { callDaemon, IpcError, watchDaemon } from '@gatehouse/protocol/socket';
import { AGENT_VERSION } from '../config.ts';
import { VersionError } from './exit.ts';

/** The daemon behind a socket, as the commands ask it. */
export class DaemonLink {
  readonly socketPath: string;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Throws IpcError, ConnectError, and VersionError when the daemon is older than the method. */
  async call<M extends Exclude<IpcMethod, 'watch'>>(method: M, params: IpcParams<M>): Promise<IpcResult<M>> {
    try {
      return await callDaemon(this.socketPath, method, params);
    } catch (error) {
      // The words by which every daemon so far says so.
      const unknown =
        error instanceof IpcError && error.code === 'bad-request' && /^There is no method/.test(error.message);
      if (!unknown) throw error;
      const theirs = await this.#version();
      throw new VersionError(
        `the agent that runs${theirs === undefined ? '' : `, ${theirs},`} is older than this program, ${AGENT_VERSION}, and doesn't know '${method}'`,
        { cause: error },
      );
    }
  }

  watch(onEvent: (status: AgentStatus) => void, signal: AbortSignal): Promise<void> {
    return watchDaemon(this.socketPath, onEvent, signal);
  }

  /**
   * An answer for people. Throws VersionError where it isn't such as this program knows, which is no reason to keep it from
   * programs that ask for JSON.
   */
  async render(show: () => string): Promise<string> {
    try {
      return show();
    } catch (error) {
      const theirs = await this.#version();
      throw new VersionError(
        `the agent's answer is not understood: it is ${theirs ?? 'of an unknown version'}, and this program is ${AGENT_VERSION}`,
        { cause: error },
      );
    }
  }

  async #version(): Promise<string | undefined> {
    const status: unknown = await callDaemon(this.socketPath, 'status', {}).catch(() => undefined);
    const version = typeof status === 'object' && status !== null && 'version' in status ? status.version : undefined;
    return typeof version === 'string' ? version : undefined;
  }
}
