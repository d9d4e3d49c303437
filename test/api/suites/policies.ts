import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertError,
  assertShape,
  assertTimes,
  freshName,
  type Json,
  makeNetwork,
  makePeer,
  type Settings,
  useAppliance,
} from '../support.ts';
import { BAD_NAMES } from './groups.ts';

const POLICY_SHAPE = {
  id: 'string',
  network_id: 'string',
  name: 'string',
  description: 'string',
  rules: 'objects',
  created_at: 'string',
  updated_at: 'string',
} as const;
const RULE_SHAPE = {
  id: 'string',
  direction: 'string',
  action: 'string',
  target: 'string',
  target_type: 'string',
  description: 'string',
} as const;
const CIDR_RULE = { direction: 'output', action: 'allow', target: '192.168.1.0/24', target_type: 'cidr' };

export const policies = (where: string, settings?: Settings) =>
  describe(`policies (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const at = `/api/v1/networks/${network.id}`;
      const peer = await makePeer(admin, network.id);
      const group: Json = (await admin.post(`${at}/groups`, { name: freshName('group') })).body;
      const make = async (body: object = {}): Promise<Json> => {
        const answer = await admin.post(`${at}/policies`, { name: freshName('policy'), ...body });
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        return answer.body;
      };
      return { admin, network, at, peer, group, make };
    };

    test('has every field when made, got, listed and changed', async () => {
      const { admin, network, at, peer, group, make } = await scene();
      assert.deepEqual((await admin.get(`${at}/policies`)).body, []);
      const rules = [
        { ...CIDR_RULE, description: 'Office LAN' },
        { direction: 'input', action: 'deny', target: peer.id, target_type: 'peer', description: '' },
        { direction: 'input', action: 'allow', target: group.id, target_type: 'group', description: '' },
        { ...CIDR_RULE, target: 'FD00:0::/64', description: '' },
      ];
      const made = await admin.post(`${at}/policies`, { name: 'allow-office', description: 'Allow', rules });
      assert.equal(made.status, 201);
      assertShape(made.body, POLICY_SHAPE);
      assertTimes(made.body, 'created_at', 'updated_at');
      for (const rule of made.body.rules) assertShape(rule, RULE_SHAPE);
      const { id, created_at } = made.body;
      assert.deepEqual(made.body, {
        id,
        network_id: network.id,
        name: 'allow-office',
        description: 'Allow',
        rules: [...rules.slice(0, 3), { ...rules[3], target: 'fd00::/64' }].map((rule, i) => ({
          id: made.body.rules[i].id,
          ...rule,
        })),
        created_at,
        updated_at: created_at,
      });
      assert.deepEqual((await admin.get(`${at}/policies/${id}`)).body, made.body);
      const plain = await make();
      assert.deepEqual([plain.description, plain.rules], ['', []]);
      assert.deepEqual((await admin.get(`${at}/policies`)).body, [made.body, plain]);

      const change = { name: 'allow-office-v2', description: 'Updated' };
      // Rules are changed one by one: here they are left alone.
      const changed = await admin.put(`${at}/policies/${id}`, { ...change, rules: [] });
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body, { ...made.body, ...change, updated_at: changed.body.updated_at });
      assert.deepEqual((await admin.put(`${at}/policies/${id}`, {})).body, changed.body);
      const gone = await admin.delete(`${at}/policies/${id}`);
      assert.deepEqual([gone.status, gone.body], [204, '']);
      assertError(await admin.get(`${at}/policies/${id}`), 404, /^policy not found/);
      assertError(await admin.put(`${at}/policies/${id}`, change), 404, /^policy not found/);
      assertError(await admin.delete(`${at}/policies/${id}`), 404, /^policy not found/);
      assertError(await admin.post(`${at}/policies/${id}/rules`, CIDR_RULE), 404, /^policy not found/);
    });

    test('rules are added behind the others and removed', async () => {
      const { admin, at, make } = await scene();
      const policy = await make({ rules: [CIDR_RULE] });
      const rules = `${at}/policies/${policy.id}/rules`;
      const added = await admin.post(rules, { ...CIDR_RULE, action: 'deny', description: 'second' });
      assert.equal(added.status, 201);
      assertShape(added.body, RULE_SHAPE);
      assert.deepEqual(added.body, { ...CIDR_RULE, id: added.body.id, action: 'deny', description: 'second' });
      const third = (await admin.post(rules, CIDR_RULE)).body;
      const get = async () => (await admin.get(`${at}/policies/${policy.id}`)).body;
      assert.deepEqual((await get()).rules, [...policy.rules, added.body, third]);
      assert.ok((await get()).updated_at >= policy.updated_at);
      const removed = await admin.delete(`${rules}/${added.body.id}`);
      assert.deepEqual([removed.status, removed.body], [204, '']);
      assertError(await admin.delete(`${rules}/${added.body.id}`), 404, /^rule not found/);
      const fourth = (await admin.post(rules, CIDR_RULE)).body;
      assert.deepEqual((await get()).rules, [...policy.rules, third, fourth]);
      const other = await make();
      assertError(await admin.delete(`${at}/policies/${other.id}/rules/${third.id}`), 404, /^rule not found/);
    });

    test('what is malformed is 400 and names the field, in a list with its place', async () => {
      const { admin, network, at, peer, group, make } = await scene();
      const policy = await make();
      for (const [change, about] of BAD_NAMES) {
        assertError(await admin.post(`${at}/policies`, { name: 'fine', ...change }), 400, about);
        assertError(await admin.put(`${at}/policies/${policy.id}`, change), 400, about);
      }
      assertError(await admin.post(`${at}/policies`, {}), 400, /^name is required/);
      assertError(await admin.post(`${at}/policies`, { name: 'x', rules: 'y' }), 400, /^rules must be array/);
      const elsewhere = await scene();
      const cases: [Record<string, unknown>, string, RegExp][] = [
        [{ direction: 'both' }, 'direction', /must be one of input, output/],
        [{ direction: undefined }, 'direction', /is required/],
        [{ action: 'drop' }, 'action', /must be one of allow, deny/],
        [{ action: undefined }, 'action', /is required/],
        [{ target_type: 'user' }, 'target_type', /must be one of cidr, peer, group/],
        [{ target_type: undefined }, 'target_type', /is required/],
        [{ target: undefined }, 'target', /is required/],
        [{ target: '' }, 'target', /./],
        [{ target: 7 }, 'target', /must be string/],
        [{ target: '192.168.1.1' }, 'target', /must be a network/],
        [{ target: '192.168.1.0/33' }, 'target', /must be a network/],
        [{ target: peer.id }, 'target', /must be a network/],
        [{ target: '192.168.1.1/24' }, 'target', /did you mean 192\.168\.1\.0\/24/],
        [{ target_type: 'peer', target: group.id }, 'target', /a peer that doesn't exist/],
        [{ target_type: 'peer', target: elsewhere.peer.id }, 'target', /a peer that doesn't exist/],
        [{ target_type: 'group', target: peer.id }, 'target', /a group that doesn't exist/],
        [{ target_type: 'group', target: elsewhere.group.id }, 'target', /a group that doesn't exist/],
        [{ description: 'x'.repeat(1001) }, 'description', /must NOT have more/],
      ];
      for (const [change, field, about] of cases) {
        const one = await admin.post(`${at}/policies/${policy.id}/rules`, { ...CIDR_RULE, ...change });
        assertError(one, 400, about);
        assert.ok(one.body.error.startsWith(`${field} `), one.body.error);
        const rules = [CIDR_RULE, { ...CIDR_RULE, ...change }];
        const list = await admin.post(`${at}/policies`, { name: 'fine', rules });
        assertError(list, 400, about);
        assert.ok(list.body.error.startsWith(`rules.1.${field} `), list.body.error);
      }
      assert.deepEqual((await admin.get(`${at}/policies`)).body, [policy]);
      assertError(await admin.post(`/api/v1/networks/${network.id}x/policies`, { name: 'x' }), 404, /^network/);
    });

    test('names are taken whatever the case; a policy has at most 256 rules', async () => {
      const { admin, at, make } = await scene();
      const policy = await make({ name: 'Full', rules: Array(256).fill(CIDR_RULE) });
      assert.equal(policy.rules.length, 256);
      assertError(await admin.post(`${at}/policies`, { name: 'FULL' }), 409, /a policy named Full/);
      const other = await make();
      assertError(await admin.put(`${at}/policies/${other.id}`, { name: 'full' }), 409, /a policy named Full/);
      assertError(await admin.post(`${at}/policies/${policy.id}/rules`, CIDR_RULE), 409, /256 rules/);
      assertError(await admin.post(`${at}/policies`, { name: 'x', rules: Array(257).fill(CIDR_RULE) }), 400, /^rules/);
      await admin.delete(`${at}/policies/${policy.id}/rules/${policy.rules[0].id}`);
      assert.equal((await admin.post(`${at}/policies/${policy.id}/rules`, CIDR_RULE)).status, 201);
    });

    test('rules that name a peer or a group go with it', async () => {
      const { admin, network, at, peer, group, make } = await scene();
      const keep = await makePeer(admin, network.id);
      const named = (type: string, target: string) => ({ ...CIDR_RULE, target_type: type, target });
      const policy = await make({
        rules: [named('peer', peer.id), named('peer', keep.id), named('group', group.id), CIDR_RULE],
      });
      const untouched = await make({ rules: [named('peer', keep.id)] });
      const targets = async () =>
        (await admin.get(`${at}/policies/${policy.id}`)).body.rules.map(({ target }: Json) => target);
      await admin.delete(`${at}/groups/${group.id}`);
      assert.deepEqual(await targets(), [peer.id, keep.id, CIDR_RULE.target]);
      await admin.delete(`${at}/peers/${peer.id}`);
      assert.deepEqual(await targets(), [keep.id, CIDR_RULE.target]);
      assert.deepEqual((await admin.get(`${at}/policies/${untouched.id}`)).body, untouched);
    });
  });
