import { randomUUID } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../../http/index.ts';
import type { Source } from '../types.ts';
import { type RealmEntry, realmKey } from './resolve.ts';
import { MAX_REALMS, type NewRealm, type RealmChange, type RealmView, type SourceBody } from './schema.ts';
import { changedFields, type Db, event, type Reader, type Service, timestamp, transact } from './service.ts';
import type { RealmRow, RoutingTables } from './tables.ts';

const sourceBody = ({ source, source_ids }: Pick<RealmRow, 'source' | 'source_ids'>): SourceBody => {
  const ids = JSON.parse(source_ids) as string[];
  if (source === 'rest') return { kind: 'rest', connector_ids: ids };
  return source === 'proxy' ? { kind: 'proxy', upstream_ids: ids } : { kind: 'local' };
};

/** A source as the server uses it. */
export const toSource = (body: SourceBody): Source => {
  if (body.kind === 'rest') return { kind: 'rest', connectorIds: body.connector_ids ?? [] };
  return body.kind === 'proxy' ? { kind: 'proxy', upstreamIds: body.upstream_ids ?? [] } : { kind: 'local' };
};

const view = (row: RealmRow): RealmView => ({
  id: row.id,
  name: row.name,
  strip: row.strip === 1,
  source: sourceBody(row),
  accounting: row.accounting === 1,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

export const realmEntry = (row: RealmRow): RealmEntry => ({
  id: row.id,
  name: row.name,
  strip: row.strip === 1,
  source: toSource(sourceBody(row)),
  accounting: row.accounting === 1,
});

/** A name, as messages show it. */
const shown = (name: string): string => (name === '' ? 'for logins without a realm' : name);

/**
 * Refuses a source that can't be: 422 where it names nothing, or what doesn't exist. Serves NAS too: any transaction
 * may call it, for it only reads.
 */
export async function checkSource(service: Service, body: SourceBody, field = 'source'): Promise<void> {
  const upstreams = body.upstream_ids ?? [];
  const connectors = body.connector_ids ?? [];
  if (body.kind !== 'proxy' && upstreams.length > 0)
    throw unprocessable(`${field}.upstream_ids is for kind proxy only`);
  if (body.kind !== 'rest' && connectors.length > 0)
    throw unprocessable(`${field}.connector_ids is for kind rest only`);
  if (body.kind === 'rest') {
    if (connectors.length === 0) throw unprocessable(`${field}.connector_ids must name at least one connector`);
    const [unknown] = await service.unknownConnectors(connectors);
    if (unknown !== undefined) throw unprocessable(`${field}.connector_ids names no connector of ours: ${unknown}`);
  }
  if (body.kind === 'proxy') {
    if (upstreams.length === 0) throw unprocessable(`${field}.upstream_ids must name at least one upstream`);
    const rows = await service.store
      .as<RoutingTables>()
      .selectFrom('radius_upstreams')
      .select('id')
      .where('id', 'in', upstreams)
      .execute();
    const unknown = upstreams.find((id) => !rows.some((row) => row.id === id));
    if (unknown !== undefined) throw unprocessable(`${field}.upstream_ids names no upstream of ours: ${unknown}`);
  }
}

async function rowOf(db: Reader, id: string): Promise<RealmRow> {
  const row = await db.selectFrom('radius_realms').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('realm');
  return row;
}

async function checkFree(db: Reader, name: string, except?: string): Promise<void> {
  const other = await db.selectFrom('radius_realms').select('id').where('name', '=', name).executeTakeFirst();
  if (other && other.id !== except) throw conflict(`there is a realm ${shown(name)} already`);
}

/** Sorted by name. */
export async function listRealms({ store }: Service, page: CursorPage): Promise<RealmView[]> {
  let query = store
    .as<RoutingTables>()
    .selectFrom('radius_realms')
    .selectAll()
    .orderBy('name')
    .limit(page.limit + 1);
  const { after } = page;
  if (after) query = query.where('name', '>', after.key);
  const rows = await query.execute();
  return page.cut(rows, ({ name, id }) => ({ key: name, id })).map(view);
}

/** 404 when there is none. */
export const getRealm = async ({ store }: Service, id: string): Promise<RealmView> =>
  view(await rowOf(store.as<RoutingTables>(), id));

const sourceColumns = (body: SourceBody): Pick<RealmRow, 'source' | 'source_ids'> => ({
  source: body.kind,
  source_ids: JSON.stringify((body.kind === 'rest' ? body.connector_ids : body.upstream_ids) ?? []),
});

export function createRealm(service: Service, body: NewRealm, actor: Actor): Promise<RealmView> {
  return transact(service, async (db, emit) => {
    const name = realmKey(body.name);
    await checkFree(db, name);
    await checkSource(service, body.source);
    const { total } = await db
      .selectFrom('radius_realms')
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    if (Number(total) >= MAX_REALMS) throw conflict(`there are ${MAX_REALMS} realms, which is the most there may be`);
    const at = timestamp(service.now());
    const row: RealmRow = {
      id: randomUUID(),
      name,
      strip: body.strip ? 1 : 0,
      ...sourceColumns(body.source),
      accounting: body.accounting ? 1 : 0,
      created_at: at,
      updated_at: at,
    };
    await db.insertInto('radius_realms').values(row).execute();
    emit(event('radius.realm.created', { realmId: row.id, name }, actor));
    return view(row);
  });
}

/** Changes what is given; what is equal already counts as no change. */
export function updateRealm(service: Service, id: string, body: RealmChange, actor: Actor): Promise<RealmView> {
  return transact(service, async (db, emit) => {
    const before = await rowOf(db, id);
    const after: RealmRow = {
      ...before,
      ...(body.name !== undefined && { name: realmKey(body.name) }),
      ...(body.strip !== undefined && { strip: body.strip ? 1 : 0 }),
      ...(body.source && sourceColumns(body.source)),
      ...(body.accounting !== undefined && { accounting: body.accounting ? 1 : 0 }),
    };
    const changed = changedFields(before, after);
    if (changed.length === 0) return view(before);
    if (after.name !== before.name) await checkFree(db, after.name, id);
    if (body.source) await checkSource(service, body.source);
    after.updated_at = timestamp(service.now());
    await db.updateTable('radius_realms').set(after).where('id', '=', id).execute();
    emit(event('radius.realm.updated', { realmId: id, changed }, actor));
    return view(after);
  });
}

export function deleteRealm(service: Service, id: string, actor: Actor): Promise<void> {
  return transact(service, async (db, emit) => {
    const { name } = await rowOf(db, id);
    await db.deleteFrom('radius_realms').where('id', '=', id).execute();
    emit(event('radius.realm.deleted', { realmId: id, name }, actor));
  });
}

/** Names of the realms whose source names this upstream or connector. */
export async function realmsWith(db: Pick<Db, 'selectFrom'>, source: 'rest' | 'proxy', id: string): Promise<string[]> {
  const rows = await db
    .selectFrom('radius_realms')
    .select(['name', 'source_ids'])
    .where('source', '=', source)
    .orderBy('name')
    .execute();
  return rows.filter((row) => (JSON.parse(row.source_ids) as string[]).includes(id)).map((row) => shown(row.name));
}
