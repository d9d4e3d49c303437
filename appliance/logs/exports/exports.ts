import { randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type Actor, SYSTEM } from '../../events/index.ts';
import { type CursorPage, conflict, HttpError, notFound } from '../../http/index.ts';
import { newestFirst } from '../../store/index.ts';
import { filterOf, periodOf } from '../inputs.ts';
import { type Db, event, type Service, timestamp, transact } from '../service.ts';
import type { ExportRow, LogTables } from '../tables.ts';
import { rfc3339 } from '../times.ts';
import type { ExportJobs } from './jobs.ts';
import { EXPORT_DAYS, type ExportView, MAX_EXPORTS, MAX_WAITING_OF_ONE, type NewExport } from './schema.ts';

const viewOf = (jobs: ExportJobs, row: ExportRow): ExportView => ({
  id: row.id,
  status: row.status,
  progress: row.status === 'done' ? 1 : row.status === 'running' ? jobs.progressOf(row.id) : 0,
  case: row.case_number,
  source: row.source === null ? null : (JSON.parse(row.source) as string[]),
  from: row.from_at,
  to: row.to_at,
  q: row.q,
  requested_by: { id: row.requested_by, username: row.username },
  created_at: row.created_at,
  started_at: row.started_at,
  finished_at: row.finished_at,
  count: row.count,
  bytes: row.bytes,
  sha256: row.sha256,
  error: row.error,
});

async function rowOf(db: Pick<Db, 'selectFrom'>, id: string): Promise<ExportRow> {
  const row = await db.selectFrom('log_exports').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('export');
  return row;
}

/** The newest first. */
export async function listExports(service: Service, jobs: ExportJobs, page: CursorPage): Promise<ExportView[]> {
  const all = service.store.as<LogTables>().selectFrom('log_exports').selectAll();
  const rows = await newestFirst(all, page).execute();
  return page.cut(rows, (row) => ({ key: row.created_at, id: row.id })).map((row) => viewOf(jobs, row));
}

/** 404 when there is no such export. */
export const getExport = async (service: Service, jobs: ExportJobs, id: string): Promise<ExportView> =>
  viewOf(jobs, await rowOf(service.store.as<LogTables>(), id));

export async function createExport(
  service: Service,
  jobs: ExportJobs,
  body: NewExport,
  by: { actor: Actor; username: string },
): Promise<{ id: string; status: 'queued' }> {
  const { actor, username } = by;
  const { from, to, q, source, case: caseNumber } = body;
  const { fromUs, toUs } = periodOf(from, to);
  filterOf(service, { from, to, ...(q !== undefined && { q }), ...(source !== undefined && { source }) });
  const row: ExportRow = {
    id: randomUUID(),
    status: 'queued',
    case_number: caseNumber?.trim() ?? null,
    source: source === undefined ? null : JSON.stringify([source].flat()),
    from_at: rfc3339(fromUs as number),
    to_at: rfc3339(toUs as number),
    q: q ?? null,
    requested_by: actor.id,
    username,
    created_at: timestamp(service.now()),
    started_at: null,
    finished_at: null,
    count: null,
    bytes: null,
    sha256: null,
    error: null,
  };
  // By the name that the export has: a renaming may be under way, and the verifier compares them.
  const named = { ...actor, username };
  await service.backend.record({
    event: 'logs.exported',
    actor: named,
    export_id: row.id,
    case: row.case_number,
    query: { source: source ?? null, q: row.q },
    from: row.from_at,
    to: row.to_at,
  });
  const dropped = await transact(service, async (db, emit) => {
    const before = await db
      .selectFrom('log_exports')
      .select(['id', 'status', 'requested_by'])
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    const ended = before.filter(({ status }) => status === 'done' || status === 'failed');
    const own = before.filter((one) => one.requested_by === actor.id && !ended.includes(one));
    if (own.length >= MAX_WAITING_OF_ONE) {
      throw new HttpError(429, `${own.length} exports of yours wait or are being built: wait, or delete one of them`);
    }
    const surplus = Math.max(0, before.length - MAX_EXPORTS + 1);
    if (ended.length < surplus) {
      throw conflict(`${MAX_EXPORTS} exports wait to be built: wait, or delete one that is not needed`);
    }
    const old = ended.slice(0, surplus).map(({ id }) => id);
    for (const exportId of old) {
      await db.deleteFrom('log_exports').where('id', '=', exportId).execute();
      emit(event('logs.export.deleted', { exportId }, SYSTEM));
    }
    await db.insertInto('log_exports').values(row).execute();
    emit(event('logs.export.created', { exportId: row.id, case: row.case_number }, actor));
    return old;
  });
  for (const id of dropped) await jobs.drop(id);
  jobs.kick();
  return { id: row.id, status: 'queued' };
}

/** Takes an export out of the list; one that is being built is ended. */
export async function deleteExport(service: Service, jobs: ExportJobs, id: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit) => {
    await rowOf(db, id);
    await db.deleteFrom('log_exports').where('id', '=', id).execute();
    emit(event('logs.export.deleted', { exportId: id }, actor));
  });
  await jobs.drop(id);
}

/**
 * Deletes the exports that may hold a record of one of these times (µs), of records that are erased: those that are built
 * and one that is being built. Answers how many.
 */
export async function dropHolding(service: Service, jobs: ExportJobs, times: readonly number[]): Promise<number> {
  const rows = await service.store.as<LogTables>().selectFrom('log_exports').selectAll().execute();
  const texts = times.map(rfc3339);
  const hit = rows.filter(
    (row) => row.status !== 'queued' && texts.some((text) => text >= row.from_at && text <= row.to_at),
  );
  for (const { id } of hit) await deleteExport(service, jobs, id, SYSTEM);
  return hit.length;
}

/** Deletes those that have ended long ago. */
export async function dropOld(service: Service, jobs: ExportJobs): Promise<void> {
  const before = timestamp(service.now() - EXPORT_DAYS * 86_400_000);
  const rows = await service.store
    .as<LogTables>()
    .selectFrom('log_exports')
    .select('id')
    .where('finished_at', '<', before)
    .execute();
  for (const { id } of rows) await deleteExport(service, jobs, id, SYSTEM);
}

/** The ZIP, open for reading. 409 until it is built; 404 when it is gone. */
export async function openExport(
  service: Service,
  jobs: ExportJobs,
  id: string,
  actor: Actor,
): Promise<{ handle: FileHandle; bytes: number; row: ExportRow }> {
  const row = await rowOf(service.store.as<LogTables>(), id);
  if (row.status === 'failed') throw conflict(`the export failed: ${row.error}`);
  if (row.status !== 'done') throw conflict(`the export is ${row.status}: ask again when its status is done`);
  let handle: FileHandle;
  try {
    handle = await open(jobs.fileOf(id));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new HttpError(404, 'the file of the export is gone: ask for the export again');
  }
  try {
    await service.backend.record({
      event: 'logs.downloaded',
      actor,
      export_id: id,
      case: row.case_number,
      from: row.from_at,
      to: row.to_at,
      count: row.count,
      sha256: row.sha256,
    });
    return { handle, bytes: (await handle.stat()).size, row };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
