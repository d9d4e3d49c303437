import type { OverlayTx } from '../context.ts';

/** Where each hub saw an admitted peer: hub id → address. A hub that isn't named has not said yet. */
export type SeenFrom = Readonly<Record<string, string>>;

/** The peers of a network (or the one peer) that the portal has let in, and from where. */
export async function loadAdmitted(
  db: Pick<OverlayTx['db'], 'selectFrom'>,
  now: Date,
  networkId: string,
  peerId?: string,
): Promise<Map<string, SeenFrom>> {
  let query = db
    .selectFrom('portal_whitelist')
    .select(['peer_id', 'seen_from'])
    .where('network_id', '=', networkId)
    .where('expires_at', '>', now.toISOString());
  if (peerId !== undefined) query = query.where('peer_id', '=', peerId);
  return new Map((await query.execute()).map((row) => [row.peer_id, JSON.parse(row.seen_from) as SeenFrom]));
}
