import http from 'node:http';

export interface Answer {
  status: number;
  body: unknown;
}

/** Fields of the overlay API that the lab reads; the API has more. */
export interface Network {
  id: string;
  name: string;
  cidr: string;
  dns: string[];
  domain_suffix: string;
}
export interface Peer {
  id: string;
  name: string;
  public_key: string;
  address: string;
  /** Beyond the document; the lab's network always has IPv6. */
  address_v6: string;
  token: string;
  is_jump: boolean;
  additional_allowed_ips: string[];
}
export interface Session {
  peer_id: string;
  hostname: string;
  system_uptime: number;
  wireguard_uptime: number;
  reported_endpoint: string;
  last_seen: string;
  first_seen: string;
  session_id: string;
}

/** A client of the overlay API that comes in through a Unix socket (`doorway.ts`). */
export class Api {
  readonly #socketPath: string;
  readonly #host: string;
  #session: string | undefined;

  constructor(socketPath: string, host: string) {
    this.#socketPath = socketPath;
    this.#host = host;
  }

  /** One request; rejects when there is no answer, whatever the answer's status is otherwise. */
  request(method: string, path: string, body?: unknown): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = http.request({
        socketPath: this.#socketPath,
        method,
        path: `/api/v1${path}`,
        agent: false,
        timeout: 15_000,
        headers: {
          host: this.#host,
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...(this.#session && { authorization: `Session ${this.#session}` }),
        },
      });
      request.on('error', reject);
      request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer`)));
      request.on('response', (response) => {
        let received = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          received += chunk;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(received) }));
      });
      request.end(text);
    });
  }

  /** A request that must succeed. The caller says what comes back: the API document does. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.request(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body as T;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async login(username: string, password: string): Promise<void> {
    const { session_hash } = await this.call<{ session_hash: string }>('POST', '/auth/login', { username, password });
    this.#session = session_hash;
  }
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
