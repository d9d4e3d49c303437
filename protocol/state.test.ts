import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { applyDelta, diffState, jsonEqual, PeerState, StateDelta, type WgPeer } from './index.ts';

const keys = Array.from({ length: 12 }, (_, i) => `${Buffer.alloc(32, i + 1).toString('base64')}`);
const cidrs = fc.subarray(['10.0.0.0/8', '192.168.1.0/24', 'fd00::/64', '10.77.0.2/32']);

const wgPeer = (publicKey: string): fc.Arbitrary<WgPeer> =>
  fc.record(
    {
      publicKey: fc.constant(publicKey),
      name: fc.constantFrom('a', 'b'),
      hub: fc.boolean(),
      presharedKey: fc.constantFrom(...keys),
      endpoint: fc.constantFrom('198.51.100.1:51820', 'hub.example:443'),
      allowedIps: cidrs,
      keepalive: fc.constantFrom(0, 25),
    },
    { requiredKeys: ['publicKey', 'name', 'hub', 'allowedIps', 'keepalive'] },
  );
const state: fc.Arbitrary<PeerState> = fc
  .record({
    role: fc.constantFrom('hub' as const, 'spoke' as const),
    mtu: fc.constantFrom(1420, 1280),
    listenPort: fc.option(fc.constantFrom(51820, 51821), { nil: undefined }),
    routes: cidrs,
    servers: fc.subarray(['1.1.1.1', '9.9.9.9']),
    peers: fc.subarray(keys).chain((chosen) => fc.tuple(...[...chosen].sort().map(wgPeer))),
  })
  .map(({ role, mtu, listenPort, routes, servers, peers }) => ({
    peer: { id: 'p', name: 'laptop', networkId: 'n', networkName: 'office', role },
    interface: {
      publicKey: keys[0]!,
      addresses: ['10.77.0.2/32'],
      mtu,
      ...(listenPort !== undefined && { listenPort }),
    },
    routes,
    dns: { servers, search: [] },
    peers,
  }));

test('applying the difference of two states to the first gives the second', () => {
  fc.assert(
    fc.property(state, state, (from, to) => {
      const delta = diffState(from, to);
      if (!delta) return assert.ok(jsonEqual(from, to));
      assert.ok(Value.Check(StateDelta, delta));
      // As it arrives: through JSON.
      assert.ok(jsonEqual(applyDelta(from, JSON.parse(JSON.stringify(delta))), to));
      assert.ok(Value.Check(PeerState, applyDelta(from, delta)));
    }),
  );
});

test('a state does not differ from its copy', () => {
  fc.assert(fc.property(state, (one) => assert.equal(diffState(one, structuredClone(one)), undefined)));
});

test('a change of one peer among 10,000 is a delta of one peer', () => {
  const peers = Array.from({ length: 10_000 }, (_, i) => ({
    publicKey: Buffer.alloc(32, `${i}-`).toString('base64'),
    name: `p${i}`,
    hub: false,
    allowedIps: [`10.1.${i >> 8}.${i & 255}/32`],
    keepalive: 25,
  })).sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
  const [base] = fc.sample(state, 1) as [PeerState];
  const from = { ...base, peers };
  const changed = { ...peers[5000]!, name: 'renamed' };
  const to = { ...from, peers: peers.with(5000, changed) };
  assert.deepEqual(diffState(from, to), { upsert: [changed] });
});

test('a delta leaves its arguments as they were', () => {
  fc.assert(
    fc.property(state, state, (from, to) => {
      const before = JSON.stringify(from);
      const delta = diffState(from, to);
      if (delta) applyDelta(from, delta);
      assert.equal(JSON.stringify(from), before);
    }),
  );
});

test('every text and list of a state has a bound', () => {
  const unbounded: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string): void => {
    const {
      type,
      properties = {},
      items,
      anyOf = [],
    } = schema as {
      type?: string;
      properties?: Record<string, Record<string, unknown>>;
      items?: Record<string, unknown>;
      anyOf?: Record<string, unknown>[];
    };
    if (type === 'string' && !('maxLength' in schema || 'pattern' in schema || 'const' in schema)) unbounded.push(path);
    if (type === 'array' && !('maxItems' in schema)) unbounded.push(path);
    for (const [key, value] of Object.entries(properties)) walk(value, `${path}/${key}`);
    if (items) walk(items, `${path}/*`);
    for (const one of anyOf) walk(one, path);
  };
  walk(PeerState as unknown as Record<string, unknown>, 'state');
  walk(StateDelta as unknown as Record<string, unknown>, 'delta');
  assert.deepEqual(unbounded, []);
});

test('names as long as the controller lets them be are good, and longer ones than any are not', () => {
  const [one] = fc.sample(state, 1) as [PeerState];
  const named = (name: string, networkName: string): PeerState => ({
    ...one,
    peer: { ...one.peer, name, networkName },
  });
  // Characters, not the units that JavaScript counts.
  assert.ok(Value.Check(PeerState, named('😀'.repeat(64), '😀'.repeat(100))));
  assert.ok(!Value.Check(PeerState, named('a'.repeat(254), 'b')));
  assert.ok(!Value.Check(PeerState, named('a', 'b'.repeat(254))));
  assert.ok(!Value.Check(PeerState, { ...one, peer: { ...one.peer, id: 'x'.repeat(65) } }));
  assert.ok(!Value.Check(PeerState, { ...one, dns: { servers: ['1'.repeat(46)], search: [] } }));
});
