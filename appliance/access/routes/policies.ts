import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { type Routes, unprocessable } from '../../http/index.ts';
import {
  deletePolicy,
  getPolicy,
  getVersion,
  listPolicies,
  listVersions,
  parsed,
  restorePolicy,
  savePolicy,
  updatePolicy,
} from '../policies.ts';
import { MAX_DOCUMENT_BYTES } from '../policy/model.ts';
import { dryRun, explain, warningsOf } from '../review.ts';
import {
  answers,
  DryRun,
  DryRunBody,
  ExplainBody,
  Explanation,
  Id,
  IdParams,
  Nothing,
  Policy,
  PolicyBody,
  PolicyVersion,
  PolicyVersionWhole,
  SavedPolicy,
} from '../schema.ts';
import { actorOf, type Service } from '../service.ts';

const tags = ['policies'];
const config = { access: 'administrator' } as const;
const VersionParams = Type.Object({ id: Id, version: Type.Integer({ minimum: 1 }) });
const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml'];

/** `If-Match: "3"` (RFC 9110, section 13.1.1), else the body's version. */
function expectedOf(ifMatch: string | undefined, version: number | undefined) {
  if (ifMatch !== undefined && ifMatch.trim() !== '*') {
    const [, number] = /^\s*(?:W\/)?"(\d{1,9})"\s*$/.exec(ifMatch) ?? [];
    if (number === undefined) throw unprocessable('If-Match must be the ETag of the policy, for example "3"');
    return { version: Number(number), status: 412 as const };
  }
  return version === undefined ? undefined : { version, status: 409 as const };
}

const tagged = (reply: FastifyReply, { version }: { version: number }): void => {
  reply.header('etag', `"${version}"`);
};

/** Policies, why they decide as they do, and what another document would change. */
export const policyRoutes =
  (service: Service): Routes =>
  async (app) => {
    // Beside JSON: the document itself.
    app.addContentTypeParser(
      YAML_TYPES,
      { parseAs: 'string', bodyLimit: MAX_DOCUMENT_BYTES * 2 },
      (_request, body, done) => done(null, { document: String(body) }),
    );
    const inForce = () => service.decider.set.policies.length;
    const saved = async (policy: Policy, before: number) => ({
      ...policy,
      warnings: await warningsOf(service, parsed(service, policy.document), before),
    });

    app.get(
      '/policies',
      {
        config,
        schema: { tags, summary: 'All policies, as they are asked', response: answers({ 200: Type.Array(Policy) }) },
      },
      async () => listPolicies(service),
    );

    app.post(
      '/policies',
      {
        config,
        schema: {
          tags,
          summary: 'Make a policy, or change the one with its name',
          body: PolicyBody,
          response: answers({ 200: SavedPolicy, 201: SavedPolicy }),
        },
      },
      async (request, reply) => {
        const before = inForce();
        const { document, version } = request.body;
        const expected = version === undefined ? undefined : { version };
        const { policy, created } = await savePolicy(service, document, actorOf(request), expected);
        tagged(reply, policy);
        return reply.code(created ? 201 : 200).send(await saved(policy, before));
      },
    );

    app.post(
      '/policies/explain',
      {
        config,
        schema: {
          tags,
          summary: 'Why a request, real or made up, is decided as it is',
          body: ExplainBody,
          response: answers({ 200: Explanation }),
        },
      },
      async (request) => explain(service, request.body),
    );

    app.post(
      '/policies/dry-run',
      {
        config,
        schema: {
          tags,
          summary: 'Who would be treated differently, by the requests of the last day',
          body: DryRunBody,
          response: answers({ 200: DryRun }),
        },
      },
      async (request) => dryRun(service, request.body),
    );

    app.get(
      '/policies/:id',
      { config, schema: { tags, summary: 'One policy', params: IdParams, response: answers({ 200: Policy }) } },
      async (request, reply) => {
        const policy = await getPolicy(service, request.params.id);
        tagged(reply, policy);
        return policy;
      },
    );

    app.put(
      '/policies/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Change a policy',
          params: IdParams,
          body: PolicyBody,
          response: answers({ 200: SavedPolicy }),
        },
      },
      async (request, reply) => {
        const before = inForce();
        const { document, version } = request.body;
        const expected = expectedOf(request.headers['if-match'], version);
        const policy = await updatePolicy(service, request.params.id, document, actorOf(request), expected);
        tagged(reply, policy);
        return saved(policy, before);
      },
    );

    app.delete(
      '/policies/:id',
      { config, schema: { tags, summary: 'Delete a policy', params: IdParams, response: answers({ 204: Nothing }) } },
      async (request, reply) => {
        await deletePolicy(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/policies/:id/versions',
      {
        config,
        schema: {
          tags,
          summary: 'Its versions, the newest first',
          params: IdParams,
          response: answers({ 200: Type.Array(PolicyVersion) }),
        },
      },
      async (request) => listVersions(service, request.params.id),
    );

    app.get(
      '/policies/:id/versions/:version',
      {
        config,
        schema: { tags, summary: 'One version', params: VersionParams, response: answers({ 200: PolicyVersionWhole }) },
      },
      async (request) => getVersion(service, request.params.id, request.params.version),
    );

    app.post(
      '/policies/:id/versions/:version/restore',
      {
        config,
        schema: {
          tags,
          summary: 'Take an earlier version again',
          params: VersionParams,
          response: answers({ 200: SavedPolicy }),
        },
      },
      async (request, reply) => {
        const before = inForce();
        const { id, version } = request.params;
        const policy = await restorePolicy(service, id, version, actorOf(request));
        tagged(reply, policy);
        return saved(policy, before);
      },
    );
  };
