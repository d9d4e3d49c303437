import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerState } from '@gatehouse/protocol';
import { PeerState as PeerStateSchema } from '@gatehouse/protocol';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { contains, parseCidr } from './addresses.ts';
import { foreignMessage } from './channel/foreign.ts';
import { compile } from './compile.ts';
import { OPEN_POLICY } from './policy/model.ts';
import { render } from './render.ts';
import type { NetworkSnapshot } from './snapshot.ts';
import { network } from './testing.ts';

const stateOf = (net: NetworkSnapshot, id: string): PeerState => compile(net, net.peers.get(id)!);
/** What `id` has under its peer `other`. */
const allowed = (net: NetworkSnapshot, id: string, other: string) =>
  stateOf(net, id).peers.find((peer) => peer.publicKey === net.peers.get(other)!.publicKey)?.allowedIps;

const HUB = { id: 'hub', isHub: true, endpoint: '198.51.100.1' };

test('a spoke reaches the whole network through its hub, and the hub each spoke under its address', () => {
  const net = network([HUB, { id: 'alice' }, { id: 'bob' }]);
  assert.deepEqual(allowed(net, 'alice', 'hub'), ['10.77.0.0/16']);
  assert.deepEqual(stateOf(net, 'alice').routes, ['10.77.0.0/16']);
  assert.deepEqual(stateOf(net, 'alice').interface.addresses, ['10.77.0.2/32']);
  assert.equal(stateOf(net, 'alice').peers.length, 1);
  assert.deepEqual(allowed(net, 'hub', 'alice'), ['10.77.0.2/32']);
  assert.deepEqual(stateOf(net, 'hub').interface.addresses, ['10.77.0.1/16']);
  assert.deepEqual(stateOf(net, 'hub').routes, []);
  for (const peer of stateOf(net, 'alice').peers) assert.equal(peer.keepalive, 25);
  assert.equal(stateOf(net, 'alice').interface.mtu, 1420);
  assert.equal(stateOf({ ...net, mtu: 1380 }, 'alice').interface.mtu, 1380);
});

test('a spoke is told that it is kept out, by itself only, and never by what else its state says', () => {
  const acl = (...blocked: string[]) => ({
    policy: { ...OPEN_POLICY, acl: { enabled: true, blocked: new Set(blocked), rules: [] } },
  });
  const peers = [HUB, { id: 'alice' }, { id: 'bob' }];
  const { keptOut, ...open } = stateOf(network(peers), 'alice').peer;
  assert.equal(keptOut, undefined);
  for (const net of [
    network([HUB, { id: 'alice', quarantined: true }, { id: 'bob' }]),
    network(peers, acl('alice')),
    network(peers, acl('alice', 'hub')),
  ]) {
    assert.deepEqual(stateOf(net, 'alice').peer, { ...open, keptOut: true });
    for (const other of ['bob', 'hub']) assert.ok(!('keptOut' in stateOf(net, other).peer));
    // Foreign agents and files have it as before.
    assert.equal(render(stateOf(net, 'alice'), null), render({ ...stateOf(net, 'alice'), peer: open }, null));
    for (const id of ['alice', 'bob', 'hub']) {
      assert.doesNotMatch(JSON.stringify(foreignMessage(net, net.peers.get(id)!, null)), /keptOut/);
    }
  }
  const captive = network([HUB, { id: 'alice', captive: true, useAgent: false }]);
  assert.ok(!('keptOut' in stateOf(captive, 'alice').peer), 'who has to sign in first is not kept out');
});

test('both families where the network has an IPv6 CIDR', () => {
  const net = network([HUB, { id: 'alice' }], { cidrs: ['10.77.0.0/16', 'fd77::/64'] });
  assert.deepEqual(allowed(net, 'alice', 'hub'), ['10.77.0.0/16', 'fd77::/64']);
  assert.deepEqual(stateOf(net, 'alice').interface.addresses, ['10.77.0.2/32', 'fd77::2/128']);
  assert.deepEqual(stateOf(net, 'hub').interface.addresses, ['10.77.0.1/16', 'fd77::1/64']);
  assert.deepEqual(allowed(net, 'hub', 'alice'), ['10.77.0.2/32', 'fd77::2/128']);
});

