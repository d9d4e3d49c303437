import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { CursorQuery, callerOf, cursorPage, type Routes } from '../../http/index.ts';
import { createNas, deleteNas, getNas, listNas, type NasCall, type NasContext, updateNas } from './nas.ts';
import { MAX_NAS_PAGE, NasBody, NasChange, NasParams, NasView, SiteParams } from './schema.ts';

const tags = ['nas'];
const config = { access: 'administrator' } as const;
const Nothing = Type.Null({ description: 'No content' });

/** RADIUS clients of a site. */
export const nasRoutes =
  (context: NasContext): Routes =>
  async (app) => {
    const callOf = (request: FastifyRequest<{ Params: { siteId: string } }>): NasCall => ({
      context,
      actor: { kind: 'user', id: callerOf(request).id, address: request.ip },
      siteId: request.params.siteId,
    });

    app.get(
      '/sites/:siteId/nas',
      {
        config,
        schema: {
          tags,
          summary: 'List NAS',
          description: 'By name.',
          params: SiteParams,
          querystring: CursorQuery(MAX_NAS_PAGE),
          response: { 200: Type.Array(NasView) },
        },
      },
      (request, reply) => listNas(context, request.params.siteId, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/sites/:siteId/nas',
      { config, schema: { tags, summary: 'Add a NAS', params: SiteParams, body: NasBody, response: { 201: NasView } } },
      async (request, reply) => reply.code(201).send(await createNas(callOf(request), request.body)),
    );
    app.get(
      '/sites/:siteId/nas/:nasId',
      { config, schema: { tags, summary: 'One NAS', params: NasParams, response: { 200: NasView } } },
      (request) => getNas(context, request.params.siteId, request.params.nasId),
    );
    for (const method of ['PUT', 'PATCH'] as const) {
      app.route({
        method,
        url: '/sites/:siteId/nas/:nasId',
        config,
        schema: {
          tags,
          summary: 'Change a NAS',
          description: 'What is left out stays as it is, secrets too.',
          params: NasParams,
          body: NasChange,
          response: { 200: NasView },
        },
        handler: (request) => updateNas(callOf(request), request.params.nasId, request.body),
      });
    }
    app.delete(
      '/sites/:siteId/nas/:nasId',
      { config, schema: { tags, summary: 'Remove a NAS', params: NasParams, response: { 204: Nothing } } },
      async (request, reply) => {
        await deleteNas(callOf(request), request.params.nasId);
        return reply.code(204).send(null);
      },
    );
  };
