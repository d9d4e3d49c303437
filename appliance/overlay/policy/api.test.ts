import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { KyselyPlugin } from 'kysely';
import { pino } from 'pino';
import type { Actor } from '../../events/index.ts';
import type { Caller } from '../../http/index.ts';
import { identityMigrations } from '../../identity/index.ts';
import { openKeyFile, openStore, type Store, storeMigrations } from '../../store/index.ts';
import type { OverlayContext } from '../context.ts';
import { overlayMigrations } from '../migrations.ts';
import { createNetwork, updateNetwork } from '../networks.ts';
import { createPeer, deletePeer, listPeers } from '../peers.ts';
import { createSnapshots, type OverlayEvent } from '../snapshots.ts';
import { updateAcl } from './acl.ts';
import { addMember, attachPolicy, attachRoute, groupPolicies, groupRoutes } from './attachments.ts';
import { createGroup, deleteGroup, getGroup, listGroups } from './groups.ts';
import { createMapping, listMappings, networkRecords } from './mappings.ts';
import { createPolicy, listPolicies } from './policies.ts';
import { createRoute, deleteRoute, listRoutes, routeOverlap } from './routes.ts';

const ADMIN: Caller = { id: 'admin', username: 'admin', role: 'administrator', authorizedNetworks: [], via: 'session' };
const ACTOR: Actor = { kind: 'user', id: 'admin' };

