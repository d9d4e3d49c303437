import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Actor } from '../events/index.ts';
import { badRequest, type Caller, conflict, forbidden, type Page, page } from '../http/index.ts';
import { sha256Hex } from '../store/index.ts';
import { formatCidr, neverRouted, parseCidr } from './addresses.ts';
import {
  actorOf,
  isAdministrator,
  likePattern,
  networkFor,
  type OverlayContext,
  type OverlayTx,
  peerFor,
  transact,
} from './context.ts';
import { DEFAULT_PORT, parseEndpoint } from './endpoint.ts';
import { allocate, networkOverlap } from './ipam.ts';
import { generateKeyPair, generateToken } from './keys.ts';
import { deletePeerRow } from './policy/cascade.ts';
import type { Reader } from './policy/fields.ts';
import { groupIdsOf, joinDefaultGroups } from './policy/groups.ts';
import { dnsLabel } from './policy/names.ts';
import type { Peer, PeerCreate, PeerUpdate } from './schema.ts';
import type { NetworkRow, OverlayTables, PeerRow } from './tables.ts';

/** An enrollment token that nobody has used is good for this long. */
export const TOKEN_TTL_MS = 7 * 24 * 3600 * 1000;

/** Peers that a user who is no administrator may have in one network. */
const MAX_OWN_PEERS = 50;
/** Networks in the `additional_allowed_ips` of all peers of a network. */
const MAX_ROUTED = 2000;

export const keyContext = (peerId: string): string => `peer/${peerId}/private_key`;
const tokenContext = (peerId: string): string => `peer/${peerId}/token`;

/** True when the enrollment token of this row is still good. */
export const tokenIsGood = (row: PeerRow, now: Date): boolean =>
  row.token_hash !== null &&
  (row.token_used_at !== null || row.token_expires_at === null || row.token_expires_at > now.toISOString());

function view({ secrets, now }: OverlayContext, row: PeerRow, groupIds: string[]): Peer {
  const good = row.token !== null && tokenIsGood(row, now());
  return {
    id: row.id,
    name: row.name,
    public_key: row.public_key,
    address: row.address,
    address_v6: row.address_v6,
    endpoint: row.endpoint,
    listen_port: row.listen_port,
    additional_allowed_ips: JSON.parse(row.additional_allowed_ips),
    token: good ? secrets.open(row.token as string, tokenContext(row.id)) : '',
    token_expires_at: good && row.token_used_at === null ? row.token_expires_at : null,
    is_jump: row.is_jump === 1,
    use_agent: row.use_agent === 1,
    owner_id: row.owner_id,
    group_ids: groupIds,
    enrolled_at: row.enrolled_at,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

const viewWithGroups = async (context: OverlayContext, db: Reader, row: PeerRow): Promise<Peer> =>
  view(context, row, (await groupIdsOf(db, [row.id]))(row.id));

function checkName(name: string): string {
  const trimmed = name.trim();
  if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(trimmed)) throw badRequest('name must be one line of printable text');
  if (dnsLabel(trimmed) === '') throw badRequest('name must have at least one letter a-z or digit, for its DNS name');
  return trimmed;
}

/** Refuses what isn't well-formed; CIDRs come back in canonical form, without repeats. */
function checkFields(network: NetworkRow, fields: PeerUpdate) {
  if (fields.endpoint && !parseEndpoint(fields.endpoint)) {
    throw badRequest('endpoint must be host or host:port, IPv6 in brackets, such as 203.0.113.5:51820');
  }
  const allowedIps = fields.additional_allowed_ips?.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr) {
      throw badRequest(
        `additional_allowed_ips must hold networks such as 192.168.1.0/24; ${JSON.stringify(text)} is none`,
      );
    }
    if (cidr.hostBits) {
      throw badRequest(
        `additional_allowed_ips: ${text} has bits set behind its prefix; did you mean ${formatCidr(cidr)}?`,
      );
    }
    const never = neverRouted(cidr);
    if (never) throw badRequest(`additional_allowed_ips: ${text} ${never}`);
    const inside = networkOverlap(network, [text]);
    if (inside) throw badRequest(`additional_allowed_ips: ${text} overlaps the network's own ${inside.own}`);
    return formatCidr(cidr);
  });
  return {
    ...(fields.name !== undefined && { name: checkName(fields.name) }),
    ...(allowedIps && { additional_allowed_ips: JSON.stringify([...new Set(allowedIps)]) }),
  };
}

