import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { AgentSession, NetworkParams, PeerParams, PeerSession } from '../schema.ts';
import type { Sessions } from '../sessions.ts';

const tags = ['sessions'];

export const sessionRoutes =
  (sessions: Sessions): Routes =>
  async (app) => {
    app.get(
      '/networks/:networkId/sessions',
      {
        schema: {
          tags,
          summary: 'List active agent sessions',
          params: NetworkParams,
          response: { 200: Type.Array(AgentSession) },
        },
      },
      (request) => sessions.ofNetwork(callerOf(request), request.params.networkId),
    );
    app.get(
      '/networks/:networkId/peers/:peerId/session',
      { schema: { tags, summary: "Get a peer's session", params: PeerParams, response: { 200: PeerSession } } },
      (request) => sessions.ofPeer(callerOf(request), request.params.networkId, request.params.peerId),
    );
  };
