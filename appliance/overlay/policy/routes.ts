import { randomUUID } from 'node:crypto';
import type { Actor, DomainEvent } from '../../events/index.ts';
import { badRequest, conflict, notFound } from '../../http/index.ts';
import { type Cidr, contains, formatCidr, neverRouted, overlaps, parseCidr } from '../addresses.ts';
import { type OverlayContext, transact } from '../context.ts';
import type { NetworkRow, OverlayTables, RouteRow } from '../tables.ts';
import { checkGateway } from './circular.ts';
import { changedFields, checkName, checkNameFree, checkRoom, networkRow, type Reader } from './fields.ts';
import { checkFits } from './mappings.ts';
import { dnsLabel, domainName } from './names.ts';
import { MAX_ROUTES, type Route, type RouteCreate, type RouteUpdate } from './schema.ts';

export const routeView = ({ name_key: _, ...row }: RouteRow): Route => row;

/** The route; 404 when the network has none with this id. */
export async function routeRow(db: Reader, networkId: string, routeId: string): Promise<RouteRow> {
  await networkRow(db, networkId);
  const row = await db
    .selectFrom('routes')
    .selectAll()
    .where('id', '=', routeId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!row) throw notFound('route');
  return row;
}

/**
 * The network's own CIDR that a route would take addresses of; undefined when it takes none. One that holds the whole
 * network and more (0.0.0.0/0) leaves it alone: the network's own is more specific.
 */
export function routeOverlap(network: Pick<NetworkRow, 'cidr' | 'cidr_v6'>, destination: string): string | undefined {
  const cidr = parseCidr(destination) as Cidr;
  const own = [network.cidr, network.cidr_v6].filter((text) => text !== null);
  return own.find((text) => {
    const other = parseCidr(text) as Cidr;
    return overlaps(cidr, other) && !(contains(cidr, other) && cidr.prefix < other.prefix);
  });
}

/** Refuses what isn't well-formed; answers the given fields as they're kept. */
function checkFields(network: NetworkRow, fields: RouteUpdate): Partial<RouteRow> {
  const checked: Partial<RouteRow> = {};
  if (fields.name !== undefined) {
    checked.name = checkName(fields.name);
    checked.name_key = dnsLabel(checked.name);
    if (checked.name_key === '') {
      throw badRequest('name must have at least one letter a-z or digit, for its DNS name');
    }
  }
  if (fields.description !== undefined) checked.description = fields.description;
  if (fields.destination_cidr !== undefined) {
    const cidr = parseCidr(fields.destination_cidr);
    if (!cidr) throw badRequest('destination_cidr must be a network such as 192.168.1.0/24');
    if (cidr.hostBits) {
      throw badRequest(`destination_cidr has bits set behind its prefix; did you mean ${formatCidr(cidr)}?`);
    }
    checked.destination_cidr = formatCidr(cidr);
    const never = neverRouted(cidr);
    if (never) throw badRequest(`destination_cidr ${checked.destination_cidr} ${never}`);
    const own = routeOverlap(network, checked.destination_cidr);
    if (own) throw badRequest(`destination_cidr ${checked.destination_cidr} overlaps the network's own ${own}`);
  }
  if (fields.domain_suffix !== undefined) {
    const suffix = fields.domain_suffix === '' ? '' : domainName(fields.domain_suffix);
    if (suffix === undefined) {
      throw badRequest("domain_suffix must be a domain name such as office.example, or empty for the network's");
    }
    checked.domain_suffix = suffix;
  }
  return checked;
}

/** The jump peer of this network with this id; 400 when there is none. */
async function jumpPeer(db: Reader, networkId: string, peerId: string): Promise<{ id: string; name: string }> {
  const row = await db
    .selectFrom('peers')
    .select(['id', 'name', 'is_jump'])
    .where('id', '=', peerId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!row) throw badRequest(`jump_peer_id names a peer that doesn't exist in this network: ${peerId}`);
  if (row.is_jump === 0) throw badRequest(`jump_peer_id must be a jump peer; ${row.name} is none`);
  return row;
}

