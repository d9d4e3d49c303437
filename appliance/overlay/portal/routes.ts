import { CREDENTIAL_PREFIX } from '@gatehouse/protocol';
import { callerOf, forbidden, HttpError, type Routes } from '../../http/index.ts';
import type { OverlayContext } from '../context.ts';
import { peerByCredential, peerByToken } from '../enroll.ts';
import type { PeerRow } from '../tables.ts';
import type { Portal } from './portal.ts';
import { Admission, AuthenticateRequest, PortalToken, PortalTokenRequest } from './schema.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The jump peer whose agent asks for a captive token. */
    hub: PeerRow | null;
  }
}

const tags = ['captive portal'];

/** The jump peer whose agent is calling: a foreign one with its enrollment token, ours with its credential. */
async function hubOf(context: OverlayContext, authorization: string | undefined): Promise<PeerRow> {
  const [, secret] = /^Bearer\s+(\S{1,512})$/i.exec(authorization ?? '') ?? [];
  if (!secret) throw new HttpError(401, 'send Authorization: Bearer <token>');
  const row = await (secret.startsWith(CREDENTIAL_PREFIX) ? peerByCredential : peerByToken)(context, secret);
  if (!row) throw new HttpError(401, 'the token is not valid: it may be spent, expired or revoked');
  if (row.is_jump === 0) throw forbidden("only a jump peer's agent may ask for captive tokens");
  return row;
}

export const portalRoutes =
  (context: OverlayContext, portal: Portal): Routes =>
  async (app) => {
    app.decorateRequest('hub', null);
    app.post(
      '/captive-portal/token',
      {
        config: { access: 'public' },
        schema: {
          tags,
          summary: "Get a captive token for a peer that a jump peer's agent holds up",
          description:
            'With the enrollment token or the device credential of a jump peer. Good for 10 minutes and for one use. ' +
            '400 while OIDC is off.',
          body: PortalTokenRequest,
          response: { 201: PortalToken },
        },
        // Strangers aren't told what is wrong with their body.
        preValidation: async (request) => {
          request.hub = await hubOf(context, request.headers.authorization);
        },
      },
      async (request, reply) => {
        const token = await portal.issueToken(
          request.hub as PeerRow,
          request.body.peer_ip,
          `${request.protocol}://${request.host}`,
        );
        reply.header('cache-control', 'no-store');
        return reply.code(201).send(token);
      },
    );
    app.post(
      '/captive-portal/authenticate',
      {
        schema: {
          tags,
          summary: 'Let a peer in with its captive token',
          description:
            "By the session cookie of the peer's owner; an administrator may for a peer without one. For 24 hours, as " +
            'long as the device stays where it is. 410 for a token that was used or is over.',
          body: AuthenticateRequest,
          response: { 200: Admission },
        },
      },
      (request) => {
        const caller = callerOf(request);
        if (caller.via !== 'cookie') {
          throw new HttpError(401, 'sign in with the browser of the device: this wants its session cookie');
        }
        return portal.authenticate(caller.id, request.ip, request.body.captive_token);
      },
    );
  };
