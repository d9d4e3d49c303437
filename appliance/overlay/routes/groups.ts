import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import * as attachments from '../policy/attachments.ts';
import { createGroup, deleteGroup, getGroup, listGroups, updateGroup } from '../policy/groups.ts';
import {
  Group,
  GroupCreate,
  GroupParams,
  GroupPolicyParams,
  GroupRouteParams,
  GroupUpdate,
  MemberParams,
  Message,
  Policy,
  PolicyOrder,
  Route,
} from '../policy/schema.ts';
import { NetworkParams } from '../schema.ts';

const tags = ['groups'];
const config = { access: 'administrator' } as const;
const CIRCULAR = '400 where it would make a jump peer route through itself. The same again changes nothing.';

export const groupRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    const actor = (request: FastifyRequest) => actorOf(callerOf(request), request.ip);
    const callOf = (request: FastifyRequest<{ Params: { networkId: string; groupId: string } }>) => ({
      context,
      actor: actor(request),
      networkId: request.params.networkId,
      groupId: request.params.groupId,
    });

    app.get(
      '/networks/:networkId/groups',
      {
        config,
        schema: { tags, summary: 'List groups', params: NetworkParams, response: { 200: Type.Array(Group) } },
      },
      (request) => listGroups(context, request.params.networkId),
    );
    app.post(
      '/networks/:networkId/groups',
      {
        config,
        schema: { tags, summary: 'Create a group', params: NetworkParams, body: GroupCreate, response: { 201: Group } },
      },
      async (request, reply) =>
        reply.code(201).send(await createGroup(context, actor(request), request.params.networkId, request.body)),
    );
    app.get(
      '/networks/:networkId/groups/:groupId',
      { config, schema: { tags, summary: 'Get a group', params: GroupParams, response: { 200: Group } } },
      (request) => getGroup(context, request.params.networkId, request.params.groupId),
    );
    app.put(
      '/networks/:networkId/groups/:groupId',
      {
        config,
        schema: { tags, summary: 'Change a group', params: GroupParams, body: GroupUpdate, response: { 200: Group } },
      },
      (request) => {
        const { networkId, groupId } = request.params;
        return updateGroup(context, actor(request), networkId, groupId, request.body);
      },
    );
    app.delete(
      '/networks/:networkId/groups/:groupId',
      {
        config,
        schema: {
          tags,
          summary: 'Delete a group',
          description: "Also the rules that name it, and its place among the network's default groups.",
          params: GroupParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await deleteGroup(context, actor(request), request.params.networkId, request.params.groupId);
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/networks/:networkId/groups/:groupId/peers/:peerId',
      {
        config,
        schema: {
          tags,
          summary: 'Add a peer to a group',
          description: CIRCULAR,
          params: MemberParams,
          response: { 200: Group },
        },
      },
      (request) => attachments.addMember(callOf(request), request.params.peerId),
    );
    app.delete(
      '/networks/:networkId/groups/:groupId/peers/:peerId',
      {
        config,
        schema: { tags, summary: 'Remove a peer from a group', params: MemberParams, response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        await attachments.removeMember(callOf(request), request.params.peerId);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/networks/:networkId/groups/:groupId/policies',
      {
        config,
        schema: {
          tags,
          summary: "List a group's policies",
          description: 'In the order in which they are tried.',
          params: GroupParams,
          response: { 200: Type.Array(Policy) },
        },
      },
      (request) => attachments.groupPolicies(context, request.params.networkId, request.params.groupId),
    );
    app.post(
      '/networks/:networkId/groups/:groupId/policies/:policyId',
      {
        config,
        schema: {
          tags,
          summary: 'Attach a policy to a group',
          description: 'Behind those that the group has. The same again changes nothing.',
          params: GroupPolicyParams,
          response: { 200: Group },
        },
      },
      (request) => attachments.attachPolicy(callOf(request), request.params.policyId),
    );
    app.put(
      '/networks/:networkId/groups/:groupId/policies/order',
      {
        config,
        schema: {
          tags,
          summary: "Reorder a group's policies",
          description: 'Names all policies of the group, in the order in which they are to be tried.',
          params: GroupParams,
          body: PolicyOrder,
          response: { 200: Message },
        },
      },
      async (request) => {
        await attachments.reorderPolicies(callOf(request), request.body.policy_ids);
        return { message: 'Policies reordered successfully' };
      },
    );
    app.delete(
      '/networks/:networkId/groups/:groupId/policies/:policyId',
      {
        config,
        schema: {
          tags,
          summary: 'Detach a policy from a group',
          params: GroupPolicyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await attachments.detachPolicy(callOf(request), request.params.policyId);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/networks/:networkId/groups/:groupId/routes',
      {
        config,
        schema: { tags, summary: "List a group's routes", params: GroupParams, response: { 200: Type.Array(Route) } },
      },
      (request) => attachments.groupRoutes(context, request.params.networkId, request.params.groupId),
    );
    app.post(
      '/networks/:networkId/groups/:groupId/routes/:routeId',
      {
        config,
        schema: {
          tags,
          summary: 'Attach a route to a group',
          description: CIRCULAR,
          params: GroupRouteParams,
          response: { 200: Group },
        },
      },
      (request) => attachments.attachRoute(callOf(request), request.params.routeId),
    );
    app.delete(
      '/networks/:networkId/groups/:groupId/routes/:routeId',
      {
        config,
        schema: {
          tags,
          summary: 'Detach a route from a group',
          params: GroupRouteParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        await attachments.detachRoute(callOf(request), request.params.routeId);
        return reply.code(204).send(null);
      },
    );
  };
