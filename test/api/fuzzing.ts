import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { enroll, type Json, makeNetwork, makePeer, makeUser, useAppliance } from './support.ts';

const METHODS = ['get', 'post', 'put', 'delete'] as const;

/** What is likely to be mishandled: look-alikes of the values that fields take. */
const NASTY = [
  '',
  ' ',
  'x',
  '0',
  '-1',
  '1e400',
  'null',
  'true',
  '10.0.0.0/8',
  '10.0.0.1/24',
  '10.200.0.0/30',
  '::/0',
  'fd00::/64',
  '0.0.0.0/0',
  '1.2.3.4:5',
  '[::1]:1',
  '%',
  '_',
  '\\',
  "'",
  '"; DROP TABLE peers; --',
  '../..',
  '__proto__',
  '\ud800',
  '\uffff',
  '\u202e',
  'é',
  '🦊',
  'a'.repeat(300),
  '2030-01-01T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  'administrator',
];
const leaf = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.constantFrom<Json>(null, true, false, 0, -0, 1, -1, 1.5, 1e21, 2 ** 53, 65536, [], {}, [[]], ['x'], [null]),
  fc.string({ maxLength: 40, unit: 'binary' }),
  fc.array(fc.constantFrom(...NASTY), { maxLength: 4 }),
);

/** A value for a schema: often a good one, so that the fuzz gets behind the validation. */
function valueFor(schema: Json): fc.Arbitrary<Json> {
  if (schema?.enum) return fc.oneof(fc.constantFrom(...schema.enum), leaf);
  if (schema?.anyOf) return fc.oneof(...schema.anyOf.map(valueFor));
  const type = Array.isArray(schema?.type) ? schema.type[0] : schema?.type;
  const good: fc.Arbitrary<Json>[] = [];
  if (type === 'string') good.push(fc.string({ minLength: schema.minLength ?? 0, maxLength: schema.maxLength ?? 60 }));
  if (type === 'integer') good.push(fc.integer({ min: schema.minimum ?? -5, max: schema.maximum ?? 5000 }));
  if (type === 'boolean') good.push(fc.boolean());
  if (type === 'array') good.push(fc.array(valueFor(schema.items), { maxLength: 4 }));
  if (type === 'object' && schema.properties) good.push(objectFor(schema));
  return good.length > 0 ? fc.oneof({ arbitrary: leaf, weight: 1 }, { arbitrary: fc.oneof(...good), weight: 5 }) : leaf;
}

function objectFor(schema: Json): fc.Arbitrary<Json> {
  const fields = Object.entries<Json>(schema.properties).map(([name, inner]) => [name, valueFor(inner)] as const);
  const required: string[] = schema.required ?? [];
  return fc.oneof(
    fc.record(Object.fromEntries(fields), { requiredKeys: [] }),
    fc.record(Object.fromEntries(fields), { requiredKeys: required }),
    fc.record(Object.fromEntries(fields.filter(([name]) => required.includes(name)))),
  );
}