/** A database of its own, with what was asked of it counted and what was told of it kept. */
async function start() {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-policy-'));
  const real = await openStore({
    dataDir,
    migrations: [...storeMigrations, ...identityMigrations, ...overlayMigrations].map((step, index) => ({
      ...step,
      id: index + 1,
    })),
    log: pino({ level: 'error' }),
  });
  const counter = { queries: 0 };
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      counter.queries++;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const store: Store = { ...real, as: <T>() => real.as<T>().withPlugin(counting) };
  const events: OverlayEvent[] = [];
  real.onEvent(async (event) => void events.push(event as unknown as OverlayEvent));
  const context: OverlayContext = {
    store,
    secrets: openKeyFile(dataDir),
    now: () => new Date(),
    userExists: async () => true,
  };
  return {
    context,
    events,
    /** How many queries `work` makes. */
    async queries(work: () => Promise<unknown>): Promise<number> {
      const from = counter.queries;
      await work();
      return counter.queries - from;
    },
    /** The events since the last time, in order. */
    async news(): Promise<OverlayEvent[]> {
      await real.drained();
      return events.splice(0);
    },
    async stop() {
      await real.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

describe('policies in the database', () => {
  let the: Awaited<ReturnType<typeof start>>;
  before(async () => {
    the = await start();
  });
  after(() => the.stop());

  let made = 0;
  const makeNetwork = () => createNetwork(the.context, ACTOR, { name: `net ${++made}`, cidr: `10.${made}.0.0/16` });
  const makePeer = (networkId: string, name: string, isJump = false) =>
    createPeer(the.context, ADMIN, '127.0.0.1', networkId, { name, is_jump: isJump });
  const types = (events: OverlayEvent[]) => events.map(({ type }) => type.replace('overlay.', ''));

  test('lists cost the same number of queries, however much they hold', async () => {
    const { context } = the;
    const network = await makeNetwork();
    const hub = await makePeer(network.id, 'hub', true);
    let first: { call: Parameters<typeof addMember>[0]; routeId: string } | undefined;
    const grow = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        const peer = await makePeer(network.id, `peer-${i}`);
        const group = await createGroup(context, ACTOR, network.id, { name: `group ${i}` });
        const policy = await createPolicy(context, ACTOR, network.id, {
          name: `policy ${i}`,
          rules: [{ direction: 'output', action: 'deny', target_type: 'peer', target: peer.id }],
        });
        const route = await createRoute(context, ACTOR, network.id, {
          name: `route ${i}`,
          destination_cidr: `192.168.${i}.0/24`,
          jump_peer_id: hub.id,
        });
        const call = { context, actor: ACTOR, networkId: network.id, groupId: group.id };
        first ??= { call, routeId: route.id };
        for (const groupCall of [call, first.call]) {
          await addMember(groupCall, peer.id);
          await attachPolicy(groupCall, policy.id);
          await attachRoute(groupCall, route.id);
        }
        await createMapping({ ...call, routeId: route.id }, { name: 'one', ip_address: `192.168.${i}.1` });
      }
    };
    const costs = async () => {
      const { call, routeId } = first!;
      const lists = {
        groups: () => listGroups(context, network.id),
        group: () => getGroup(context, network.id, call.groupId),
        policies: () => listPolicies(context, network.id),
        routes: () => listRoutes(context, network.id),
        groupPolicies: () => groupPolicies(context, network.id, call.groupId),
        groupRoutes: () => groupRoutes(context, network.id, call.groupId),
        mappings: () => listMappings(context, network.id, routeId),
        records: () => networkRecords(context, network.id),
        peers: () => listPeers(context, ADMIN, network.id, { page: 1, page_size: 500 }),
      };
      const counted: Record<string, number> = {};
      for (const [name, list] of Object.entries(lists)) counted[name] = await the.queries(list);
      return counted;
    };
    await grow(0, 2);
    const few = await costs();
    await grow(2, 12);
    assert.deepEqual(await costs(), few);
    for (const [name, cost] of Object.entries(few)) assert.ok(cost <= 5, `${name}: ${cost} queries`);
    const groups = await listGroups(context, network.id);
    assert.deepEqual(
      [groups[0]?.peer_ids.length, groups[0]?.policy_ids.length, groups[1]?.peer_ids.length],
      [12, 12, 1],
    );
    const { data } = await listPeers(context, ADMIN, network.id, { page: 1, page_size: 500 });
    // The hub is in no group, the first peer in the first group, and the others in that and their own.
    assert.deepEqual(
      data.map(({ group_ids }) => group_ids.length),
      [0, 1, ...Array(11).fill(2)],
    );
  });

  test('a change of the ACL concerns the hubs and whom it blocks or lets in, among 500 spokes', async () => {
    const { context } = the;
    const network = await makeNetwork();
    const hubs = [await makePeer(network.id, 'hub one', true), await makePeer(network.id, 'hub two', true)];
    const spokes = [];
    for (let i = 0; i < 500; i++) spokes.push(await makePeer(network.id, `spoke-${i}`));
    const group = await createGroup(context, ACTOR, network.id, { name: 'some' });
    const call = { context, actor: ACTOR, networkId: network.id, groupId: group.id };
    await the.news();
    const snapshots = createSnapshots(context, new Set());
    await snapshots.get(network.id);
    /** Whom the events since the last time concern. */
    const affected = async () => {
      const ids = new Set<string>();
      for (const event of await the.news()) for (const id of await snapshots.apply(event)) ids.add(id);
      return [...ids].sort();
    };
    const onlyHubs = hubs.map(({ id }) => id).sort();
    const withHubs = (...more: string[]) => [...onlyHubs, ...more].sort();
    const [one, two, three] = spokes.map(({ id }) => id) as [string, string, string];

    await updateAcl(context, ACTOR, network.id, { enabled: true, blocked_peers: { [one]: true }, rules: [] });
    assert.deepEqual(await affected(), withHubs(one));
    await updateAcl(context, ACTOR, network.id, { enabled: true, blocked_peers: { [one]: true }, rules: [] });
    assert.deepEqual(await affected(), [], 'the same again is no news');
    await updateAcl(context, ACTOR, network.id, { enabled: false, blocked_peers: { [one]: true }, rules: [] });
    assert.deepEqual(await affected(), onlyHubs, 'who stays blocked is told nothing');
    await updateAcl(context, ACTOR, network.id, { enabled: true, blocked_peers: { [two]: true }, rules: [] });
    assert.deepEqual(await affected(), withHubs(one, two), 'one is let in, the other kept out');
    await updateAcl(context, ACTOR, network.id, { enabled: true, blocked_peers: { [one]: true }, rules: [] });
    assert.deepEqual(await affected(), withHubs(one, two));
    await addMember(call, two);
    assert.deepEqual(await affected(), withHubs(two));
    await addMember(call, hubs[1]!.id);
    assert.deepEqual(await affected(), onlyHubs, 'what a hub is part of is no news for its spokes');
    const route = await createRoute(context, ACTOR, network.id, {
      name: 'lan',
      destination_cidr: '192.168.0.0/24',
      jump_peer_id: hubs[0]!.id,
    });
    assert.deepEqual(await affected(), onlyHubs);
    await attachRoute(call, route.id);
    assert.deepEqual(await affected(), withHubs(two), 'the member gets the route');
    for (let i = 1; i <= 5; i++) {
      await createMapping({ ...call, routeId: route.id }, { name: `n${i}`, ip_address: `192.168.0.${i}` });
    }
    assert.deepEqual(await affected(), onlyHubs);
    await updateNetwork(context, ACTOR, network.id, { default_group_ids: [group.id] }, false);
    assert.deepEqual(await affected(), [], 'it holds for peers that are yet to be made');

    await deleteRoute(context, ACTOR, network.id, route.id);
    const gone = await the.news();
    assert.deepEqual(types(gone), ['route.deleted', ...Array(5).fill('dns.deleted')]);
    assert.deepEqual([...(await snapshots.apply(gone[0]!))].sort(), withHubs(two));
    for (const event of gone.slice(1)) {
      assert.equal(await the.queries(() => snapshots.apply(event)), 0, 'the names went with their route');
    }
    await addMember(call, three);
    await affected();
    await deleteGroup(context, ACTOR, network.id, group.id);
    assert.deepEqual(await affected(), onlyHubs);
    assert.deepEqual((await snapshots.get(network.id))!.peers.get(three)!.groupIds, []);
  });

  test('a blocked peer that is deleted is never there without its block', async () => {
    const { context } = the;
    const network = await makeNetwork();
    const hub = await makePeer(network.id, 'hub', true);
    const bad = await makePeer(network.id, 'bad');
    await updateAcl(context, ACTOR, network.id, { enabled: true, blocked_peers: { [bad.id]: true }, rules: [] });
    const group = await createGroup(context, ACTOR, network.id, { name: 'g' });
    await the.news();
    const snapshots = createSnapshots(context, new Set());
    const snapshot = (await snapshots.get(network.id))!;
    assert.ok(snapshot.policy.acl.blocked.has(bad.id));
    // The group's news is heard when the database has forgotten the peer already.
    await createPolicy(context, ACTOR, network.id, { name: 'p' });
    await deletePeer(context, ADMIN, '127.0.0.1', network.id, bad.id);
    const events = await the.news();
    assert.deepEqual(types(events), ['policy.created', 'peer.deleted', 'acl.updated']);
    for (const event of events) {
      const affected = [...(await snapshots.apply(event))];
      assert.ok(affected.includes(hub.id));
      assert.ok(!snapshot.peers.has(bad.id) || snapshot.policy.acl.blocked.has(bad.id), event.type);
    }
    assert.equal(snapshot.peers.has(bad.id), false);
    assert.equal((await getGroup(context, network.id, group.id)).name, 'g');
  });
});

test('a route must not take addresses of the network, unless it holds all of it and more', () => {
  const network = { cidr: '10.5.0.0/16', cidr_v6: 'fd00:5::/64' };
  for (const free of ['192.168.0.0/16', '0.0.0.0/0', '10.0.0.0/8', '::/0', 'fd00::/16', '10.6.0.0/16']) {
    assert.equal(routeOverlap(network, free), undefined, free);
  }
  for (const taken of ['10.5.0.0/16', '10.5.1.0/24', '10.5.0.1/32']) {
    assert.equal(routeOverlap(network, taken), '10.5.0.0/16', taken);
  }
  assert.equal(routeOverlap(network, 'fd00:5::/96'), 'fd00:5::/64');
  assert.equal(routeOverlap({ ...network, cidr_v6: null }, 'fd00:5::/96'), undefined);
});
