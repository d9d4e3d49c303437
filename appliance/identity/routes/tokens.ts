import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { ApiToken, answers, NewToken, ShownToken } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { createToken, deleteToken, listTokens } from '../tokens.ts';

const tags = ['tokens'];

/** The API tokens of whoever is signed in. */
export const tokenRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/users/me/tokens',
      { schema: { tags, summary: 'Your API tokens', response: answers({ 200: Type.Array(ApiToken) }) } },
      async (request) => listTokens(service, callerOf(request).id),
    );

    app.post(
      '/users/me/tokens',
      {
        schema: {
          tags,
          summary: 'Make an API token that acts with your role',
          body: NewToken,
          response: answers({ 201: ShownToken }),
        },
      },
      async (request, reply) => {
        const made = await createToken(service, callerOf(request).id, request.body, actorOf(request));
        return reply.code(201).header('cache-control', 'no-store').send(made);
      },
    );

    app.delete(
      '/users/me/tokens/:tokenId',
      {
        schema: {
          tags,
          summary: 'Delete an API token',
          params: Type.Object({ tokenId: Type.String() }),
          response: answers({ 204: Type.Null({ description: 'No content' }) }),
        },
      },
      async (request, reply) => {
        await deleteToken(service, callerOf(request).id, request.params.tokenId, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
