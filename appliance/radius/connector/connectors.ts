import { randomUUID, X509Certificate } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../../http/index.ts';
import type { Connector } from './backend.ts';
import { type ConnectorChange, type ConnectorView, MAX_CONNECTORS, type NewConnector } from './schema.ts';
import { event, type Reader, type Service, timestamp, tokenContext, transact } from './service.ts';
import type { ConnectorRow, ConnectorTables } from './tables.ts';

const DEFAULTS = {
  allow_http: 0,
  connect_timeout_ms: 1_000,
  timeout_ms: 3_000,
  verify_tls: 1,
  ca_pem: null,
  nt_key: 'hash_hash',
  cache_seconds: 0,
  max_connections: 32,
} as const;

/** A row with its token opened. Throws where the key file doesn't have the key. */
export const toConnector = ({ secrets }: Pick<Service, 'secrets'>, row: ConnectorRow): Connector => ({
  id: row.id,
  name: row.name,
  url: row.url,
  token: secrets.open(row.token, tokenContext(row.id)),
  connectTimeoutMs: row.connect_timeout_ms,
  timeoutMs: row.timeout_ms,
  verifyTls: row.verify_tls === 1,
  caPem: row.ca_pem ?? undefined,
  ntKey: row.nt_key as Connector['ntKey'],
  cacheSeconds: row.cache_seconds,
  maxConnections: row.max_connections,
});

const view = (row: ConnectorRow): ConnectorView => ({
  id: row.id,
  name: row.name,
  url: row.url,
  allow_http: row.allow_http === 1,
  connect_timeout_ms: row.connect_timeout_ms,
  timeout_ms: row.timeout_ms,
  verify_tls: row.verify_tls === 1,
  ca_pem: row.ca_pem,
  nt_key: row.nt_key as ConnectorView['nt_key'],
  cache: { seconds: row.cache_seconds },
  max_connections: row.max_connections,
  warnings: warningsOf(row),
  created_at: row.created_at,
  updated_at: row.updated_at,
});

function warningsOf(row: ConnectorRow): string[] {
  const { protocol, hostname } = new URL(row.url);
  const warnings: string[] = [];
  if (protocol === 'http:' && !isLoopback(hostname)) {
    warnings.push('url is http: passwords and the token go over the network in the clear');
  }
  if (protocol === 'https:' && row.verify_tls === 0) {
    warnings.push('verify_tls is off: whoever is in between can read passwords and let anybody in');
  }
  return warnings;
}

/** This machine itself, as a URL has it. */
const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);

const BLOCKS = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function checkCertificates(pem: string): void {
  const blocks = pem.match(BLOCKS) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
    if (blocks.length > 0) return;
  } catch {
    // said below
  }
  throw unprocessable('ca_pem must hold certificates in PEM');
}

/** Refuses what can't work or shouldn't be. */
function checkRow(row: ConnectorRow): void {
  const url = URL.parse(row.url);
  if (!url || !/^https?:$/.test(url.protocol)) throw unprocessable('url must be an https address');
  if (url.username !== '' || url.password !== '') throw unprocessable('url must not hold a user name: use token');
  if (url.hash !== '') throw unprocessable('url must not have a part behind #');
  if (url.protocol === 'http:' && row.allow_http === 0 && !isLoopback(url.hostname)) {
    throw unprocessable('url must be https, for passwords go there; allow_http allows http nevertheless');
  }
  if (row.connect_timeout_ms > row.timeout_ms) {
    throw unprocessable('connect_timeout_ms must not be longer than timeout_ms, which counts the whole');
  }
  if (row.ca_pem !== null) checkCertificates(row.ca_pem);
}

const PLAIN = ['url', 'connect_timeout_ms', 'timeout_ms', 'ca_pem', 'nt_key', 'max_connections'] as const;