/** Sends `runs` requests to each route and method. */
export function fuzz(runs: number): void {
  describe('fuzz of every route', () => {
    const a = useAppliance();

    test('whatever is sent, the answer is JSON and no fault of the appliance', async () => {
      const { admin, anonymous } = a.the;
      const network = await makeNetwork(admin);
      const hub = await makePeer(admin, network.id, { is_jump: true });
      const enrolled = await enroll(a.the, await makePeer(admin, network.id));
      const user = await makeUser(a.the, [network.id]);
      const at = `/api/v1/networks/${network.id}`;
      const gateway = { destination_cidr: '192.168.1.0/24', jump_peer_id: hub.id };
      const rule = { direction: 'output', action: 'deny', target: '10.0.0.0/8', target_type: 'cidr' };
      const several = async (path: string, body: object): Promise<Json[]> =>
        Promise.all([1, 2, 3].map(async (i) => (await admin.post(`${at}/${path}`, { name: `n${i}`, ...body })).body));
      const [groups, routed] = [await several('groups', {}), await several('routes', gateway)];
      const policies = await several('policies', { rules: [rule] });
      const names = await several(`routes/${routed[0].id}/dns`, { ip_address: '192.168.1.1' });
      const idsOf = (rows: Json[]): string[] => rows.map(({ id }) => id);
      const throttled = new Set(['/api/v1/auth/login', '/api/v1/users/me/password', '/connector/authenticate']);
      const { paths }: Json = (await anonymous.get('/api/v1/openapi.json')).body;
      const clients = [admin, admin, admin, user.client, anonymous, anonymous.as(`Bearer ${hub.token}`)];
      const statuses = new Set<number | 'a write'>();
      const routes = Object.entries<Json>(paths).flatMap(([path, operations]) =>
        METHODS.filter((method) => operations[method]).map((method) => ({
          path,
          method,
          operation: operations[method],
        })),
      );
      assert.ok(routes.length >= 30, `${routes.length} routes`);
      for (const { path, method, operation } of routes) {
        const parameters: Json[] = operation.parameters ?? [];
        const inPath: Record<string, string[]> = {
          networkId: [network.id],
          peerId: [hub.id, enrolled.peer.id],
          userId: [user.id],
          groupId: idsOf(groups),
          routeId: idsOf(routed),
          policyId: idsOf(policies),
          ruleId: idsOf(policies.flatMap(({ rules }) => rules)),
          dnsId: idsOf(names),
        };
        const pathValues = parameters
          .filter((one) => one.in === 'path')
          .map((one) => {
            const wrong = { arbitrary: fc.constantFrom(...NASTY, 'nope'), weight: 1 };
            const known = inPath[one.name];
            return [
              one.name,
              known ? fc.oneof(wrong, { arbitrary: fc.constantFrom(...known), weight: 4 }) : wrong.arbitrary,
            ];
          });
        const queryValues = parameters
          .filter((one) => one.in === 'query')
          .map((one) => [one.name, valueFor(one.schema)]);
        const schema = operation.requestBody?.content?.['application/json']?.schema;
        const input = fc.record({
          client: fc.constantFrom(...clients),
          params: fc.record(Object.fromEntries(pathValues)) as fc.Arbitrary<Record<string, string>>,
          query: fc.record(Object.fromEntries([...queryValues, ['odd', leaf]]), { requiredKeys: [] }),
          body:
            method === 'get' || method === 'delete'
              ? fc.constant(undefined)
              : fc.oneof(valueFor(schema), valueFor(schema), leaf),
        });
        await fc.assert(
          fc.asyncProperty(input, async ({ client, params, query, body }) => {
            // The last administrator signs no test out, and failed sign-ins are slowed: not what is looked for here.
            if (path.endsWith('/logout') && client !== anonymous) return;
            const url = path.replaceAll(/\{(\w+)\}/g, (_, name) =>
              encodeURIComponent((params[name] ?? '').toWellFormed()),
            );
            const search = new URLSearchParams();
            for (const [name, value] of Object.entries(query)) search.append(name, String(value));
            const text = body === undefined ? undefined : JSON.stringify(body);
            const answer = await client.call(method.toUpperCase(), `${url}?${search}`, text);
            const what = `${method} ${url}?${search} ${text} → ${answer.status} ${JSON.stringify(answer.body)}`;
            assert.ok(answer.status < 500 || (answer.status === 503 && throttled.has(path)), what);
            if (answer.status >= 400) {
              // Each API has its own format: plain, problems, the connector's.
              const said = answer.body.error ?? answer.body.detail ?? answer.body.errors?.[0];
              assert.equal(typeof said, 'string', what);
              assert.doesNotMatch(said, /\bat .*\.ts|node_modules|SQLITE|constraint|undefined|\[object/i, what);
            }
            statuses.add(answer.status < 300 && method !== 'get' ? 'a write' : answer.status);
          }),
          { numRuns: throttled.has(path) ? 5 : runs },
        );
      }
      // The fuzz got behind the validation, and met the refusals that it is about.
      for (const status of [200, 'a write', 400, 401, 403, 404] as const)
        assert.ok(statuses.has(status), `no ${status} came back`);
      assert.equal((await anonymous.get('/api/v1/health')).status, 200);
    });
  });
}
