import Type from 'typebox';
import { callerOf, type Hold, HttpError, type Routes } from '../../http/index.ts';
import type { Channel } from '../channel/index.ts';
import type { Tickets } from '../channel/tickets.ts';
import { watchOf } from '../channel/watchers.ts';
import type { OverlayContext } from '../context.ts';
import { PeerParams } from '../schema.ts';

const tags = ['agent'];
const Id = Type.String({ maxLength: 64 });

export const notAnUpgrade = (): HttpError =>
  new HttpError(426, 'this is a WebSocket: connect with Upgrade: websocket', { upgrade: 'websocket' });

/** Following a peer's configuration by WebSocket, for those who may read it. */
export const watchRoutes =
  (context: OverlayContext, channel: Channel, tickets: Tickets, hold: Hold): Routes =>
  async (app) => {
    app.decorateRequest('watch', null);
    app.post(
      '/ws/token',
      {
        schema: {
          tags,
          summary: "Get a token for one WebSocket that follows a peer's configuration",
          description:
            'For `GET /ws?token=`. Good for 60 s and for one use, and no longer than the caller may read it.',
          body: Type.Object({ network_id: Id, peer_id: Id }),
          response: {
            201: Type.Object({ token: Type.String(), expires_at: Type.String({ description: 'RFC 3339, UTC' }) }),
          },
        },
      },
      async (request, reply) => {
        const { network_id: networkId, peer_id: peerId } = request.body;
        const watch = watchOf(context, callerOf(request), hold(request), { networkId, peerId });
        await watch.read();
        const { token, expiresAt } = tickets.issue(watch);
        reply.header('cache-control', 'no-store');
        return reply.code(201).send({ token, expires_at: expiresAt.toISOString() });
      },
    );
    app.route({
      method: 'GET',
      url: '/ws/:networkId/:peerId',
      schema: {
        tags,
        summary: "Follow a peer's configuration, by WebSocket",
        description: 'Wants the same right as reading the configuration, and is closed (4401) when that ends.',
        params: PeerParams,
      },
      // Before the upgrade, so that a refusal is an HTTP answer with a status.
      preValidation: async (request) => {
        if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw notAnUpgrade();
        const watch = watchOf(context, callerOf(request), hold(request), request.params);
        await watch.read();
        channel.watchers.admit(watch.userId);
        request.watch = watch;
      },
      handler: async () => {
        throw notAnUpgrade();
      },
      wsHandler: (socket, request) => {
        if (request.watch) channel.watchers.serve(socket, request.watch);
      },
    });
  };
