import Type from 'typebox';
import { CursorQuery, cursorPage, type Routes } from '../../http/index.ts';
import { createClient, deleteClient, listClients } from './clients.ts';
import { createConnector, deleteConnector, getConnector, listConnectors, updateConnector } from './connectors.ts';
import {
  answers,
  Connector,
  ConnectorChange,
  ConnectorClient,
  IdParams,
  MAX_PAGE,
  NewConnector,
  NewConnectorClient,
  Nothing,
  ShownConnectorClient,
  TestAnswer,
  TestBody,
} from './schema.ts';
import { actorOf, type Service } from './service.ts';

const config = { access: 'administrator' } as const;
const querystring = CursorQuery(MAX_PAGE);

/** REST connectors, and those who may ask us as one. For the prefix /v1. `test` is for connectors that exist. */
export const connectorRoutes =
  (service: Service, test: (id: string, login: string, password: string) => Promise<TestAnswer>): Routes =>
  async (app) => {
    const tags = ['radius connectors'];
    app.get(
      '/radius/connectors',
      {
        config,
        schema: {
          tags,
          summary: 'List REST connectors',
          querystring,
          response: answers({ 200: Type.Array(Connector) }),
        },
      },
      (request, reply) => listConnectors(service, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/radius/connectors',
      {
        config,
        schema: { tags, summary: 'Create a REST connector', body: NewConnector, response: answers({ 201: Connector }) },
      },
      async (request, reply) => reply.code(201).send(await createConnector(service, request.body, actorOf(request))),
    );
    app.get(
      '/radius/connectors/:id',
      {
        config,
        schema: { tags, summary: 'Get a REST connector', params: IdParams, response: answers({ 200: Connector }) },
      },
      (request) => getConnector(service, request.params.id),
    );
    app.put(
      '/radius/connectors/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Change a REST connector',
          description: 'What is left out stays, the token too.',
          params: IdParams,
          body: ConnectorChange,
          response: answers({ 200: Connector }),
        },
      },
      (request) => updateConnector(service, request.params.id, request.body, actorOf(request)),
    );
    app.delete(
      '/radius/connectors/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Delete a REST connector',
          description: '409, with their names, while realms or NAS have it as their source.',
          params: IdParams,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        await deleteConnector(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
    app.post(
      '/radius/connectors/:id/test',
      {
        config,
        schema: {
          tags,
          summary: 'Ask a REST connector',
          description: 'As PAP would, without the cache; says what came back.',
          params: IdParams,
          body: TestBody,
          response: answers({ 200: TestAnswer }),
        },
      },
      async (request) => {
        const { id } = await getConnector(service, request.params.id);
        return test(id, request.body.login, request.body.password);
      },
    );

    const clients = ['radius connector clients'];
    app.get(
      '/radius/connector-clients',
      {
        config,
        schema: {
          tags: clients,
          summary: 'List who may ask POST /connector/authenticate',
          querystring,
          response: answers({ 200: Type.Array(ConnectorClient) }),
        },
      },
      (request, reply) => listClients(service, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/radius/connector-clients',
      {
        config,
        schema: {
          tags: clients,
          summary: 'Let another RADIUS server ask',
          description: 'The answer shows its token, this once.',
          body: NewConnectorClient,
          response: answers({ 201: ShownConnectorClient }),
        },
      },
      async (request, reply) => {
        const made = await createClient(service, request.body.name, actorOf(request));
        return reply.code(201).header('cache-control', 'no-store').send(made);
      },
    );
    app.delete(
      '/radius/connector-clients/:id',
      {
        config,
        schema: {
          tags: clients,
          summary: 'Delete such a client',
          params: IdParams,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        await deleteClient(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
