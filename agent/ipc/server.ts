import { chmod, chown, mkdir, rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import {
  type AgentStatus,
  CauseCode,
  IPC,
  IPC_MAX_LINE,
  IPC_MAX_REQUEST,
  IpcErrorCode,
  type IpcMethod,
  type IpcParams,
  IpcRequest,
  type IpcResult,
} from '@gatehouse/protocol';
import { LineReader } from '@gatehouse/protocol/socket';
import { Compile, type Validator } from 'typebox/compile';
import { AgentError } from '../errors.ts';
import { openPipeToGroup } from './pipe.ts';

/** What the daemon does for each method. */
export type Handlers = {
  [M in Exclude<IpcMethod, 'watch'>]: (params: IpcParams<M>) => Promise<IpcResult<M>>;
} & {
  /** Gives the status now and whenever it changes; returns what ends that. */
  watch(emit: (status: AgentStatus) => void): () => void;
};

const MAX_CLIENTS = 64;
/** Requests of one client that may wait for their answer. */
const MAX_REQUESTS = 16;
/** Of clients that don't read, the one for which most waits is cut off when this much waits for all, in bytes. */
const MAX_UNREAD = 2 * IPC_MAX_LINE;
/** How often a full house is told, in milliseconds. */
const TELL_FULL = 60_000;
/** Events are skipped, for the next one says it all, while this much waits for a client. */
const MAX_UNREAD_EVENTS = 64 * 1024;
/** A client that neither asks nor watches is let go, in milliseconds. */
const IDLE = 60_000;

const request = Compile(IpcRequest);
const codes = new Set<string>(IpcErrorCode.enum);
const causes = new Set<string>(CauseCode.enum);
const params = new Map<string, Validator>();

/** What checks the parameters of a method, made when it is first called; undefined when there is no such method. */
function paramsOf(method: string): Validator | undefined {
  if (!Object.hasOwn(IPC, method)) return undefined;
  let validator = params.get(method);
  if (!validator) {
    validator = Compile(IPC[method as IpcMethod].params) as unknown as Validator;
    params.set(method, validator);
  }
  return validator;
}

export interface IpcServer {
  close(): Promise<void>;
}

/** True when a daemon answers on `socketPath`. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    const done = (live: boolean) => {
      socket.destroy();
      resolve(live);
    };
    socket.on('connect', () => done(true));
    // Not permitted to ask means that somebody else's daemon may well be there.
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code === 'EACCES' || error.code === 'EPERM'));
  });
}

/**
 * Serves the IPC table on a Unix socket (mode 0660, in a folder that is made with 0750 where it isn't) or a named
 * pipe. The socket gets its folder's group, so that an installer chooses who may speak to the agent; a pipe is opened to
 * a local group. A socket file that nobody answers on is replaced. Throws AgentError when a daemon already answers there.
 */
export async function serveIpc(
  socketPath: string,
  handlers: Handlers,
  log: (message: string) => void,
): Promise<IpcServer> {
  const isPipe = process.platform === 'win32';
  const folder = path.dirname(socketPath);
  if (!isPipe) await mkdir(folder, { recursive: true, mode: 0o750 });
  if (await answers(socketPath)) {
    throw new AgentError('internal', `A Gatehouse agent already runs on ${socketPath} (GATEHOUSE_AGENT_SOCKET).`);
  }
  if (!isPipe) await rm(socketPath, { force: true });
  const clients = new Set<Socket>();
  const shed = (): void => {
    const unread = [...clients].reduce((sum, { writableLength }) => sum + writableLength, 0);
    if (unread <= MAX_UNREAD) return;
    const most = [...clients].reduce((a, b) => (b.writableLength > a.writableLength ? b : a));
    clients.delete(most);
    most.destroy();
  };
  let told = Number.NEGATIVE_INFINITY;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (clients.size >= MAX_CLIENTS) {
      if (performance.now() - told >= TELL_FULL) {
        told = performance.now();
        log(`more than ${MAX_CLIENTS} local clients: who comes is turned away until some have gone`);
      }
      reply(socket, 0, new AgentError('internal', `More than ${MAX_CLIENTS} clients: try again later.`));
      socket.end(() => socket.destroy());
      socket.on('error', () => socket.destroy());
      return;
    }
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    serveClient(socket, handlers, shed, log);
  });
  await listen(server, socketPath, isPipe);
  if (isPipe) void openPipeToGroup(socketPath, log);
  else {
    await chmod(socketPath, 0o660);
    const { gid } = await stat(folder);
    await chown(socketPath, -1, gid).catch(() => undefined);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of clients) socket.destroy();
      }),
  };
}

function listen(server: Server, socketPath: string, isPipe: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // bind() makes the socket within this call: nobody but the owner may connect before chmod.
    const mask = isPipe ? undefined : process.umask(0o177);
    try {
      server.listen(socketPath, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        resolve();
      });
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  });
}

