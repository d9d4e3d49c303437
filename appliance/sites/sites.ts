import type { Actor, DomainEvent, Heard } from '../events/index.ts';
import { notFound, unprocessable } from '../http/index.ts';
import type { Store } from '../store/index.ts';
import type { Site, SiteChange } from './schema.ts';

interface SiteTables {
  sites: Site;
}

/** The sites that the appliance looks after, with their zones in memory for whoever asks at each request. */
export function createSiteList(store: Store, now: () => Date) {
  const db = store.as<SiteTables>();
  const zones = new Map<string, string>();

  const find = async (id: string): Promise<Site> => {
    const row = await db.selectFrom('sites').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('site');
    return row;
  };
  const list = (): Promise<Site[]> => db.selectFrom('sites').selectAll().orderBy('id').execute();

  return {
    list,
    /** 404 when there is no such site. */
    find,
    async change(id: string, change: SiteChange, actor: Actor): Promise<Site> {
      if (change.time_zone !== undefined && !isTimeZone(change.time_zone)) {
        throw unprocessable(`time_zone is ${JSON.stringify(change.time_zone)}, not a zone such as Europe/Rome or UTC`);
      }
      const before = await find(id);
      const after = { ...before, ...change };
      const changed = (['name', 'time_zone'] as const).filter((key) => after[key] !== before[key]);
      if (changed.length === 0) return before;
      after.updated_at = now().toISOString();
      await store.transaction<SiteTables, void>(async (tx) => {
        const { name, time_zone, updated_at } = after;
        await tx.db.updateTable('sites').set({ name, time_zone, updated_at }).where('id', '=', id).execute();
        const event: DomainEvent = { type: 'sites.site.updated', data: { siteId: id, changed, actor } };
        tx.emit(event);
      });
      return after;
    },
    async load(): Promise<void> {
      for (const { id, time_zone } of await list()) zones.set(id, time_zone);
    },
    /** The bus's listener. */
    async onEvent(event: Heard<'sites.site.updated'>): Promise<void> {
      const { id, time_zone } = await find(event.data.siteId);
      zones.set(id, time_zone);
    },
    /** The day of a site around a time: its start and its end, milliseconds since 1970. */
    dayOf(id: string, at: number): { start: number; end: number } {
      const zone = zones.get(id) ?? 'UTC';
      const start = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).startOfDay();
      return { start: start.epochMilliseconds, end: start.add({ days: 1 }).startOfDay().epochMilliseconds };
    },
    exists: (id: string): boolean => zones.has(id),
    /** The zone of a site; UTC for one that isn't there. */
    timeZone: (id: string): string => zones.get(id) ?? 'UTC',
  };
}
export type SiteList = ReturnType<typeof createSiteList>;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
