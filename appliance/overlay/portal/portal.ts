import type { FastifyBaseLogger } from 'fastify';
import { type Actor, type Heard, SYSTEM } from '../../events/index.ts';
import { badRequest } from '../../http/index.ts';
import { type OverlayContext, transact } from '../context.ts';
import { parseEndpoint } from '../endpoint.ts';
import type { OverlayTables, PeerRow } from '../tables.ts';
import type { SeenFrom } from './load.ts';
import type { Admission, CaptiveState, PortalToken } from './schema.ts';
import { captiveState, issuePortalToken, mayAdmit, PORTAL_PAGE, spendToken } from './tokens.ts';

/** Whoever has signed in is let in for this long, as long as the device stays where it is. */
export const ADMITTED_MS = 24 * 3600_000;

/** The events that can end an admission. */
export const PORTAL_EVENTS = [
  'identity.user.updated',
  'identity.user.deleted',
  'overlay.network.deleted',
  'overlay.peer.updated',
  'overlay.peer.deleted',
] as const;

/** What the portal asks of whoever signs people in. */
export interface PortalPeople {
  /** Whether people sign in with OIDC, which the portal needs. */
  oidcEnabled: boolean;
  /** The portal's address for people, where that is set; else it is taken to be as the request has it. */
  portalPage: string | undefined;
  /** The networks that a user may use; `all` for an administrator, none for a user who is gone. */
  openNetworks(userId: string): Promise<readonly string[] | 'all'>;
}

interface Admitted {
  networkId: string;
  seenFrom: SeenFrom;
  /** Tells one admission of a peer from the next. */
  expiresAt: string;
}

/**
 * The captive portal: peers without an agent are let in when their owner has signed in, for a day and as long as each
 * hub sees them where it saw them then. The hubs' views are compared one by one: a device with two address families may
 * well reach two hubs from two addresses.
 */
