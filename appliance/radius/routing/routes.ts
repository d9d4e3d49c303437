import Type, { type TSchema } from 'typebox';
import { CursorQuery, cursorPage, type Routes } from '../../http/index.ts';
import { createRealm, deleteRealm, getRealm, listRealms, updateRealm } from './realms.ts';
import { IdParams, MAX_PAGE, NewRealm, NewUpstream, Realm, RealmChange, Upstream, UpstreamChange } from './schema.ts';
import { actorOf, type Service } from './service.ts';
import { createUpstream, deleteUpstream, getUpstream, listUpstreams, updateUpstream } from './upstreams.ts';

const config = { access: 'administrator' } as const;
const NoContent = Type.Null({ description: 'No content' });
const Query = CursorQuery(MAX_PAGE);
const list = <S extends TSchema>(item: S) => ({ 200: Type.Array(item) });

/** Realms and upstream servers, for the prefix /v1. */
export const routingRoutes =
  (service: Service): Routes =>
  async (app) => {
    const realms = ['radius realms'];
    app.get(
      '/radius/realms',
      { config, schema: { tags: realms, summary: 'List realms', querystring: Query, response: list(Realm) } },
      (request, reply) => listRealms(service, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/radius/realms',
      { config, schema: { tags: realms, summary: 'Create a realm', body: NewRealm, response: { 201: Realm } } },
      async (request, reply) => reply.code(201).send(await createRealm(service, request.body, actorOf(request))),
    );
    app.get(
      '/radius/realms/:id',
      { config, schema: { tags: realms, summary: 'Get a realm', params: IdParams, response: { 200: Realm } } },
      (request) => getRealm(service, request.params.id),
    );
    app.put(
      '/radius/realms/:id',
      {
        config,
        schema: {
          tags: realms,
          summary: 'Change a realm',
          description: 'What is left out stays.',
          params: IdParams,
          body: RealmChange,
          response: { 200: Realm },
        },
      },
      (request) => updateRealm(service, request.params.id, request.body, actorOf(request)),
    );
    app.delete(
      '/radius/realms/:id',
      { config, schema: { tags: realms, summary: 'Delete a realm', params: IdParams, response: { 204: NoContent } } },
      async (request, reply) => {
        await deleteRealm(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    const tags = ['radius upstreams'];
    app.get(
      '/radius/upstreams',
      { config, schema: { tags, summary: 'List upstream servers', querystring: Query, response: list(Upstream) } },
      (request, reply) => listUpstreams(service, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/radius/upstreams',
      { config, schema: { tags, summary: 'Create an upstream', body: NewUpstream, response: { 201: Upstream } } },
      async (request, reply) => reply.code(201).send(await createUpstream(service, request.body, actorOf(request))),
    );
    app.get(
      '/radius/upstreams/:id',
      { config, schema: { tags, summary: 'Get an upstream', params: IdParams, response: { 200: Upstream } } },
      (request) => getUpstream(service, request.params.id),
    );
    app.put(
      '/radius/upstreams/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Change an upstream',
          description: 'What is left out stays, the secrets too.',
          params: IdParams,
          body: UpstreamChange,
          response: { 200: Upstream },
        },
      },
      (request) => updateUpstream(service, request.params.id, request.body, actorOf(request)),
    );
    app.delete(
      '/radius/upstreams/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Delete an upstream',
          description: '409, with their names, while realms or NAS have it as their source.',
          params: IdParams,
          response: { 204: NoContent },
        },
      },
      async (request, reply) => {
        await deleteUpstream(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