async function checkNameFree(db: OverlayTx['db'], networkId: string, name: string, except?: string): Promise<void> {
  const other = await db
    .selectFrom('peers')
    .select(['id', 'name'])
    .where('network_id', '=', networkId)
    .where('name_key', '=', dnsLabel(name))
    .executeTakeFirst();
  if (other && other.id !== except) throw conflict(`there is a peer named ${other.name} in this network already`);
}

/** A user's own peers are few; without a limit one user could fill a network. */
async function checkOwnLimit(db: OverlayTx['db'], caller: Caller, networkId: string): Promise<void> {
  const { total } = await db
    .selectFrom('peers')
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('network_id', '=', networkId)
    .where('owner_id', '=', caller.id)
    .executeTakeFirstOrThrow();
  if (Number(total) >= MAX_OWN_PEERS) {
    throw conflict(`you have ${MAX_OWN_PEERS} peers in this network already: delete one, or ask an administrator`);
  }
}

/** Every device of a network carries what all peers route, so the sum is bounded (protocol: 4,096 with the routes). */
async function checkRoutedLimit(db: OverlayTx['db'], networkId: string, mine: string, except = ''): Promise<void> {
  const others = await db
    .selectFrom('peers')
    .select('additional_allowed_ips')
    .where('network_id', '=', networkId)
    .where('additional_allowed_ips', '!=', '[]')
    .where('id', '!=', except)
    .execute();
  const all = [mine, ...others.map((row) => row.additional_allowed_ips)];
  const total = all.reduce((sum, list) => sum + JSON.parse(list).length, 0);
  if (total > MAX_ROUTED) {
    throw conflict(`additional_allowed_ips: the peers of a network may route ${MAX_ROUTED} networks in all`);
  }
}

/** A new enrollment token, as the columns that hold it. Whatever credential the peer had is gone with it. */
function freshToken({ secrets, now }: OverlayContext, peerId: string) {
  const token = generateToken();
  return {
    token_hash: sha256Hex(token),
    token: secrets.seal(token, tokenContext(peerId)),
    token_expires_at: new Date(now().getTime() + TOKEN_TTL_MS).toISOString(),
    token_used_at: null,
    credential_hash: null,
    spent_token_hash: null,
    enrolled_at: null,
  };
}

/** A new key pair made by the controller, as the columns that hold it: until the device brings its own. */
function freshKeys({ secrets }: OverlayContext, peerId: string) {
  const { publicKey, privateKey } = generateKeyPair();
  return { public_key: publicKey, private_key: secrets.seal(privateKey, keyContext(peerId)) };
}

const NO_TOKEN = {
  token_hash: null,
  token: null,
  token_expires_at: null,
  token_used_at: null,
  credential_hash: null,
  spent_token_hash: null,
  enrolled_at: null,
};

async function checkOwner(context: OverlayContext, ownerId: string): Promise<void> {
  if (!(await context.userExists(ownerId))) throw badRequest(`owner_id names a user that doesn't exist: ${ownerId}`);
}