test('the port of an endpoint is written once', () => {
  const endpointOf = (endpoint: string, listenPort: number | null) =>
    stateOf(network([{ ...HUB, endpoint, listenPort }, { id: 'alice' }]), 'alice').peers[0]?.endpoint;
  assert.equal(endpointOf('198.51.100.1', 51820), '198.51.100.1:51820');
  assert.equal(endpointOf('198.51.100.1:51820', 51820), '198.51.100.1:51820');
  assert.equal(endpointOf('198.51.100.1:443', 51820), '198.51.100.1:443');
  assert.equal(endpointOf('hub.example', null), 'hub.example:51820');
  assert.equal(endpointOf('2001:db8::1', 51821), '[2001:db8::1]:51821');
  assert.equal(endpointOf('[2001:db8::1]:443', 51821), '[2001:db8::1]:443');
  assert.equal(endpointOf('', 51820), undefined);
});

test("a hub's own routes belong to its spokes' view of it, never under its spokes", () => {
  const net = network([{ ...HUB, additionalAllowedIps: ['192.168.1.0/24'] }, { id: 'alice' }, { id: 'bob' }]);
  assert.deepEqual(allowed(net, 'alice', 'hub'), ['10.77.0.0/16', '192.168.1.0/24']);
  assert.deepEqual(stateOf(net, 'alice').routes, ['10.77.0.0/16', '192.168.1.0/24']);
  for (const peer of stateOf(net, 'hub').peers) assert.ok(!peer.allowedIps.includes('192.168.1.0/24'));
  assert.deepEqual(stateOf(net, 'hub').routes, []);
});

test('what a spoke routes is under it on the hub, and behind the hub for the other spokes', () => {
  const net = network([HUB, { id: 'alice' }, { id: 'office', additionalAllowedIps: ['192.168.9.0/24'] }]);
  assert.deepEqual(allowed(net, 'hub', 'office'), ['10.77.0.3/32', '192.168.9.0/24']);
  assert.deepEqual(stateOf(net, 'hub').routes, ['192.168.9.0/24']);
  assert.deepEqual(allowed(net, 'alice', 'hub'), ['10.77.0.0/16', '192.168.9.0/24']);
  assert.deepEqual(stateOf(net, 'office').routes, ['10.77.0.0/16'], 'not into its own tunnel');
});

test('two hubs: one primary for all spokes, the other carries its own address and routes', () => {
  const second = { id: 'hub2', isHub: true, endpoint: '198.51.100.2', additionalAllowedIps: ['172.16.0.0/24'] };
  const net = network([HUB, second, { id: 'alice' }, { id: 'bob' }]);
  for (const id of ['alice', 'bob']) {
    assert.deepEqual(allowed(net, id, 'hub'), ['10.77.0.0/16']);
    assert.deepEqual(allowed(net, id, 'hub2'), ['10.77.0.2/32', '172.16.0.0/24']);
  }
  assert.deepEqual(allowed(net, 'hub', 'hub2'), ['10.77.0.2/32', '172.16.0.0/24']);
  assert.deepEqual(allowed(net, 'hub2', 'hub'), ['10.77.0.1/32']);
  assert.deepEqual(stateOf(net, 'alice').routes, ['10.77.0.0/16', '172.16.0.0/24']);

  const moved = { ...net, downHubs: new Set(['hub']) };
  for (const id of ['alice', 'bob']) {
    assert.deepEqual(allowed(moved, id, 'hub'), ['10.77.0.1/32']);
    assert.deepEqual(allowed(moved, id, 'hub2'), ['10.77.0.0/16', '172.16.0.0/24']);
  }
  const allDown = { ...net, downHubs: new Set(['hub', 'hub2']) };
  assert.deepEqual(allowed(allDown, 'alice', 'hub'), ['10.77.0.0/16'], 'nobody to move to: stay');
});

test('the primary is a stable choice: other peers coming and going change nothing', () => {
  const hubs = [HUB, { id: 'hub2', isHub: true }];
  const one = network([...hubs, { id: 'alice' }]);
  const many = { ...one, peers: new Map([['zed', { ...one.peers.get('alice')!, id: 'zed' }], ...one.peers]) };
  assert.deepEqual(allowed(one, 'alice', 'hub'), allowed(many, 'alice', 'hub'));
});

test('a CIDR that two hubs route goes to the primary only', () => {
  const lan = ['192.168.1.0/24'];
  const net = network([
    { ...HUB, additionalAllowedIps: lan },
    { id: 'hub2', isHub: true, additionalAllowedIps: lan },
    { id: 'a' },
  ]);
  assert.deepEqual(allowed(net, 'a', 'hub'), ['10.77.0.0/16', '192.168.1.0/24']);
  assert.deepEqual(allowed(net, 'a', 'hub2'), ['10.77.0.2/32']);
});

