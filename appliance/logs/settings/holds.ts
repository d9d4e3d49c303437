import { randomUUID } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../../http/index.ts';
import { newestFirst } from '../../store/index.ts';
import type { Found } from '../backend.ts';
import { periodOf } from '../inputs.ts';
import { countOf, type Db, event, type Service, timestamp, transact } from '../service.ts';
import type { HoldRow, LogTables } from '../tables.ts';
import { parseMicroseconds, rfc3339 } from '../times.ts';
import { type HoldView, MAX_ACTIVE_HOLDS, MAX_HOLDS, type NewHold } from './schema.ts';

/** A hold in force. Times are microseconds, both ends included. */
export interface Hold {
  id: string;
  name: string;
  fromUs: number;
  toUs: number;
  address: string | null;
}

function viewOf({ sources }: Service, row: HoldRow): HoldView {
  const address = row.source_address;
  const source = address === null ? undefined : sources.all().find((one) => one.address === address);
  return {
    id: row.id,
    name: row.name,
    reason: row.reason,
    from: row.from_at,
    to: row.to_at,
    source: address === null ? null : { id: source?.id ?? null, name: source?.name ?? address, address },
    status: row.released_at === null ? 'active' : 'released',
    created_at: row.created_at,
    created_by: row.created_by,
    released_at: row.released_at,
    released_by: row.released_by,
  };
}

const active = (db: Pick<Db, 'selectFrom'>) =>
  db.selectFrom('log_holds').selectAll().where('released_at', 'is', null).orderBy('created_at').orderBy('id');

/** Those that are in force. */
export async function activeHolds(db: Pick<Db, 'selectFrom'>): Promise<Hold[]> {
  return (await active(db).execute()).map((row) => ({
    id: row.id,
    name: row.name,
    fromUs: parseMicroseconds(row.from_at) ?? 0,
    toUs: row.to_at === null ? Number.MAX_SAFE_INTEGER : (parseMicroseconds(row.to_at) ?? Number.MAX_SAFE_INTEGER),
    address: row.source_address,
  }));
}

export const isHeldBy = (hold: Hold, record: Pick<Found, 'receiveUs'>, address: string | undefined): boolean =>
  record.receiveUs >= hold.fromUs &&
  record.receiveUs <= hold.toUs &&
  (hold.address === null || hold.address === address);

/** The newest first, released ones too. */
export async function listHolds(
  service: Service,
  status: 'active' | 'released' | undefined,
  page: CursorPage,
): Promise<HoldView[]> {
  let wanted = service.store.as<LogTables>().selectFrom('log_holds').selectAll();
  if (status) wanted = wanted.where('released_at', status === 'active' ? 'is' : 'is not', null);
  const rows = await newestFirst(wanted, page).execute();
  return page.cut(rows, (row) => ({ key: row.created_at, id: row.id })).map((row) => viewOf(service, row));
}

async function rowOf(db: Pick<Db, 'selectFrom'>, id: string): Promise<HoldRow> {
  const row = await db.selectFrom('log_holds').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('hold');
  return row;
}

/** 404 when there is no such hold. */
export const getHold = async (service: Service, id: string): Promise<HoldView> =>
  viewOf(service, await rowOf(service.store.as<LogTables>(), id));

/** The one source that a text means. 422 where it is none, or several. */
function addressOf({ sources }: Service, text: string): string {
  const [source, ...more] = sources.matching(text);
  if (!source) throw unprocessable('source is no id, name or address of a source: GET /v1/logs/sources lists them');
  if (more.length > 0) throw unprocessable('source means several sources: name one by its id, or hold each of them');
  return source.address;
}

export async function createHold(service: Service, body: NewHold, actor: Actor): Promise<HoldView> {
  const { fromUs, toUs } = periodOf(body.from, body.to ?? undefined);
  const address = body.source === undefined ? null : addressOf(service, body.source);
  const row: HoldRow = {
    id: randomUUID(),
    name: body.name.trim(),
    reason: body.reason.trim(),
    from_at: rfc3339(fromUs ?? 0),
    to_at: toUs === undefined ? null : rfc3339(toUs),
    source_address: address,
    created_at: timestamp(service.now()),
    created_by: actor.id,
    released_at: null,
    released_by: null,
  };
  await transact(service, async (db, emit) => {
    if ((await active(db).execute()).length >= MAX_ACTIVE_HOLDS) {
      throw conflict(`there are ${MAX_ACTIVE_HOLDS} holds already: release one that is not needed any more`);
    }
    if ((await countOf(db, 'log_holds')) >= MAX_HOLDS) throw conflict(`there have been ${MAX_HOLDS} holds already`);
    await db.insertInto('log_holds').values(row).execute();
    emit(event('logs.hold.created', { holdId: row.id, name: row.name }, actor));
  });
  return viewOf(service, row);
}

/** Lets go of what was held; the hold stays in the list. Once more changes nothing. */
export async function releaseHold(service: Service, id: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit) => {
    const row = await rowOf(db, id);
    if (row.released_at !== null) return;
    await db
      .updateTable('log_holds')
      .set({ released_at: timestamp(service.now()), released_by: actor.id })
      .where('id', '=', id)
      .execute();
    emit(event('logs.hold.released', { holdId: id, name: row.name }, actor));
  });
}
