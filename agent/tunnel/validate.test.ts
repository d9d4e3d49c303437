import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerState, WgPeer } from '@gatehouse/protocol';
import fc from 'fast-check';
import { HUB_KEY, spokeState } from '../controller/testing/fake-controller.ts';
import { isCidr, parseEndpoint, primaryHub, stateProblem } from './validate.ts';

test('CIDRs are taken in plain notation only', () => {
  for (const good of ['10.0.0.0/8', '10.10.0.5/24', '0.0.0.0/0', 'fd00::/64', '::/0', '::1/128']) {
    assert.equal(isCidr(good), true, good);
  }
  for (const bad of [
    '10.0.0.0',
    '10.0.0/8',
    '010.0.0.0/8',
    '0x0a.0.0.0/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/',
    'fd00::/129',
    'fe80::1%eth0/64',
    'host/24',
    '/24',
    '10.0.0.0/8 ',
    '10.0.0.0/8\nPostUp = reboot',
  ]) {
    assert.equal(isCidr(bad), false, bad);
  }
});

test('endpoints are host:port, IPv6 in brackets', () => {
  assert.deepEqual(parseEndpoint('192.0.2.1:51820'), { host: '192.0.2.1', port: 51820, isAddress: true });
  assert.deepEqual(parseEndpoint('[2001:db8::1]:1'), { host: '2001:db8::1', port: 1, isAddress: true });
  assert.deepEqual(parseEndpoint('gate.example.org:65535'), {
    host: 'gate.example.org',
    port: 65535,
    isAddress: false,
  });
  for (const bad of [
    '',
    'gate',
    'gate:',
    ':51820',
    'gate:0',
    'gate:65536',
    '2001:db8::1:51820',
    '[gate]:1',
    '[192.0.2.1]:1',
    '10.1:1',
    '1.2.3.400:1',
    'a b:1',
    '-a:1',
    'a..b:1',
    'gate:1\n',
    '$(reboot):1',
    '[fe80::1%eth0]:1',
  ]) {
    assert.equal(parseEndpoint(bad), undefined, bad);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a1.:[]-%_ /\n') }), (text) => {
      const parsed = parseEndpoint(text);
      if (parsed) assert.match(parsed.host, /^[A-Za-z0-9_.:-]+$/);
    }),
  );
});

test('a state is refused for each part that is not what it claims', () => {
  const good = spokeState(HUB_KEY);
  assert.equal(stateProblem(good), undefined);
  const peer = good.peers[0]!;
  const cases: [Partial<PeerState>, RegExp][] = [
    [{ interface: { ...good.interface, addresses: ['10.10.0.5'] } }, /addresses/],
    [{ routes: ['10.0.0.0/99'] }, /routes/],
    [{ dns: { servers: ['dns.example'], search: [] } }, /dns\.servers/],
    [{ dns: { servers: [], search: ['a b'] } }, /dns\.search/],
    [{ dns: { servers: [], search: ['a\noptions x'] } }, /dns\.search/],
    [{ peers: [{ ...peer, allowedIps: ['all'] }] }, /allowedIps/],
    [{ peers: [{ ...peer, endpoint: 'gate' }] }, /endpoint/],
  ];
  for (const [parts, problem] of cases) assert.match(stateProblem(parts) ?? '', problem);
  assert.equal(stateProblem({}), undefined);
});

test('the primary hub is the one with the widest range', () => {
  const hub = (publicKey: string, ...allowedIps: string[]): WgPeer => ({
    publicKey,
    name: publicKey,
    hub: true,
    allowedIps,
    keepalive: 25,
  });
  const state = (...peers: WgPeer[]): PeerState => ({ ...spokeState(HUB_KEY), peers });
  const pick = (...peers: WgPeer[]) => primaryHub(state(...peers))?.publicKey;
  assert.equal(pick(hub('a', '10.10.0.2/32'), hub('b', '10.10.0.1/32', '10.10.0.0/24')), 'b');
  assert.equal(pick(hub('b', '10.10.0.0/24'), hub('a', '10.10.0.0/24')), 'a');
  assert.equal(pick(hub('a', 'fd00::2/128', '10.10.0.2/32'), hub('b', 'fd00::/64')), 'b');
  assert.equal(pick({ ...hub('a', '0.0.0.0/0'), hub: false }), undefined);
  assert.equal(pick(hub('a')), 'a');
  const own = state(hub('a', '10.10.0.0/24'));
  assert.equal(primaryHub({ ...own, peer: { ...own.peer, role: 'hub' } }), null);
});