function serveClient(
  socket: Socket,
  handlers: Handlers,
  /** Called after each answer: cuts off who reads nothing. */
  shed: () => void,
  log: (message: string) => void,
): void {
  const reader = new LineReader(IPC_MAX_REQUEST);
  const watches = new Set<() => void>();
  let pending = 0;
  let ended = false;
  const settle = () => {
    pending -= 1;
    if (ended && pending === 0) socket.end();
  };
  socket.setTimeout(IDLE, () => {
    if (pending === 0 && watches.size === 0) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    for (const end of watches) end();
    watches.clear();
  });
  socket.on('end', () => {
    // Requests that were sent before are answered (`echo … | nc -U`), but there is nobody left to watch.
    ended = true;
    for (const end of watches) end();
    watches.clear();
    if (pending === 0) socket.end();
  });

  const answer = async (line: string): Promise<void> => {
    let id = 0;
    try {
      const call = parse(line);
      id = call.id;
      if (call.method === 'watch') {
        let last = '';
        watches.add(
          handlers.watch((status) => {
            if (socket.writableLength > MAX_UNREAD_EVENTS) return;
            const text = `${JSON.stringify({ id, event: status })}\n`;
            if (text === last) return;
            last = text;
            socket.write(text);
          }),
        );
        return;
      }
      const handler = handlers[call.method] as (params: unknown) => Promise<unknown>;
      reply(socket, id, undefined, await handler(call.params));
      shed();
    } catch (error) {
      if (!(error instanceof AgentError)) log(`a local request failed: ${(error as Error).stack ?? String(error)}`);
      reply(socket, id, error);
    }
  };

  socket.on('data', (chunk: Buffer) => {
    const lines = reader.push(chunk);
    if (!lines) {
      reply(socket, 0, new AgentError('bad-request', `A line is longer than ${IPC_MAX_REQUEST} bytes.`));
      socket.end();
      socket.pause();
      setTimeout(() => socket.destroy(), 1_000).unref();
      return;
    }
    for (const line of lines) {
      if (line.trim() === '') continue;
      if (pending + watches.size >= MAX_REQUESTS) {
        reply(socket, 0, new AgentError('bad-request', `More than ${MAX_REQUESTS} requests at once.`));
        socket.destroySoon();
        return;
      }
      pending += 1;
      void answer(line).finally(settle);
    }
  });
}

function parse(line: string): { id: number; method: IpcMethod; params: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new AgentError('bad-request', 'The line is not JSON.');
  }
  if (!request.Check(value)) throw new AgentError('bad-request', 'The request is not {"id", "method", "params"}.');
  const schema = paramsOf(value.method);
  const fail = (message: string) => Object.assign(new AgentError('bad-request', message), { id: value.id });
  if (!schema) throw fail(`There is no method '${value.method}'; there are ${Object.keys(IPC).join(', ')}.`);
  const given = value.params ?? {};
  if (!schema.Check(given)) throw fail(wrong(value.method, schema, given));
  return { id: value.id, method: value.method as IpcMethod, params: given };
}

/** What the first wrong parameter is, in words for people: the CLI and the tray app show them. */
function wrong(method: string, schema: Validator, given: unknown): string {
  const [error] = schema.Errors(given);
  const name = error?.instancePath.slice(1) ?? '';
  if (error?.keyword === 'minLength') return `The ${name} of '${method}' is empty.`;
  if (error?.keyword === 'maxLength') {
    return `The ${name} of '${method}' is longer than ${error.params.limit} characters: check what was given.`;
  }
  if (error?.keyword === 'required') return `'${method}' needs ${error.params.requiredProperties.join(', ')}.`;
  return `The parameters of '${method}' are not what it takes${name === '' ? '' : `: ${name} ${error?.message}`}.`;
}

function reply(socket: Socket, id: number, error: unknown, result?: unknown): void {
  if (!socket.writable) return;
  let text: string;
  if (error === undefined) {
    text = JSON.stringify({ id, result });
    if (Buffer.byteLength(text) > IPC_MAX_LINE) {
      reply(socket, id, new AgentError('internal', `The answer is longer than ${IPC_MAX_LINE} bytes.`));
      return;
    }
  } else {
    const known = error instanceof AgentError ? error : new AgentError('internal', 'The agent failed; see its log.');
    const numbered = 'id' in known && typeof known.id === 'number' ? known.id : id;
    text = JSON.stringify({ id: numbered, error: { code: ipcCode(known.code), message: known.message } });
  }
  socket.write(`${text}\n`);
}

/** Codes that are a tunnel's causes only have no place in the table of IPC errors. */
function ipcCode(code: AgentError['code']): IpcErrorCode {
  if (codes.has(code)) return code as IpcErrorCode;
  return causes.has(code) ? 'internal' : 'bad-request';
}
