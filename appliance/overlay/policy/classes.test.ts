import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cidr, contains, parseCidr } from '../addresses.ts';
import { compile } from '../compile.ts';
import { putPeer } from '../snapshot.ts';
import { network } from '../testing.ts';
import { classify } from './classes.ts';
import { evaluate, evaluateExternal } from './evaluate.ts';
import { OPEN_POLICY } from './model.ts';
import { policedNetworks } from './testing.ts';

test('for every network and pair of peers: the classes say what the evaluator says', () => {
  fc.assert(
    fc.property(policedNetworks, (net) => {
      const { classOf, rights } = classify(net);
      for (const from of net.peers.values()) {
        const own = rights.find(({ id }) => id === classOf(from))!;
        for (const to of net.peers.values()) {
          if (from === to) continue;
          assert.equal(own.allow.includes(classOf(to)), evaluate(net, from, to).allowed, `${from.id} → ${to.id}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('for every network and address outside: the CIDRs of the class hold it when the evaluator allows it', () => {
  const addresses = ['192.168.1.1', '192.168.1.200', '192.168.9.9', '172.16.5.5', '172.17.0.1', '10.9.1.1', '8.8.8.8'];
  fc.assert(
    fc.property(policedNetworks, (net) => {
      const { classOf, rights } = classify(net);
      for (const from of net.peers.values()) {
        const cidrs = rights.find(({ id }) => id === classOf(from))!.cidrs.map((text) => parseCidr(text) as Cidr);
        for (const address of addresses) {
          const holders = cidrs.filter((cidr) => contains(cidr, parseCidr(`${address}/32`)!));
          assert.ok(holders.length <= 1, 'disjoint');
          assert.equal(holders.length === 1, evaluateExternal(net, from, address).allowed, `${from.id} → ${address}`);
        }
        for (const cidr of cidrs)
          assert.ok(!contains(cidr, parseCidr('10.77.0.9/32')!), 'no address of the network itself');
      }
    }),
    { numRuns: 300 },
  );
});

test('a peer that joins a group changes its own class; the numbers of the others stay', () => {
  fc.assert(
    fc.property(policedNetworks, fc.constantFrom('p1', 'p2'), (net, id) => {
      const before = classify(net);
      const numbers = new Map([...net.peers.values()].map((peer) => [peer.id, before.classOf(peer)]));
      putPeer(net, id, { ...net.peers.get(id)!, groupIds: ['g1'] });
      const after = classify(net);
      for (const peer of net.peers.values())
        if (peer.id !== id) assert.equal(after.classOf(peer), numbers.get(peer.id));
    }),
  );
});

test('10,000 peers without rules are one class, and one more is one peer more in the hub state', () => {
  const net = network([{ id: 'hub', isHub: true }, ...Array.from({ length: 10_000 }, (_, i) => ({ id: `p${i}` }))], {
    policy: OPEN_POLICY,
  });
  const state = compile(net, net.peers.get('hub')!);
  assert.equal(state.firewall?.classes.length, 1);
  assert.ok(state.peers.every((peer) => peer.class === state.firewall?.own));
});
