import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { createBus, type Heard } from '../events/index.ts';
import { type Caller, createHttp, HttpError, problemErrors } from '../http/index.ts';
import { openStore, storeMigrations } from '../store/index.ts';
import { createLogApi } from './api.ts';
import {
  type AuditEntry,
  type Backend,
  type ExportRequest,
  type Filter,
  type Found,
  QueryFault,
  type Settings,
  type SourceInfo,
  type Status,
  type WhoisAnswer,
} from './backend.ts';
import { logMigrations } from './migrations.ts';
import { KIND, TRANSPORT } from './record/types.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

/** 2026-03-01T12:00:00Z in microseconds. */
export const START_US = Date.UTC(2026, 2, 1, 12) * 1000;

/**
 * A fake: no log stands behind it, but records in an array, a search that compares texts, and exports of a few bytes.
 * What the real one does is tested where it is, and together with these routes by the tests of the whole appliance.
 */
export class FakeBackend implements Backend {
  records: Found[] = [];
  list: SourceInfo[] = [
    { id: 0, address: '', firstSeenUs: START_US, messages: 3, dropped: 0, parser: 'gatehouse' },
    {
      id: 1,
      address: '192.0.2.1',
      firstSeenUs: START_US,
      lastSeenUs: START_US + 5,
      messages: 10,
      dropped: 4,
      truncated: 2,
      parser: 'fortigate',
    },
    { id: 2, address: '192.0.2.2', firstSeenUs: START_US, messages: 1, dropped: 0, parser: 'mikrotik' },
    { id: 3, address: '2001:db8::3', firstSeenUs: START_US, messages: 0, dropped: 0 },
  ];
  parsers = [
    { name: 'fortigate', vendor: 'Fortinet' },
    { name: 'mikrotik', vendor: 'MikroTik' },
    { name: 'paloalto', vendor: 'Palo Alto' },
    { name: 'gatehouse', vendor: 'Gatehouse' },
    { name: 'cisco-asa', vendor: 'Cisco' },
    { name: 'cisco-ios', vendor: 'Cisco' },
    { name: 'pfsense', vendor: 'pfSense, OPNsense' },
    { name: 'cef', vendor: '' },
  ];
  queries: (Filter & { before?: number; limit: number })[] = [];
  audit: AuditEntry[] = [];
  sent: Settings[] = [];
  erased: { indexes: readonly number[]; reason: string }[] = [];
  partial: string | undefined;
  lacks = false;
  recordFails = false;
  note: string | undefined = 'gatehouse/t/s/e\n1\nAAAA\n';
  sealed = 0;
  /** How the next exports are built. */
  building: (request: ExportRequest, progress: (done: number) => void, signal: AbortSignal) => Promise<number> =
    async ({ file }) => {
      await writeFile(file, 'PK-fake', { mode: 0o600 });
      return 7;
    };
  subscribers = new Set<{ filter: Filter; listener: (records: readonly Found[], dropped: number) => void }>();
  state: Status = {
    state: 'sealing',
    size: 9,
    root: new Uint8Array(32),
    lastSealedUs: START_US,
    lagSeconds: 0.5,
    origin: 'gatehouse/t/s/e',
    logKey: 'vkey',
    genesis: 'genesis',
    epoch: 0,
    rates: { messages: 1.5, bytes: 300 },
    witnesses: [{ name: 'w', url: 'https://w.example', lastSize: 8, lastAtUs: START_US }],
    diskBytes: 100,
    segments: 1,
  };

  /** A record of source 1, a second after the one before. */
  add(more: Partial<Found> = {}): Found {
    const index = this.records.length;
    const record: Found = {
      index,
      receiveUs: START_US + index * 1e6,
      kind: KIND.log,
      transport: TRANSPORT.udp,
      source: 1,
      peer: '192.0.2.1:514',
      parser: 'fortigate',
      fields: {},
      raw: `line ${index}`,
      ...more,
    };
    this.records.push(record);
    return record;
  }

