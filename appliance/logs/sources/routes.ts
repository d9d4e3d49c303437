import Type from 'typebox';
import { cursorPage, type Routes, unprocessable } from '../../http/index.ts';
import { answers, Nothing } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { NewSource, SourceChange, SourceParams, SourceQuery, SourceView } from './schema.ts';
import { createSource, getSource, removeSource, updateSource, viewOf } from './sources.ts';

const tags = ['logs'];
const config = { access: 'administrator' } as const;

/** Who sends logs. A source is there once it has sent something, or was registered. */
export const sourceRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/logs/sources',
      {
        config,
        schema: {
          tags,
          summary: 'Sources of logs',
          description: 'In the order in which they were first heard of; 0 is the appliance itself.',
          querystring: SourceQuery,
          response: answers({ 200: Type.Array(SourceView) }),
        },
      },
      async (request, reply) => {
        const page = cursorPage(request, reply, request.query);
        const after = page.after === undefined ? -1 : Number(page.after.id);
        if (!Number.isInteger(after)) throw unprocessable('cursor is not of this list: start again without it');
        const rest = service.sources
          .all()
          .filter(({ id, retired }) => id > after && retired === (request.query.removed ?? false));
        return page
          .cut(rest.slice(0, page.limit + 1), ({ id }) => ({ key: '', id: String(id) }))
          .map((source) => viewOf(service, source));
      },
    );
    app.get(
      '/logs/sources/:id',
      {
        config,
        schema: { tags, summary: 'One source of logs', params: SourceParams, response: answers({ 200: SourceView }) },
      },
      async (request) => viewOf(service, getSource(service, request.params.id)),
    );
    app.post(
      '/logs/sources',
      {
        config,
        schema: {
          tags,
          summary: 'Register a source of logs',
          description: 'Before it has sent anything, so that it has its name, site and parser from the first line on.',
          body: NewSource,
          response: answers({ 201: SourceView }),
        },
      },
      async (request, reply) => {
        const source = await createSource(service, request.body, actorOf(request));
        return reply.code(201).send(viewOf(service, source));
      },
    );
    for (const method of ['PATCH', 'PUT'] as const) {
      app.route<{ Params: SourceParams; Body: SourceChange }>({
        method,
        url: '/logs/sources/:id',
        config,
        schema: {
          tags,
          summary: 'Change a source of logs',
          description: 'What is left out stays as it is. Class and parser hold for what it sends from now on.',
          params: SourceParams,
          body: SourceChange,
          response: answers({ 200: SourceView }),
        },
        handler: async (request) =>
          viewOf(service, await updateSource(service, request.params.id, request.body, actorOf(request))),
      });
    }
    app.delete(
      '/logs/sources/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Remove a source of logs',
          description:
            'Its place is free for another one. Its records stay, with its name; its number is never given to another. ' +
            'What it sends next brings it back.',
          params: SourceParams,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        await removeSource(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