export async function createPeer(
  context: OverlayContext,
  caller: Caller,
  address: string,
  networkId: string,
  body: PeerCreate,
): Promise<Peer> {
  const admin = isAdministrator(caller);
  if (!admin && body.is_jump) throw forbidden('only an administrator may make a jump peer');
  if (!admin && body.additional_allowed_ips?.length) {
    throw forbidden('only an administrator may route networks through a peer (additional_allowed_ips)');
  }
  const ownerId = body.owner_id ?? (admin ? '' : caller.id);
  if (!admin && ownerId !== caller.id)
    throw forbidden('only an administrator may make a peer for somebody else (owner_id)');
  return transact(context, async (db, emit) => {
    const network = await networkFor(db, caller, networkId);
    const checked = checkFields(network, body);
    const name = checked.name as string;
    await checkNameFree(db, networkId, name);
    if (!admin) await checkOwnLimit(db, caller, networkId);
    if (checked.additional_allowed_ips) await checkRoutedLimit(db, networkId, checked.additional_allowed_ips);
    if (admin && ownerId !== '') await checkOwner(context, ownerId);
    const id = randomUUID();
    const isJump = body.is_jump ?? false;
    const useAgent = body.use_agent ?? true;
    const at = context.now().toISOString();
    const row: PeerRow = {
      id,
      network_id: networkId,
      name,
      name_lower: name.toLowerCase(),
      name_key: dnsLabel(name),
      ...(await allocate(db, networkId, network)),
      ...freshKeys(context, id),
      endpoint: body.endpoint ?? '',
      listen_port: body.listen_port ?? (isJump ? DEFAULT_PORT : null),
      additional_allowed_ips: checked.additional_allowed_ips ?? '[]',
      is_jump: isJump ? 1 : 0,
      use_agent: useAgent ? 1 : 0,
      owner_id: ownerId,
      ...(useAgent ? freshToken(context, id) : NO_TOKEN),
      created_at: at,
      updated_at: at,
    };
    await db.insertInto('peers').values(row).execute();
    const actor = actorOf(caller, address);
    emit({ type: 'overlay.peer.created', data: { networkId, peerId: id, name, actor } });
    return view(context, row, admin ? [] : await joinDefaultGroups(context, db, emit, network, id, actor));
  });
}

export async function listPeers(
  context: OverlayContext,
  caller: Caller,
  networkId: string,
  query: { page: number; page_size: number; filter?: string },
): Promise<Page<Peer>> {
  const db = context.store.as<OverlayTables>();
  await networkFor(db, caller, networkId);
  let matching = db.selectFrom('peers').where('network_id', '=', networkId);
  if (!isAdministrator(caller)) matching = matching.where('owner_id', '=', caller.id);
  if (query.filter) {
    const like = likePattern(query.filter);
    matching = matching.where((eb) =>
      eb.or(
        (['name_lower', 'address', 'address_v6', 'id'] as const).map(
          (column) => sql<boolean>`${sql.ref(column)} like ${like} escape '\\'`,
        ),
      ),
    );
  }
  const { total } = await matching.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  const rows = await matching
    .selectAll()
    .orderBy('created_at')
    .orderBy('id')
    .limit(query.page_size)
    .offset((query.page - 1) * query.page_size)
    .execute();
  const groupIds = await groupIdsOf(
    db,
    rows.map((row) => row.id),
  );
  return page(
    query,
    Number(total),
    rows.map((row) => view(context, row, groupIds(row.id))),
  );
}

export async function getPeer(context: OverlayContext, caller: Caller, networkId: string, peerId: string) {
  return viewWithGroups(
    context,
    context.store.as<OverlayTables>(),
    await peerFor(context.store.as<OverlayTables>(), caller, networkId, peerId),
  );
}

