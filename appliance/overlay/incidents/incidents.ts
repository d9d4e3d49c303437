import { randomUUID } from 'node:crypto';
import { type Actor, SYSTEM } from '../../events/index.ts';
import { type Caller, forbidden, notFound } from '../../http/index.ts';
import { isAdministrator, networkFor, type OverlayContext, transact } from '../context.ts';
import type { IncidentRow, OverlayTables } from '../tables.ts';
import { configRow } from './config.ts';
import { type Finding, MAX_ENDPOINTS } from './detect.ts';
import type { SecurityIncident } from './schema.ts';

/** Incidents of one list: the newest. */
const MAX_LISTED = 1000;

const view = (row: IncidentRow): SecurityIncident => ({
  id: row.id,
  peer_id: row.peer_id,
  peer_name: row.peer_name,
  network_id: row.network_id,
  network_name: row.network_name,
  incident_type: row.incident_type,
  detected_at: row.detected_at,
  public_key: row.public_key,
  endpoints: JSON.parse(row.endpoints) as string[],
  details: row.details,
  resolved: row.resolved === 1,
  resolved_at: row.resolved_at,
  resolved_by: row.resolved_by,
});

/** An incident that is open, with the evidence that is written down. */
export interface OpenIncident {
  id: string;
  endpoints: string[];
  details: string;
}

/**
 * Writes a finding down: in the open incident of this peer and type, else as a new one, which puts the peer in
 * quarantine. Undefined when the peer is gone or its network doesn't watch for incidents; `stale` when an incident of
 * the peer has been resolved since the evidence began.
 */
export async function openIncident(
  context: OverlayContext,
  peerId: string,
  { type, endpoints, details, since }: Finding,
): Promise<OpenIncident | 'stale' | undefined> {
  return transact(context, async (db, emit) => {
    const at = context.now().toISOString();
    const peer = await db
      .selectFrom('peers')
      .innerJoin('networks', 'networks.id', 'peers.network_id')
      .select(['peers.name', 'peers.public_key', 'peers.owner_id', 'peers.network_id', 'networks.name as network_name'])
      .where('peers.id', '=', peerId)
      .executeTakeFirst();
    if (!peer || (await configRow(db, peer.network_id))?.enabled !== 1) return undefined;
    const open = await db
      .selectFrom('incidents')
      .select(['id', 'endpoints'])
      .where('peer_id', '=', peerId)
      .where('incident_type', '=', type)
      .where('resolved', '=', 0)
      .executeTakeFirst();
    if (open) {
      // What was seen first stays: it is what raised the incident.
      const all = [...new Set([...(JSON.parse(open.endpoints) as string[]), ...endpoints])].slice(0, MAX_ENDPOINTS);
      const values = { endpoints: JSON.stringify(all), details };
      await db.updateTable('incidents').set(values).where('id', '=', open.id).execute();
      return { id: open.id, endpoints: all, details };
    }
    const resolved = await db
      .selectFrom('incidents')
      .select('id')
      .where('peer_id', '=', peerId)
      .where('resolved', '=', 1)
      .where('resolved_at', '>=', new Date(since).toISOString())
      // Not what was resolved while the clock ran ahead: it would excuse everything until then.
      .where('resolved_at', '<=', at)
      .limit(1)
      .executeTakeFirst();
    if (resolved) return 'stale';
    const { network_id: networkId } = peer;
    const row: IncidentRow = {
      id: randomUUID(),
      peer_id: peerId,
      peer_name: peer.name,
      network_id: networkId,
      network_name: peer.network_name,
      owner_id: peer.owner_id,
      incident_type: type,
      detected_at: at,
      public_key: peer.public_key,
      endpoints: JSON.stringify(endpoints.slice(0, MAX_ENDPOINTS)),
      details,
      resolved: 0,
      resolved_at: null,
      resolved_by: null,
    };
    await db.insertInto('incidents').values(row).execute();
    const data = { networkId, peerId, incidentId: row.id, incidentType: type, actor: SYSTEM };
    emit({ type: 'overlay.incident.opened', data });
    return { id: row.id, endpoints: endpoints.slice(0, MAX_ENDPOINTS), details };
  });
}

/** Ends an incident, and the quarantine with the peer's last one. Again, it changes nothing. */
export async function resolveIncident(context: OverlayContext, actor: Actor, incidentId: string): Promise<void> {
  await transact(context, async (db, emit) => {
    const row = await db.selectFrom('incidents').selectAll().where('id', '=', incidentId).executeTakeFirst();
    if (!row) throw notFound('incident');
    if (row.resolved === 1) return;
    const values = { resolved: 1, resolved_at: context.now().toISOString(), resolved_by: actor.id };
    await db.updateTable('incidents').set(values).where('id', '=', incidentId).execute();
    const data = { networkId: row.network_id, peerId: row.peer_id, incidentId, incidentType: row.incident_type, actor };
    emit({ type: 'overlay.incident.resolved', data });
  });
}

/** Incidents that the caller may see: to a user, those of peers that are or were theirs, in networks open to them. */
function visibleTo({ store }: OverlayContext, caller: Caller) {
  const query = store
    .as<OverlayTables>()
    .selectFrom('incidents')
    .leftJoin('peers', 'peers.id', 'incidents.peer_id')
    .selectAll('incidents');
  if (isAdministrator(caller)) return query;
  const open = caller.authorizedNetworks;
  return query
    .where('incidents.network_id', 'in', open.length > 0 ? [...open] : [''])
    .where((eb) => eb.or([eb('incidents.owner_id', '=', caller.id), eb('peers.owner_id', '=', caller.id)]));
}

/** Newest first. Those of all networks, those that are deleted included, where no network is given. */
export async function listIncidents(
  context: OverlayContext,
  caller: Caller,
  { networkId, resolved }: { networkId?: string; resolved?: boolean },
): Promise<SecurityIncident[]> {
  let query = visibleTo(context, caller);
  if (networkId !== undefined) {
    await networkFor(context.store.as<OverlayTables>(), caller, networkId);
    query = query.where('incidents.network_id', '=', networkId);
  }
  if (resolved !== undefined) query = query.where('incidents.resolved', '=', resolved ? 1 : 0);
  const rows = await query.orderBy('incidents.detected_at', 'desc').orderBy('incidents.id').limit(MAX_LISTED).execute();
  return rows.map(view);
}

export async function getIncident(
  context: OverlayContext,
  caller: Caller,
  incidentId: string,
): Promise<SecurityIncident> {
  const row = await visibleTo(context, caller).where('incidents.id', '=', incidentId).executeTakeFirst();
  if (row) return view(row);
  const any = await context.store
    .as<OverlayTables>()
    .selectFrom('incidents')
    .select('id')
    .where('id', '=', incidentId)
    .executeTakeFirst();
  throw any ? forbidden('this incident is of a peer that is not yours') : notFound('incident');
}

/** Whether an incident of the peer is open. */
export async function inQuarantine({ store }: OverlayContext, peerId: string): Promise<boolean> {
  const row = await store
    .as<OverlayTables>()
    .selectFrom('incidents')
    .select('id')
    .where('peer_id', '=', peerId)
    .where('resolved', '=', 0)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
