import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import {
  addRule,
  createPolicy,
  deletePolicy,
  getPolicy,
  listPolicies,
  removeRule,
  updatePolicy,
} from '../policy/policies.ts';
import {
  Policy,
  PolicyCreate,
  PolicyParams,
  PolicyRule,
  PolicyRuleCreate,
  PolicyUpdate,
  RuleParams,
} from '../policy/schema.ts';
import { NetworkParams } from '../schema.ts';

const tags = ['policies'];
const config = { access: 'administrator' } as const;

export const policyRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    const actor = (request: FastifyRequest) => actorOf(callerOf(request), request.ip);

    app.get(
      '/networks/:networkId/policies',
      {
        config,
        schema: { tags, summary: 'List policies', params: NetworkParams, response: { 200: Type.Array(Policy) } },
      },
      (request) => listPolicies(context, request.params.networkId),
    );
    app.post(
      '/networks/:networkId/policies',
      {
        config,
        schema: {
          tags,
          summary: 'Create a policy',
          params: NetworkParams,
          body: PolicyCreate,
          response: { 201: Policy },
        },
      },
      async (request, reply) =>
        reply.code(201).send(await createPolicy(context, actor(request), request.params.networkId, request.body)),
    );
    app.get(
      '/networks/:networkId/policies/:policyId',
      { config, schema: { tags, summary: 'Get a policy', params: PolicyParams, response: { 200: Policy } } },
      (request) => getPolicy(context, request.params.networkId, request.params.policyId),
    );
    app.put(
      '/networks/:networkId/policies/:policyId',
      {
        config,
        schema: {
          tags,
          summary: 'Change a policy',
          description: 'Its name and description; rules are added and removed one by one.',
          params: PolicyParams,
          body: PolicyUpdate,
          response: { 200: Policy },
        },
      },
      (request) => {
        const { networkId, policyId } = request.params;
        return updatePolicy(context, actor(request), networkId, policyId, request.body);
      },
    );
    app.delete(
      '/networks/:networkId/policies/:policyId',
      { config, schema: { tags, summary: 'Delete a policy', params: PolicyParams, response: { 204: Type.Null() } } },
      async (request, reply) => {
        await deletePolicy(context, actor(request), request.params.networkId, request.params.policyId);
        return reply.code(204).send(null);
      },
    );
    app.post(
      '/networks/:networkId/policies/:policyId/rules',
      {
        config,
        schema: {
          tags,
          summary: 'Add a rule to a policy',
          description: 'Behind those that the policy has.',
          params: PolicyParams,
          body: PolicyRuleCreate,
          response: { 201: PolicyRule },
        },
      },
      async (request, reply) => {
        const { networkId, policyId } = request.params;
        return reply.code(201).send(await addRule(context, actor(request), networkId, policyId, request.body));
      },
    );
    app.delete(
      '/networks/:networkId/policies/:policyId/rules/:ruleId',
      {
        config,
        schema: { tags, summary: 'Remove a rule from a policy', params: RuleParams, response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        const { networkId, policyId, ruleId } = request.params;
        await removeRule(context, actor(request), networkId, policyId, ruleId);
        return reply.code(204).send(null);
      },
    );
  };