export async function listRoutes({ store }: OverlayContext, networkId: string): Promise<Route[]> {
  const db = store.as<OverlayTables>();
  await networkRow(db, networkId);
  const rows = await db
    .selectFrom('routes')
    .selectAll()
    .where('network_id', '=', networkId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(routeView);
}

export const getRoute = async ({ store }: OverlayContext, networkId: string, routeId: string): Promise<Route> =>
  routeView(await routeRow(store.as<OverlayTables>(), networkId, routeId));

/** A new route; it is attached to no group yet, so it can't close a circle. */
export async function createRoute(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  body: RouteCreate,
): Promise<Route> {
  return transact(context, async (db, emit) => {
    const checked = checkFields(await networkRow(db, networkId), body);
    const jump = await jumpPeer(db, networkId, body.jump_peer_id);
    const at = context.now().toISOString();
    const row: RouteRow = {
      id: randomUUID(),
      network_id: networkId,
      name: checked.name as string,
      name_key: checked.name_key as string,
      description: checked.description ?? '',
      destination_cidr: checked.destination_cidr as string,
      jump_peer_id: jump.id,
      domain_suffix: checked.domain_suffix ?? '',
      created_at: at,
      updated_at: at,
    };
    await checkNameFree(db, 'routes', 'route', networkId, row.name_key);
    await checkRoom(db, 'routes', networkId, MAX_ROUTES);
    await db.insertInto('routes').values(row).execute();
    emit({ type: 'overlay.route.created', data: { networkId, routeId: row.id, name: row.name, actor } });
    return routeView(row);
  });
}

export async function updateRoute(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  routeId: string,
  body: RouteUpdate,
): Promise<Route> {
  return transact(context, async (db, emit) => {
    const before = await routeRow(db, networkId, routeId);
    const network = await networkRow(db, networkId);
    const after: RouteRow = { ...before, ...checkFields(network, body) };
    if (body.jump_peer_id !== undefined) {
      const jump = await jumpPeer(db, networkId, body.jump_peer_id);
      await checkGateway(db, routeId, jump);
      after.jump_peer_id = jump.id;
    }
    const changed = changedFields(before, after, [
      'name',
      'description',
      'destination_cidr',
      'jump_peer_id',
      'domain_suffix',
    ]);
    if (changed.length === 0) return routeView(before);
    await checkNameFree(db, 'routes', 'route', networkId, after.name_key, routeId);
    await checkFits(db, network, after);
    after.updated_at = context.now().toISOString();
    const { id: _, ...values } = after;
    await db.updateTable('routes').set(values).where('id', '=', routeId).execute();
    emit({ type: 'overlay.route.updated', data: { networkId, routeId, changed, actor } });
    return routeView(after);
  });
}

/** Deletes the route and the names in it. */
export async function deleteRoute(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  routeId: string,
): Promise<void> {
  await transact(context, async (db, emit) => {
    const row = await routeRow(db, networkId, routeId);
    const events = await routeGone(db, [row], actor);
    await db.deleteFrom('routes').where('id', '=', routeId).execute();
    for (const event of events) emit(event);
  });
}

/** The routes' end as events, to be asked for while they and their names are still there. */
export async function routeGone(db: Reader, routes: readonly RouteRow[], actor: Actor): Promise<DomainEvent[]> {
  if (routes.length === 0) return [];
  const ids = routes.map((route) => route.id);
  const mappings = await db
    .selectFrom('dns_mappings')
    .select(['id', 'route_id', 'name'])
    .where('route_id', 'in', ids)
    .orderBy('id')
    .execute();
  const byRoute = Map.groupBy(mappings, (mapping) => mapping.route_id);
  return routes.flatMap(({ id: routeId, network_id: networkId, name }) => [
    // The route first: with it all of its names go, and what they tell of one by one is known already.
    { type: 'overlay.route.deleted' as const, data: { networkId, routeId, name, actor } },
    ...(byRoute.get(routeId) ?? []).map((mapping) => ({
      type: 'overlay.dns.deleted' as const,
      data: { networkId, routeId, mappingId: mapping.id, name: mapping.name, actor },
    })),
  ]);
}

/** Refuses addresses for a network that one of its routes would take some of: 409. */
export async function checkRoutesFit(db: Reader, network: NetworkRow): Promise<void> {
  const routes = await db
    .selectFrom('routes')
    .select(['name', 'destination_cidr'])
    .where('network_id', '=', network.id)
    .execute();
  for (const { name, destination_cidr } of routes) {
    const own = routeOverlap(network, destination_cidr);
    if (own) throw conflict(`${own} overlaps ${destination_cidr}, the destination of the route ${name}`);
  }
}
