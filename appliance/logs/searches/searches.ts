import { randomUUID } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { type CursorPage, conflict, forbidden, notFound } from '../../http/index.ts';
import { filterOf } from '../inputs.ts';
import type { FilterQuery } from '../schema.ts';
import { countOf, type Db, event, type Service, timestamp, transact } from '../service.ts';
import { keyOf } from '../sources/book.ts';
import type { LogTables, SearchRow } from '../tables.ts';
import { MAX_SEARCHES, type NewSearch, type SearchChange, type SearchView } from './schema.ts';

const viewOf = (row: SearchRow): SearchView => ({
  id: row.id,
  name: row.name,
  owner_id: row.owner_id,
  shared: row.shared === 1,
  query: JSON.parse(row.query) as FilterQuery,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

const isSeen = (row: SearchRow, userId: string): boolean =>
  row.shared === 1 || row.owner_id === null || row.owner_id === userId;

/** A search that this person may see; 404 for others'. */
async function rowFor(db: Pick<Db, 'selectFrom'>, id: string, userId: string): Promise<SearchRow> {
  const row = await db.selectFrom('log_searches').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || !isSeen(row, userId)) throw notFound('saved search');
  return row;
}

/** One that this person may change; 403 where it is only shared. */
async function ownRow(db: Pick<Db, 'selectFrom'>, id: string, userId: string): Promise<SearchRow> {
  const row = await rowFor(db, id, userId);
  if (row.owner_id !== null && row.owner_id !== userId) {
    throw forbidden("the search is somebody else's: save one of your own");
  }
  return row;
}

/** A person's own and those that others share, by name. */
export async function listSearches({ store }: Service, userId: string, page: CursorPage): Promise<SearchView[]> {
  let wanted = store
    .as<LogTables>()
    .selectFrom('log_searches')
    .selectAll()
    .where((eb) => eb.or([eb('shared', '=', 1), eb('owner_id', 'is', null), eb('owner_id', '=', userId)]));
  const { after } = page;
  if (after) {
    wanted = wanted.where((eb) =>
      eb.or([eb('name_key', '>', after.key), eb.and([eb('name_key', '=', after.key), eb('id', '>', after.id)])]),
    );
  }
  const rows = await wanted
    .orderBy('name_key')
    .orderBy('id')
    .limit(page.limit + 1)
    .execute();
  return page.cut(rows, (row) => ({ key: row.name_key, id: row.id })).map(viewOf);
}

export const getSearch = async ({ store }: Service, id: string, userId: string): Promise<SearchView> =>
  viewOf(await rowFor(store.as<LogTables>(), id, userId));

async function checkFree(db: Pick<Db, 'selectFrom'>, row: SearchRow): Promise<void> {
  const taken = await db
    .selectFrom('log_searches')
    .select('id')
    .where('owner_id', row.owner_id === null ? 'is' : '=', row.owner_id)
    .where('name_key', '=', row.name_key)
    .where('id', '<>', row.id)
    .executeTakeFirst();
  if (taken) throw conflict(`there is a search with the name ${row.name} already: ${taken.id}`);
}

export async function createSearch(service: Service, body: NewSearch, actor: Actor): Promise<SearchView> {
  filterOf(service, body.query);
  return transact(service, async (db, emit) => {
    if ((await countOf(db, 'log_searches')) >= MAX_SEARCHES) {
      throw conflict(`there are ${MAX_SEARCHES} saved searches already: delete some first`);
    }
    const at = timestamp(service.now());
    const name = body.name.trim().normalize('NFC');
    const row: SearchRow = {
      id: randomUUID(),
      owner_id: actor.id,
      name,
      name_key: keyOf(name),
      shared: body.shared ? 1 : 0,
      query: JSON.stringify(body.query),
      created_at: at,
      updated_at: at,
    };
    await checkFree(db, row);
    await db.insertInto('log_searches').values(row).execute();
    emit(event('logs.search.created', { searchId: row.id, name }, actor));
    return viewOf(row);
  });
}

/** Changes what is given. */
export async function updateSearch(
  service: Service,
  id: string,
  body: SearchChange,
  actor: Actor,
): Promise<SearchView> {
  if (body.query) filterOf(service, body.query);
  return transact(service, async (db, emit) => {
    const before = await ownRow(db, id, actor.id);
    const name = body.name?.trim().normalize('NFC') ?? before.name;
    const after: SearchRow = {
      ...before,
      name,
      name_key: keyOf(name),
      shared: body.shared === undefined ? before.shared : body.shared ? 1 : 0,
      query: body.query === undefined ? before.query : JSON.stringify(body.query),
    };
    const changed = (['name', 'shared', 'query'] as const).filter((key) => after[key] !== before[key]);
    if (changed.length === 0) return viewOf(before);
    await checkFree(db, after);
    after.updated_at = timestamp(service.now());
    await db.updateTable('log_searches').set(after).where('id', '=', id).execute();
    emit(event('logs.search.updated', { searchId: id, changed }, actor));
    return viewOf(after);
  });
}

export async function deleteSearch(service: Service, id: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit) => {
    const { name } = await ownRow(db, id, actor.id);
    await db.deleteFrom('log_searches').where('id', '=', id).execute();
    emit(event('logs.search.deleted', { searchId: id, name }, actor));
  });
}

/** What somebody who is gone has shared stays, without an owner. */
export async function forgetOwner(service: Service, userId: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit) => {
    const rows = await db.selectFrom('log_searches').selectAll().where('owner_id', '=', userId).execute();
    if (rows.length === 0) return;
    await db.deleteFrom('log_searches').where('owner_id', '=', userId).where('shared', '=', 0).execute();
    await db.updateTable('log_searches').set({ owner_id: null }).where('owner_id', '=', userId).execute();
    for (const { id, name, shared } of rows) {
      if (shared === 0) emit(event('logs.search.deleted', { searchId: id, name }, actor));
      else emit(event('logs.search.updated', { searchId: id, changed: ['owner_id'] }, actor));
    }
  });
}