  #matches({ source, parsers, among, fromUs = 0, toUs = Infinity, q, user, ip, mac }: Filter): Found[] {
    return this.records.filter(
      (one) =>
        ((source === undefined && parsers === undefined) ||
          source?.includes(one.source) ||
          parsers?.includes(one.parser)) &&
        (among === undefined || among.includes(one.source)) &&
        one.receiveUs >= fromUs &&
        one.receiveUs <= toUs &&
        (q === undefined || (one.raw ?? '').includes(q)) &&
        (user === undefined || one.fields.user === user) &&
        (ip === undefined || one.fields.srcip === ip) &&
        (mac === undefined || one.fields.mac === mac),
    );
  }
  async query(query: Filter & { before?: number; limit: number }) {
    this.queries.push(query);
    const { before = Infinity, limit } = query;
    const all = this.#matches(query)
      .filter(({ index }) => index < before)
      .reverse();
    const records = all.slice(0, limit);
    return {
      records,
      ...(all.length > limit && { next: records.at(-1)!.index }),
      ...(this.partial !== undefined && { partial: this.partial }),
      ...(this.lacks && { lacks: true }),
    };
  }
  queryFault(q: string) {
    const position = q.indexOf('(');
    return position === -1 ? undefined : new QueryFault('there are no brackets: leave them out', position);
  }
  async whois({
    ip,
    atUs,
  }: {
    ip: string;
    atUs: number;
    port?: number;
  }): Promise<{ answers: WhoisAnswer[]; partial?: string }> {
    const partial = this.partial === undefined ? {} : { partial: this.partial };
    if (ip !== '10.0.0.9') return { answers: [], ...partial };
    const nat = { ip, port: 443, inner: '10.1.0.1', atUs };
    const answers: WhoisAnswer[] = [
      { via: 'dhcp', confidence: 'certain', mac: '02:00:00:00:00:09', fromUs: atUs - 1, records: [3, 4] },
      { via: 'nat', confidence: 'likely', conflict: true, user: 'bob', ip: '10.1.0.1', nat, records: [5] },
    ];
    return { answers, ...partial };
  }
  subscribe(filter: Filter, listener: (records: readonly Found[], dropped: number) => void) {
    const subscriber = { filter, listener };
    this.subscribers.add(subscriber);
    return () => void this.subscribers.delete(subscriber);
  }
  async read(indexes: readonly number[]) {
    return this.records.filter(({ index }) => indexes.includes(index));
  }
  async proof(index: number) {
    const record = this.records[index];
    if (!record) return undefined;
    const isSealed = index < this.state.size;
    return {
      record,
      leaf: new Uint8Array([1, 2, 3]),
      ...(record.erased !== true && { salt: new Uint8Array([4]) }),
      ...(isSealed && { proof: `c2sp.org/tlog-proof@v1\nindex ${index}\n` }),
    };
  }
  checkpoint() {
    return this.note;
  }
  async status() {
    return this.state;
  }
  sources() {
    return this.list;
  }
  noPlace = false;
  async addSource(address: string) {
    if (this.noPlace) throw new HttpError(409, 'there are 4096 senders');
    const known = this.list.find((source) => source.address === address);
    const id = known?.id ?? Math.max(...this.list.map((source) => source.id)) + 1;
    const info = known ?? { id, address, firstSeenUs: START_US, messages: 0, dropped: 0 };
    this.list = [...this.list.filter((source) => source.id !== id), { ...info, retired: false }];
    return id;
  }
  async retireSource(id: number) {
    this.list = this.list.map((source) => (source.id === id ? { ...source, retired: true } : source));
  }
  sendSettings(settings: Settings) {
    this.sent.push(settings);
  }
  async expiring(days: Record<string, number | null>) {
    return days.log !== null && days.log! < 30
      ? [{ class: 'log' as const, records: 12, bytes: 3600, untilUs: START_US }]
      : [];
  }
  async erase(indexes: readonly number[], reason: string) {
    this.erased.push({ indexes, reason });
    for (const index of indexes) this.records[index]!.erased = true;
    return indexes.length;
  }
  async seal() {
    this.sealed += 1;
    return this.records.length;
  }
  async buildExport(request: ExportRequest, progress: (done: number) => void, signal: AbortSignal) {
    return { count: await this.building(request, progress, signal), bytes: 6, sha256: 'ab'.repeat(32) };
  }
  siteExists(id: string) {
    return id === 'default' || id === 'rome';
  }
  async record(entry: AuditEntry) {
    if (this.recordFails) throw new HttpError(503, 'the log takes no records: make room on the disk');
    this.audit.push(entry);
  }
}

