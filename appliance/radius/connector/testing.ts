import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { createBus, type Heard } from '../../events/index.ts';
import { type Caller, createHttp, problemErrors } from '../../http/index.ts';
import { openKeyFile, openStore, storeMigrations } from '../../store/index.ts';
import { loadDictionary } from '../dictionary/index.ts';
import type { Attempt, Authenticate, Credentials } from '../types.ts';
import { connectorErrors, connectorTables, createConnectors, type InboundOptions } from './index.ts';

const ADMIN: Caller = { id: 'admin', username: 'admin', role: 'administrator', authorizedNetworks: [], via: 'session' };

/** Connectors over a real database and a real HTTP server, with clocks that stand still. */
export async function startConnectors(
  options: { database?: string | undefined; inbound?: Partial<InboundOptions> } = {},
) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-connector-'));
  const log = pino({ level: 'silent' });
  const logged: { details: object; message: string }[] = [];
  const tables = { id: 2, name: 'connectors', up: connectorTables };
  const store = await openStore({ dataDir, database: options.database, migrations: [...storeMigrations, tables], log });
  const bus = createBus();
  const events: Heard[] = [];
  bus.onAny((event) => void events.push(event));
  const clock = { ms: Date.UTC(2026, 0, 1), monotonic: 0 };
  const users = new Map<string, string[]>();
  const tell = (details: object, message: string) => void logged.push({ details, message });
  const connectors = createConnectors({
    store,
    bus,
    log: { info: tell, warn: tell, error: tell },
    secrets: openKeyFile(dataDir),
    dictionary: loadDictionary(),
    now: () => clock.ms,
    monotonic: () => clock.monotonic,
    usersOf: async (id) => users.get(id) ?? [],
  });
  store.onEvent((event) => bus.deliver(event));
  await connectors.start();
  const nobody: Authenticate = () => ({ outcome: 'reject', reason: 'nobody is here' });
  const server = await createHttp({
    apis: [
      { prefix: '/v1', errors: problemErrors, routes: [connectors.routes] },
      {
        prefix: '/connector',
        errors: connectorErrors,
        routes: [
          connectors.inbound({
            authenticate: nobody,
            ntHash: () => undefined,
            ...options.inbound,
          }),
        ],
      },
    ],
    authenticate: async (request) => (request.headers.authorization === 'Session admin' ? ADMIN : null),
    log,
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  const { app } = server;
  const api = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object, as = 'Session admin') => {
    const answer = await app.inject({
      method,
      url: `/v1/radius${url}`,
      headers: { authorization: as },
      ...(body && { payload: body }),
    });
    await store.drained();
    return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? undefined : answer.json() };
  };
  return {
    api,
    app,
    clock,
    connectors,
    dataDir,
    events,
    logged,
    server,
    store,
    users,
    /** Makes a connector; its id. */
    async connector(body: object): Promise<string> {
      const made = await api('POST', '/connectors', { name: `c${Math.random()}`, token: 'the-token', ...body });
      if (made.status !== 201) throw new Error(JSON.stringify(made.body));
      return made.body.id;
    },
    async close(): Promise<void> {
      connectors.stop();
      await server.close();
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof startConnectors>>;

export const attemptOf = (login: string, credentials: Credentials | string): Attempt => ({
  login,
  credentials: typeof credentials === 'string' ? { kind: 'pap', password: Buffer.from(credentials) } : credentials,
  request: undefined,
});

export interface Seen {
  headers: IncomingMessage['headers'];
  method: string | undefined;
  body: string;
  /** Counts the connections. */
  connection: number;
}
export type Respond = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void;

/** A backend that does what `respond` says, and keeps what it was asked. */
export async function startBackend(tls?: { key: string; cert: string }, port = 0) {
  const seen: Seen[] = [];
  const connections = new WeakMap<object, number>();
  let count = 0;
  const backend = {
    seen,
    url: '',
    port: 0,
    respond: ((_seen, response) => response.end('{}')) as Respond,
    /** Answers with status and body. */
    answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
      backend.respond = (_seen, response) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      };
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    /** Ends the connections that nobody uses now. */
    dropIdle: () => server.closeIdleConnections(),
    get connections() {
      return count;
    },
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    if (!connections.has(request.socket)) connections.set(request.socket, ++count);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one: Seen = {
        headers: request.headers,
        method: request.method,
        body: Buffer.concat(chunks).toString(),
        connection: connections.get(request.socket) ?? 0,
      };
      seen.push(one);
      backend.respond(one, response, request);
    });
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  backend.port = (server.address() as AddressInfo).port;
  backend.url = `${tls ? 'https' : 'http'}://127.0.0.1:${backend.port}/authenticate`;
  return backend;
}
export type BackendStandIn = Awaited<ReturnType<typeof startBackend>>;

/** A CA and a certificate of it for 127.0.0.1, made by openssl. PEM. */
export function makeCertificates(): { ca: string; key: string; cert: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-connector-ca-'));
  const file = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  try {
    openssl('req', '-x509', ...key, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=Test CA');
    openssl('req', ...key.slice(0, -2), '-keyout', file('key'), '-out', file('csr'), '-subj', '/CN=backend');
    writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1\n');
    const signed = [
      '-in',
      file('csr'),
      '-CA',
      file('ca.pem'),
      '-CAkey',
      file('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
    ];
    openssl('x509', '-req', ...signed, '-extfile', file('ext'), '-out', file('cert'));
    const read = (name: string) => readFileSync(file(name), 'utf8');
    return { ca: read('ca.pem'), key: read('key'), cert: read('cert') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