export function createPortal(context: OverlayContext, people: PortalPeople, log: Pick<FastifyBaseLogger, 'error'>) {
  const pageAt = (origin: string): string => people.portalPage ?? origin + PORTAL_PAGE;
  const db = context.store.as<OverlayTables>();
  const admitted = new Map<string, Admitted>();
  /** Peer id → hub id → the address that the hub last reported. */
  const lastSeen = new Map<string, Map<string, string>>();

  /** Ends these admissions, unless they were renewed meanwhile. */
  async function end(entries: readonly { peerId: string; expiresAt: string }[]): Promise<void> {
    if (entries.length === 0) return;
    await transact(context, async (tx, emit) => {
      for (const { peerId, expiresAt } of entries) {
        const row = await tx
          .deleteFrom('portal_whitelist')
          .where('peer_id', '=', peerId)
          .where('expires_at', '=', expiresAt)
          .returning(['network_id', 'user_id'])
          .executeTakeFirst();
        if (!row) continue;
        const data = { networkId: row.network_id, peerId, userId: row.user_id, actor: SYSTEM };
        emit({ type: 'overlay.portal.ended', data });
      }
    });
    for (const { peerId, expiresAt } of entries) {
      if (admitted.get(peerId)?.expiresAt === expiresAt) admitted.delete(peerId);
    }
  }

  /** Ends the admission of a peer that a hub sees elsewhere, and keeps where a hub sees it for the first time. */
  async function compare(peerId: string, hubId: string, address: string): Promise<void> {
    const entry = admitted.get(peerId);
    const before = entry?.seenFrom[hubId];
    if (!entry || before === address) return;
    const { expiresAt } = entry;
    if (before !== undefined) return end([{ peerId, expiresAt }]);
    entry.seenFrom = { ...entry.seenFrom, [hubId]: address };
    await db
      .updateTable('portal_whitelist')
      .set({ seen_from: JSON.stringify(entry.seenFrom) })
      .where('peer_id', '=', peerId)
      .where('expires_at', '=', expiresAt)
      .execute();
  }

  /** Ends the admissions of a person, or of a peer, whose reason is gone. */
  async function recheck(column: 'portal_whitelist.user_id' | 'portal_whitelist.peer_id', id: string): Promise<void> {
    const rows = await db
      .selectFrom('portal_whitelist')
      .innerJoin('peers', 'peers.id', 'portal_whitelist.peer_id')
      .select(['peers.id', 'peers.owner_id', 'peers.network_id'])
      .select(['portal_whitelist.user_id', 'portal_whitelist.expires_at'])
      .where(column, '=', id)
      .execute();
    const over: { peerId: string; expiresAt: string }[] = [];
    for (const row of rows) {
      const person = { id: row.user_id, open: await people.openNetworks(row.user_id) };
      if (!mayAdmit(person, row)) over.push({ peerId: row.id, expiresAt: row.expires_at });
    }
    await end(over);
  }

  return {
    /** Reads back who was let in by an earlier run of the appliance. */
    async load(): Promise<void> {
      for (const row of await db.selectFrom('portal_whitelist').selectAll().execute()) {
        const seenFrom = JSON.parse(row.seen_from) as SeenFrom;
        admitted.set(row.peer_id, { networkId: row.network_id, seenFrom, expiresAt: row.expires_at });
      }
    },

    /** 400 where the portal couldn't let anybody in. */
    checkNetwork({ captive_portal: wanted }: { captive_portal?: boolean }): void {
      if (wanted && !people.oidcEnabled) {
        throw badRequest('captive_portal needs OIDC, with which people sign in at the portal: it is off here');
      }
    },

    /** `origin` is how the caller reached this server. */
    async issueToken(hub: PeerRow, peerIp: string, origin: string): Promise<PortalToken> {
      if (!people.oidcEnabled) throw badRequest('the captive portal needs OIDC, which is off here');
      return issuePortalToken(context, hub, peerIp, pageAt(origin));
    },

    captiveState: (token: string, origin: string): Promise<CaptiveState> =>
      captiveState(context, token, pageAt(origin)),

    async authenticate(userId: string, address: string, token: string): Promise<Admission> {
      const person = { id: userId, open: await people.openNetworks(userId) };
      const actor: Actor = { kind: 'user', id: userId, address };
      const now = context.now();
      const expiresAt = new Date(now.getTime() + ADMITTED_MS).toISOString();
      const peer = await transact(context, async (tx, emit) => {
        const row = await spendToken(tx, now, person, token);
        const { id: peerId, network_id: networkId } = row;
        const seenFrom = Object.fromEntries(lastSeen.get(peerId) ?? []);
        const values = {
          network_id: networkId,
          user_id: userId,
          seen_from: JSON.stringify(seenFrom),
          expires_at: expiresAt,
        };
        await tx
          .insertInto('portal_whitelist')
          .values({ peer_id: peerId, ...values })
          .onConflict((oc) => oc.column('peer_id').doUpdateSet(values))
          .execute();
        emit({ type: 'overlay.portal.admitted', data: { networkId, peerId, userId: userId, actor } });
        return { ...row, seenFrom };
      });
      admitted.set(peer.id, { networkId: peer.network_id, seenFrom: peer.seenFrom, expiresAt });
      // What was reported while it was written.
      for (const [hubId, seen] of lastSeen.get(peer.id) ?? []) await compare(peer.id, hubId, seen);
      return { peer_ip: peer.address, network_id: peer.network_id, whitelisted: true };
    },

    /** A hub sees a peer's packets come from `endpoint` (`ip:port`); the port may change, with any NAT. */
    seen(peerId: string, hubId: string, endpoint: string): void {
      const address = parseEndpoint(endpoint)?.host;
      if (address === undefined) return;
      const hubs = lastSeen.get(peerId) ?? new Map<string, string>();
      lastSeen.set(peerId, hubs.set(hubId, address));
      compare(peerId, hubId, address).catch((error) =>
        log.error({ err: error, peerId }, 'where an admitted peer is could not be written'),
      );
    },

    /** Ends the admissions whose day is over. */
    async sweep(): Promise<void> {
      const rows = await db
        .selectFrom('portal_whitelist')
        .select(['peer_id', 'expires_at'])
        .where('expires_at', '<=', context.now().toISOString())
        .execute();
      await end(rows.map((row) => ({ peerId: row.peer_id, expiresAt: row.expires_at })));
    },

    /** The bus's listener for PORTAL_EVENTS. */
    async onEvent(event: Heard<(typeof PORTAL_EVENTS)[number]>): Promise<void> {
      switch (event.type) {
        case 'overlay.peer.deleted':
          admitted.delete(event.data.peerId);
          lastSeen.delete(event.data.peerId);
          break;
        case 'overlay.network.deleted':
          for (const [id, { networkId }] of admitted) if (networkId === event.data.networkId) admitted.delete(id);
          break;
        case 'overlay.peer.updated':
          if (event.data.changed.includes('owner_id')) await recheck('portal_whitelist.peer_id', event.data.peerId);
          break;
        default:
          await recheck('portal_whitelist.user_id', event.data.userId);
      }
    },
  };
}
export type Portal = ReturnType<typeof createPortal>;
