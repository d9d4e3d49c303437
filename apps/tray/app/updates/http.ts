import { type ClientRequest, request as http, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as https } from 'node:https';
import { ElectronHttpExecutor } from 'electron-updater/out/electronHttpExecutor.js';

/** Node's `http.request`, or Electron's `net.request` in the same words (it knows the system's proxy and authorities). */
export type Request = (options: RequestOptions, callback: (response: IncomingMessage) => void) => ClientRequest;

export const nodeRequest: Request = (options, callback) =>
  (options.protocol === 'http:' ? http : https)(options, callback);

/** How long a server may take. */
export interface Patience {
  /** A server that says nothing for this long is given up, ms. */
  idleMs: number;
  /** And so is one that sends less than this: else it could keep the app at one update for ever, bytes a second. */
  bytesPerSecond: number;
}
const PATIENCE: Patience = { idleMs: 60_000, bytesPerSecond: 8 * 1024 };

/**
 * The same, within bounds: no redirects (a feed is named by its own address), at most `limit` bytes of an answer, and
 * not slower than `patience` has it. What goes beyond is an `error` of the request.
 */
export function bounded(request: Request, limit: () => number, patience: Patience = PATIENCE): Request {
  const { idleMs, bytesPerSecond } = patience;
  return (options, callback) => {
    const fail = (message: string) => {
      sent.emit('error', new Error(message));
      sent.abort();
    };
    const idle = () => fail(`${options.hostname} does not answer`);
    let timer = setTimeout(idle, idleMs);
    // Of what may come at all, whatever was announced.
    const wholeMs = Math.min(idleMs + (limit() / bytesPerSecond) * 1000, 2 ** 31 - 1);
    const whole = setTimeout(() => fail(`${options.hostname} is too slow`), wholeMs);
    const done = () => {
      clearTimeout(timer);
      clearTimeout(whole);
    };
    // Electron follows redirects itself unless told so; Node ignores it.
    const sent = request({ ...options, redirect: 'manual' } as RequestOptions, (response) => {
      if (response.statusCode !== undefined && response.statusCode >= 300 && response.statusCode < 400) {
        return fail(`${options.hostname} redirects; give the address that it leads to`);
      }
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        clearTimeout(timer);
        timer = setTimeout(idle, idleMs);
        received += chunk.length;
        if (received > limit()) fail(`${options.hostname} sends more than was announced`);
      });
      for (const end of ['end', 'aborted', 'error']) response.once(end, done);
      callback(response);
    });
    sent.once('error', done);
    // Electron's; Node's never has it.
    sent.on('redirect', () => fail(`${options.hostname} redirects; give the address that it leads to`));
    return sent;
  };
}

/** The body of a small file; null where there is none (404). */
export function get(request: Request, url: URL, limit: number, patience?: Patience): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const { protocol, hostname, port, pathname, search } = url;
    const options = { method: 'GET', protocol, hostname, ...(port !== '' && { port }), path: pathname + search };
    const sent = bounded(
      request,
      () => limit,
      patience,
    )(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('aborted', () => reject(new Error(`${hostname} broke off its answer`)));
      response.once('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks));
        else if (response.statusCode === 404) resolve(null);
        else reject(new Error(`${hostname} answered ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** What electron-updater downloads by: its own downloads (with the check of SHA-512), over a request of ours. */
export class Downloads extends ElectronHttpExecutor {
  readonly #request: Request;

  constructor(request: Request) {
    super();
    this.#request = request;
  }

  override createRequest(options: RequestOptions, callback: (response: never) => void): never {
    return this.#request(options, callback as (response: IncomingMessage) => void) as never;
  }

  /** Redirects are refused already. */
  override addRedirectHandlers(): void {}
}
