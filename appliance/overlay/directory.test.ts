import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Directory } from '@gatehouse/protocol';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { directoryOf } from './directory.ts';
import { evaluate } from './policy/evaluate.ts';
import { OPEN_POLICY } from './policy/model.ts';
import { policedNetworks } from './policy/testing.ts';
import type { NetworkSnapshot, SnapshotPeer } from './snapshot.ts';
import { network } from './testing.ts';

const schema = Compile(Directory);
const HUB = { id: 'hub', isHub: true, endpoint: '198.51.100.1' };
const nobody = () => false;
const names = (net: NetworkSnapshot, id: string, search = '') =>
  directoryOf(net, net.peers.get(id)!, search, nobody).names.map(({ name }) => name);

test('by name, hubs included, without itself; online as the sessions say, null without an agent', () => {
  const cidrs = ['10.77.0.0/16', 'fd77::/64'];
  const peers = [HUB, { id: 'zed' }, { id: 'me' }, { id: 'Printer 1', useAgent: false }, { id: '…' }];
  const net = network(peers, { cidrs });
  const answer = directoryOf(net, net.peers.get('me')!, '', (id) => id === 'zed');
  assert.ok(schema.Check(answer));
  assert.deepEqual(answer, {
    names: [
      { name: 'hub', dns: 'hub.internal', addresses: ['10.77.0.1', 'fd77::1'], online: false },
      { name: 'Printer 1', dns: 'printer-1.internal', addresses: ['10.77.0.4', 'fd77::4'], online: null },
      { name: 'zed', dns: 'zed.internal', addresses: ['10.77.0.2', 'fd77::2'], online: true },
      { name: '…', dns: null, addresses: ['10.77.0.5', 'fd77::5'], online: false },
    ],
    more: false,
  });
});

test('search holds in name, DNS name and address, whatever the case', () => {
  const net = network([HUB, { id: 'me' }, { id: 'File Server' }, { id: 'other' }]);
  for (const [search, found] of [
    [' FILE ', ['File Server']],
    ['file-server.int', ['File Server']],
    ['10.77.0.4', ['other']],
    ['.internal', ['File Server', 'hub', 'other']],
    ['%', []],
    ['me', []],
  ] as const) {
    assert.deepEqual(names(net, 'me', search), found, search);
  }
});

test('who is kept out reaches nobody and is listed by nobody', () => {
  const acl = { enabled: true, blocked: new Set(['mallory']), rules: [] };
  const peers = [HUB, { id: 'alice' }, { id: 'mallory' }, { id: 'sick', quarantined: true }];
  const net = network(peers, { policy: { ...OPEN_POLICY, acl } });
  assert.deepEqual(names(net, 'alice'), ['hub']);
  for (const id of ['mallory', 'sick']) assert.deepEqual(names(net, id), []);
});

test('for every network and peer: exactly those that the evaluator allows', () => {
  fc.assert(
    fc.property(policedNetworks, (net) => {
      for (const from of net.peers.values()) {
        const allowed = [...net.peers.values()].filter((to) => to !== from && evaluate(net, from, to).allowed);
        const listed = directoryOf(net, from, '', nobody).names.map(({ addresses }) => addresses[0]);
        assert.deepEqual(listed.sort(), allowed.map(({ addresses }) => addresses[0]).sort());
      }
    }),
    { numRuns: 100 },
  );
});

test('10,000 peers: the first 500 by name, and the rules asked once a class, not once a peer', () => {
  const peers: (Partial<SnapshotPeer> & { id: string })[] = [HUB, { id: 'me' }];
  for (let i = 0; i < 10_000; i++) {
    const id = `p${String(i).padStart(5, '0')}`;
    peers.push({ id, publicKey: id, groupIds: i % 2 === 0 ? ['even'] : [] });
  }
  const group = { name: '', priority: 1, createdAt: '', policyIds: ['closed'], routeIds: [] };
  const rule = { id: 'r', direction: 'input' as const, action: 'deny' as const, description: '' };
  const rules = [{ ...rule, target: '10.77.0.0/16', targetType: 'cidr' as const }];
  const policy = {
    ...OPEN_POLICY,
    groups: new Map([['even', { ...group, id: 'even' }]]),
    policies: new Map([['closed', { id: 'closed', name: 'closed', rules }]]),
  };
  const net = network(peers, { policy });
  const stats = { evaluated: 0 };
  let online = 0;
  const isOnline = () => {
    online += 1;
    return true;
  };
  const answer = directoryOf(net, net.peers.get('me')!, '', isOnline, stats);
  assert.ok(schema.Check(answer));
  assert.equal(answer.more, true);
  assert.deepEqual(
    answer.names.slice(0, 3).map(({ name }) => name),
    ['hub', 'p00001', 'p00003'],
  );
  assert.equal(answer.names.length, 500);
  assert.ok(stats.evaluated <= 3, `${stats.evaluated} evaluations`);
  assert.equal(online, 500, 'sessions are asked for who is shown only');
});
