import { randomUUID } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { badRequest, conflict, notFound } from '../../http/index.ts';
import { type Cidr, contains, formatAddress, hostCidr, parseAddress, parseCidr } from '../addresses.ts';
import { type OverlayContext, transact } from '../context.ts';
import type { DnsMappingRow, NetworkRow, OverlayTables, RouteRow } from '../tables.ts';
import { changedFields, networkRow, type Reader } from './fields.ts';
import { fqdnOf, MAX_DNS_NAME } from './names.ts';
import {
  type DnsMapping,
  type DnsMappingCreate,
  type DnsMappingUpdate,
  type DnsRecord,
  MAX_MAPPINGS,
} from './schema.ts';

/** RFC 1123, section 2.1; or `*`, which answers for every name below the route (RFC 4592). */
const LABEL = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|\*)$/i;

const view = ({ name_key: _, ...row }: DnsMappingRow): DnsMapping => row;

const lies = (route: RouteRow, address: string): boolean =>
  contains(parseCidr(route.destination_cidr) as Cidr, parseCidr(hostCidr(address)) as Cidr);

const nameOf = (network: NetworkRow, route: RouteRow, label: string): string =>
  fqdnOf(label, route.name, route.domain_suffix, network.domain_suffix);

/** Refuses what isn't well-formed or doesn't lie in the route; answers the given fields as they're kept. */
function checkFields(network: NetworkRow, route: RouteRow, fields: DnsMappingUpdate): Partial<DnsMappingRow> {
  const checked: Partial<DnsMappingRow> = {};
  if (fields.name !== undefined) {
    if (!LABEL.test(fields.name)) {
      throw badRequest('name must be a DNS label (letters, digits and hyphens within, at most 63), or * for all names');
    }
    checked.name = fields.name;
    checked.name_key = fields.name.toLowerCase();
    const fqdn = nameOf(network, route, checked.name_key);
    if (fqdn.length > MAX_DNS_NAME)
      throw badRequest(`name is too long: ${fqdn} has more than ${MAX_DNS_NAME} characters`);
  }
  if (fields.ip_address !== undefined) {
    const address = parseAddress(fields.ip_address);
    if (!address) throw badRequest('ip_address must be an IPv4 or IPv6 address such as 192.168.1.10');
    checked.ip_address = formatAddress(address.family, address.value);
    if (!lies(route, checked.ip_address)) {
      throw badRequest(`ip_address ${checked.ip_address} doesn't lie in the route's ${route.destination_cidr}`);
    }
  }
  return checked;
}

async function checkNameFree(db: Reader, routeId: string, key: string, except?: string): Promise<void> {
  const other = await db
    .selectFrom('dns_mappings')
    .select(['id', 'name'])
    .where('route_id', '=', routeId)
    .where('name_key', '=', key)
    .executeTakeFirst();
  if (other && other.id !== except) throw conflict(`there is a DNS mapping named ${other.name} in this route already`);
}

/** Refuses a change of a route that leaves out one of its names: 409. */
export async function checkFits(db: Reader, network: NetworkRow, route: RouteRow): Promise<void> {
  const rows = await db.selectFrom('dns_mappings').selectAll().where('route_id', '=', route.id).execute();
  const outside = rows.find((row) => !lies(route, row.ip_address));
  if (outside) {
    throw conflict(
      `destination_cidr ${route.destination_cidr} leaves out the DNS mapping ${outside.name} (${outside.ip_address}): ` +
        'move or delete it first',
    );
  }
  const long = rows.find((row) => nameOf(network, route, row.name_key).length > MAX_DNS_NAME);
  if (long)
    throw badRequest(`the name of the DNS mapping ${long.name} would have more than ${MAX_DNS_NAME} characters`);
}

interface Call {
  context: OverlayContext;
  actor: Actor;
  networkId: string;
  routeId: string;
}

async function placeOf(db: Reader, { networkId, routeId }: Pick<Call, 'networkId' | 'routeId'>) {
  const network = await networkRow(db, networkId);
  const route = await db
    .selectFrom('routes')
    .selectAll()
    .where('id', '=', routeId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!route) throw notFound('route');
  return { network, route };
}

async function mappingRow(db: Reader, routeId: string, mappingId: string): Promise<DnsMappingRow> {
  const row = await db
    .selectFrom('dns_mappings')
    .selectAll()
    .where('id', '=', mappingId)
    .where('route_id', '=', routeId)
    .executeTakeFirst();
  if (!row) throw notFound('DNS mapping');
  return row;
}

