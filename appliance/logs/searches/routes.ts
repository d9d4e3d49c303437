import Type from 'typebox';
import { callerOf, cursorPage, type Routes } from '../../http/index.ts';
import { answers, IdParams, Nothing } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { NewSearch, SearchChange, SearchQuery, SearchView } from './schema.ts';
import { createSearch, deleteSearch, getSearch, listSearches, updateSearch } from './searches.ts';

const tags = ['logs'];
const config = { access: 'administrator' } as const;

export const searchRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/logs/searches',
      {
        config,
        schema: {
          tags,
          summary: 'Saved searches',
          description: 'Your own, and those that others share; by name.',
          querystring: SearchQuery,
          response: answers({ 200: Type.Array(SearchView) }),
        },
      },
      (request, reply) => listSearches(service, callerOf(request).id, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/logs/searches',
      { config, schema: { tags, summary: 'Save a search', body: NewSearch, response: answers({ 201: SearchView }) } },
      async (request, reply) => reply.code(201).send(await createSearch(service, request.body, actorOf(request))),
    );
    app.get(
      '/logs/searches/:id',
      {
        config,
        schema: { tags, summary: 'One saved search', params: IdParams, response: answers({ 200: SearchView }) },
      },
      (request) => getSearch(service, request.params.id, callerOf(request).id),
    );
    app.put(
      '/logs/searches/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Change a saved search',
          description: 'What is left out stays as it is. Only its owner may.',
          params: IdParams,
          body: SearchChange,
          response: answers({ 200: SearchView }),
        },
      },
      (request) => updateSearch(service, request.params.id, request.body, actorOf(request)),
    );
    app.delete(
      '/logs/searches/:id',
      {
        config,
        schema: { tags, summary: 'Delete a saved search', params: IdParams, response: answers({ 204: Nothing }) },
      },
      async (request, reply) => {
        await deleteSearch(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
