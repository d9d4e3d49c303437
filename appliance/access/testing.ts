import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach } from 'node:test';
import { pino } from 'pino';
import { createBus, type Heard } from '../events/index.ts';
import { startSiteApi } from '../http/testing.ts';
import { openKeyFile, openStore, storeMigrations } from '../store/index.ts';
import { accessMigrations, createAccess } from './index.ts';
import type { UserFacts } from './service.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;
interface Reply {
  status: number;
  headers: Record<string, unknown>;
  body: Json;
}

/** Access with its routes over a real database, with a clock that stands still. Who asks is an administrator. */
export async function startAccess(options: { database?: string | undefined } = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-access-'));
  const log = pino({ level: process.env.TEST_LOG ?? 'error' });
  const migrations = [...storeMigrations, ...accessMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, database: options.database, migrations, log });
  const clock = { ms: Date.UTC(2026, 2, 1, 12) };
  const users = new Map<string, UserFacts>([['u-alice', { username: 'alice', groups: ['staff'] }]]);
  const events: Heard[] = [];

  async function open() {
    const bus = createBus();
    bus.onAny((event) => void events.push(event));
    const access = createAccess({
      store,
      secrets: openKeyFile(dataDir),
      log,
      bus,
      now: () => clock.ms,
      userFacts: async (id) => users.get(id),
      findUser: async (username) => {
        const found = [...users].find(([, user]) => user.username === username);
        return found && { id: found[0], ...found[1] };
      },
      attributeFault: (name) => (name.startsWith('Bad') ? `there is no attribute ${name}` : undefined),
      generatePassword: () => 'correct-horse-battery',
      unknownOverlayGroups: async (names) => names.filter((name) => name !== 'engineers'),
    });
    await access.start();
    return { bus, access };
  }
  const { bus, access } = await open();
  store.onEvent((event) => bus.deliver(event));
  const http = await startSiteApi([access.routes]);

  const call = async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> => {
    const answer = await http.app.inject({
      method,
      url: url.startsWith('/v1') ? url : `/v1${url}`,
      headers: { authorization: 'admin', ...headers },
      ...(body !== undefined && { payload: body as object }),
    });
    const isJson = String(answer.headers['content-type'] ?? '').includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: isJson ? answer.json() : answer.body,
    };
  };

  return {
    access,
    bus,
    call,
    clock,
    events,
    store,
    users,
    /** Saves a policy that must be right. */
    async policy(document: string): Promise<Json> {
      const answer = await call('POST', '/policies', { document });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    /** The events of these types so far, after delivery. */
    async heard(...types: Heard['type'][]): Promise<Heard[]> {
      await store.drained();
      return events.filter(({ type }) => types.length === 0 || types.includes(type));
    },
    /** Another access over the same database, as after a restart. */
    reopen: open,
    async close(): Promise<void> {
      await http.close();
      await access.stop();
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof startAccess>>;

/** Access for the suite that calls this; each test begins without policies, devices and events. */
export function useAccess(
  backend: { start(): Promise<{ database?: string; stop(): Promise<void> }> },
  use: (fixture: Fixture) => void,
): void {
  let server: Awaited<ReturnType<typeof backend.start>> | undefined;
  let a: Fixture;
  before(async () => {
    server = await backend.start();
    a = await startAccess({ database: server.database });
    use(a);
  });
  after(async () => {
    await a?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    for (const { id } of (await a.call('GET', '/policies')).body) await a.call('DELETE', `/policies/${id}`);
    for (const { id } of (await a.call('GET', '/devices')).body) await a.call('DELETE', `/devices/${id}`);
    await a.store.drained();
    a.events.length = 0;
  });
}
