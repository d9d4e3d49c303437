import Type from 'typebox';
import { CursorQuery, cursorPage, type Routes } from '../../http/index.ts';
import { listRequests } from '../requests.ts';
import { AccessRequestView, answers } from '../schema.ts';
import type { Service } from '../service.ts';

const MAX_PAGE = 500;
const RequestQuery = Type.Object({
  ...CursorQuery(MAX_PAGE).properties,
  user: Type.Optional(Type.String({ maxLength: 253 })),
  mac: Type.Optional(Type.String({ maxLength: 32, description: 'Any notation' })),
  outcome: Type.Optional(Type.Enum(['accept', 'reject'])),
});

/** What was asked at the doors in the last day. */
export const requestRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/access/requests',
      {
        config: { access: 'administrator' },
        schema: {
          tags: ['policies'],
          summary: 'Distinct requests of the last day, the last one first',
          querystring: RequestQuery,
          response: answers({ 200: Type.Array(AccessRequestView) }),
        },
      },
      async (request, reply) => listRequests(service, request.query, cursorPage(request, reply, request.query)),
    );
  };
