import { randomBytes } from 'node:crypto';
import { badRequest, conflict, forbidden, HttpError, notFound } from '../../http/index.ts';
import { sha256Hex } from '../../store/index.ts';
import { formatAddress, parseAddress } from '../addresses.ts';
import { type OverlayContext, type OverlayTx, transact } from '../context.ts';
import type { OverlayTables, PeerRow } from '../tables.ts';
import type { CaptiveState, PortalToken } from './schema.ts';

const TOKEN_PREFIX = 'ghc_';
export const TOKEN_TTL_MS = 10 * 60_000;
/** A token that is over is kept this long, for its page to say so. */
const TOKEN_KEPT_MS = 24 * 3600_000;
/** Tokens kept of one peer; the oldest go. */
const MAX_OF_PEER = 16;
/** Where the page is. */
export const PORTAL_PAGE = '/captive-portal';

/** Who signs in at the portal, and the networks that are open to them; `all` to an administrator. */
interface Person {
  id: string;
  open: readonly string[] | 'all';
}

/** Whether this person may let the peer in: its owner, or an administrator where it has none. */
export function mayAdmit(person: Person, peer: { owner_id: string; network_id: string }): boolean {
  if (person.open === 'all') return peer.owner_id === '' || peer.owner_id === person.id;
  return peer.owner_id === person.id && person.open.includes(peer.network_id);
}

/** A token for the peer with this address, which `hub` has found at its door; `page` is where to bring it. */
export async function issuePortalToken(
  context: OverlayContext,
  hub: PeerRow,
  peerIp: string,
  page: string,
): Promise<PortalToken> {
  const parsed = parseAddress(peerIp);
  if (!parsed) throw badRequest('peer_ip must be an IPv4 or IPv6 address');
  const address = formatAddress(parsed.family, parsed.value);
  const token = TOKEN_PREFIX + randomBytes(32).toString('hex');
  const now = context.now();
  const expires_at = new Date(now.getTime() + TOKEN_TTL_MS).toISOString();
  return transact(context, async (db) => {
    const peer = await db
      .selectFrom('peers')
      .innerJoin('networks', 'networks.id', 'peers.network_id')
      .select(['peers.id', 'peers.is_jump', 'peers.use_agent', 'networks.captive_portal'])
      .where('peers.network_id', '=', hub.network_id)
      .where((eb) => eb.or([eb('peers.address', '=', address), eb('peers.address_v6', '=', address)]))
      .executeTakeFirst();
    if (!peer) throw notFound(`peer with the address ${address} in this network`);
    if (peer.captive_portal === 0) throw conflict('the captive portal is off in this network (captive_portal)');
    if (peer.is_jump === 1 || peer.use_agent === 1) {
      throw conflict('this peer has an agent or is a jump peer: the captive portal is for peers without an agent');
    }
    const over = new Date(now.getTime() - TOKEN_KEPT_MS).toISOString();
    await db.deleteFrom('portal_tokens').where('expires_at', '<', over).execute();
    await db
      .deleteFrom('portal_tokens')
      .where('peer_id', '=', peer.id)
      .where('hash', 'not in', (eb) =>
        eb
          .selectFrom('portal_tokens as kept')
          .select('kept.hash')
          .where('kept.peer_id', '=', peer.id)
          .orderBy('kept.expires_at', 'desc')
          .limit(MAX_OF_PEER - 1),
      )
      .execute();
    await db
      .insertInto('portal_tokens')
      .values({
        hash: sha256Hex(token),
        network_id: hub.network_id,
        peer_id: peer.id,
        hub_id: hub.id,
        expires_at,
        used_at: null,
      })
      .execute();
    return {
      captive_token: token,
      peer_ip: address,
      network_id: hub.network_id,
      expires_at,
      portal_url: `${page}?token=${token}`,
    };
  });
}

/** The token with its peer; 404 when it is unknown. */
async function tokenRow(db: Pick<OverlayTx['db'], 'selectFrom'>, token: string) {
  const row = await db
    .selectFrom('portal_tokens as t')
    .innerJoin('peers', 'peers.id', 't.peer_id')
    .select(['t.hash', 't.expires_at', 't.used_at'])
    .select(['peers.id', 'peers.network_id', 'peers.address', 'peers.owner_id'])
    .where('t.hash', '=', sha256Hex(token))
    .executeTakeFirst();
  if (!row) throw new HttpError(404, 'the captive token is unknown: open any web page on the device to get a new one');
  return row;
}

/**
 * The peer that the person lets in with this token, which is spent by it. 404, 410 or 403; whoever may not let it in
 * doesn't spend it.
 */
export async function spendToken(db: OverlayTx['db'], now: Date, person: Person, token: string) {
  const gone = (why: string) => new HttpError(410, `the captive token ${why}: open any web page on the device again`);
  const row = await tokenRow(db, token);
  if (row.used_at !== null) throw gone('was used already');
  if (row.expires_at <= now.toISOString()) throw gone('is older than 10 minutes');
  if (!mayAdmit(person, row)) {
    throw forbidden(
      row.owner_id === person.id
        ? 'you have no access to this network any more: ask an administrator for it'
        : 'this device is not yours: sign in as the person whom it belongs to',
    );
  }
  const spent = await db
    .updateTable('portal_tokens')
    .set({ used_at: now.toISOString() })
    .where('hash', '=', row.hash)
    .where('used_at', 'is', null)
    .returning('hash')
    .executeTakeFirst();
  if (!spent) throw gone('was used already');
  return row;
}

/** What the holder of a token is told of its peer (RFC 8908). */
export async function captiveState(context: OverlayContext, token: string, page: string): Promise<CaptiveState> {
  const db = context.store.as<OverlayTables>();
  const row = await tokenRow(db, token);
  const now = context.now();
  const admitted = await db
    .selectFrom('portal_whitelist')
    .select('expires_at')
    .where('peer_id', '=', row.id)
    .where('expires_at', '>', now.toISOString())
    .executeTakeFirst();
  if (admitted) {
    const left = Date.parse(admitted.expires_at) - now.getTime();
    return { captive: false, 'seconds-remaining': Math.floor(left / 1000) };
  }
  const good = row.used_at === null && row.expires_at > now.toISOString();
  return { captive: true, ...(good && { 'user-portal-url': `${page}?token=${token}` }) };
}
