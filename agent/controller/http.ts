import type { IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import { http } from '../builtin-http.ts';
import { AGENT_VERSION } from '../config.ts';
import { trusting } from './trust.ts';

export interface Request {
  method: 'GET' | 'POST';
  /** PEM, trusted beside the system's authorities. */
  ca?: string | undefined;
  /** Nothing but `ca` is trusted. */
  pinned?: boolean | undefined;
  /** Goes to the address it was given for and to no other: redirects are answers like any. */
  bearer?: string | undefined;
  json?: object | undefined;
  /** Milliseconds until a connection has to stand, and until all is there. */
  timeout: { connect: number; request: number };
  /** Largest answer, in bytes. */
  limit: number;
}

export interface Response {
  statusCode: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The answer was larger than it may be. */
export class TooLargeError extends Error {
  override name = 'TooLargeError';
}

const timedOut = (what: string): Error => Object.assign(new Error(what), { code: 'ETIMEDOUT' });

/**
 * One request to a controller, by Node's own client: a daemon that idles has no library for HTTP in its memory. Follows
 * nothing, retries nothing, unpacks nothing. Throws Node's errors, `ETIMEDOUT`, and TooLargeError.
 */
export function request(url: string, { method, ca, pinned, bearer, json, timeout, limit }: Request): Promise<Response> {
  const secure = url.startsWith('https:');
  const text = json && JSON.stringify(json);
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': `gatehouse/${AGENT_VERSION}`,
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false as const, ...(secure && trusting(ca, pinned)) };
    const asked = (secure ? https : http).request(url, options, (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size > limit) asked.destroy(new TooLargeError(`the answer is larger than ${limit} bytes`));
        else parts.push(part);
      });
      response.on('error', (error) => end(error));
      response.on('end', () => {
        end(null, {
          statusCode: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts).toString('utf8'),
        });
      });
    });
    const whole = setTimeout(() => asked.destroy(timedOut('it took too long')), timeout.request);
    const connecting = setTimeout(() => asked.destroy(timedOut('no connection')), timeout.connect);
    const end = (error: Error | null, response?: Response): void => {
      clearTimeout(whole);
      clearTimeout(connecting);
      if (response) resolve(response);
      else reject(error);
    };
    asked.on('socket', (socket) => {
      socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    asked.on('error', (error) => end(error));
    asked.end(text);
  });
}
