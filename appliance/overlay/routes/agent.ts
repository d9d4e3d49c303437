import {
  CREDENTIAL_PREFIX,
  RegisterRequest,
  RegisterResponse,
  ResolveResponse,
  SUBPROTOCOL,
} from '@gatehouse/protocol';
import type { FastifyRequest } from 'fastify';
import { HttpError, type Routes } from '../../http/index.ts';

import { type Channel, type Device, deviceOf, serveForeign, serveGatehouse } from '../channel/index.ts';
import type { OverlayContext } from '../context.ts';
import { markTokenUsed, peerByCredential, peerByToken, register, resolveToken } from '../enroll.ts';
import type { Snapshots } from '../snapshots.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The device behind a WebSocket; set before the upgrade. */
    device: Device | null;
  }
}

const tags = ['agent'];

function bearerOf(request: FastifyRequest): string {
  const [, token] = /^Bearer\s+(\S{1,512})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!token) throw new HttpError(401, 'send Authorization: Bearer <token>');
  return token;
}

export const agentRoutes =
  (context: OverlayContext, snapshots: Snapshots, channel: Channel): Routes =>
  async (app) => {
    app.decorateRequest('device', null);
    app.get(
      '/agent/resolve',
      {
        config: { access: 'public' },
        schema: {
          tags,
          summary: "Exchange an enrollment token for the peer's identifiers and WireGuard file",
          description: '404 when the token is invalid, spent or expired.',
          response: { 200: ResolveResponse },
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store');
        return resolveToken(context, snapshots, bearerOf(request));
      },
    );
    app.post(
      '/agent/register',
      {
        config: { access: 'public' },
        schema: {
          tags,
          summary: 'Trade an enrollment token for a device credential',
          description: 'The device brings its own key; the controller deletes the one it had made. The token is spent.',
          body: RegisterRequest,
          response: { 200: RegisterResponse },
        },
      },
      (request) => register(context, bearerOf(request), request.ip, request.body),
    );
    app.route({
      method: 'GET',
      url: '/ws',
      config: { access: 'public' },
      schema: {
        tags,
        summary: 'Live configuration of a device, by WebSocket',
        description:
          `With the subprotocol \`${SUBPROTOCOL}\` and a device credential, or without a subprotocol and with an ` +
          'enrollment token for existing agents.',
      },
      // Before the upgrade, so that a refusal is an HTTP answer with a status.
      preValidation: async (request) => {
        if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
          throw new HttpError(426, 'this is a WebSocket: connect with Upgrade: websocket', { upgrade: 'websocket' });
        }
        const secret = bearerOf(request);
        const ours = offeredProtocols(request).includes(SUBPROTOCOL);
        if (ours !== secret.startsWith(CREDENTIAL_PREFIX)) {
          throw new HttpError(
            401,
            ours
              ? 'gatehouse.v1 wants a device credential: trade the enrollment token for one at POST /agent/register'
              : `a device credential goes with the WebSocket subprotocol ${SUBPROTOCOL}`,
          );
        }
        const row = await (ours ? peerByCredential(context, secret) : peerByToken(context, secret));
        if (!row) throw new HttpError(401, 'the credential is not valid: it may be revoked; ask for a new token');
        if (!ours) await markTokenUsed(context, row);
        request.device = deviceOf(row, secret);
      },
      handler: async () => {
        throw new HttpError(426, 'this is a WebSocket: connect with Upgrade: websocket', { upgrade: 'websocket' });
      },
      wsHandler: (socket, request) => {
        const device = request.device as Device;
        const serve = socket.protocol === SUBPROTOCOL ? serveGatehouse : serveForeign;
        serve(channel, socket, device);
      },
    });
  };

const offeredProtocols = (request: FastifyRequest): string[] =>
  (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
