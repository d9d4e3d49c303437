import type { Bus } from '../../events/index.ts';
import type { Logger } from '../../store/index.ts';
import type { Nas } from '../types.ts';
import { checkSource, realmEntry, realmsWith } from './realms.ts';
import { type RealmEntry, type Resolved, resolve } from './resolve.ts';
import { routingRoutes } from './routes.ts';
import type { SourceBody } from './schema.ts';
import type { Service } from './service.ts';
import type { RoutingTables } from './tables.ts';
import { toUpstream, type Upstream } from './upstreams.ts';

export { routingMigrations } from './migrations.ts';
export type { RealmEntry, Resolved } from './resolve.ts';
export { SourceBody } from './schema.ts';
export type { Service as RoutingService } from './service.ts';
export type { Upstream } from './upstreams.ts';

const EVENTS = [
  'radius.realm.created',
  'radius.realm.updated',
  'radius.realm.deleted',
  'radius.upstream.created',
  'radius.upstream.updated',
  'radius.upstream.deleted',
] as const;

/** Realms and upstream servers: their routes, and the copy in memory that requests are routed by. */
export function createRouting(options: Service & { bus: Pick<Bus, 'on'>; log: Logger }) {
  const { store, bus, log } = options;
  const db = store.as<RoutingTables>();
  let realms: ReadonlyMap<string, RealmEntry> = new Map();
  const upstreams = new Map<string, Upstream>();
  const listeners: (() => void)[] = [];

  async function loadRealms(): Promise<void> {
    const rows = await db.selectFrom('radius_realms').selectAll().execute();
    realms = new Map(rows.map((row) => [row.name, realmEntry(row)]));
  }

  /** Reads all upstreams, or one anew: the others stay the same objects, so that their connections stay. */
  async function loadUpstreams(id?: string): Promise<void> {
    let query = db.selectFrom('radius_upstreams').selectAll();
    if (id !== undefined) query = query.where('id', '=', id);
    const rows = await query.execute();
    if (id !== undefined && rows.length === 0) upstreams.delete(id);
    for (const row of rows) {
      try {
        upstreams.set(row.id, toUpstream(options, row));
      } catch (error) {
        // Without its secret the server can't be asked; the others can.
        upstreams.delete(row.id);
        log.error({ upstream: row.name, err: error }, 'the secret of an upstream server cannot be opened');
      }
    }
  }

  bus.on(EVENTS, async (event) => {
    if ('upstreamId' in event.data) await loadUpstreams(event.data.upstreamId);
    else await loadRealms();
    for (const listener of listeners) listener();
  });

  return {
    /** For the prefix /v1. */
    routes: routingRoutes(options),
    /** Reads the tables. */
    async start(): Promise<void> {
      await loadRealms();
      await loadUpstreams();
    },
    /** The realm of a login, and where it is authenticated. Pure over what is in memory. */
    resolve: (login: string, nas: Pick<Nas, 'source'> | undefined): Resolved => resolve(realms, login, nas),
    /** The same object until the upstream is changed. */
    upstream: (id: string): Upstream | undefined => upstreams.get(id),
    /** Calls `listener` after realms or upstreams have changed. */
    onChange: (listener: () => void): void => void listeners.push(listener),
    /** 422 where a source names nothing, or what isn't there; `field` is its name in the message. */
    checkSource: (body: SourceBody, field?: string): Promise<void> => checkSource(options, body, field),
    /** Names of the realms whose source names this connector: it can't be deleted then. */
    realmsWithConnector: (id: string): Promise<string[]> => realmsWith(db, 'rest', id),
  };
}
export type Routing = ReturnType<typeof createRouting>;
