import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Actor } from '../../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../../http/index.ts';
import { Secret } from '../codec/index.ts';
import { realmsWith } from './realms.ts';
import { MAX_UPSTREAMS, type NewUpstream, type UpstreamChange, type UpstreamView } from './schema.ts';
import {
  changedFields,
  event,
  type Reader,
  type Service,
  timestamp,
  transact,
  upstreamKeyContext,
  upstreamSecretContext,
} from './service.ts';
import type { RoutingTables, UpstreamRow } from './tables.ts';

/** RFC 2865, 2866 and 6614. */
const PORTS = { udp: { auth: 1812, acct: 1813 }, radsec: { auth: 2083, acct: 2083 } } as const;
const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_RETRIES = 2;
const DEFAULT_DEAD_SECONDS = 60;
/** RFC 6614, section 2.3: the secret where TLS protects the packets. */
const RADSEC_SECRET = 'radsec';

/** An upstream server as the proxy uses it. */
export interface Upstream {
  id: string;
  name: string;
  /** IP address or host name. */
  address: string;
  authPort: number;
  acctPort: number;
  protocol: 'udp' | 'radsec';
  secret: Secret;
  timeoutMs: number;
  retries: number;
  deadSeconds: number;
  statusServer: boolean;
  requireMessageAuthenticator: boolean;
  /** PEM. Without a CA those of the system are trusted. */
  tls: {
    ca?: string | undefined;
    certificate?: string | undefined;
    privateKey?: string | undefined;
    serverName?: string | undefined;
  };
}

const view = (row: UpstreamRow): UpstreamView => ({
  id: row.id,
  name: row.name,
  address: row.address,
  auth_port: row.auth_port,
  acct_port: row.acct_port,
  protocol: row.protocol as UpstreamView['protocol'],
  timeout_ms: row.timeout_ms,
  retries: row.retries,
  dead_seconds: row.dead_seconds,
  status_server: row.status_server === 1,
  require_message_authenticator: row.require_message_authenticator === 1,
  tls: {
    ca_pem: row.tls_ca,
    certificate: row.tls_certificate,
    has_private_key: row.tls_private_key !== null,
    server_name: row.tls_server_name,
  },
  created_at: row.created_at,
  updated_at: row.updated_at,
});

/** Opens the secrets of a row. Throws where the key file doesn't have their key. */
export const toUpstream = ({ secrets }: Pick<Service, 'secrets'>, row: UpstreamRow): Upstream => ({
  id: row.id,
  name: row.name,
  address: row.address,
  authPort: row.auth_port,
  acctPort: row.acct_port,
  protocol: row.protocol as Upstream['protocol'],
  secret: new Secret(secrets.open(row.secret, upstreamSecretContext(row.id))),
  timeoutMs: row.timeout_ms,
  retries: row.retries,
  deadSeconds: row.dead_seconds,
  statusServer: row.status_server === 1,
  requireMessageAuthenticator: row.require_message_authenticator === 1,
  tls: {
    ca: row.tls_ca ?? undefined,
    certificate: row.tls_certificate ?? undefined,
    privateKey:
      row.tls_private_key === null ? undefined : secrets.open(row.tls_private_key, upstreamKeyContext(row.id)),
    serverName: row.tls_server_name ?? undefined,
  },
});

