import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerState, type WgPeer } from '@gatehouse/protocol';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { Compile } from 'typebox/compile';
import { HUB_KEY, spokeState } from '../controller/testing/fake-controller.ts';
import { isCidr, parseEndpoint, primaryHub, stateProblem } from './validate.ts';

const isPeerState = Compile(PeerState);

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

test('what no device should be told is refused, and what holds it along with the rest is not', () => {
  const good = spokeState(HUB_KEY);
  const problem = (parts: Partial<PeerState>) => stateProblem({ ...good, ...parts }) ?? '';
  const own = (...addresses: string[]) => ({ interface: { ...good.interface, addresses } });
  const never = ['0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.0.1', '169.254.169.254', '224.0.0.251', '239.1.1.1'];
  const never6 = ['::', '::1', '::ffff:10.0.0.1', '::ffff:7f00:1', 'fe80::1', 'febf::1', 'ff02::1'];
  for (const [addresses, bits] of [
    [[...never, '255.255.255.255'], 32],
    [never6, 128],
  ] as const) {
    for (const address of addresses) {
      assert.match(problem({ routes: [`${address}/${bits}`] }), /^routes hold .*, which is /, address);
      assert.match(problem(own(`${address}/${bits}`)), /^addresses hold .*, which is /, address);
      assert.match(problem({ dns: { servers: [address], search: [] } }), /^dns\.servers hold .*, which is /, address);
    }
  }
  for (const range of ['127.0.0.0/8', '224.0.0.0/4', '169.254.0.0/16', 'fe80::/10', 'ff00::/8', '0.0.0.0/8'])
    assert.match(problem({ routes: [range] }), /^routes hold/, range);
  for (const range of [
    '0.0.0.0/0',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '::/0',
    '::/1',
    '2000::/3',
    '64:ff9b::/96',
    '126.0.0.0/8',
    '170.0.0.0/8',
    '223.0.0.0/8',
    '240.0.0.0/4',
    'fd00::/8',
  ])
    assert.equal(problem({ routes: [range] }), '', range);
  for (const wide of ['10.10.0.5/24', '0.0.0.0/0', 'fd00::5/64'])
    assert.match(problem(own(wide)), /^addresses hold/, wide);
  const hub = { peer: { ...good.peer, role: 'hub' as const } };
  assert.equal(problem({ ...hub, ...own('10.10.0.1/24', 'fd00::1/64') }), '');
  assert.match(problem({ ...hub, ...own('127.0.0.1/8') }), /loopback/);
  const [peer] = good.peers;
  assert.match(problem({ peers: [peer!, { ...peer!, name: 'again' }] }), /two peers have the public key/);
  for (const mtu of [1279, 9001, 65535])
    assert.equal(isPeerState.Check({ ...good, interface: { ...good.interface, mtu } }), false);
  assert.ok(isPeerState.Check({ ...good, interface: { ...good.interface, mtu: 9000 } }));
});

test('the first characters that are looked at miss no range', () => {
  const part = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(fc.tuple(part, part, part, part), ([a, b, c, d]) => {
      const bad = a === 0 || a === 127 || (a === 169 && b === 254) || (a >= 224 && a < 240) || (a & b & c & d) === 255;
      const said = stateProblem({ routes: [`${a}.${b}.${c}.${d}/32`] });
      assert.equal(said !== undefined, bad);
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const [bytes] = [ipaddr.parse(address).toByteArray()];
      const zero = (from: number, to: number) => bytes.slice(from, to).every((byte) => byte === 0);
      const mapped = zero(0, 10) && bytes[10] === 255 && bytes[11] === 255;
      const bad = zero(0, 12) || mapped || bytes[0] === 255 || (bytes[0] === 254 && (bytes[1]! & 192) === 128);
      assert.equal(stateProblem({ routes: [`${address}/128`] }) !== undefined, bad, address);
    }),
  );
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
