import { randomUUID } from 'node:crypto';
import type { Caller } from '../http/index.ts';
import { isAdministrator, networkFor, type OverlayContext, peerFor } from './context.ts';
import type { AgentSeen, Incidents } from './incidents/index.ts';
import type { AgentSession, PeerSession } from './schema.ts';
import type { EndpointChangeRow, OverlayTables, PeerRow, SessionRow } from './tables.ts';

/** An agent that hasn't reported for three intervals is no longer active. */
export const ACTIVE_MS = 90_000;
/** Sessions and endpoint changes are kept this long. */
export const KEEP_MS = 24 * 3600 * 1000;
/** Seconds: what the column holds in PostgreSQL. One device that says more must not spoil the batch of all. */
const MAX_UPTIME = 2 ** 31 - 1;
/** Endpoint changes shown of one peer. */
const SHOWN_CHANGES = 50;

/** One report of an agent, ours or a foreign one. */
export interface Report {
  peerId: string;
  networkId: string;
  hostname: string;
  systemUptime: number;
  wireguardUptime: number;
  /** JSON of our agent's whole report; null from a foreign agent. */
  telemetry: string | null;
}

/** An agent that reports, for who lists sessions of every kind. Times are RFC 3339. */
export interface ActiveSession {
  id: string;
  peerId: string;
  networkId: string;
  /** Of the peer. */
  name: string;
  ownerId: string;
  address: string;
  addressV6: string | null;
  firstSeen: string;
  lastSeen: string;
}

interface Session extends SessionRow {
  networkId: string;
}

/**
 * The agents that report, live in memory and written to the database in batches: a report each 30 s of 10,000 devices
 * would be 333 commits a second. What a crash loses is at most the seconds since the last batch, and the next report
 * brings it again.
 */
