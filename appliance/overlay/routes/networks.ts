import Type from 'typebox';
import { callerOf, PageQuery, paged, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import { createNetwork, deleteNetwork, getNetwork, listNetworks, updateNetwork } from '../networks.ts';
import type { Portal } from '../portal/index.ts';
import { Network, NetworkCreate, NetworkParams, NetworkUpdate } from '../schema.ts';

const tags = ['networks'];

export const networkRoutes =
  (context: OverlayContext, portal: Pick<Portal, 'checkNetwork'>): Routes =>
  async (app) => {
    app.get(
      '/networks',
      { schema: { tags, summary: 'List networks', querystring: PageQuery(200), response: { 200: paged(Network) } } },
      (request) => listNetworks(context, callerOf(request), request.query),
    );
    app.post(
      '/networks',
      {
        config: { access: 'administrator' },
        schema: { tags, summary: 'Create a network', body: NetworkCreate, response: { 201: Network } },
      },
      async (request, reply) => {
        portal.checkNetwork(request.body);
        const network = await createNetwork(context, actorOf(callerOf(request), request.ip), request.body);
        return reply.code(201).send(network);
      },
    );
    app.get(
      '/networks/:networkId',
      { schema: { tags, summary: 'Get a network', params: NetworkParams, response: { 200: Network } } },
      (request) => getNetwork(context, callerOf(request), request.params.networkId),
    );
    app.put(
      '/networks/:networkId',
      {
        config: { access: 'administrator' },
        schema: {
          tags,
          summary: 'Change a network',
          description: 'A new `cidr` or `cidr_v6` gives every peer a new address.',
          params: NetworkParams,
          querystring: Type.Object({ force: Type.Boolean({ default: false }) }),
          body: NetworkUpdate,
          response: { 200: Network },
        },
      },
      (request) => {
        portal.checkNetwork(request.body);
        const actor = actorOf(callerOf(request), request.ip);
        return updateNetwork(context, actor, request.params.networkId, request.body, request.query.force);
      },
    );
    app.delete(
      '/networks/:networkId',
      {
        config: { access: 'administrator' },
        schema: {
          tags,
          summary: 'Delete a network and its peers',
          params: NetworkParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await deleteNetwork(context, actorOf(callerOf(request), request.ip), request.params.networkId);
        return reply.code(204).send(null);
      },
    );
  };
