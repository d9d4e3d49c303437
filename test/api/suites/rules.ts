import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { evaluate } from '../../../appliance/overlay/policy/evaluate.ts';
import { policedNetworks } from '../../../appliance/overlay/policy/testing.ts';
import type { Client } from '../../harness.ts';
import { buildNetwork } from '../random.ts';
import {
  assertError,
  assertShape,
  connect,
  Device,
  enroll,
  type Json,
  type Line,
  makeNetwork,
  makePeer,
  makeUser,
  type Settings,
  until,
  useAppliance,
} from '../support.ts';

const ACL_SHAPE = {
  id: 'string',
  name: 'string',
  enabled: 'boolean',
  blocked_peers: 'object',
  rules: 'objects',
} as const;
const ACCESS_SHAPE = {
  peer_id: 'string',
  peer_name: 'string',
  address: 'string',
  is_jump: 'boolean',
  allowed: 'boolean',
  reason: 'string',
} as const;
const REACHABILITY_SHAPE = {
  peer_id: 'string',
  peer_name: 'string',
  peer_address: 'string',
  is_jump: 'boolean',
  peer_access: 'objects',
  rules: 'objects',
  routes: 'objects',
} as const;
const DENY_ALL = { direction: 'output', action: 'deny', target: '0.0.0.0/0', target_type: 'cidr' };