export function createSessions(context: OverlayContext, incidents: Pick<Incidents, 'of'>) {
  const db = context.store.as<OverlayTables>();
  /** Peer id → host name → session. Two host names at once are two devices with one identity. */
  const live = new Map<string, Map<string, Session>>();
  const endpoints = new Map<string, string>();
  const dirty = new Set<Session>();
  const changes: EndpointChangeRow[] = [];

  const shown = (session: Session): AgentSession => ({
    peer_id: session.peer_id,
    hostname: session.hostname,
    system_uptime: session.system_uptime,
    wireguard_uptime: session.wireguard_uptime,
    reported_endpoint: endpoints.get(session.peer_id) ?? session.reported_endpoint,
    last_seen: session.last_seen,
    first_seen: session.first_seen,
    session_id: session.session_id,
  });
  /** Another agent that uses the peer's identity. Under the host name of the current one it has no session of its own. */
  const rival = (peerId: string, agent: AgentSeen, current: string | undefined): AgentSession => {
    const own = agent.hostname === current ? undefined : live.get(peerId)?.get(agent.hostname);
    return {
      peer_id: peerId,
      hostname: agent.hostname,
      system_uptime: Math.min(agent.systemUptime, MAX_UPTIME),
      wireguard_uptime: Math.min(agent.wireguardUptime, MAX_UPTIME),
      reported_endpoint: endpoints.get(peerId) ?? '',
      last_seen: new Date(agent.lastSeen).toISOString(),
      first_seen: new Date(agent.firstSeen).toISOString(),
      session_id: own?.session_id ?? agent.connection,
    };
  };
  const activeOf = (peerId: string): Session[] => {
    const since = new Date(context.now().getTime() - ACTIVE_MS).toISOString();
    return [...(live.get(peerId)?.values() ?? [])]
      .filter((session) => session.last_seen >= since)
      .sort((a, b) => (a.last_seen > b.last_seen ? -1 : 1));
  };

  const write = (rows: readonly Session[], moved: readonly EndpointChangeRow[], before: string): Promise<void> =>
    context.store.transaction<OverlayTables, void>(async (tx) => {
      const ids = [...new Set([...rows, ...moved].map((row) => row.peer_id))];
      const known = new Set<string>();
      for (let i = 0; i < ids.length; i += 500) {
        const found = await tx.db
          .selectFrom('peers')
          .select('id')
          .where('id', 'in', ids.slice(i, i + 500))
          .execute();
        for (const { id } of found) known.add(id);
      }
      for (const { networkId: _, ...row } of rows) {
        if (!known.has(row.peer_id)) continue;
        const { peer_id: _peer, hostname: _host, ...values } = row;
        await tx.db
          .insertInto('agent_sessions')
          .values(row)
          .onConflict((oc) => oc.columns(['peer_id', 'hostname']).doUpdateSet(values))
          .execute();
      }
      for (const row of moved) {
        if (known.has(row.peer_id)) await tx.db.insertInto('endpoint_changes').values(row).execute();
      }
      await tx.db.deleteFrom('agent_sessions').where('last_seen', '<', before).execute();
      await tx.db.deleteFrom('endpoint_changes').where('changed_at', '<', before).execute();
    });

  return {
    /** Reads back what an earlier run of the appliance knew. */
    async load(): Promise<void> {
      const since = new Date(context.now().getTime() - KEEP_MS).toISOString();
      const rows = await db
        .selectFrom('agent_sessions')
        .innerJoin('peers', 'peers.id', 'agent_sessions.peer_id')
        .selectAll('agent_sessions')
        .select('peers.network_id as networkId')
        .where('last_seen', '>', since)
        .orderBy('last_seen')
        .execute();
      for (const row of rows) {
        const sessions = live.get(row.peer_id) ?? new Map<string, Session>();
        live.set(row.peer_id, sessions.set(row.hostname, row));
        if (row.reported_endpoint) endpoints.set(row.peer_id, row.reported_endpoint);
      }
    },

    report(report: Report): void {
      const at = context.now().toISOString();
      const sessions = live.get(report.peerId) ?? new Map<string, Session>();
      live.set(report.peerId, sessions);
      const before = sessions.get(report.hostname);
      const session: Session = {
        peer_id: report.peerId,
        networkId: report.networkId,
        hostname: report.hostname,
        session_id: before?.session_id ?? randomUUID(),
        system_uptime: Math.min(report.systemUptime, MAX_UPTIME),
        wireguard_uptime: Math.min(report.wireguardUptime, MAX_UPTIME),
        reported_endpoint: endpoints.get(report.peerId) ?? '',
        telemetry: report.telemetry,
        first_seen: before?.first_seen ?? at,
        last_seen: at,
      };
      sessions.set(report.hostname, session);
      if (before) dirty.delete(before);
      dirty.add(session);
      // A device that invents host names must not fill the memory: the oldest go.
      if (sessions.size > 8) {
        const oldest = [...sessions.values()].sort((a, b) => (a.last_seen < b.last_seen ? -1 : 1))[0] as Session;
        sessions.delete(oldest.hostname);
        dirty.delete(oldest);
      }
    },

    /** A hub has seen a peer's packets come from `endpoint`; a change from another one is remembered. */
    seenAt(peerId: string, endpoint: string, countChange: boolean): void {
      const before = endpoints.get(peerId);
      if (before === endpoint) return;
      endpoints.set(peerId, endpoint);
      for (const session of live.get(peerId)?.values() ?? []) {
        session.reported_endpoint = endpoint;
        dirty.add(session);
      }
      if (before === undefined || !countChange) return;
      const at = context.now().toISOString();
      changes.push({ peer_id: peerId, old_endpoint: before, new_endpoint: endpoint, changed_at: at });
    },

    forget(peerId: string): void {
      for (const session of live.get(peerId)?.values() ?? []) dirty.delete(session);
      live.delete(peerId);
      endpoints.delete(peerId);
    },

    /** Writes what has changed since the last call, in one transaction, and drops what is older than a day. */
    async flush(): Promise<void> {
      const rows = [...dirty];
      const moved = changes.splice(0);
      dirty.clear();
      if (rows.length === 0 && moved.length === 0) return;
      const before = new Date(context.now().getTime() - KEEP_MS).toISOString();
      try {
        await write(rows, moved, before);
      } catch (error) {
        // Kept for the next call, but for sessions that a newer report has replaced meanwhile.
        for (const row of rows) if (live.get(row.peer_id)?.get(row.hostname) === row) dirty.add(row);
        changes.unshift(...moved);
        throw error;
      }
      for (const [peerId, sessions] of live) {
        for (const session of sessions.values()) if (session.last_seen < before) sessions.delete(session.hostname);
        if (sessions.size === 0) live.delete(peerId);
      }
    },

    /** The active sessions of a network; a user who is no administrator sees those of own peers. */
    async ofNetwork(caller: Caller, networkId: string): Promise<AgentSession[]> {
      await networkFor(db, caller, networkId);
      let visible = db.selectFrom('peers').select('id').where('network_id', '=', networkId);
      if (!isAdministrator(caller)) visible = visible.where('owner_id', '=', caller.id);
      const ids = await visible.orderBy('created_at').orderBy('id').execute();
      return ids.flatMap(({ id }) => activeOf(id).map(shown));
    },

    /** Whether an agent of this peer reports. */
    isActive: (peerId: string): boolean => activeOf(peerId).length > 0,

    /** The active sessions of all networks, each with its peer. */
    async active(): Promise<ActiveSession[]> {
      const found = [...live.keys()].flatMap((peerId) => activeOf(peerId));
      const peers = new Map<string, Pick<PeerRow, 'name' | 'owner_id' | 'address' | 'address_v6'>>();
      const ids = [...new Set(found.map((session) => session.peer_id))];
      for (let from = 0; from < ids.length; from += 500) {
        const rows = await db
          .selectFrom('peers')
          .select(['id', 'name', 'owner_id', 'address', 'address_v6'])
          .where('id', 'in', ids.slice(from, from + 500))
          .execute();
        for (const row of rows) peers.set(row.id, row);
      }
      return found.flatMap((session) => {
        const peer = peers.get(session.peer_id);
        if (!peer) return [];
        const { session_id: id, peer_id: peerId, networkId, first_seen: firstSeen, last_seen: lastSeen } = session;
        const { name, owner_id: ownerId, address, address_v6: addressV6 } = peer;
        return [{ id, peerId, networkId, name, ownerId, address, addressV6, firstSeen, lastSeen }];
      });
    },

    async ofPeer(caller: Caller, networkId: string, peerId: string): Promise<PeerSession> {
      await peerFor(db, caller, networkId, peerId);
      await this.flush();
      const since = new Date(context.now().getTime() - KEEP_MS).toISOString();
      const moved = await db
        .selectFrom('endpoint_changes')
        .select(['old_endpoint', 'new_endpoint', 'changed_at'])
        .where('peer_id', '=', peerId)
        .where('changed_at', '>', since)
        .orderBy('changed_at', 'desc')
        .limit(SHOWN_CHANGES)
        .execute();
      const [current] = activeOf(peerId);
      const { rivals, suspicious } = await incidents.of({ networkId, peerId });
      const last = current ?? [...(live.get(peerId)?.values() ?? [])].at(-1);
      return {
        peer_id: peerId,
        has_active_agent: current !== undefined,
        current_session: current ? shown(current) : null,
        conflicting_sessions: rivals.map((agent) => rival(peerId, agent, current?.hostname)),
        recent_endpoint_changes: moved,
        suspicious_activity: suspicious,
        last_checked: context.now().toISOString(),
        telemetry: last?.telemetry ? JSON.parse(last.telemetry) : null,
      };
    },
  };
}
export type Sessions = ReturnType<typeof createSessions>;
