import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { sql } from 'kysely';
import type { Actor } from '../events/index.ts';
import { badRequest, type Caller, conflict, notFound, type Page, page } from '../http/index.ts';
import { type Cidr, hostCidr, networkCidrProblem, neverRouted, overlaps, parseCidr } from './addresses.ts';
import { isAdministrator, likePattern, networkFor, type OverlayContext, type OverlayTx, transact } from './context.ts';
import { allocationAt, capacity, networkOverlap } from './ipam.ts';
import { generatePskSecret } from './keys.ts';
import { checkDefaultGroups } from './policy/groups.ts';
import { domainName } from './policy/names.ts';
import { checkRoutesFit } from './policy/routes.ts';
import type { Network, NetworkCreate, NetworkUpdate } from './schema.ts';
import type { NetworkRow, OverlayTables } from './tables.ts';

const DEFAULT_SUFFIX = 'internal';

export const pskContext = (networkId: string): string => `network/${networkId}/psk_secret`;

const view = (row: NetworkRow, peerCount: number): Network => ({
  id: row.id,
  name: row.name,
  cidr: row.cidr,
  cidr_v6: row.cidr_v6,
  peer_count: peerCount,
  dns: JSON.parse(row.dns),
  domain_suffix: row.domain_suffix,
  mtu: row.mtu,
  default_group_ids: JSON.parse(row.default_group_ids),
  captive_portal: row.captive_portal === 1,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

async function countPeers(db: Pick<OverlayTx['db'], 'selectFrom'>, networkId: string): Promise<number> {
  const { total } = await db
    .selectFrom('peers')
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('network_id', '=', networkId)
    .executeTakeFirstOrThrow();
  return Number(total);
}

/** Refuses what isn't well-formed; returns the fields as they're kept. */
function checkFields(fields: NetworkUpdate) {
  const name = fields.name?.trim();
  if (name === '') throw badRequest('name must not be empty');
  if (name && /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(name)) throw badRequest('name must be one line of printable text');
  const problem =
    (fields.cidr !== undefined && networkCidrProblem('cidr', fields.cidr, 4)) ||
    (typeof fields.cidr_v6 === 'string' && networkCidrProblem('cidr_v6', fields.cidr_v6, 6));
  if (problem) throw badRequest(problem);
  const bad = fields.dns?.find((server) => isIP(server) === 0 || server.includes('%'));
  if (bad !== undefined) throw badRequest(`dns must hold addresses of DNS servers; ${JSON.stringify(bad)} is none`);
  for (const server of fields.dns ?? []) {
    const never = neverRouted(parseCidr(hostCidr(server)) as Cidr);
    if (never) throw badRequest(`dns: ${server} ${never}`);
  }
  const suffix = fields.domain_suffix === undefined ? undefined : domainName(fields.domain_suffix);
  if (fields.domain_suffix !== undefined && suffix === undefined) {
    throw badRequest('domain_suffix must be a domain name such as internal or office.example');
  }
  return { name, suffix };
}

/** Refuses a name that is taken and addresses that overlap another network's. */
async function checkFree(
  db: OverlayTx['db'],
  wanted: { name: string; cidr: string; cidr_v6: string | null },
  except?: string,
): Promise<void> {
  const others = await db.selectFrom('networks').select(['id', 'name', 'name_key', 'cidr', 'cidr_v6']).execute();
  for (const other of others) {
    if (other.id === except) continue;
    if (other.name_key === wanted.name.toLowerCase()) throw conflict(`there is a network named ${other.name} already`);
    for (const field of ['cidr', 'cidr_v6'] as const) {
      const [mine, theirs] = [wanted[field], other[field]];
      if (mine && theirs && overlaps(parseCidr(mine) as Cidr, parseCidr(theirs) as Cidr)) {
        throw conflict(`${field} ${mine} overlaps ${theirs} of the network ${other.name}`);
      }
    }
  }
}

export async function createNetwork(context: OverlayContext, actor: Actor, body: NetworkCreate): Promise<Network> {
  const { name = body.name, suffix = DEFAULT_SUFFIX } = checkFields(body);
  const at = context.now().toISOString();
  const id = randomUUID();
  const row: NetworkRow = {
    id,
    name,
    name_key: name.toLowerCase(),
    cidr: body.cidr,
    cidr_v6: body.cidr_v6 ?? null,
    dns: JSON.stringify(body.dns ?? []),
    domain_suffix: suffix,
    mtu: body.mtu ?? null,
    default_group_ids: '[]',
    captive_portal: body.captive_portal ? 1 : 0,
    psk_secret: context.secrets.seal(generatePskSecret(), pskContext(id)),
    created_at: at,
    updated_at: at,
  };
  return transact(context, async (db, emit) => {
    await checkFree(db, row);
    await db.insertInto('networks').values(row).execute();
    emit({ type: 'overlay.network.created', data: { networkId: id, name, actor } });
    return view(row, 0);
  });
}

export async function listNetworks(
  { store }: OverlayContext,
  caller: Caller,
  query: { page: number; page_size: number; filter?: string },
): Promise<Page<Network>> {
  let matching = store.as<OverlayTables>().selectFrom('networks');
  if (!isAdministrator(caller)) {
    const open = caller.authorizedNetworks;
    matching = matching.where('networks.id', 'in', open.length > 0 ? [...open] : ['']);
  }
  if (query.filter) {
    const like = likePattern(query.filter);
    matching = matching.where((eb) =>
      eb.or(
        (['name_key', 'cidr', 'id'] as const).map(
          (column) => sql<boolean>`${sql.ref(`networks.${column}`)} like ${like} escape '\\'`,
        ),
      ),
    );
  }
  const { total } = await matching.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  const rows = await matching
    .selectAll()
    .select((eb) =>
      eb
        .selectFrom('peers')
        .select((peer) => peer.fn.countAll<number>().as('count'))
        .whereRef('peers.network_id', '=', 'networks.id')
        .as('peer_count'),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(query.page_size)
    .offset((query.page - 1) * query.page_size)
    .execute();
  return page(
    query,
    Number(total),
    rows.map((row) => view(row, Number(row.peer_count))),
  );
}

export async function getNetwork({ store }: OverlayContext, caller: Caller, networkId: string): Promise<Network> {
  const db = store.as<OverlayTables>();
  return view(await networkFor(db, caller, networkId), await countPeers(db, networkId));
}

/**
 * Changes the given fields. New addresses (`cidr`, `cidr_v6`) re-address every peer in the same transaction, each with
 * its host number where that fits. Peers without an agent keep the file they were given, so they would be cut off:
 * 409 with their names, unless `force`.
 */
export async function updateNetwork(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  body: NetworkUpdate,
  force: boolean,
): Promise<Network> {
  const { name, suffix } = checkFields(body);
  return transact(context, async (db, emit) => {
    const before = await db.selectFrom('networks').selectAll().where('id', '=', networkId).executeTakeFirst();
    if (!before) throw notFound('network');
    const after: NetworkRow = {
      ...before,
      ...(name !== undefined && { name, name_key: name.toLowerCase() }),
      ...(body.cidr !== undefined && { cidr: body.cidr }),
      ...(body.cidr_v6 !== undefined && { cidr_v6: body.cidr_v6 }),
      ...(body.dns !== undefined && { dns: JSON.stringify(body.dns) }),
      ...(suffix !== undefined && { domain_suffix: suffix }),
      ...(body.mtu !== undefined && { mtu: body.mtu }),
      ...(body.captive_portal !== undefined && { captive_portal: body.captive_portal ? 1 : 0 }),
      ...(body.default_group_ids !== undefined && {
        default_group_ids: JSON.stringify(await checkDefaultGroups(db, networkId, body.default_group_ids)),
      }),
    };
    const changed = (Object.keys(after) as (keyof NetworkRow)[]).filter((key) => after[key] !== before[key]);
    const peerCount = await countPeers(db, networkId);
    if (changed.length === 0) return view(before, peerCount);
    after.updated_at = context.now().toISOString();
    await checkFree(db, after, networkId);
    if (changed.includes('cidr') || changed.includes('cidr_v6')) await readdress(db, after, force);
    const { id: _, ...values } = after;
    await db.updateTable('networks').set(values).where('id', '=', networkId).execute();
    emit({ type: 'overlay.network.updated', data: { networkId, changed, actor } });
    return view(after, peerCount);
  });
}

async function readdress(db: OverlayTx['db'], network: NetworkRow, force: boolean): Promise<void> {
  const peers = await db
    .selectFrom('peers')
    .select(['id', 'name', 'host', 'use_agent', 'additional_allowed_ips'])
    .where('network_id', '=', network.id)
    .orderBy('host')
    .execute();
  const last = capacity(network);
  if (peers.length > last)
    throw conflict(`the new addresses have room for ${last} peers, the network has ${peers.length}`);
  for (const peer of peers) {
    const inside = networkOverlap(network, JSON.parse(peer.additional_allowed_ips) as string[]);
    if (inside) throw conflict(`${inside.own} overlaps ${inside.cidr}, which the peer ${peer.name} routes`);
  }
  await checkRoutesFit(db, network);
  const agentless = peers.filter((peer) => peer.use_agent === 0).map((peer) => peer.name);
  if (agentless.length > 0 && !force) {
    throw conflict(
      `these peers have no agent and would keep their old address until they get a new file: ${agentless.join(', ')}; ` +
        'to change it all the same, add ?force=true',
    );
  }
  const used = new Set(peers.filter((peer) => peer.host <= last).map((peer) => peer.host));
  let free = 1;
  for (const peer of peers) {
    let { host } = peer;
    if (host > last) {
      while (used.has(free)) free++;
      host = free;
      used.add(host);
    }
    const values = { ...allocationAt(network, host), updated_at: network.updated_at };
    await db.updateTable('peers').set(values).where('id', '=', peer.id).execute();
  }
}

/** Deletes the network with its peers; their devices are cut off. */
export async function deleteNetwork(context: OverlayContext, actor: Actor, networkId: string): Promise<void> {
  await transact(context, async (db, emit) => {
    const row = await db.selectFrom('networks').select('name').where('id', '=', networkId).executeTakeFirst();
    if (!row) throw notFound('network');
    await db.deleteFrom('networks').where('id', '=', networkId).execute();
    emit({ type: 'overlay.network.deleted', data: { networkId, name: row.name, actor } });
  });
}

/** Which of these network ids don't exist. */
export async function unknownNetworks({ store }: OverlayContext, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await store.as<OverlayTables>().selectFrom('networks').select('id').where('id', 'in', ids).execute();
  const known = new Set(rows.map((row) => row.id));
  return ids.filter((id) => !known.has(id));
}
