import { CREDENTIAL_PREFIX, Directory, Standing } from '@gatehouse/protocol';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { HttpError, type Routes } from '../../http/index.ts';
import type { AccessAnswers } from '../access/index.ts';
import type { OverlayContext } from '../context.ts';
import { directoryOf } from '../directory.ts';
import { peerByCredential } from '../enroll.ts';
import type { Sessions } from '../sessions.ts';
import type { Snapshots } from '../snapshots.ts';
import { standingOf } from '../standing.ts';
import type { PeerRow } from '../tables.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The enrolled device that asks about itself. */
    asking: PeerRow | null;
  }
}

const tags = ['agent'];

/** The peer whose device credential comes with a request. */
async function peerOf(context: OverlayContext, request: FastifyRequest): Promise<PeerRow> {
  const [, secret] = /^Bearer\s+(\S{1,512})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!secret) throw new HttpError(401, 'send Authorization: Bearer <device credential>');
  const row = secret.startsWith(CREDENTIAL_PREFIX) ? await peerByCredential(context, secret) : undefined;
  if (!row) throw new HttpError(401, 'the device credential is not valid: it may be revoked; ask for a new token');
  return row;
}

/** What an enrolled device may ask the controller about itself. */
export const deviceRoutes =
  (
    context: OverlayContext,
    snapshots: Snapshots,
    sessions: Pick<Sessions, 'isActive'>,
    access: AccessAnswers | undefined,
  ): Routes =>
  async (app) => {
    app.decorateRequest('asking', null);
    // Before the query is looked at: strangers aren't told what is wrong with it.
    const preValidation = async (request: FastifyRequest): Promise<void> => {
      request.asking = await peerOf(context, request);
    };
    app.get(
      '/agent/standing',
      {
        config: { access: 'public' },
        schema: {
          tags,
          summary: 'How this device is treated, and what its posture lacks',
          description:
            'With the device credential. `admitted` is false while the ACL, an incident or an access policy keeps the ' +
            'device out, and `reason` says so to its owner. `missing` is what the policies wish of its posture.',
          response: { 200: Standing },
        },
        preValidation,
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store');
        return standingOf(context, snapshots, access, request.asking as PeerRow);
      },
    );
    app.get(
      '/agent/directory',
      {
        config: { access: 'public' },
        schema: {
          tags,
          summary: 'The peers that this device may open connections to',
          description:
            'With the device credential. By name, the first 500 of those whose name, DNS name or address holds ' +
            '`search`; `more` when there are others. Empty for a device that is kept out. `online` is null for a peer ' +
            'without an agent.',
          querystring: Type.Object({ search: Type.Optional(Type.String({ maxLength: 253 })) }),
          response: { 200: Directory },
        },
        preValidation,
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store');
        const { id, network_id: networkId } = request.asking as PeerRow;
        const network = await snapshots.fresh(networkId);
        const peer = network?.peers.get(id);
        if (!network || !peer) return { names: [], more: false };
        return directoryOf(network, peer, request.query.search ?? '', (peerId) => sessions.isActive(peerId));
      },
    );
  };
