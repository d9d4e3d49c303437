import { callerOf, notFound, type Routes } from '../../http/index.ts';
import { isAdministrator, type OverlayContext, peerFor } from '../context.ts';
import { reachabilityOf } from '../policy/reachability.ts';
import { Reachability } from '../policy/schema.ts';
import { PeerParams } from '../schema.ts';
import type { SnapshotPeer } from '../snapshot.ts';
import type { Snapshots } from '../snapshots.ts';
import type { OverlayTables } from '../tables.ts';

export const reachabilityRoutes =
  (context: OverlayContext, snapshots: Snapshots): Routes =>
  async (app) => {
    app.get(
      '/networks/:networkId/peers/:peerId/reachability',
      {
        schema: {
          tags: ['peers'],
          summary: 'Get what a peer may reach',
          description:
            'As the hubs enforce it. Users are told of their own peers and of jump peers; administrators of all.',
          params: PeerParams,
          response: { 200: Reachability },
        },
      },
      async (request) => {
        const caller = callerOf(request);
        const { networkId, peerId } = request.params;
        const db = context.store.as<OverlayTables>();
        await peerFor(db, caller, networkId, peerId);
        const network = await snapshots.fresh(networkId);
        const peer = network?.peers.get(peerId);
        if (!network || !peer) throw notFound('peer');
        let visible = (_other: SnapshotPeer): boolean => true;
        if (!isAdministrator(caller)) {
          const rows = await db
            .selectFrom('peers')
            .select('id')
            .where('network_id', '=', networkId)
            .where('owner_id', '=', caller.id)
            .execute();
          const own = new Set(rows.map((row) => row.id));
          visible = (other) => other.isHub || own.has(other.id);
        }
        return reachabilityOf(network, peer, visible);
      },
    );
  };
