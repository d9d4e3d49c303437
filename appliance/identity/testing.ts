import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LightMyRequestResponse } from 'fastify';
import type { KyselyPlugin } from 'kysely';
import { pino } from 'pino';
import { requiresPostgres, startPostgres } from '../../test/postgres.ts';
import { createHttp, plainErrors, problemErrors } from '../http/index.ts';
import { openKeyFile, openStore, type Store, type StoredEvent, storeMigrations } from '../store/index.ts';
import { createIdentity, identityMigrations, SESSION_COOKIE } from './index.ts';
import type { Argon2Cost } from './password.ts';

/** The least that Argon2 takes: tests are about the rules, not the price. */
export const CHEAP: Argon2Cost = { memory: 8, passes: 1, parallelism: 1 };
export const ADMIN_PASSWORD = 'correct horse';

/** Where a suite runs: `describe(title, backend.needs(), …)`, then `start()` in its `before`. */
interface Backend {
  name: string;
  needs(): { skip: string | false };
  start(): Promise<{ database?: string; stop(): Promise<void> }>;
}
export const SQLITE: Backend = {
  name: 'SQLite',
  needs: () => ({ skip: false }),
  start: async () => ({ stop: async () => undefined }),
};
const POSTGRES: Backend = {
  name: 'PostgreSQL',
  needs: requiresPostgres,
  async start() {
    const server = await startPostgres();
    return { database: await server.createDatabase(), stop: () => server.stop() };
  },
};
export const BACKENDS = [SQLITE, POSTGRES];

interface Call {
  /** A session hash, or a whole `Authorization` header. */
  as?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Address of the caller. */
  from?: string;
}

/** The real HTTP server over a real database in a folder of its own, with a clock that stands still. */
export async function startIdentity(
  options: { database?: string | undefined; secureCookieFor?: () => boolean; password?: null } = {},
) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'gatehouse-identity-'));
  const log = pino({ level: 'error' });
  const migrations = [...storeMigrations, ...identityMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const real = await openStore({ dataDir, database: options.database, migrations, log });
  const events: StoredEvent[] = [];
  real.onEvent(async (event) => void events.push(event));

  const counter = { queries: 0 };
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      counter.queries++;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const store: Store = { ...real, as: <T>() => real.as<T>().withPlugin(counting) };
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const cost = { ...CHEAP };
  const networks = new Set(['net-1', 'net-2']);
  const identity = createIdentity({
    store,
    log,
    secrets: openKeyFile(dataDir),
    now: () => clock.ms,
    networksExist: async (ids) => ids.filter((id) => !networks.has(id)),
    cost,
    ...(options.secureCookieFor && { secureCookieFor: options.secureCookieFor }),
  });
  const { app, close } = await createHttp({
    apis: [
      { prefix: '/api/v1', errors: plainErrors, routes: [identity.routes] },
      { prefix: '/v1', errors: problemErrors, routes: [identity.siteRoutes] },
    ],
    authenticate: identity.authenticate,
    log,
    subprotocols: [],
    sessionCookie: SESSION_COOKIE,
    version: 'test',
  });

  const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, { as, body, headers, from }: Call = {}) =>
    app.inject({
      method,
      url: url.startsWith('/v1/') ? url : `/api/v1${url}`,
      headers: { ...(as && { authorization: as.includes(' ') ? as : `Session ${as}` }), ...headers },
      ...(body !== undefined && { payload: body as object }),
      ...(from && { remoteAddress: from }),
    });
  const login = (username: string, password: string, from?: string) =>
    call('POST', '/auth/login', { body: { username, password }, ...(from && { from }) });

  if (options.password !== null) await identity.ensureAdministrator(ADMIN_PASSWORD);
  return {
    app,
    call,
    clock,
    /** What a hash costs from now on. */
    cost,
    counter,
    dataDir,
    identity,
    login,
    networks,
    store: real,
    /** Everything heard so far, after delivery. */
    async heard(): Promise<StoredEvent[]> {
      await real.drained();
      return events;
    },
    /** Signs in; the session hash. */
    async session(username = 'admin', password = ADMIN_PASSWORD): Promise<string> {
      const answer = await login(username, password);
      if (answer.statusCode !== 200) throw new Error(`sign-in of ${username}: ${answer.body}`);
      return answer.json().session_hash;
    },
    async close(): Promise<void> {
      await close();
      await real.close();
      await rm(dataDir, { recursive: true });
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof startIdentity>>;

export const errorOf = (answer: LightMyRequestResponse): string => answer.json().error;
