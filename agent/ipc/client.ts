import type { Socket } from 'node:net';
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

/** What the daemon does for each method. */
export type Handlers = {
  [M in Exclude<IpcMethod, 'watch'>]: (params: IpcParams<M>) => Promise<IpcResult<M>>;
} & {
  /** Gives the status now and whenever it changes; returns what ends that. */
  watch(emit: (status: AgentStatus) => void): () => void;
};

/** Requests of one client that may wait for their answer. */
const MAX_REQUESTS = 16;
/** Events are skipped, for the next one says it all, while this much waits for a client. */
const MAX_UNREAD_EVENTS = 64 * 1024;
/** How long a client that was refused may take to read why, in milliseconds. */
const READ_WHY = 1_000;

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

/** What a client may be asked about, and its house is told. */
export interface ClientEvents {
  /** It has asked something: false refuses it, for there is no room. */
  admit(method: IpcMethod): boolean;
  /** Something was answered. */
  answered(): void;
  log(message: string): void;
}

/**
 * Says why, and hangs up: what the client still sends is read and thrown away, for with unread data the system would throw
 * the answer away.
 */
export function refuse(socket: Socket, error: AgentError): void {
  reply(socket, 0, error);
  socket.removeAllListeners('data');
  socket.resume();
  socket.end();
  const end = () => socket.destroy();
  socket.once('end', end);
  setTimeout(end, READ_WHY).unref();
}

/** One connection: its requests and what it watches. */
export class Client {
  readonly socket: Socket;
  readonly #handlers: Handlers;
  readonly #events: ClientEvents;
  readonly #reader = new LineReader(IPC_MAX_REQUEST);
  readonly #watches = new Set<() => void>();
  /** Monotonic, in milliseconds: when it last asked something, and when it last read something that waited. */
  #askedAt = performance.now();
  #readAt = performance.now();
  #read = 0;
  #pending = 0;
  #ended = false;

  constructor(socket: Socket, handlers: Handlers, events: ClientEvents) {
    this.socket = socket;
    this.#handlers = handlers;
    this.#events = events;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#unwatch());
    socket.on('data', (chunk: Buffer) => this.#hear(this.#reader.push(chunk)));
    socket.on('end', () => {
      // Requests that were sent before are answered (`echo … | nc -U`), the last one without its newline too, but there is
      // nobody left to watch.
      this.#hear([this.#reader.rest()]);
      this.#ended = true;
      this.#unwatch();
      if (this.#pending === 0) socket.end();
    });
  }

  /** Waits for an answer. */
  get busy(): boolean {
    return this.#pending > 0;
  }

  get watching(): boolean {
    return this.#watches.size > 0;
  }

  get askedAt(): number {
    return this.#askedAt;
  }

  /** Neither asks nor watches, or reads nothing of what waits for it, for `most` milliseconds. */
  isIdle(now: number, most: number): boolean {
    // The part of it that the system has taken.
    const read = this.socket.bytesWritten - this.socket.writableLength;
    if (read !== this.#read || this.socket.writableLength === 0) {
      this.#read = read;
      this.#readAt = now;
    }
    if (this.busy) return false;
    return now - this.#readAt >= most || (!this.watching && now - this.#askedAt >= most);
  }

  /** Hangs up, with the reason. */
  drop(error: AgentError): void {
    this.#unwatch();
    if (this.socket.writableLength > 0) this.socket.destroy();
    else refuse(this.socket, error);
  }

  #unwatch(): void {
    for (const end of this.#watches) end();
    this.#watches.clear();
  }

  #hear(lines: string[] | null): void {
    // What a client still sends that was refused isn't looked at.
    if (this.socket.writableEnded) return;
    if (!lines) {
      this.drop(new AgentError('bad-request', `A line is longer than ${IPC_MAX_REQUEST} bytes.`));
      return;
    }
    for (const line of lines) {
      if (line.trim() === '') continue;
      this.#askedAt = performance.now();
      if (this.#pending + this.#watches.size >= MAX_REQUESTS) {
        this.drop(new AgentError('bad-request', `More than ${MAX_REQUESTS} requests at once.`));
        return;
      }
      this.#pending += 1;
      void this.#answer(line).finally(() => {
        this.#pending -= 1;
        this.#askedAt = performance.now();
        if (this.#ended && this.#pending === 0) this.socket.end();
      });
      if (this.socket.writableEnded) return;
    }
  }

  async #answer(line: string): Promise<void> {
    const { socket } = this;
    let id = 0;
    try {
      const call = parse(line);
      id = call.id;
      if (!this.#events.admit(call.method)) return;
      if (call.method === 'watch') {
        this.#watch(id);
        return;
      }
      const handler = this.#handlers[call.method] as (params: unknown) => Promise<unknown>;
      reply(socket, id, undefined, await handler(call.params));
      this.#events.answered();
    } catch (error) {
      if (!(error instanceof AgentError)) {
        this.#events.log(`a local request failed: ${(error as Error).stack ?? String(error)}`);
      }
      reply(socket, id, error);
    }
  }

  #watch(id: number): void {
    const { socket } = this;
    let last = '';
    this.#watches.add(
      this.#handlers.watch((status) => {
        if (socket.writableLength > MAX_UNREAD_EVENTS || !socket.writable) return;
        const text = `${JSON.stringify({ id, event: status })}\n`;
        if (text === last) return;
        last = text;
        socket.write(text);
      }),
    );
  }
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
