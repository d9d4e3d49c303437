import { randomBytes, randomUUID } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../../http/index.ts';
import { sha256Hex } from '../../store/index.ts';
import { type ConnectorClientView, MAX_CLIENTS } from './schema.ts';
import { event, type Service, timestamp, transact } from './service.ts';
import type { ConnectorClientRow, ConnectorTables } from './tables.ts';

const PREFIX = 'ghc_';
const TOKEN = /^ghc_[A-Za-z0-9_-]{43}$/;

const view = ({ id, name, created_at }: ConnectorClientRow): ConnectorClientView => ({ id, name, created_at });

/** Sorted by name. */
export async function listClients({ store }: Service, page: CursorPage): Promise<ConnectorClientView[]> {
  let query = store
    .as<ConnectorTables>()
    .selectFrom('connector_clients')
    .selectAll()
    .orderBy('name_key')
    .limit(page.limit + 1);
  const { after } = page;
  if (after) query = query.where('name_key', '>', after.key);
  return page.cut(await query.execute(), ({ name_key, id }) => ({ key: name_key, id })).map(view);
}

/** Makes a client; the only time that its token is told. */
export function createClient(
  service: Service,
  name: string,
  actor: Actor,
): Promise<ConnectorClientView & { token: string }> {
  return transact(service, async (db, emit) => {
    const trimmed = name.trim();
    if (trimmed === '') throw unprocessable('name must not be empty');
    const all = await db.selectFrom('connector_clients').select(['name', 'name_key']).execute();
    if (all.length >= MAX_CLIENTS) throw conflict(`there are ${MAX_CLIENTS} clients, which is the most there may be`);
    const name_key = trimmed.normalize('NFC').toLowerCase();
    const other = all.find((row) => row.name_key === name_key);
    if (other) throw conflict(`there is a client named ${other.name} already`);
    const token = PREFIX + randomBytes(32).toString('base64url');
    const row: ConnectorClientRow = {
      id: randomUUID(),
      name: trimmed,
      name_key,
      token_hash: sha256Hex(token),
      created_at: timestamp(service.now()),
    };
    await db.insertInto('connector_clients').values(row).execute();
    emit(event('radius.connector_client.created', { clientId: row.id, name: trimmed }, actor));
    return { ...view(row), token };
  });
}

/** 404 when there is none. Its token is void from the next request on. */
export function deleteClient(service: Service, id: string, actor: Actor): Promise<void> {
  return transact(service, async (db, emit) => {
    const row = await db.selectFrom('connector_clients').select('name').where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('connector client');
    await db.deleteFrom('connector_clients').where('id', '=', id).execute();
    emit(event('radius.connector_client.deleted', { clientId: id, name: row.name }, actor));
  });
}

/**
 * Whose token it is. Looked up by its SHA-256, so the time of a look-up tells nothing about it; anew each time, so that
 * a deleted client is out at once.
 */
export async function clientOf(
  { store }: Pick<Service, 'store'>,
  token: string,
): Promise<ConnectorClientView | undefined> {
  if (!TOKEN.test(token)) return undefined;
  const row = await store
    .as<ConnectorTables>()
    .selectFrom('connector_clients')
    .selectAll()
    .where('token_hash', '=', sha256Hex(token))
    .executeTakeFirst();
  return row && view(row);
}
