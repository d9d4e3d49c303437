import Type from 'typebox';
import { callerOf, conflict, PageQuery, paged, type Routes } from '../../http/index.ts';
import { type OverlayContext, peerFor } from '../context.ts';
import { configOf } from '../enroll.ts';
import { invitationTo, type Reach, reachedAt } from '../invitation.ts';
import { createPeer, deletePeer, getPeer, issueToken, listPeers, updatePeer } from '../peers.ts';
import { Invitation, NetworkParams, Peer, PeerConfig, PeerCreate, PeerParams, PeerUpdate } from '../schema.ts';
import type { Snapshots } from '../snapshots.ts';
import type { OverlayTables } from '../tables.ts';

const tags = ['peers'];

export const peerRoutes =
  (context: OverlayContext, snapshots: Snapshots, reach: Reach): Routes =>
  async (app) => {
    app.get(
      '/networks/:networkId/peers',
      {
        schema: {
          tags,
          summary: 'List peers',
          params: NetworkParams,
          querystring: PageQuery(500),
          response: { 200: paged(Peer) },
        },
      },
      (request) => listPeers(context, callerOf(request), request.params.networkId, request.query),
    );
    app.post(
      '/networks/:networkId/peers',
      {
        schema: { tags, summary: 'Create a peer', params: NetworkParams, body: PeerCreate, response: { 201: Peer } },
      },
      async (request, reply) => {
        const { networkId } = request.params;
        return reply.code(201).send(await createPeer(context, callerOf(request), request.ip, networkId, request.body));
      },
    );
    app.get(
      '/networks/:networkId/peers/:peerId',
      { schema: { tags, summary: 'Get a peer', params: PeerParams, response: { 200: Peer } } },
      (request) => getPeer(context, callerOf(request), request.params.networkId, request.params.peerId),
    );
    app.put(
      '/networks/:networkId/peers/:peerId',
      { schema: { tags, summary: 'Change a peer', params: PeerParams, body: PeerUpdate, response: { 200: Peer } } },
      (request) => {
        const { networkId, peerId } = request.params;
        return updatePeer(context, callerOf(request), request.ip, networkId, peerId, request.body);
      },
    );
    app.delete(
      '/networks/:networkId/peers/:peerId',
      { schema: { tags, summary: 'Delete a peer', params: PeerParams, response: { 204: Type.Null() } } },
      async (request, reply) => {
        const { networkId, peerId } = request.params;
        await deletePeer(context, callerOf(request), request.ip, networkId, peerId);
        return reply.code(204).send(null);
      },
    );
    app.get(
      '/networks/:networkId/peers/:peerId/config',
      {
        schema: {
          tags,
          summary: "Get a peer's WireGuard file",
          description: 'Without `PrivateKey` once the device has made its own key.',
          params: PeerParams,
          response: { 200: PeerConfig },
        },
      },
      async (request, reply) => {
        const { networkId, peerId } = request.params;
        const row = await peerFor(context.store.as<OverlayTables>(), callerOf(request), networkId, peerId);
        reply.header('cache-control', 'no-store');
        return { config: await configOf(context, snapshots, row) };
      },
    );
    app.get(
      '/networks/:networkId/peers/:peerId/invitation',
      {
        schema: {
          tags,
          summary: "Get a peer's invitation",
          description:
            'The link that the tray app joins with, and its QR code. 409 where no token is good any more, or the address by ' +
            'which this was asked is no use to a device (GATEHOUSE_PUBLIC_URL sets it).',
          params: PeerParams,
          response: { 200: Invitation },
        },
      },
      async (request, reply) => {
        const { networkId, peerId } = request.params;
        const peer = await getPeer(context, callerOf(request), networkId, peerId);
        if (peer.token === '') throw conflict('this peer has no token that is still good: issue a new one');
        reply.header('cache-control', 'no-store');
        return invitationTo(reachedAt(request, reach), peer.token, peer.token_expires_at);
      },
    );
    app.post(
      '/networks/:networkId/peers/:peerId/token',
      {
        schema: {
          tags,
          summary: 'Issue a new enrollment token',
          description: 'Cuts off the device that held the peer: its credential and its key are void from now on.',
          params: PeerParams,
          response: { 201: Peer },
        },
      },
      async (request, reply) => {
        const { networkId, peerId } = request.params;
        return reply.code(201).send(await issueToken(context, callerOf(request), request.ip, networkId, peerId));
      },
    );
  };
