import Type from 'typebox';
import { cursorPage, type Routes, unprocessable } from '../../http/index.ts';
import { answers } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { SourceChange, SourceParams, SourceQuery, SourceView } from './schema.ts';
import { getSource, updateSource, viewOf } from './sources.ts';

const tags = ['logs'];
const config = { access: 'administrator' } as const;

/** Who sends logs. A source is there once it has sent something. */
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
        const rest = service.sources.all().filter(({ id }) => id > after);
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
    app.put(
      '/logs/sources/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Change a source of logs',
          description: 'What is left out stays as it is. Class and parser hold for what it sends from now on.',
          params: SourceParams,
          body: SourceChange,
          response: answers({ 200: SourceView }),
        },
      },
      async (request) =>
        viewOf(service, await updateSource(service, request.params.id, request.body, actorOf(request))),
    );
  };
