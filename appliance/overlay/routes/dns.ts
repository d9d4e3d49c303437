import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import { createMapping, deleteMapping, listMappings, networkRecords, updateMapping } from '../policy/mappings.ts';
import { DnsMapping, DnsMappingCreate, DnsMappingUpdate, DnsParams, DnsRecord, RouteParams } from '../policy/schema.ts';
import { NetworkParams } from '../schema.ts';

const tags = ['dns'];
const config = { access: 'administrator' } as const;

export const dnsRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    const callOf = (request: FastifyRequest<{ Params: { networkId: string; routeId: string } }>) => ({
      context,
      actor: actorOf(callerOf(request), request.ip),
      networkId: request.params.networkId,
      routeId: request.params.routeId,
    });

    app.get(
      '/networks/:networkId/dns',
      {
        config,
        schema: {
          tags,
          summary: "List a network's DNS records",
          description: 'Of its peers and of the DNS mappings of its routes.',
          params: NetworkParams,
          response: { 200: Type.Array(DnsRecord) },
        },
      },
      (request) => networkRecords(context, request.params.networkId),
    );
    app.get(
      '/networks/:networkId/routes/:routeId/dns',
      {
        config,
        schema: {
          tags,
          summary: "List a route's DNS mappings",
          params: RouteParams,
          response: { 200: Type.Array(DnsMapping) },
        },
      },
      (request) => listMappings(context, request.params.networkId, request.params.routeId),
    );
    app.post(
      '/networks/:networkId/routes/:routeId/dns',
      {
        config,
        schema: {
          tags,
          summary: 'Create a DNS mapping',
          description: "The address must lie in the route's CIDR.",
          params: RouteParams,
          body: DnsMappingCreate,
          response: { 201: DnsMapping },
        },
      },
      async (request, reply) => reply.code(201).send(await createMapping(callOf(request), request.body)),
    );
    app.put(
      '/networks/:networkId/routes/:routeId/dns/:dnsId',
      {
        config,
        schema: {
          tags,
          summary: 'Change a DNS mapping',
          params: DnsParams,
          body: DnsMappingUpdate,
          response: { 200: DnsMapping },
        },
      },
      (request) => updateMapping(callOf(request), request.params.dnsId, request.body),
    );
    app.delete(
      '/networks/:networkId/routes/:routeId/dns/:dnsId',
      { config, schema: { tags, summary: 'Delete a DNS mapping', params: DnsParams, response: { 204: Type.Null() } } },
      async (request, reply) => {
        await deleteMapping(callOf(request), request.params.dnsId);
        return reply.code(204).send(null);
      },
    );
  };
