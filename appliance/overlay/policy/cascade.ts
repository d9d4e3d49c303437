import type { Actor, DomainEvent } from '../../events/index.ts';
import type { OverlayContext } from '../context.ts';
import { dropFromAcl } from './acl.ts';
import type { Db } from './fields.ts';
import { dropRulesFor } from './groups.ts';
import { routeGone } from './routes.ts';

/**
 * Deletes a peer and all that names it: its place in groups, in the ACL and as a target of rules; of a jump peer also its
 * routes and their names. The peer's own event comes first: until hubs have dropped the peer, the rule that blocks it
 * must hold.
 */
export async function deletePeerRow(
  { now }: OverlayContext,
  db: Db,
  emit: (event: DomainEvent) => void,
  peer: { id: string; network_id: string; name: string },
  actor: Actor,
): Promise<void> {
  const { id: peerId, network_id: networkId, name } = peer;
  const routes = await db.selectFrom('routes').selectAll().where('jump_peer_id', '=', peerId).orderBy('id').execute();
  const events = await routeGone(db, routes, actor);
  const at = now().toISOString();
  await db
    .updateTable('groups')
    .set({ updated_at: at })
    .where('id', 'in', (eb) => eb.selectFrom('group_peers').select('group_id').where('peer_id', '=', peerId))
    .execute();
  await db.deleteFrom('peers').where('id', '=', peerId).execute();
  emit({ type: 'overlay.peer.deleted', data: { networkId, peerId, name, actor } });
  for (const event of events) emit(event);
  await dropFromAcl(db, emit, networkId, peerId, actor);
  await dropRulesFor(db, emit, networkId, { type: 'peer', id: peerId }, actor, at);
}