export async function listMappings(
  { store }: OverlayContext,
  networkId: string,
  routeId: string,
): Promise<DnsMapping[]> {
  const db = store.as<OverlayTables>();
  await placeOf(db, { networkId, routeId });
  const rows = await db
    .selectFrom('dns_mappings')
    .selectAll()
    .where('route_id', '=', routeId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(view);
}

export async function createMapping(call: Call, body: DnsMappingCreate): Promise<DnsMapping> {
  const { context, actor, networkId, routeId } = call;
  return transact(context, async (db, emit) => {
    const { network, route } = await placeOf(db, call);
    const checked = checkFields(network, route, body);
    const at = context.now().toISOString();
    const row: DnsMappingRow = {
      id: randomUUID(),
      route_id: routeId,
      name: checked.name as string,
      name_key: checked.name_key as string,
      ip_address: checked.ip_address as string,
      created_at: at,
      updated_at: at,
    };
    await checkNameFree(db, routeId, row.name_key);
    const { total } = await db
      .selectFrom('dns_mappings')
      .innerJoin('routes', 'routes.id', 'dns_mappings.route_id')
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .where('routes.network_id', '=', networkId)
      .executeTakeFirstOrThrow();
    if (Number(total) >= MAX_MAPPINGS) {
      throw conflict(`the network has ${MAX_MAPPINGS} DNS mappings, which is the most that it may have`);
    }
    await db.insertInto('dns_mappings').values(row).execute();
    emit({ type: 'overlay.dns.created', data: { networkId, routeId, mappingId: row.id, name: row.name, actor } });
    return view(row);
  });
}

export async function updateMapping(call: Call, mappingId: string, body: DnsMappingUpdate): Promise<DnsMapping> {
  const { context, actor, networkId, routeId } = call;
  return transact(context, async (db, emit) => {
    const { network, route } = await placeOf(db, call);
    const before = await mappingRow(db, routeId, mappingId);
    const after: DnsMappingRow = { ...before, ...checkFields(network, route, body) };
    const changed = changedFields(before, after, ['name', 'ip_address']);
    if (changed.length === 0) return view(before);
    await checkNameFree(db, routeId, after.name_key, mappingId);
    after.updated_at = context.now().toISOString();
    const { id: _, ...values } = after;
    await db.updateTable('dns_mappings').set(values).where('id', '=', mappingId).execute();
    emit({ type: 'overlay.dns.updated', data: { networkId, routeId, mappingId, changed, actor } });
    return view(after);
  });
}

export async function deleteMapping(call: Call, mappingId: string): Promise<void> {
  const { context, actor, networkId, routeId } = call;
  await transact(context, async (db, emit) => {
    await placeOf(db, call);
    const { name } = await mappingRow(db, routeId, mappingId);
    await db.deleteFrom('dns_mappings').where('id', '=', mappingId).execute();
    emit({ type: 'overlay.dns.deleted', data: { networkId, routeId, mappingId, name, actor } });
  });
}

/** Every name that the network's hubs answer for: its peers, oldest first, then the mappings of its routes. */
export async function networkRecords({ store }: OverlayContext, networkId: string): Promise<DnsRecord[]> {
  const db = store.as<OverlayTables>();
  const { domain_suffix: suffix } = await networkRow(db, networkId);
  const peers = await db
    .selectFrom('peers')
    .select(['name_key', 'address', 'address_v6'])
    .where('network_id', '=', networkId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  const mappings = await db
    .selectFrom('dns_mappings')
    .innerJoin('routes', 'routes.id', 'dns_mappings.route_id')
    .select(['dns_mappings.name_key', 'ip_address', 'routes.name as route', 'routes.domain_suffix as suffix'])
    .where('routes.network_id', '=', networkId)
    .orderBy('routes.created_at')
    .orderBy('dns_mappings.created_at')
    .orderBy('dns_mappings.id')
    .execute();
  return [
    ...peers.flatMap(({ name_key: name, address, address_v6 }) =>
      [address, ...(address_v6 === null ? [] : [address_v6])].map((ip_address) => ({
        name,
        ip_address,
        fqdn: `${name}.${suffix}`,
        type: 'peer' as const,
      })),
    ),
    ...mappings.map((row) => ({
      name: row.name_key,
      ip_address: row.ip_address,
      fqdn: fqdnOf(row.name_key, row.route, row.suffix, suffix),
      type: 'route' as const,
    })),
  ];
}
