import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDelta, type PeerState } from '@gatehouse/protocol';
import fc from 'fast-check';
import { advance, createStream, since } from './stream.ts';

const KEYS = Array.from({ length: 6 }, (_, i) => Buffer.alloc(32, i + 1).toString('base64')).sort();

const anyState = fc
  .record({
    mtu: fc.constantFrom(1300, 1400),
    dns: fc.subarray(['1.1.1.1', '9.9.9.9']),
    routes: fc.subarray(['10.0.0.0/8', '192.168.0.0/16']),
    peers: fc.uniqueArray(fc.record({ key: fc.constantFrom(...KEYS), port: fc.constantFrom(1, 2) }), {
      selector: ({ key }) => key,
    }),
  })
  .map(
    ({ mtu, dns, routes, peers }): PeerState => ({
      peer: { id: 'p', name: 'p', networkId: 'n', networkName: 'n', role: 'spoke' },
      interface: { publicKey: KEYS[0] as string, addresses: ['10.0.0.1/32'], mtu },
      routes,
      dns: { servers: dns, search: [] },
      peers: peers
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map(({ key, port }) => ({
          publicKey: key,
          name: key,
          hub: false,
          endpoint: `h:${port}`,
          allowedIps: [],
          keepalive: 25,
        })),
    }),
  );

test('any run of states, any point to resume at: the agent ends at the state of the controller', () => {
  fc.assert(
    fc.property(fc.array(anyState, { minLength: 1, maxLength: 100 }), fc.nat(), (states, point) => {
      const [first, ...rest] = states as [PeerState, ...PeerState[]];
      const stream = createStream(first);
      const told = new Map([[1, first]]);
      for (const state of rest) {
        const before = stream.seq;
        const entry = advance(stream, state);
        assert.equal(stream.seq, entry ? before + 1 : before, 'a number goes up by one, and only for a change');
        if (entry) told.set(entry.seq, applyDelta(told.get(before) as PeerState, entry.delta));
        assert.deepEqual(told.get(stream.seq), state, 'one number is one state');
      }
      const seq = 1 + (point % stream.seq);
      const missed = since(stream, { epoch: stream.epoch, seq });
      if (!missed) {
        assert.ok(stream.seq - seq > 64, 'only what is long gone has to be sent whole');
        return;
      }
      assert.deepEqual(
        missed.map((entry) => entry.seq),
        Array.from({ length: stream.seq - seq }, (_, i) => seq + 1 + i),
      );
      const end = missed.reduce((state, { delta }) => applyDelta(state, delta), told.get(seq) as PeerState);
      assert.deepEqual(end, states.at(-1));
    }),
  );
});

test('no resume at another epoch, at a number from the future, or before what is kept', () => {
  const [state] = fc.sample(anyState, 1) as [PeerState];
  const stream = createStream(state);
  const { epoch } = stream;
  assert.deepEqual(since(stream, { epoch, seq: 1 }), []);
  assert.equal(since(stream, { epoch: 'other', seq: 1 }), undefined);
  assert.equal(since(stream, { epoch, seq: 2 }), undefined);
  for (let mtu = 1301; mtu < 1401; mtu++) advance(stream, { ...state, interface: { ...state.interface, mtu } });
  assert.equal(stream.seq, 101);
  assert.equal(since(stream, { epoch, seq: 37 })?.length, 64);
  assert.equal(since(stream, { epoch, seq: 36 }), undefined);
  assert.notEqual(createStream(state).epoch, epoch);
});
