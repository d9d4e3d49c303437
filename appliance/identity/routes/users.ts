import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { sessionOf } from '../credentials.ts';
import { getDefaults, updateDefaults } from '../permissions.ts';
import {
  answers,
  DefaultPermissions,
  DefaultPermissionsChange,
  NewUser,
  PasswordChange,
  User,
  UserChange,
} from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { changeOwnPassword, createUser, deleteUser, getUser, listUsers, updateUser } from '../users.ts';

const tags = ['users'];
const config = { access: 'administrator' } as const;
const params = Type.Object({ userId: Type.String() });
const Nothing = Type.Null({ description: 'No content' });

/** People and their permissions. */
export const userRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/users/me',
      { schema: { tags, summary: 'Who is signed in', response: answers({ 200: User }) } },
      async (request) => getUser(service, callerOf(request).id),
    );

    app.post(
      '/users/me/password',
      {
        schema: {
          tags,
          summary: 'Change your own password',
          body: PasswordChange,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        const { current_password: current, new_password: wanted } = request.body;
        const { id } = callerOf(request);
        await changeOwnPassword(service, id, { current, wanted }, actorOf(request), sessionOf(request));
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/users',
      { config, schema: { tags, summary: 'All users', response: answers({ 200: Type.Array(User) }) } },
      async () => listUsers(service),
    );

    app.post(
      '/users',
      { config, schema: { tags, summary: 'Make a local user', body: NewUser, response: answers({ 201: User }) } },
      async (request, reply) => reply.code(201).send(await createUser(service, request.body, actorOf(request))),
    );

    app.get(
      '/users/defaults',
      {
        config,
        schema: { tags, summary: 'What new users get', response: answers({ 200: DefaultPermissions }) },
      },
      async () => getDefaults(service),
    );

    app.put(
      '/users/defaults',
      {
        config,
        schema: {
          tags,
          summary: 'Change what new users get',
          body: DefaultPermissionsChange,
          response: answers({ 200: DefaultPermissions }),
        },
      },
      async (request) => updateDefaults(service, request.body, actorOf(request)),
    );

    app.get(
      '/users/:userId',
      { config, schema: { tags, summary: 'One user', params, response: answers({ 200: User }) } },
      async (request) => getUser(service, request.params.userId),
    );

    app.put(
      '/users/:userId',
      {
        config,
        schema: { tags, summary: 'Change a user', params, body: UserChange, response: answers({ 200: User }) },
      },
      async (request) => updateUser(service, request.params.userId, request.body, actorOf(request), sessionOf(request)),
    );

    app.delete(
      '/users/:userId',
      { config, schema: { tags, summary: 'Delete a user', params, response: answers({ 204: Nothing }) } },
      async (request, reply) => {
        await deleteUser(service, request.params.userId, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