export async function updatePeer(
  context: OverlayContext,
  caller: Caller,
  address: string,
  networkId: string,
  peerId: string,
  body: PeerUpdate,
): Promise<Peer> {
  const admin = isAdministrator(caller);
  return transact(context, async (db, emit) => {
    const before = await peerFor(db, caller, networkId, peerId);
    const checked = checkFields(await networkFor(db, caller, networkId), body);
    const after: PeerRow = {
      ...before,
      ...checked,
      ...(checked.name !== undefined && {
        name_lower: checked.name.toLowerCase(),
        name_key: dnsLabel(checked.name),
      }),
      ...(body.endpoint !== undefined && { endpoint: body.endpoint }),
      ...(body.listen_port !== undefined && { listen_port: body.listen_port }),
      ...(body.owner_id !== undefined && { owner_id: body.owner_id }),
    };
    const changed = (Object.keys(after) as (keyof PeerRow)[]).filter((key) => after[key] !== before[key]);
    if (changed.length === 0) return viewWithGroups(context, db, before);
    if (!admin && changed.includes('owner_id')) throw forbidden('only an administrator may change owner_id');
    if (!admin && changed.includes('additional_allowed_ips')) {
      throw forbidden('only an administrator may route networks through a peer (additional_allowed_ips)');
    }
    if (changed.includes('owner_id') && after.owner_id !== '') await checkOwner(context, after.owner_id);
    if (changed.includes('name_key')) await checkNameFree(db, networkId, after.name, peerId);
    if (changed.includes('additional_allowed_ips')) {
      await checkRoutedLimit(db, networkId, after.additional_allowed_ips, peerId);
    }
    after.updated_at = context.now().toISOString();
    const { id: _, ...values } = after;
    await db.updateTable('peers').set(values).where('id', '=', peerId).execute();
    emit({ type: 'overlay.peer.updated', data: { networkId, peerId, changed, actor: actorOf(caller, address) } });
    return viewWithGroups(context, db, after);
  });
}

export async function deletePeer(
  context: OverlayContext,
  caller: Caller,
  address: string,
  networkId: string,
  peerId: string,
): Promise<void> {
  await transact(context, async (db, emit) => {
    const row = await peerFor(db, caller, networkId, peerId);
    await deletePeerRow(context, db, emit, row, actorOf(caller, address));
  });
}

/** Issues a new enrollment token and cuts off the device that held the peer: its credential and its key are void. */
export async function issueToken(
  context: OverlayContext,
  caller: Caller,
  address: string,
  networkId: string,
  peerId: string,
): Promise<Peer> {
  return transact(context, async (db, emit) => {
    const before = await peerFor(db, caller, networkId, peerId);
    if (before.use_agent === 0)
      throw conflict('this peer has no agent, so it needs no token: fetch its config instead');
    const values = {
      ...freshToken(context, peerId),
      ...freshKeys(context, peerId),
      updated_at: context.now().toISOString(),
    };
    await db.updateTable('peers').set(values).where('id', '=', peerId).execute();
    emit({ type: 'overlay.peer.token_issued', data: { networkId, peerId, actor: actorOf(caller, address) } });
    return viewWithGroups(context, db, { ...before, ...values });
  });
}

/**
 * Cuts off the devices of a user who may no longer use their networks: credential, token and key are void. The peers stay,
 * for an administrator to give to somebody or to issue new tokens for.
 */
export async function lockOut(
  context: OverlayContext,
  userId: string,
  open: readonly string[],
  actor: Actor,
): Promise<void> {
  await transact(context, async (db, emit) => {
    const rows = await db
      .selectFrom('peers')
      .select(['id', 'network_id'])
      .where('owner_id', '=', userId)
      .where('network_id', 'not in', open.length > 0 ? [...open] : [''])
      // A device without an agent has nothing but its key.
      .where((eb) =>
        eb.or([eb('credential_hash', 'is not', null), eb('token_hash', 'is not', null), eb('use_agent', '=', 0)]),
      )
      .execute();
    for (const { id, network_id } of rows) {
      await db
        .updateTable('peers')
        .set({ ...NO_TOKEN, ...freshKeys(context, id) })
        .where('id', '=', id)
        .execute();
      emit({ type: 'overlay.peer.token_issued', data: { networkId: network_id, peerId: id, actor } });
    }
  });
}

/** Deletes the peers of a user who is gone: their devices must not stay in. */
export async function deletePeersOf(context: OverlayContext, ownerId: string, actor: Actor): Promise<void> {
  if (ownerId === '') return;
  await transact(context, async (db, emit) => {
    const rows = await db
      .selectFrom('peers')
      .select(['id', 'network_id', 'name'])
      .where('owner_id', '=', ownerId)
      .execute();
    for (const row of rows) await deletePeerRow(context, db, emit, row, actor);
  });
}
