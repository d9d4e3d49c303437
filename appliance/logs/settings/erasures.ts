import type { Actor } from '../../events/index.ts';
import { unprocessable } from '../../http/index.ts';
import type { Filter, Found } from '../backend.ts';
import { dropHolding } from '../exports/exports.ts';
import type { ExportJobs } from '../exports/jobs.ts';
import { asked, filterOf } from '../inputs.ts';
import { KIND } from '../record/types.ts';
import { MAX_PAGE } from '../schema.ts';
import type { Service } from '../service.ts';
import type { LogTables } from '../tables.ts';
import { activeHolds, isHeldBy } from './holds.ts';
import { mentionsOf } from './mentions.ts';
import { type ErasureView, MAX_ERASED, type NewErasure } from './schema.ts';

const TOO_MANY = `more than ${MAX_ERASED} records match: erase them in shorter periods, with from and to`;
/** What may be erased: what is about people. What people did with the log stays, or its abuse could be covered up. */
const ERASABLE: ReadonlySet<number> = new Set([KIND.log, KIND.access]);

/**
 * Erases the records of one person, but for those that are held and those that say what was done with the log. What
 * is sealed of it is how many, why and of what time: not whose, or the name would be in the log for ever.
 */
export async function erase(service: Service, jobs: ExportJobs, body: NewErasure, actor: Actor): Promise<ErasureView> {
  const wanted = await wantedOf(service, body);
  const found = wanted.filter(({ erased }) => erased !== true);
  const erasable = found.filter(({ kind }) => ERASABLE.has(kind));
  const holds = await activeHolds(service.store.as<LogTables>());
  const held = new Map<string, number>();
  const addresses = new Map(service.backend.sources().map(({ id, address }) => [id, address]));
  const free = erasable.filter((record) => {
    const by = holds.filter((hold) => isHeldBy(hold, record, addresses.get(record.source)));
    for (const { id } of by) held.set(id, (held.get(id) ?? 0) + 1);
    return by.length === 0;
  });
  const theirs = new Set(wanted.map(({ index }) => index));
  const view: ErasureView = {
    matched: found.length,
    erased: free.length,
    held: {
      count: erasable.length - free.length,
      holds: holds.flatMap(({ id, name }) => {
        const count = held.get(id);
        return count === undefined ? [] : [{ id, name, count }];
      }),
    },
    kept: found.length - erasable.length,
    mentioned: await mentionsOf(
      service,
      body,
      ({ index, kind, erased }) => erased !== true && ERASABLE.has(kind) && !theirs.has(index),
    ),
    exports_deleted: 0,
    dry_run: body.dry_run ?? false,
  };
  const entry = {
    event: 'logs.erased' as const,
    actor,
    by: (['user', 'ip', 'mac', 'indexes'] as const).filter((key) => body[key] !== undefined),
    from: body.from ?? null,
    to: body.to ?? null,
    reason: body.reason,
    dry_run: view.dry_run,
    held: view.held.count,
  };
  // Before anything goes: what can't be recorded isn't done.
  await service.backend.record({ ...entry, count: free.length });
  if (view.dry_run || free.length === 0) return view;
  const indexes = free.map(({ index }) => index).sort((a, b) => a - b);
  const erased = await service.backend.erase(indexes, body.reason, actor);
  // They still have what was erased.
  const times = free.map(({ receiveUs }) => receiveUs);
  return { ...view, erased, exports_deleted: await dropHolding(service, jobs, times) };
}

async function wantedOf(service: Service, body: NewErasure): Promise<Found[]> {
  const { user, ip, mac, from, to, indexes } = body;
  const named = user !== undefined || ip !== undefined || mac !== undefined;
  if (indexes !== undefined) {
    if (named || from !== undefined || to !== undefined) {
      throw unprocessable('indexes say all: leave out user, ip, mac, from and to');
    }
    const found = await service.backend.read(indexes);
    const there = new Set(found.map(({ index }) => index));
    const missing = indexes.find((index) => !there.has(index));
    if (missing !== undefined) throw unprocessable(`indexes names a record that isn't there: ${missing}`);
    return found;
  }
  if (!named) throw unprocessable('say whose records: user, ip, mac or indexes');
  return all(
    service,
    filterOf(service, {
      ...(user !== undefined && { user }),
      ...(ip !== undefined && { ip }),
      ...(mac !== undefined && { mac }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    }),
  );
}

async function all(service: Service, filter: Filter): Promise<Found[]> {
  const found: Found[] = [];
  // Who says before which leaf gets what is still being indexed, too.
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const page = await asked(service.backend.query({ ...filter, limit: MAX_PAGE, before }));
    // With a `next` only the time of one answer was over: the next one goes on from there.
    if (page.partial !== undefined && (page.lacks || page.next === undefined)) {
      throw unprocessable(`not all of the records can be found now: ${page.partial}; try again later`);
    }
    // What they say is not needed, and would fill the memory.
    for (const record of page.records) found.push({ ...record, fields: {}, raw: '', rawBase64: '' });
    if (found.length > MAX_ERASED) throw unprocessable(TOO_MANY);
    if (page.next === undefined) return found;
    before = page.next;
  }
}