/** The row with what `body` says in it, checked. The token stays sealed as it is where none is given. */
function applied({ secrets }: Service, before: ConnectorRow, body: ConnectorChange): ConnectorRow {
  const { name, token, allow_http, verify_tls, cache } = body;
  // By name: a body may hold more than its schema knows.
  const plain = Object.fromEntries(PLAIN.filter((key) => body[key] !== undefined).map((key) => [key, body[key]]));
  const trimmed = name?.trim();
  if (trimmed === '') throw unprocessable('name must not be empty');
  const row: ConnectorRow = {
    ...before,
    ...plain,
    ...(trimmed !== undefined && { name: trimmed, name_key: trimmed.normalize('NFC').toLowerCase() }),
    ...(allow_http !== undefined && { allow_http: allow_http ? 1 : 0 }),
    ...(verify_tls !== undefined && { verify_tls: verify_tls ? 1 : 0 }),
    ...(cache !== undefined && { cache_seconds: cache.seconds }),
    ...(token !== undefined && { token: secrets.seal(token, tokenContext(before.id)) }),
  };
  checkRow(row);
  return row;
}

async function rowOf(db: Reader, id: string): Promise<ConnectorRow> {
  const row = await db.selectFrom('connectors').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('connector');
  return row;
}

async function checkFree(db: Reader, row: ConnectorRow): Promise<void> {
  const other = await db
    .selectFrom('connectors')
    .select(['id', 'name'])
    .where('name_key', '=', row.name_key)
    .executeTakeFirst();
  if (other && other.id !== row.id) throw conflict(`there is a connector named ${other.name} already`);
}

/** Sorted by name. */
export async function listConnectors({ store }: Service, page: CursorPage): Promise<ConnectorView[]> {
  let query = store
    .as<ConnectorTables>()
    .selectFrom('connectors')
    .selectAll()
    .orderBy('name_key')
    .limit(page.limit + 1);
  const { after } = page;
  if (after) query = query.where('name_key', '>', after.key);
  return page.cut(await query.execute(), ({ name_key, id }) => ({ key: name_key, id })).map(view);
}

/** 404 when there is none. */
export const getConnector = async ({ store }: Service, id: string): Promise<ConnectorView> =>
  view(await rowOf(store.as<ConnectorTables>(), id));

export function createConnector(service: Service, body: NewConnector, actor: Actor): Promise<ConnectorView> {
  return transact(service, async (db, emit) => {
    const { total } = await db
      .selectFrom('connectors')
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    if (Number(total) >= MAX_CONNECTORS) {
      throw conflict(`there are ${MAX_CONNECTORS} connectors, which is the most there may be`);
    }
    const at = timestamp(service.now());
    const id = randomUUID();
    const empty = { id, name: '', name_key: '', url: '', token: '', ...DEFAULTS, created_at: at, updated_at: at };
    const row = applied(service, empty, body);
    await checkFree(db, row);
    await db.insertInto('connectors').values(row).execute();
    emit(event('radius.connector.created', { connectorId: row.id, name: row.name }, actor));
    return view(row);
  });
}

/** Changes what is given; what is equal already counts as no change. A token that is given always is one. */
export function updateConnector(
  service: Service,
  id: string,
  body: ConnectorChange,
  actor: Actor,
): Promise<ConnectorView> {
  return transact(service, async (db, emit) => {
    const before = await rowOf(db, id);
    const after = applied(service, before, body);
    const fields = (Object.keys(after) as (keyof ConnectorRow)[]).filter((field) => field !== 'name_key');
    const changed: string[] = fields.filter((field) => before[field] !== after[field]);
    if (changed.length === 0) return view(before);
    await checkFree(db, after);
    after.updated_at = timestamp(service.now());
    await db.updateTable('connectors').set(after).where('id', '=', id).execute();
    emit(event('radius.connector.updated', { connectorId: id, changed }, actor));
    return view(after);
  });
}

/** 409 that names them while realms or NAS have it as their source. */
export function deleteConnector(service: Service, id: string, actor: Actor): Promise<void> {
  return transact(service, async (db, emit) => {
    const { name } = await rowOf(db, id);
    const users = await service.usersOf(id);
    if (users.length > 0) throw conflict(`the connector ${name} is in use: ${users.join(', ')}`);
    await db.deleteFrom('connectors').where('id', '=', id).execute();
    emit(event('radius.connector.deleted', { connectorId: id, name }, actor));
  });
}

/** Of these ids, those that are no connector's. */
export async function unknownConnectors({ store }: Pick<Service, 'store'>, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await store.as<ConnectorTables>().selectFrom('connectors').select('id').where('id', 'in', ids).execute();
  return ids.filter((id) => !rows.some((row) => row.id === id));
}