/** Who may talk to whom: the ACL, what reachability says of it, and that agents are told. */
export const rules = (where: string, settings?: Settings) =>
  describe(`ACL, reachability and what agents hear of it (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const at = `/api/v1/networks/${network.id}`;
      const hub = await makePeer(admin, network.id, { name: 'hub', is_jump: true, endpoint: '192.0.2.1' });
      const alice = await makePeer(admin, network.id, { name: 'alice' });
      const bob = await makePeer(admin, network.id, { name: 'bob' });
      const make = async (what: string, body: object): Promise<Json> => {
        const answer = await admin.post(`${at}/${what}`, body);
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        return answer.body;
      };
      return { admin, network, at, hub, alice, bob, make };
    };
    const compiled = async (): Promise<number> =>
      Number(/^gatehouse_overlay_compiles_total (\d+)$/m.exec((await a.the.anonymous.get('/metrics')).body)?.[1]);

    test('the ACL of a network that has none set lets everybody talk; PUT replaces it', async () => {
      const { admin, at, alice, bob } = await scene();
      const first = await admin.get(`${at}/acl`);
      assertShape(first.body, ACL_SHAPE);
      const { id } = first.body;
      assert.deepEqual(first.body, { id, name: 'default', enabled: false, blocked_peers: {}, rules: [] });
      const kept = { id: 'rule-1', source_peer: '*', target_peer: bob.id, action: 'deny', description: 'Block' };
      const put = await admin.put(`${at}/acl`, {
        ...first.body,
        enabled: true,
        blocked_peers: { [alice.id]: true, [bob.id]: false, nobody: false },
        rules: [kept, { id: '', source_peer: alice.id, target_peer: '*', action: 'allow' }],
      });
      assert.equal(put.status, 200, JSON.stringify(put.body));
      const [, second] = put.body.rules;
      assert.match(second.id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(put.body, {
        id,
        name: 'default',
        enabled: true,
        blocked_peers: { [alice.id]: true },
        rules: [kept, { id: second.id, source_peer: alice.id, target_peer: '*', action: 'allow', description: '' }],
      });
      assert.deepEqual((await admin.get(`${at}/acl`)).body, put.body);
      assert.deepEqual((await admin.put(`${at}/acl`, put.body)).body, put.body);
      const empty = await admin.put(`${at}/acl`, { enabled: false, blocked_peers: null, rules: null });
      assert.deepEqual(empty.body, first.body);
      assert.deepEqual((await admin.put(`${at}/acl`, { enabled: true })).body, { ...first.body, enabled: true });
    });

    test('what is malformed in an ACL is 400 and names the field', async () => {
      const { admin, at, alice } = await scene();
      const stranger = (await scene()).alice.id;
      const rule = { source_peer: '*', target_peer: alice.id, action: 'deny' };
      const good = { enabled: true, blocked_peers: {}, rules: [rule] };
      const cases: [Record<string, unknown>, RegExp][] = [
        [{ enabled: undefined }, /^enabled is required/],
        [{ enabled: 'yes' }, /^enabled must be boolean/],
        [{ blocked_peers: [] }, /^blocked_peers must be object/],
        [{ blocked_peers: { [alice.id]: 'x' } }, /^blocked_peers/],
        [{ blocked_peers: { nope: true } }, /^blocked_peers .*doesn't exist.*nope/],
        [{ blocked_peers: { [stranger]: true } }, /^blocked_peers .*doesn't exist/],
        [{ rules: {} }, /^rules must be array/],
        [{ rules: [rule, { ...rule, source_peer: 'nope' }] }, /^rules\.1\.source_peer .*nope/],
        [{ rules: [{ ...rule, target_peer: stranger }] }, /^rules\.0\.target_peer/],
        [{ rules: [{ ...rule, source_peer: undefined }] }, /^rules\.0\.source_peer is required/],
        [{ rules: [{ ...rule, action: 'drop' }] }, /^rules\.0\.action must be one of allow, deny/],
        [{ rules: [{ ...rule, id: 7 }] }, /^rules\.0\.id/],
        [{ rules: [{ ...rule, id: 'x'.repeat(65) }] }, /^rules\.0\.id/],
        [{ rules: [1, 2].map(() => ({ ...rule, id: 'same' })) }, /^rules\.1\.id .*same/],
        [{ rules: Array(1001).fill(rule) }, /^rules must NOT have more than 1000/],
        [{ name: '' }, /^name/],
      ];
      for (const [change, about] of cases) {
        assertError(await admin.put(`${at}/acl`, { ...good, ...change }), 400, about);
      }
      assert.deepEqual((await admin.get(`${at}/acl`)).body.rules, []);
      assert.equal((await admin.put(`${at}/acl`, { ...good, rules: Array(1000).fill(rule) })).status, 200);
      for (const method of ['GET', 'PUT']) {
        const body = method === 'PUT' ? good : undefined;
        assertError(await admin.call(method, '/api/v1/networks/nope/acl', body), 404, /^network not found/);
      }
    });

    test('a peer that is deleted is taken out of the ACL', async () => {
      const { admin, at, hub, alice, bob } = await scene();
      const rule = (source_peer: string, target_peer: string) => ({ source_peer, target_peer, action: 'deny' });
      const blocked_peers = { [alice.id]: true, [hub.id]: true };
      const body = {
        enabled: true,
        blocked_peers,
        rules: [rule(alice.id, '*'), rule('*', bob.id), rule('*', alice.id)],
      };
      const { rules } = (await admin.put(`${at}/acl`, body)).body;
      await admin.delete(`${at}/peers/${alice.id}`);
      const left = (await admin.get(`${at}/acl`)).body;
      assert.deepEqual([left.blocked_peers, left.rules, left.enabled], [{ [hub.id]: true }, [rules[1]], true]);
    });

    test('reachability has every field', async () => {
      const { admin, at, hub, alice, bob, make } = await scene();
      const group = await make('groups', { name: 'engineering' });
      const route = await make('routes', { name: 'lan', destination_cidr: '192.168.1.0/24', jump_peer_id: hub.id });
      const rule = (target_type: string, target: string, direction = 'output', action = 'allow') => ({
        ...{ direction, action, target_type, target },
        description: `to ${target_type}`,
      });
      const policy = await make('policies', {
        name: 'office',
        rules: [
          rule('peer', bob.id, 'input', 'deny'),
          rule('cidr', '192.168.1.0/24'),
          rule('peer', bob.id),
          rule('group', group.id),
        ],
      });
      for (const member of [alice, bob]) await admin.post(`${at}/groups/${group.id}/peers/${member.id}`);
      await admin.post(`${at}/groups/${group.id}/policies/${policy.id}`);
      await admin.post(`${at}/groups/${group.id}/routes/${route.id}`);
      const answer = await admin.get(`${at}/peers/${alice.id}/reachability`);
      assert.equal(answer.status, 200);
      assertShape(answer.body, REACHABILITY_SHAPE);
      for (const one of answer.body.peer_access) assertShape(one, ACCESS_SHAPE);
      const shown = (one: Json, addresses: string[]) => ({
        ...one,
        addresses,
        policy_name: 'office',
        group_name: 'engineering',
      });
      assert.deepEqual(answer.body, {
        peer_id: alice.id,
        peer_name: 'alice',
        peer_address: alice.address,
        is_jump: false,
        peer_access: [
          { ...who(hub), allowed: true, reason: 'acl_disabled' },
          { ...who(bob), allowed: true, reason: 'allow_rule' },
        ],
        rules: [
          shown(rule('cidr', '192.168.1.0/24'), ['192.168.1.0/24']),
          shown(rule('peer', bob.id), [bob.address]),
          shown(rule('group', group.id), [alice.address, bob.address]),
          shown(rule('peer', bob.id, 'input', 'deny'), [bob.address]),
        ],
        routes: [
          {
            route_id: route.id,
            route_name: 'lan',
            destination_cidr: '192.168.1.0/24',
            jump_peer_id: hub.id,
            jump_peer_name: 'hub',
            group_name: 'engineering',
          },
        ],
      });
      const ofHub = (await admin.get(`${at}/peers/${hub.id}/reachability`)).body;
      assert.deepEqual([ofHub.is_jump, ofHub.rules, ofHub.routes], [true, [], []]);
      // Bob may not open connections to Alice, and she is told as soon as the ACL is on.
      const reach = async (from: Json, to: Json) =>
        (await admin.get(`${at}/peers/${from.id}/reachability`)).body.peer_access
          .filter(({ peer_id }: Json) => peer_id === to.id)
          .map(({ allowed, reason }: Json) => [allowed, reason])[0];
      assert.deepEqual(await reach(bob, alice), [false, 'deny_rule']);
      await admin.put(`${at}/acl`, { enabled: true, blocked_peers: {}, rules: [] });
      assert.deepEqual(await reach(alice, hub), [true, 'default_allow']);
      const allow = { source_peer: bob.id, target_peer: alice.id, action: 'allow' };
      await admin.put(`${at}/acl`, { enabled: true, blocked_peers: { [hub.id]: true }, rules: [allow] });
      assert.deepEqual(await reach(bob, alice), [true, 'allow_rule']);
      assert.deepEqual(await reach(alice, hub), [false, 'blocked']);
    });

    test('a user is told of own peers and hubs only', async () => {
      const { admin, network, at, hub, alice, make } = await scene();
      const { client } = await makeUser(a.the, [network.id]);
      const [mine, second] = [await makePeer(client, network.id), await makePeer(client, network.id)];
      const group = await make('groups', { name: 'g' });
      const rules = [group, alice, mine].map((target, i) => ({
        ...DENY_ALL,
        target_type: i === 0 ? 'group' : 'peer',
        target: target.id,
      }));
      const policy = await make('policies', { name: 'p', rules });
      for (const member of [alice, mine]) await admin.post(`${at}/groups/${group.id}/peers/${member.id}`);
      await admin.post(`${at}/groups/${group.id}/policies/${policy.id}`);
      const { body } = await client.get(`${at}/peers/${mine.id}/reachability`);
      assert.deepEqual(
        body.peer_access.map(({ peer_id }: Json) => peer_id),
        [hub.id, second.id],
      );
      assert.deepEqual(
        body.rules.map(({ addresses }: Json) => addresses),
        [[mine.address], [], [mine.address]],
      );
      assert.ok(!JSON.stringify(body).includes(`"${alice.address}"`));
    });

    test('reachability is what the evaluator says, for random networks', async () => {
      const { admin } = a.the;
      await fc.assert(
        fc.asyncProperty(policedNetworks, async (wanted) => {
          const made = await buildNetwork(admin, wanted);
          for (const peer of made.snapshot.peers.values()) {
            const { body } = await admin.get(`${made.at}/peers/${peer.id}/reachability`);
            const expected = [...made.snapshot.peers.values()]
              .filter((other) => other !== peer)
              .map((other) => ({ peer_id: other.id, ...evaluate(made.snapshot, peer, other) }));
            assert.deepEqual(
              body.peer_access.map(({ peer_id, allowed, reason }: Json) => ({ peer_id, allowed, reason })),
              expected,
            );
          }
          assert.equal((await admin.delete(made.at)).status, 204);
        }),
        { numRuns: 4 },
      );
    });

    test('agents of both kinds are told, and only those whom it concerns are compiled', async () => {
      const { admin, network, at, hub, alice, bob, make } = await scene();
      const second = await makePeer(admin, network.id, { name: 'hub-two', is_jump: true });
      const device = await Device.start(a.the, await enroll(a.the, hub));
      const aliceDevice = await Device.start(a.the, await enroll(a.the, alice));
      const bobLine = await connect(a.the.url, bob.token);
      const hubLine = await connect(a.the.url, second.token);
      const online = [device, aliceDevice];
      await device.takeUntil('the hub knows the keys', ({ peers }) => peers.length === 3);
      await settled(admin, `${at}/peers/${hub.id}`);
      for (const one of online) while (one.line.unread > 0) await one.take();
      const keys = { alice: aliceDevice.state!.interface.publicKey, bob: bob.public_key };
      const hubs = 2;
      const classOf = (key: string) => device.state!.peers.find((peer) => peer.publicKey === key)!.class;
      const may = (from: string, to: string) => {
        const rights = device.state!.firewall!.classes.find(({ id }) => id === classOf(from));
        return rights!.allow.includes(classOf(to)!);
      };
      const heardByBob = bobLine.heard.length;

      const block = { enabled: true, blocked_peers: { [alice.id]: true }, rules: [] };
      let before = await compiled();
      assert.ok(may(keys.alice, keys.bob));
      await admin.put(`${at}/acl`, block);
      await device.takeUntil('the hub blocks', () => !may(keys.alice, keys.bob));
      await heardBy(hubLine, 'the other hub blocks', ({ whitelist }) => !whitelist.includes(alice.address));
      await settled(admin, `${at}/peers/${hub.id}`);
      assert.equal((await compiled()) - before, hubs + 1, 'the hubs and her own device');
      await aliceDevice.takeUntil('her device learns of it', ({ peer }) => peer.keptOut === true);
      await admin.put(`${at}/acl`, { ...block, blocked_peers: {} });
      await device.takeUntil('the hub lets her in', () => may(keys.alice, keys.bob));
      await aliceDevice.takeUntil('and of that', ({ peer }) => !('keptOut' in peer));

      const group = await make('groups', { name: 'g' });
      const policy = await make('policies', { name: 'p', rules: [DENY_ALL] });
      await admin.post(`${at}/groups/${group.id}/policies/${policy.id}`);
      await settled(admin, `${at}/peers/${hub.id}`);
      before = await compiled();
      await admin.post(`${at}/groups/${group.id}/peers/${alice.id}`);
      await device.takeUntil('the policy holds', () => !may(keys.alice, keys.bob) && may(keys.bob, keys.alice));
      await settled(admin, `${at}/peers/${hub.id}`);
      assert.equal((await compiled()) - before, hubs + 1, 'the hubs and the member');
      await admin.delete(`${at}/policies/${policy.id}`);
      await device.takeUntil('the policy is gone', () => may(keys.alice, keys.bob));

      const cidr = '192.168.44.0/24';
      const route = await make('routes', { name: 'lan', destination_cidr: cidr, jump_peer_id: hub.id });
      await device.takeUntil('the hub masquerades', ({ firewall }) => firewall!.masquerade.includes(cidr));
      await admin.post(`${at}/groups/${group.id}/routes/${route.id}`);
      await aliceDevice.takeUntil('the member routes', ({ routes }) => routes.includes(cidr));
      await make(`routes/${route.id}/dns`, { name: 'nas', ip_address: '192.168.44.5' });
      const record = { name: 'nas.lan.internal', address: '192.168.44.5' };
      await device.takeUntil('the hub answers for it', ({ names }) =>
        names!.records.some(({ name, address }) => name === record.name && address === record.address),
      );
      assert.equal(bobLine.heard.length, heardByBob, 'none of it was news for Bob');
      await admin.post(`${at}/groups/${group.id}/peers/${bob.id}`);
      await heardBy(bobLine, 'an existing agent routes', ({ config }) => config.includes(cidr));
      await admin.delete(`${at}/groups/${group.id}/peers/${alice.id}`);
      await aliceDevice.takeUntil('who is out has no route', ({ routes }) => !routes.includes(cidr));
      await admin.delete(`${at}/groups/${group.id}`);
      await heardBy(bobLine, 'the group and its route are gone', ({ config }) => !config.includes(cidr));
      await admin.delete(`${at}/routes/${route.id}`);
      await device.takeUntil('the hub forgets the route and its names', ({ firewall, names }) => {
        return firewall!.masquerade.length === 0 && names!.records.length === 0;
      });
      for (const line of [device.line, aliceDevice.line, bobLine, hubLine]) line.close();
    });
  });

const who = ({ id, name, address, is_jump }: Json) => ({ peer_id: id, peer_name: name, address, is_jump });

/** A message that this line hears sooner or later, or has heard last. */
const heardBy = (line: Line, what: string, check: (message: Json) => boolean) =>
  until(what, () => line.heard.length > 0 && check(line.heard.at(-1)));

/** Everything that was changed so far has been told: asking for a file waits for that. */
async function settled(admin: Client, peer: string): Promise<void> {
  assert.equal((await admin.get(`${peer}/config`)).status, 200);
}
