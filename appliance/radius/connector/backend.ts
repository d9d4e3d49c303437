import http from 'node:http';
import https from 'node:https';
import got, { RequestError, TimeoutError } from 'got';
import type { RequestBody } from './request.ts';

/** The most that is read of an answer. */
export const MAX_ANSWER_BYTES = 64 * 1024;
/** Requests of one connector that may wait for a connection. */
export const MAX_WAITING = 512;
const KEPT_MS = 30_000;

/** A connector as requests use it. */
export interface Connector {
  id: string;
  name: string;
  url: string;
  token: string;
  connectTimeoutMs: number;
  timeoutMs: number;
  verifyTls: boolean;
  caPem: string | undefined;
  ntKey: 'hash_hash' | 'nt_hash';
  cacheSeconds: number;
  maxConnections: number;
}

/** What came back: a whole answer, or why there was none. */
export type Reply = { status: number; body: Uint8Array } | { failure: string };

/** One backend with its connections, which are kept open between requests. */
export class Backend {
  readonly connector: Connector;
  readonly #agent: http.Agent;
  #running = 0;

  constructor(connector: Connector) {
    this.connector = connector;
    const options = { keepAlive: true, maxSockets: connector.maxConnections, maxFreeSockets: connector.maxConnections };
    this.#agent = connector.url.startsWith('https:')
      ? new https.Agent({ ...options, timeout: KEPT_MS })
      : new http.Agent({ ...options, timeout: KEPT_MS });
  }

  /** Posts one request. Never throws, never follows a redirect, never waits longer than the connector's timeout. */
  async post(body: RequestBody): Promise<Reply> {
    const { maxConnections, timeoutMs } = this.connector;
    if (this.#running >= maxConnections + MAX_WAITING) return { failure: 'too many requests are waiting for it' };
    this.#running++;
    const started = performance.now();
    try {
      return await this.#once(body, timeoutMs);
    } catch (error) {
      // The backend closed a kept connection in the moment that we wrote to it, and has seen nothing: a fresh one.
      const left = timeoutMs - (performance.now() - started);
      if (!wasKept(error) || left < 1) return { failure: failureOf(error) };
      try {
        return await this.#once(body, left, true);
      } catch (again) {
        return { failure: failureOf(again) };
      }
    } finally {
      this.#running--;
    }
  }

  async #once(body: RequestBody, timeoutMs: number, fresh = false): Promise<Reply> {
    const { url, token, connectTimeoutMs, verifyTls, caPem } = this.connector;
    // False is an agent of its own, which keeps nothing.
    const agent = fresh ? (false as const) : this.#agent;
    const stream = got.stream.post(url, {
      body: JSON.stringify(body),
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'user-agent': 'gatehouse',
      },
      agent: url.startsWith('https:') ? { https: agent as https.Agent | false } : { http: agent },
      https: { rejectUnauthorized: verifyTls, certificateAuthority: caPem },
      timeout: {
        lookup: connectTimeoutMs,
        connect: connectTimeoutMs,
        secureConnect: connectTimeoutMs,
        request: timeoutMs,
      },
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      decompress: false,
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    // Leaving the loop ends the connection.
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) return { failure: `its answer is larger than ${MAX_ANSWER_BYTES / 1024} KiB` };
      chunks.push(chunk);
    }
    const status = stream.response?.statusCode;
    if (status === undefined) return { failure: 'it sent no answer' };
    return { status, body: Buffer.concat(chunks) };
  }

  /** No more is kept; what is under way comes to its end. */
  close(): void {
    this.#agent.maxFreeSockets = 0;
    for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

const wasKept = (error: unknown): boolean =>
  error instanceof RequestError &&
  error.request?.reusedSocket === true &&
  error.response === undefined &&
  (error.code === 'ECONNRESET' || error.code === 'EPIPE');

/** Why there was no answer, for the log: never with what was sent. */
function failureOf(error: unknown): string {
  if (error instanceof TimeoutError) return `it did not answer in time (${error.event})`;
  const { code, message } = error as { code?: string; message?: string };
  return `it cannot be reached: ${(code === 'ERR_GOT_REQUEST_ERROR' ? undefined : code) ?? message ?? 'unknown'}`;
}