const HOST = /^[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*\.?$/;
const BLOCKS = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesOf(field: string, pem: string): X509Certificate[] {
  const blocks = pem.match(BLOCKS) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch {
    // said below
  }
  throw unprocessable(`${field} must hold certificates in PEM`);
}

/** Refuses what can't work; `key` is the private key in the clear, where it is known. */
function checkFields(row: UpstreamRow, key: string | null): void {
  if (isIP(row.address) === 0 && !HOST.test(row.address)) {
    throw unprocessable('address must be an IP address or a host name');
  }
  if (row.tls_ca !== null) certificatesOf('tls.ca_pem', row.tls_ca);
  if ((row.tls_certificate === null) !== (key === null)) {
    throw unprocessable('tls.certificate and tls.private_key belong together: give both or none');
  }
  if (row.tls_certificate === null || key === null) return;
  const [leaf] = certificatesOf('tls.certificate', row.tls_certificate);
  let fits: boolean | undefined;
  try {
    fits = leaf?.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw unprocessable('tls.private_key must be a private key in PEM, without a passphrase');
  }
  if (!fits) throw unprocessable('tls.private_key is not the key of tls.certificate (its first certificate)');
}

async function rowOf(db: Reader, id: string): Promise<UpstreamRow> {
  const row = await db.selectFrom('radius_upstreams').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('upstream');
  return row;
}

async function checkFree(db: Reader, row: UpstreamRow): Promise<void> {
  const other = await db
    .selectFrom('radius_upstreams')
    .select(['id', 'name'])
    .where('name_key', '=', row.name_key)
    .executeTakeFirst();
  if (other && other.id !== row.id) throw conflict(`there is an upstream named ${other.name} already`);
}

const PLAIN = ['address', 'auth_port', 'acct_port', 'protocol', 'timeout_ms', 'retries', 'dead_seconds'] as const;

/** The row with what `body` says in it, checked. Secrets stay sealed as they are where they are not given. */
function applied({ secrets }: Service, before: UpstreamRow, body: UpstreamChange): UpstreamRow {
  const { secret, tls, name, status_server, require_message_authenticator } = body;
  // By name: a body may hold more than its schema knows.
  const plain = Object.fromEntries(PLAIN.filter((key) => body[key] !== undefined).map((key) => [key, body[key]]));
  const trimmed = name?.trim();
  if (trimmed === '') throw unprocessable('name must not be empty');
  const row: UpstreamRow = {
    ...before,
    ...plain,
    ...(trimmed !== undefined && { name: trimmed, name_key: trimmed.toLowerCase() }),
    ...(status_server !== undefined && { status_server: status_server ? 1 : 0 }),
    ...(require_message_authenticator !== undefined && {
      require_message_authenticator: require_message_authenticator ? 1 : 0,
    }),
    ...(secret !== undefined && { secret: secrets.seal(secret, upstreamSecretContext(before.id)) }),
    ...(tls?.ca_pem !== undefined && { tls_ca: tls.ca_pem }),
    ...(tls?.certificate !== undefined && { tls_certificate: tls.certificate }),
    ...(tls?.server_name !== undefined && { tls_server_name: tls.server_name }),
  };
  let key = before.tls_private_key && secrets.open(before.tls_private_key, upstreamKeyContext(before.id));
  if (tls?.private_key !== undefined) {
    key = tls.private_key;
    row.tls_private_key = key && secrets.seal(key, upstreamKeyContext(before.id));
  }
  checkFields(row, key);
  return row;
}

/** Sorted by name. */
export async function listUpstreams({ store }: Service, page: CursorPage): Promise<UpstreamView[]> {
  let query = store
    .as<RoutingTables>()
    .selectFrom('radius_upstreams')
    .selectAll()
    .orderBy('name_key')
    .limit(page.limit + 1);
  const { after } = page;
  if (after) query = query.where('name_key', '>', after.key);
  const rows = await query.execute();
  return page.cut(rows, ({ name_key, id }) => ({ key: name_key, id })).map(view);
}

/** 404 when there is none. */
export const getUpstream = async ({ store }: Service, id: string): Promise<UpstreamView> =>
  view(await rowOf(store.as<RoutingTables>(), id));

export function createUpstream(service: Service, body: NewUpstream, actor: Actor): Promise<UpstreamView> {
  return transact(service, async (db, emit) => {
    const protocol = body.protocol ?? 'udp';
    const secret = body.secret ?? (protocol === 'radsec' ? RADSEC_SECRET : undefined);
    if (secret === undefined) throw unprocessable('secret is required where protocol is udp');
    const { total } = await db
      .selectFrom('radius_upstreams')
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    if (Number(total) >= MAX_UPSTREAMS) {
      throw conflict(`there are ${MAX_UPSTREAMS} upstreams, which is the most there may be`);
    }
    const at = timestamp(service.now());
    const empty: UpstreamRow = {
      id: randomUUID(),
      name: '',
      name_key: '',
      address: '',
      auth_port: PORTS[protocol].auth,
      acct_port: PORTS[protocol].acct,
      protocol,
      secret: '',
      timeout_ms: DEFAULT_TIMEOUT_MS,
      retries: DEFAULT_RETRIES,
      dead_seconds: DEFAULT_DEAD_SECONDS,
      status_server: 1,
      require_message_authenticator: 1,
      tls_ca: null,
      tls_certificate: null,
      tls_private_key: null,
      tls_server_name: null,
      created_at: at,
      updated_at: at,
    };
    const row = applied(service, empty, { ...body, secret });
    await checkFree(db, row);
    await db.insertInto('radius_upstreams').values(row).execute();
    emit(event('radius.upstream.created', { upstreamId: row.id, name: row.name }, actor));
    return view(row);
  });
}

/** Changes what is given; what is equal already counts as no change. A secret that is given always is one. */
export function updateUpstream(
  service: Service,
  id: string,
  body: UpstreamChange,
  actor: Actor,
): Promise<UpstreamView> {
  return transact(service, async (db, emit) => {
    const before = await rowOf(db, id);
    const after = applied(service, before, body);
    const changed = changedFields(before, after).filter((field) => field !== 'name_key');
    if (changed.length === 0) return view(before);
    await checkFree(db, after);
    after.updated_at = timestamp(service.now());
    await db.updateTable('radius_upstreams').set(after).where('id', '=', id).execute();
    emit(event('radius.upstream.updated', { upstreamId: id, changed }, actor));
    return view(after);
  });
}

/** 409 that names them while realms or NAS have it as their source. */
export function deleteUpstream(service: Service, id: string, actor: Actor): Promise<void> {
  return transact(service, async (db, emit) => {
    const { name } = await rowOf(db, id);
    const users = [
      ...(await realmsWith(db, 'proxy', id)).map((realm) => `realm ${realm}`),
      ...(await service.nasWithUpstream(id)).map((nas) => `NAS ${nas}`),
    ];
    if (users.length > 0) throw conflict(`the upstream ${name} is in use: ${users.join(', ')}`);
    await db.deleteFrom('radius_upstreams').where('id', '=', id).execute();
    emit(event('radius.upstream.deleted', { upstreamId: id, name }, actor));
  });
}