test('each link has a preshared key of its own, the same at both ends, and another one for another key', () => {
  const net = network([HUB, { id: 'alice' }, { id: 'bob' }]);
  const psk = (from: string, to: string) =>
    stateOf(net, from).peers.find((peer) => peer.publicKey === net.peers.get(to)!.publicKey)?.presharedKey;
  assert.equal(psk('alice', 'hub'), psk('hub', 'alice'));
  assert.notEqual(psk('alice', 'hub'), psk('bob', 'hub'));
  const before = psk('hub', 'alice');
  net.peers.get('alice')!.publicKey = network([{ id: 'x' }]).peers.get('x')!.publicKey;
  assert.notEqual(psk('hub', 'alice'), before);
});

test('a network without a hub gives a state without peers and routes', () => {
  const state = stateOf(network([{ id: 'alice' }, { id: 'bob' }]), 'alice');
  assert.deepEqual([state.peers, state.routes], [[], []]);
});

test('a spoke asks its hubs, then the servers of the network; a hub without an agent answers nothing', () => {
  const net = network([HUB, { id: 'hub2', isHub: true }, { id: 'a' }], { dns: ['1.1.1.1'], domainSuffix: 'corp' });
  assert.deepEqual(stateOf(net, 'a').dns, { servers: ['10.77.0.1', '10.77.0.2', '1.1.1.1'], search: ['corp'] });
  assert.deepEqual(stateOf({ ...net, downHubs: new Set(['hub']) }, 'a').dns.servers, [
    '10.77.0.2',
    '10.77.0.1',
    '1.1.1.1',
  ]);
  assert.deepEqual(stateOf(net, 'hub').dns, { servers: [], search: [] });
  assert.deepEqual(stateOf(network([{ ...HUB, useAgent: false }, { id: 'a' }]), 'a').dns, { servers: [], search: [] });
});

const cidrPool = ['192.168.1.0/24', '192.168.0.0/16', '172.16.5.0/24', '0.0.0.0/0', 'fd00:1::/64'];
const networks = fc
  .array(fc.record({ isHub: fc.boolean(), routes: fc.subarray(cidrPool, { maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((specs) => network(specs.map(({ isHub, routes }, i) => ({ id: `p${i}`, isHub, additionalAllowedIps: routes }))));

test('for every network: valid states, no address under two peers, links known at both ends', () => {
  fc.assert(
    fc.property(networks, (net) => {
      for (const peer of net.peers.values()) {
        const state = compile(net, peer);
        assert.ok(Value.Check(PeerStateSchema, state));
        const all = state.peers.flatMap((other) => other.allowedIps);
        assert.equal(new Set(all).size, all.length, 'WireGuard keeps an allowed IP under one peer only');
        for (const route of state.routes) assert.ok(all.includes(route), 'a route into the tunnel that no peer takes');
        for (const cidr of all) {
          const covered = [...state.routes, ...(peer.isHub ? net.cidrs : [])].some((route) =>
            contains(parseCidr(route)!, parseCidr(cidr)!),
          );
          assert.ok(covered, `${cidr} is allowed but not routed`);
        }
        for (const other of state.peers) {
          const back = compile(net, net.peers.get(net.peerByKey.get(other.publicKey)!)!);
          const mirror = back.peers.find((one) => one.publicKey === peer.publicKey);
          assert.equal(mirror?.presharedKey, other.presharedKey);
        }
      }
    }),
  );
});

test('for every pair of spokes: what one sends through its primary hub, the other accepts from it', () => {
  fc.assert(
    fc.property(networks, (net) => {
      const spokes = [...net.peers.values()].filter((peer) => !peer.isHub);
      for (const from of spokes) {
        for (const to of spokes) {
          if (from === to) continue;
          const out = winner(compile(net, from), to.addresses[0]!);
          if (!out) continue;
          const hub = net.peers.get(net.peerByKey.get(out)!)!;
          assert.equal(
            winner(compile(net, hub), to.addresses[0]!),
            to.publicKey,
            'the hub forwards to the spoke itself',
          );
          assert.equal(
            winner(compile(net, to), from.addresses[0]!),
            hub.publicKey,
            'and the spoke takes it from that hub',
          );
        }
      }
    }),
  );
});

/** The peer that WireGuard would send a packet for `address` to: the longest matching allowed IP. */
function winner(state: PeerState, address: string): string | undefined {
  const target = parseCidr(`${address}/32`)!;
  let best: { prefix: number; publicKey: string } | undefined;
  for (const { publicKey, allowedIps } of state.peers) {
    for (const text of allowedIps) {
      const cidr = parseCidr(text)!;
      if (contains(cidr, target) && cidr.prefix > (best?.prefix ?? -1)) best = { prefix: cidr.prefix, publicKey };
    }
  }
  return best?.publicKey;
}
