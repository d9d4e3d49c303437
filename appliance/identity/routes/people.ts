import Type from 'typebox';
import { CursorQuery, cursorPage, type Routes } from '../../http/index.ts';
import { deleteNetworkPassword, getPerson, listPeople, setGroups, setNetworkPassword } from '../people.ts';
import { Groups, MAX_PAGE, Nothing, Person, problems } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';

const tags = ['users'];
const config = { access: 'administrator' } as const;
const params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

/** People as the network knows them: their groups and network passwords. For the prefix /v1. */
export const peopleRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/users',
      {
        config,
        schema: {
          tags,
          summary: 'List users',
          querystring: Type.Object({
            ...CursorQuery(MAX_PAGE).properties,
            q: Type.Optional(Type.String({ maxLength: 256, description: 'In user name, email or name' })),
            group: Type.Optional(Type.String({ maxLength: 256 })),
          }),
          response: problems({ 200: Type.Array(Person) }),
        },
      },
      (request, reply) => listPeople(service, request.query, cursorPage(request, reply, request.query)),
    );
    app.get(
      '/users/:id',
      { config, schema: { tags, summary: 'Get a user', params, response: problems({ 200: Person }) } },
      (request) => getPerson(service, request.params.id),
    );
    app.put(
      '/users/:id/groups',
      {
        config,
        schema: {
          tags,
          summary: "Set a user's groups",
          description: 'In place of those before. Upper and lower case are the same group.',
          params,
          body: Type.Object({ groups: Groups }, { additionalProperties: false }),
          response: problems({ 200: Person }),
        },
      },
      (request) => setGroups(service, request.params.id, request.body.groups, actorOf(request)),
    );
    app.put(
      '/users/:id/network-password',
      {
        config,
        schema: {
          tags,
          summary: "Set a user's network password",
          description: 'Without `password` one is made up, that can be read aloud; the answer shows it this once.',
          params,
          body: Type.Object(
            { password: Type.Optional(Type.String({ maxLength: 1024 })) },
            { additionalProperties: false },
          ),
          response: problems({
            200: Type.Object({ network_password: Type.String({ description: 'Shown this once' }) }),
            204: Nothing,
          }),
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const shown = await setNetworkPassword(service, id, request.body.password, actorOf(request));
        if (shown === undefined) return reply.code(204).send(null);
        return reply.header('cache-control', 'no-store').send({ network_password: shown });
      },
    );
    app.delete(
      '/users/:id/network-password',
      {
        config,
        schema: { tags, summary: "Delete a user's network password", params, response: problems({ 204: Nothing }) },
      },
      async (request, reply) => {
        await deleteNetworkPassword(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
