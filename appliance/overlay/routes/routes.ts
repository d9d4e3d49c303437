import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import { createRoute, deleteRoute, getRoute, listRoutes, updateRoute } from '../policy/routes.ts';
import { Route, RouteCreate, RouteParams, RouteUpdate } from '../policy/schema.ts';
import { NetworkParams } from '../schema.ts';

const tags = ['routes'];
const config = { access: 'administrator' } as const;

/** Networks behind hubs. */
export const routeRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    const actor = (request: FastifyRequest) => actorOf(callerOf(request), request.ip);

    app.get(
      '/networks/:networkId/routes',
      {
        config,
        schema: { tags, summary: 'List routes', params: NetworkParams, response: { 200: Type.Array(Route) } },
      },
      (request) => listRoutes(context, request.params.networkId),
    );
    app.post(
      '/networks/:networkId/routes',
      {
        config,
        schema: { tags, summary: 'Create a route', params: NetworkParams, body: RouteCreate, response: { 201: Route } },
      },
      async (request, reply) =>
        reply.code(201).send(await createRoute(context, actor(request), request.params.networkId, request.body)),
    );
    app.get(
      '/networks/:networkId/routes/:routeId',
      { config, schema: { tags, summary: 'Get a route', params: RouteParams, response: { 200: Route } } },
      (request) => getRoute(context, request.params.networkId, request.params.routeId),
    );
    app.put(
      '/networks/:networkId/routes/:routeId',
      {
        config,
        schema: {
          tags,
          summary: 'Change a route',
          description: '400 where the new jump peer would route through itself.',
          params: RouteParams,
          body: RouteUpdate,
          response: { 200: Route },
        },
      },
      (request) => {
        const { networkId, routeId } = request.params;
        return updateRoute(context, actor(request), networkId, routeId, request.body);
      },
    );
    app.delete(
      '/networks/:networkId/routes/:routeId',
      {
        config,
        schema: {
          tags,
          summary: 'Delete a route and the names in it',
          params: RouteParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await deleteRoute(context, actor(request), request.params.networkId, request.params.routeId);
        return reply.code(204).send(null);
      },
    );
  };