const CALLERS: Record<string, Pick<Caller, 'id' | 'username' | 'role'>> = {
  admin: { id: 'u-admin', username: 'admin', role: 'administrator' },
  second: { id: 'u-second', username: 'second', role: 'administrator' },
  user: { id: 'u-user', username: 'user', role: 'user' },
};

/** The routes of logs over a real database and a fake backend. The clock goes on by a second with each look. */
export async function startLogApi(options: { database?: string | undefined } = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-logs-'));
  const log = pino({ level: process.env.TEST_LOG ?? 'silent' });
  const migrations = [...storeMigrations, ...logMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, database: options.database, migrations, log });
  const clock = { ms: Date.UTC(2026, 2, 2, 12) };
  const events: Heard[] = [];
  const backend = new FakeBackend();
  /** Who may come in, by the Authorization header. */
  const callers = new Map(Object.entries(CALLERS));
  const resolve = (authorization: string | undefined): Caller | null => {
    const found = authorization === undefined ? undefined : callers.get(authorization);
    if (!found && authorization !== undefined) throw new HttpError(401, 'unknown');
    return found ? { ...found, authorizedNetworks: [], via: 'token' } : null;
  };

  const open = async () => {
    const bus = createBus();
    bus.onAny((event) => void events.push(event));
    const api = createLogApi({
      store,
      bus,
      log,
      now: () => (clock.ms += 1000),
      dataDir,
      backend,
      hold: (request) => {
        const { authorization } = request.headers;
        return async () => resolve(authorization);
      },
      defaultSite: 'default',
    });
    return { bus, api };
  };
  const { bus, api } = await open();
  store.onEvent((event) => bus.deliver(event));
  await api.start();
  const http = await createHttp({
    apis: [{ prefix: '/v1', errors: problemErrors, routes: [api.routes] }],
    authenticate: async ({ headers }) => resolve(headers.authorization),
    log,
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  let url: string | undefined;

  const inject = async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    route: string,
    body?: unknown,
    as = 'admin',
  ) => {
    const answer = await http.app.inject({
      method,
      url: route.startsWith('/v1') ? route : `/v1/logs${route}`,
      headers: as === '' ? {} : { authorization: as },
      ...(body !== undefined && { payload: body as object }),
    });
    const isJson = String(answer.headers['content-type'] ?? '').includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: (isJson ? answer.json() : answer.body) as Json,
      bytes: answer.rawPayload,
    };
  };

  return {
    api,
    backend,
    bus,
    call: inject,
    callers,
    clock,
    dataDir,
    store,
    app: http.app,
    /** Another one over the same data, as after a restart. Without routes. */
    reopen: open,
    /** The events of these types so far, after delivery. */
    async heard(...types: Heard['type'][]): Promise<Heard[]> {
      await store.drained();
      return events.filter(({ type }) => types.includes(type));
    },
    /** Follows the logs; rejects with the status where it is refused. */
    async tail(query = '', headers: Record<string, string> = { authorization: 'admin' }) {
      url ??= await http.listen('127.0.0.1', 0);
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/logs/tail${query}`, { headers });
      const messages: Json[] = [];
      socket.on('message', (data) => messages.push(JSON.parse(String(data))));
      const closed = new Promise<number>((resolve) => socket.on('close', resolve));
      await new Promise<void>((resolve, reject) => {
        socket.on('open', resolve);
        socket.on('error', reject);
        socket.on('unexpected-response', (_request, response) => {
          reject(new Error(String(response.statusCode)));
          socket.terminate();
        });
      });
      return { socket, messages, closed };
    },
    async close(): Promise<void> {
      await api.stop();
      await http.close();
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof startLogApi>>;

/** Waits until it holds; the test's own timeout is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The API over a database of this kind, for the suite that calls this. */
export function useLogApi(
  kind: { start(): Promise<{ database?: string; stop(): Promise<void> }> },
  use: (fixture: Fixture) => void,
): void {
  let server: Awaited<ReturnType<typeof kind.start>> | undefined;
  let l: Fixture | undefined;
  before(async () => {
    server = await kind.start();
    l = await startLogApi({ database: server.database });
    use(l);
  });
  after(async () => {
    await l?.close();
    await server?.stop();
  });
}
