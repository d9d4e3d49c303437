import { sql } from 'kysely';
import { badRequest, type Caller, conflict, type Page, page } from '../http/index.ts';
import { type Cidr, freeCidrs, hostAddress, lastHost, overlaps, parseCidr, prefixFor, UNUSABLE } from './addresses.ts';
import { isAdministrator, likePattern, networkFor, type OverlayContext, type OverlayTx } from './context.ts';
import type { NetworkRow, OverlayTables } from './tables.ts';

/** A device's place in its network: host number, and the address it gives in each family. */
export interface Allocation {
  host: number;
  address: string;
  address_v6: string | null;
}

type NetworkCidrs = Pick<NetworkRow, 'cidr' | 'cidr_v6'>;

const parsed = (network: NetworkCidrs): { v4: Cidr; v6: Cidr | null } => ({
  v4: parseCidr(network.cidr) as Cidr,
  v6: network.cidr_v6 === null ? null : (parseCidr(network.cidr_v6) as Cidr),
});

/** The highest host number that has an address in every family of the network. */
export function capacity(network: NetworkCidrs): number {
  const { v4, v6 } = parsed(network);
  return v6 ? Math.min(lastHost(v4), lastHost(v6)) : lastHost(v4);
}

export function allocationAt(network: NetworkCidrs, host: number): Allocation {
  const { v4, v6 } = parsed(network);
  return { host, address: hostAddress(v4, host), address_v6: v6 && hostAddress(v6, host) };
}

/**
 * The first of these CIDRs that overlaps the network's own addresses, and which of those; undefined when none does. A
 * default route (/0) is meant to hold them.
 */
export function networkOverlap(
  network: NetworkCidrs,
  cidrs: readonly string[],
): { cidr: string; own: string } | undefined {
  for (const cidr of cidrs) {
    const range = parseCidr(cidr) as Cidr;
    if (range.prefix === 0) continue;
    for (const own of [network.cidr, network.cidr_v6]) {
      if (own !== null && overlaps(parseCidr(own) as Cidr, range)) return { cidr, own };
    }
  }
  return undefined;
}

/** The lowest free place in the network; 409 when it is full. One indexed query, whatever the size. */
export async function allocate(db: OverlayTx['db'], networkId: string, network: NetworkCidrs): Promise<Allocation> {
  const first = await db
    .selectFrom('peers')
    .select('id')
    .where('network_id', '=', networkId)
    .where('host', '=', 1)
    .executeTakeFirst();
  let host = 1;
  if (first) {
    const gap = await db
      .selectFrom('peers as p')
      .select((eb) => eb('p.host', '+', 1).as('next'))
      .where('p.network_id', '=', networkId)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('peers as q')
              .select('q.id')
              .where('q.network_id', '=', networkId)
              .whereRef('q.host', '=', eb('p.host', '+', 1)),
          ),
        ),
      )
      .orderBy('p.host')
      .limit(1)
      .executeTakeFirstOrThrow();
    host = Number(gap.next);
  }
  if (host > capacity(network)) throw conflict('the network has no free address: remove peers or widen its cidr');
  return allocationAt(network, host);
}

/** Networks for `max_peers` devices within `base_cidr` that overlap none that exist. */
export async function availableCidrs(
  { store }: OverlayContext,
  query: { max_peers: number; count: number; base_cidr: string },
) {
  const base = parseCidr(query.base_cidr);
  if (base?.family !== 4 || base.hostBits) throw badRequest('base_cidr must be an IPv4 network such as 10.0.0.0/8');
  const prefix = prefixFor(query.max_peers);
  if (prefix === undefined || prefix < base.prefix) {
    throw badRequest(`max_peers is more than ${query.base_cidr} has room for`);
  }
  const rows = await store.as<OverlayTables>().selectFrom('networks').select('cidr').execute();
  const taken = [...rows.map(({ cidr }) => parseCidr(cidr) as Cidr), ...UNUSABLE];
  return {
    base_cidr: query.base_cidr,
    requested_max_peers: query.max_peers,
    suggested_prefix: prefix,
    usable_hosts: 2 ** (32 - prefix) - 2,
    cidrs: freeCidrs(base, prefix, query.count, taken),
  };
}

interface AllocationRow {
  network_id: string;
  network_name: string;
  network_cidr: string;
  ip: string;
  peer_id: string;
  peer_name: string;
  allocated: boolean;
}

function allocations({ store }: OverlayContext, caller: Caller) {
  let query = store.as<OverlayTables>().selectFrom('peers').innerJoin('networks', 'networks.id', 'peers.network_id');
  if (!isAdministrator(caller)) {
    const open = caller.authorizedNetworks;
    query = query
      .where('peers.owner_id', '=', caller.id)
      .where('peers.network_id', 'in', open.length > 0 ? [...open] : ['']);
  }
  return query;
}

const COLUMNS = [
  'networks.id as network_id',
  'networks.name as network_name',
  'networks.cidr as network_cidr',
  'peers.address as ip',
  'peers.id as peer_id',
  'peers.name as peer_name',
] as const;

/** Every address in use in the caller's networks; a user who is no administrator sees the addresses of own peers. */
export async function listAllocations(
  context: OverlayContext,
  caller: Caller,
  query: { page: number; page_size: number; filter?: string },
): Promise<Page<AllocationRow>> {
  let matching = allocations(context, caller);
  if (query.filter) {
    const like = likePattern(query.filter);
    matching = matching.where((eb) =>
      eb.or(
        (['networks.name_key', 'peers.address', 'peers.name_lower'] as const).map(
          (column) => sql<boolean>`${sql.ref(column)} like ${like} escape '\\'`,
        ),
      ),
    );
  }
  const { total } = await matching.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  const rows = await matching
    .select(COLUMNS)
    .orderBy('networks.created_at')
    .orderBy('networks.id')
    .orderBy('peers.host')
    .limit(query.page_size)
    .offset((query.page - 1) * query.page_size)
    .execute();
  return page(
    query,
    Number(total),
    rows.map((row) => ({ ...row, allocated: true })),
  );
}

/** The same of one network, without pages. */
export async function networkAllocations(
  context: OverlayContext,
  caller: Caller,
  networkId: string,
): Promise<AllocationRow[]> {
  const db = context.store.as<OverlayTables>();
  const network = await networkFor(db, caller, networkId);
  let own = db.selectFrom('peers').where('network_id', '=', networkId);
  if (!isAdministrator(caller)) own = own.where('owner_id', '=', caller.id);
  const rows = await own.select(['id', 'name', 'address']).orderBy('host').execute();
  return rows.map((row) => ({
    network_id: networkId,
    network_name: network.name,
    network_cidr: network.cidr,
    ip: row.address,
    peer_id: row.id,
    peer_name: row.name,
    allocated: true,
  }));
}
