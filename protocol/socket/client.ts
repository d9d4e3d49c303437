import { createConnection, type Socket } from 'node:net';
import { Compile } from 'typebox/compile';
import {
  IPC_MAX_LINE,
  type IpcErrorCode,
  type IpcMethod,
  type IpcParams,
  IpcResponse,
  type IpcResult,
} from '../ipc.ts';
import type { AgentStatus } from '../status.ts';
import { LineReader } from './lines.ts';

/** What the daemon said no with; the message says what to do. */
export class IpcError extends Error {
  readonly code: IpcErrorCode;
  constructor(code: IpcErrorCode, message: string) {
    super(message);
    this.name = 'IpcError';
    this.code = code;
  }
}

/** The daemon can't be spoken to: `not-running`, or `not-permitted` to open its socket. */
export class ConnectError extends Error {
  readonly reason: 'not-running' | 'not-permitted';
  constructor(reason: ConnectError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnectError';
    this.reason = reason;
  }
}

const response = Compile(IpcResponse);

function connect(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const denied = error.code === 'EACCES' || error.code === 'EPERM';
      const message = denied
        ? `You may not speak to the agent on ${socketPath}: use sudo, or join the group that the socket belongs to.`
        : `The agent doesn't run: nothing answers on ${socketPath}.`;
      reject(new ConnectError(denied ? 'not-permitted' : 'not-running', message, { cause: error }));
    });
  });
}

/** Sends one request and gives each line of the answer to `take`, until that returns true or the daemon hangs up. */
async function exchange(
  socketPath: string,
  method: IpcMethod,
  params: object,
  take: (answer: { result?: unknown; event?: unknown }) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const socket = await connect(socketPath);
  const reader = new LineReader(IPC_MAX_LINE);
  const abort = () => socket.destroy();
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  try {
    socket.write(`${JSON.stringify({ id: 1, method, params })}\n`);
    for await (const chunk of socket) {
      const lines = reader.push(chunk as Buffer);
      if (!lines) throw new IpcError('internal', `The agent's answer is longer than ${IPC_MAX_LINE} bytes.`);
      for (const line of lines) {
        const answer: unknown = JSON.parse(line);
        if (!response.Check(answer)) throw new IpcError('internal', "The agent's answer is not understood: update.");
        if (answer.error) throw new IpcError(answer.error.code, answer.error.message);
        if (take(answer)) return;
      }
    }
  } catch (error) {
    if (signal?.aborted || error instanceof IpcError) throw error;
    throw new ConnectError('not-running', 'The agent hung up: it was stopped, or failed. See its log.', {
      cause: error,
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
  if (!signal?.aborted) throw new ConnectError('not-running', 'The agent hung up: it was stopped. See its log.');
}

/** Calls one method of the daemon. Throws IpcError with the daemon's code, or ConnectError. */
export async function callDaemon<M extends Exclude<IpcMethod, 'watch'>>(
  socketPath: string,
  method: M,
  params: IpcParams<M>,
): Promise<IpcResult<M>> {
  let result: unknown;
  await exchange(socketPath, method, params, (answer) => {
    result = answer.result;
    return true;
  });
  return result as IpcResult<M>;
}

/** Gives each status to `onEvent` until `signal` aborts; throws when the daemon goes away before. */
export async function watchDaemon(
  socketPath: string,
  onEvent: (status: AgentStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    await exchange(
      socketPath,
      'watch',
      {},
      (answer) => {
        onEvent(answer.event as AgentStatus);
        return false;
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
