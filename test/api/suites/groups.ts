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
  makeUser,
  type Settings,
  useAppliance,
} from '../support.ts';

export const GROUP_SHAPE = {
  id: 'string',
  network_id: 'string',
  name: 'string',
  description: 'string',
  priority: 'number',
  peer_ids: 'strings',
  policy_ids: 'strings',
  route_ids: 'strings',
  created_at: 'string',
  updated_at: 'string',
} as const;

/** Names that the three named things of a network refuse. */
export const BAD_NAMES: [Record<string, unknown>, RegExp][] = [
  [{ name: '' }, /^name/],
  [{ name: '   ' }, /^name/],
  [{ name: 'a\nb' }, /^name/],
  [{ name: 'a\u202eb' }, /^name/],
  [{ name: 'x'.repeat(101) }, /^name/],
  [{ name: 7 }, /^name must be string/],
  [{ name: null }, /^name/],
  [{ description: 7 }, /^description/],
  [{ description: 'x'.repeat(1001) }, /^description/],
];

export const groups = (where: string, settings?: Settings) =>
  describe(`groups (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const at = `/api/v1/networks/${network.id}`;
      const make = async (what: string, body: object): Promise<Json> => {
        const answer = await admin.post(`${at}/${what}`, { name: freshName(what), ...body });
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        return answer.body;
      };
      return { admin, network, at, make };
    };

    test('has every field when made, got, listed and changed', async () => {
      const { admin, network, at, make } = await scene();
      assert.deepEqual((await admin.get(`${at}/groups`)).body, []);
      const made = await admin.post(`${at}/groups`, { name: ' Engineering ', description: 'Team', priority: 50 });
      assert.equal(made.status, 201);
      assertShape(made.body, GROUP_SHAPE);
      assertTimes(made.body, 'created_at', 'updated_at');
      const { id, created_at } = made.body;
      const lists = { peer_ids: [], policy_ids: [], route_ids: [] };
      assert.deepEqual(made.body, {
        id,
        network_id: network.id,
        name: 'Engineering',
        description: 'Team',
        priority: 50,
        ...lists,
        created_at,
        updated_at: created_at,
      });
      assert.deepEqual((await admin.get(`${at}/groups/${id}`)).body, made.body);
      const plain = await make('groups', {});
      assert.deepEqual([plain.description, plain.priority], ['', 100]);
      assert.deepEqual((await admin.get(`${at}/groups`)).body, [made.body, plain]);

      const change = { name: 'Engineering 2', description: '', priority: 999 };
      const changed = await admin.put(`${at}/groups/${id}`, change);
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body, { ...made.body, ...change, updated_at: changed.body.updated_at });
      assert.ok(changed.body.updated_at >= created_at);
      assert.deepEqual((await admin.put(`${at}/groups/${id}`, {})).body, changed.body);
      const gone = await admin.delete(`${at}/groups/${id}`);
      assert.deepEqual([gone.status, gone.body], [204, '']);
      for (const method of ['GET', 'PUT', 'DELETE']) {
        assertError(
          await admin.call(method, `${at}/groups/${id}`, method === 'PUT' ? {} : undefined),
          404,
          /^group not/,
        );
      }
    });

    test('what is malformed is 400, a name that is taken 409, what is not there 404', async () => {
      const { admin, at, make } = await scene();
      const cases: typeof BAD_NAMES = [
        ...BAD_NAMES,
        [{ priority: 0 }, /^priority must be >= 1/],
        [{ priority: 1000 }, /^priority must be <= 999/],
        [{ priority: 1.5 }, /^priority/],
        [{ priority: '7' }, /^priority/],
      ];
      const group = await make('groups', { name: 'Taken' });
      for (const [change, about] of cases) {
        assertError(await admin.post(`${at}/groups`, { name: 'fine', ...change }), 400, about);
        assertError(await admin.put(`${at}/groups/${group.id}`, change), 400, about);
      }
      assertError(await admin.post(`${at}/groups`, {}), 400, /^name is required/);
      assertError(await admin.post(`${at}/groups`, { name: 'TAKEN' }), 409, /a group named Taken/);
      const other = await make('groups', {});
      assertError(await admin.put(`${at}/groups/${other.id}`, { name: 'taken' }), 409);
      assert.equal((await admin.put(`${at}/groups/${group.id}`, { name: 'TAKEN' })).status, 200);
      const elsewhere = await scene();
      await elsewhere.make('groups', { name: 'Taken' });
      for (const suffix of ['', '/policies', '/routes']) {
        assertError(await admin.get(`${elsewhere.at}/groups/${group.id}${suffix}`), 404, /^group not found/);
      }
      assertError(await admin.get('/api/v1/networks/nope/groups'), 404, /^network not found/);
      assertError(await admin.post('/api/v1/networks/nope/groups', { name: 'x' }), 404, /^network not found/);
    });

    test('members come and go; the same again changes nothing', async () => {
      const { admin, network, at, make } = await scene();
      const [group, second] = [await make('groups', {}), await make('groups', {})];
      const peer = await makePeer(admin, network.id);
      const member = `${at}/groups/${group.id}/peers/${peer.id}`;
      assertError(await admin.delete(member), 404, /not in this group/);
      const added = await admin.post(member);
      assert.equal(added.status, 200);
      assert.deepEqual(added.body, { ...group, peer_ids: [peer.id], updated_at: added.body.updated_at });
      assert.deepEqual((await admin.post(member)).body, added.body);
      await admin.post(`${at}/groups/${second.id}/peers/${peer.id}`);
      const both = [group.id, second.id].sort();
      const got = (await admin.get(`${at}/peers/${peer.id}`)).body;
      assert.deepEqual(got, { ...peer, group_ids: both });
      assert.deepEqual((await admin.get(`${at}/peers`)).body.data, [got]);
      assert.deepEqual((await admin.put(`${at}/peers/${peer.id}`, { name: 'renamed' })).body.group_ids, both);
      assert.deepEqual((await admin.put(`${at}/peers/${peer.id}`, {})).body.group_ids, both);
      assert.deepEqual((await admin.post(`${at}/peers/${peer.id}/token`)).body.group_ids, both);
      const removed = await admin.delete(member);
      assert.deepEqual([removed.status, removed.body], [204, '']);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.peer_ids, []);

      const stranger = await makePeer(admin, (await scene()).network.id);
      for (const id of ['nope', stranger.id]) {
        assertError(await admin.post(`${at}/groups/${group.id}/peers/${id}`), 404, /^peer not found/);
        assertError(await admin.delete(`${at}/groups/${group.id}/peers/${id}`), 404, /^peer not found/);
      }
      assertError(await admin.post(`${at}/groups/nope/peers/${peer.id}`), 404, /^group not found/);
      await admin.delete(`${at}/peers/${peer.id}`);
      assert.deepEqual((await admin.get(`${at}/groups/${second.id}`)).body.peer_ids, []);
    });

    test('policies are attached in order, reordered and detached', async () => {
      const { admin, at, make } = await scene();
      const group = await make('groups', {});
      const rule = { direction: 'output', action: 'deny', target: '192.168.1.0/24', target_type: 'cidr' };
      const policies = [];
      for (let i = 0; i < 3; i++) policies.push(await make('policies', { rules: [rule] }));
      const ids: string[] = policies.map(({ id }) => id);
      const attached = `${at}/groups/${group.id}/policies`;
      assert.deepEqual((await admin.get(attached)).body, []);
      for (const [i, id] of ids.entries()) {
        const answer = await admin.post(`${attached}/${id}`);
        assert.deepEqual([answer.status, answer.body.policy_ids], [200, ids.slice(0, i + 1)]);
      }
      assert.deepEqual((await admin.post(`${attached}/${ids[0]}`)).body.policy_ids, ids, 'it keeps its place');
      assert.deepEqual((await admin.get(attached)).body, policies);
      const order = [ids[2], ids[0], ids[1]];
      const reordered = await admin.put(`${attached}/order`, { policy_ids: order });
      assert.deepEqual([reordered.status, reordered.body], [200, { message: 'Policies reordered successfully' }]);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.policy_ids, order);
      assert.deepEqual(
        (await admin.get(attached)).body.map(({ id }: Json) => id),
        order,
      );
      const stranger = await make('policies', {});
      for (const [policy_ids, about] of [
        [order.slice(1), /is missing/],
        [[...order, stranger.id], /not attached/],
        [[...order, order[0]], /once/],
        [[], /is missing/],
        ['x', /^policy_ids must be array/],
        [[1], /^policy_ids\.0/],
      ] as const) {
        assertError(await admin.put(`${attached}/order`, { policy_ids }), 400, about);
      }
      assertError(await admin.put(`${attached}/order`, {}), 400, /^policy_ids is required/);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.policy_ids, order);
      const detached = await admin.delete(`${attached}/${ids[0]}`);
      assert.deepEqual([detached.status, detached.body], [204, '']);
      assertError(await admin.delete(`${attached}/${ids[0]}`), 404, /not attached/);
      assertError(await admin.post(`${attached}/nope`), 404, /^policy not found/);
      assertError(await admin.delete(`${attached}/nope`), 404, /^policy not found/);
      await admin.delete(`${at}/policies/${ids[1]}`);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.policy_ids, [ids[2]]);
      await admin.post(`${attached}/${ids[0]}`);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.policy_ids, [ids[2], ids[0]]);
    });

    test('default groups are those of the peers that users make', async () => {
      const { admin, network, at, make } = await scene();
      const groups = [await make('groups', {}), await make('groups', {})];
      const ids: string[] = groups.map(({ id }) => id);
      const set = await admin.put(at, { default_group_ids: [...ids, ids[0]] });
      assert.deepEqual([set.status, set.body.default_group_ids], [200, ids]);
      assert.deepEqual((await admin.get(at)).body, set.body);
      const foreign = await (await scene()).make('groups', {});
      for (const id of ['nope', foreign.id]) {
        assertError(await admin.put(at, { default_group_ids: [ids[0], id] }), 400, /^default_group_ids .*exist/);
      }
      const { client } = await makeUser(a.the, [network.id]);
      const theirs = await makePeer(client, network.id);
      assert.deepEqual(theirs.group_ids, [...ids].sort());
      assert.deepEqual((await client.get(`${at}/peers/${theirs.id}`)).body, theirs);
      assert.deepEqual((await makePeer(admin, network.id)).group_ids, []);
      assert.deepEqual((await admin.get(`${at}/groups/${ids[0]}`)).body.peer_ids, [theirs.id]);
      await admin.delete(`${at}/groups/${ids[0]}`);
      assert.deepEqual((await admin.get(at)).body.default_group_ids, [ids[1]]);
      assert.deepEqual((await client.get(`${at}/peers/${theirs.id}`)).body.group_ids, [ids[1]]);
      assert.deepEqual((await makePeer(client, network.id)).group_ids, [ids[1]]);
      assert.deepEqual((await admin.put(at, { default_group_ids: [] })).body.default_group_ids, []);
      assert.deepEqual((await makePeer(client, network.id)).group_ids, []);
    });

    test('all of it is for administrators, but for what one may reach oneself', async () => {
      const { admin, network, at, make } = await scene();
      const hub = await makePeer(admin, network.id, { is_jump: true });
      const group = await make('groups', {});
      const rule = { direction: 'input', action: 'allow', target: hub.id, target_type: 'peer' };
      const policy = await make('policies', { rules: [rule] });
      const route = await make('routes', { destination_cidr: '192.168.1.0/24', jump_peer_id: hub.id });
      const mapping = (await admin.post(`${at}/routes/${route.id}/dns`, { name: 'a', ip_address: '192.168.1.1' })).body;
      const { client } = await makeUser(a.the, [network.id]);
      const mine = await makePeer(client, network.id);
      const state = async () =>
        JSON.stringify(
          await Promise.all(
            ['groups', 'policies', 'routes', 'dns', 'acl', `routes/${route.id}/dns`].map(
              async (what) => (await admin.get(`${at}/${what}`)).body,
            ),
          ),
        );
      const before = await state();
      const inGroup = `groups/${group.id}`;
      const calls: [string, string, unknown?][] = [
        ['POST', 'groups', { name: 'x' }],
        ['POST', 'policies', { name: 'x' }],
        ['POST', 'routes', { name: 'x', destination_cidr: '192.168.2.0/24', jump_peer_id: hub.id }],
        ['POST', `policies/${policy.id}/rules`, rule],
        ['DELETE', `policies/${policy.id}/rules/${policy.rules[0].id}`],
        ['POST', `${inGroup}/peers/${mine.id}`],
        ['DELETE', `${inGroup}/peers/${mine.id}`],
        ['GET', `${inGroup}/policies`],
        ['PUT', `${inGroup}/policies/order`, { policy_ids: [] }],
        ['POST', `${inGroup}/policies/${policy.id}`],
        ['DELETE', `${inGroup}/policies/${policy.id}`],
        ['GET', `${inGroup}/routes`],
        ['POST', `${inGroup}/routes/${route.id}`],
        ['DELETE', `${inGroup}/routes/${route.id}`],
        ['GET', 'dns'],
        ['POST', `routes/${route.id}/dns`, { name: 'b', ip_address: '192.168.1.2' }],
        ['PUT', 'acl', { enabled: true, blocked_peers: {}, rules: [] }],
        ['GET', 'acl'],
        ['GET', `routes/${route.id}/dns`],
        ...['groups', 'policies', 'routes'].map((what): [string, string] => ['GET', what]),
        ...[inGroup, `policies/${policy.id}`, `routes/${route.id}`].flatMap((path): [string, string, unknown?][] => [
          ['GET', path],
          ['PUT', path, { name: 'x' }],
          ['DELETE', path],
        ]),
        ['PUT', `routes/${route.id}/dns/${mapping.id}`, { name: 'x' }],
        ['DELETE', `routes/${route.id}/dns/${mapping.id}`],
      ];
      for (const [method, path, body] of calls) {
        assertError(await client.call(method, `${at}/${path}`, body), 403, /only an administrator/);
      }
      assert.equal(await state(), before);
      assert.equal((await client.get(`${at}/peers/${mine.id}/reachability`)).status, 200);
      assertError(await client.get(`${at}/peers/${hub.id}/reachability`), 403, /not yours/);
      assertError(await client.get(`${at}/peers/nope/reachability`), 404, /^peer not found/);
    });
  });
