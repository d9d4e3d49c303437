import { createHash } from 'node:crypto';
import type { Actor } from '../../events/index.ts';
import { notFound } from '../../http/index.ts';
import { type OverlayContext, type OverlayTx, transact } from '../context.ts';
import type { OverlayTables, SecurityConfigRow } from '../tables.ts';
import type { Thresholds } from './detect.ts';
import type { SecurityConfig, SecurityConfigUpdate } from './schema.ts';

/** What holds in a network until somebody changes it. */
const DEFAULTS = {
  enabled: 1,
  session_conflict_threshold_minutes: 5,
  endpoint_change_threshold_minutes: 5,
  max_endpoint_changes_per_day: 10,
  port_change_threshold_minutes: 5,
  max_port_changes_per_window: 5,
} as const;

/** An id that a network's config has before there is a row: a UUID of the network's id (RFC 9562 section 5.8). */
function configId(networkId: string): string {
  const hex = createHash('sha256').update(`security config of ${networkId}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The network's config, its defaults where nobody has changed it; undefined when there is no such network. */
export async function configRow(
  db: Pick<OverlayTx['db'], 'selectFrom'>,
  networkId: string,
): Promise<SecurityConfigRow | undefined> {
  const row = await db
    .selectFrom('security_configs')
    .selectAll()
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (row) return row;
  const network = await db.selectFrom('networks').select('created_at').where('id', '=', networkId).executeTakeFirst();
  return (
    network && {
      network_id: networkId,
      id: configId(networkId),
      ...DEFAULTS,
      created_at: network.created_at,
      updated_at: network.created_at,
    }
  );
}

const view = (row: SecurityConfigRow): SecurityConfig => ({
  id: row.id,
  network_id: row.network_id,
  enabled: row.enabled === 1,
  session_conflict_threshold_minutes: row.session_conflict_threshold_minutes,
  endpoint_change_threshold_minutes: row.endpoint_change_threshold_minutes,
  max_endpoint_changes_per_day: row.max_endpoint_changes_per_day,
  port_change_threshold_minutes: row.port_change_threshold_minutes,
  max_port_changes_per_window: row.max_port_changes_per_window,
  created_at: row.created_at,
  updated_at: row.updated_at,
});

const MINUTE_MS = 60_000;
/** A config as the detector takes it. */
export const thresholdsOf = (row: SecurityConfigRow): Thresholds => ({
  sessionConflictMs: row.session_conflict_threshold_minutes * MINUTE_MS,
  endpointChangeMs: row.endpoint_change_threshold_minutes * MINUTE_MS,
  maxEndpointChangesPerDay: row.max_endpoint_changes_per_day,
  portChangeMs: row.port_change_threshold_minutes * MINUTE_MS,
  maxPortChangesPerWindow: row.max_port_changes_per_window,
});

export async function getSecurityConfig({ store }: OverlayContext, networkId: string): Promise<SecurityConfig> {
  const row = await configRow(store.as<OverlayTables>(), networkId);
  if (!row) throw notFound('network');
  return view(row);
}

/** Changes a network's config. Incidents that are open stay open, also when it is switched off. */
export async function updateSecurityConfig(
  context: OverlayContext,
  actor: Actor,
  networkId: string,
  body: SecurityConfigUpdate,
): Promise<SecurityConfig> {
  return transact(context, async (db, emit) => {
    const before = await configRow(db, networkId);
    if (!before) throw notFound('network');
    const after: SecurityConfigRow = { ...before };
    for (const key of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
      const value = body[key];
      if (value !== undefined) after[key] = Number(value);
    }
    const changed = (Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]).filter((key) => after[key] !== before[key]);
    if (changed.length === 0) return view(before);
    after.updated_at = context.now().toISOString();
    const { network_id: _, ...values } = after;
    await db
      .insertInto('security_configs')
      .values(after)
      .onConflict((oc) => oc.column('network_id').doUpdateSet(values))
      .execute();
    emit({ type: 'overlay.security.updated', data: { networkId, changed, actor } });
    return view(after);
  });
}
