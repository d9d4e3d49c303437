import type { Actor } from '../../events/index.ts';
import { conflict } from '../../http/index.ts';
import type { Days } from '../backend.ts';
import { CLASSES, type RetentionClass } from '../record/types.ts';
import { type Db, event, type Service, transact } from '../service.ts';
import type { LogTables } from '../tables.ts';
import { rfc3339 } from '../times.ts';
import type { RetentionChange, RetentionChanged } from './schema.ts';

/** Where nobody has set anything. What is about people's traffic goes first. */
const DEFAULT_DAYS: Days = {
  system: null,
  audit: null,
  access: 365,
  log: 365,
  security: 365,
  traffic: 180,
  guest: 180,
};

/** Days by class. */
export async function readDays(db: Pick<Db, 'selectFrom'>): Promise<Days> {
  const rows = await db.selectFrom('log_retention').selectAll().execute();
  const given = new Map(rows.map((row) => [row.class, row.days]));
  const days = { ...DEFAULT_DAYS };
  for (const name of CLASSES) if (name !== 'system' && given.has(name)) days[name] = given.get(name) ?? null;
  return days;
}

export const getDays = ({ store }: Service): Promise<Days> => readDays(store.as<LogTables>());

/** Changes what is given, and says what goes by it. */
export async function updateDays(service: Service, body: RetentionChange, actor: Actor): Promise<RetentionChanged> {
  const dryRun = body.dry_run ?? false;
  const before = await getDays(service);
  const expires = await service.backend.expiring({ ...before, ...(body.days as Partial<Days>) });
  if (expires.length > 0 && !dryRun && body.confirm !== true) {
    const what = expires.map((one) => `${one.records} records of class ${one.class}`).join(', ');
    throw conflict(`${what} would be destroyed at once: hold what is still needed, then say "confirm": true`);
  }
  const days = dryRun ? { ...before, ...(body.days as Partial<Days>) } : await write(service, body, actor);
  return {
    days,
    dry_run: dryRun,
    expires: expires.map((one) => ({
      class: one.class,
      records: one.records,
      bytes: one.bytes,
      until: rfc3339(one.untilUs),
    })),
    warnings: expires.map(
      (one) =>
        `${one.records} records of class ${one.class} are older than ${days[one.class]} days: they ` +
        `${dryRun ? 'would be' : 'will be'} destroyed and can't be brought back; hold what is still needed`,
    ),
  };
}

const write = (service: Service, body: RetentionChange, actor: Actor): Promise<Days> =>
  transact(service, async (db, emit) => {
    const before = await readDays(db);
    const given = Object.entries(body.days) as [RetentionClass, number | null][];
    const changed = given.filter(([name, days]) => before[name] !== days);
    for (const [name, days] of changed) {
      await db
        .insertInto('log_retention')
        .values({ class: name, days })
        .onConflict((on) => on.column('class').doUpdateSet({ days }))
        .execute();
    }
    if (changed.length > 0) emit(event('logs.retention.updated', { changed: changed.map(([name]) => name) }, actor));
    return { ...before, ...Object.fromEntries(changed) };
  });
