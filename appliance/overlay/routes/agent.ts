import {
  CREDENTIAL_PREFIX,
  RegisterRequest,
  RegisterResponse,
  ResolveResponse,
  SUBPROTOCOL,
} from '@gatehouse/protocol';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { HttpError, type Routes } from '../../http/index.ts';
import { type Channel, type Device, deviceOf, serveForeign, serveGatehouse, type Watch } from '../channel/index.ts';
import { TICKET_PREFIX, type Tickets } from '../channel/tickets.ts';
import type { OverlayContext } from '../context.ts';
import { markTokenUsed, peerByCredential, peerByToken, register, resolveToken } from '../enroll.ts';
import type { Snapshots } from '../snapshots.ts';
import { notAnUpgrade } from './watch.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The device behind a WebSocket; set before the upgrade. */
    device: Device | null;
    /** Or who watches by it. */
    watch: Watch | null;
  }
}

const tags = ['agent'];

function bearerOf(request: FastifyRequest): string {
  const [, token] = /^Bearer\s+(\S{1,512})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!token) throw new HttpError(401, 'send Authorization: Bearer <token>');
  return token;
}

export const agentRoutes =
  (context: OverlayContext, snapshots: Snapshots, channel: Channel, tickets: Tickets): Routes =>
  async (app) => {
    app.decorateRequest('device', null);
    app.decorateRequest('watch', null);
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
          'enrollment token for existing agents. With a token of `POST /ws/token` (as `?token=` or as Bearer) it follows ' +
          "a peer's configuration without being the device.",
        querystring: Type.Object({ token: Type.Optional(Type.String({ maxLength: 512 })) }),
      },
      // Before the upgrade, so that a refusal is an HTTP answer with a status.
      preValidation: async (request) => {
        if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw notAnUpgrade();
        const given: unknown = (request.query as { token?: unknown }).token;
        const secret = given === undefined ? bearerOf(request) : String(given);
        const ours = offeredProtocols(request).includes(SUBPROTOCOL);
        // In an address a secret may end up in some log, so nothing that lasts is taken from there.
        if (given !== undefined || secret.startsWith(TICKET_PREFIX)) {
          if (ours) throw new HttpError(401, `a WebSocket token goes without the subprotocol ${SUBPROTOCOL}`);
          const watch = tickets.take(secret);
          if (!watch) throw new HttpError(401, 'the WebSocket token is unknown, used or over: POST /api/v1/ws/token');
          await watch.read();
          channel.watchers.admit(watch.userId);
          request.watch = watch;
          return;
        }
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
        throw notAnUpgrade();
      },
      wsHandler: (socket, request) => {
        if (request.watch) return channel.watchers.serve(socket, request.watch);
        const device = request.device as Device;
        const serve = socket.protocol === SUBPROTOCOL ? serveGatehouse : serveForeign;
        serve(channel, socket, device);
      },
    });
  };

const offeredProtocols = (request: FastifyRequest): string[] =>
  (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
