import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalEndpoint, canonicalNetwork, contains, formatAddress, parseCidr, parseEndpoint } from './cidr.ts';

test('addresses are spelled as the C library spells them', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV6(), fc.ipV4()), (text) => {
      const family = text.includes(':') ? 'ipv6' : 'ipv4';
      const { address } = new SocketAddress({ address: text, family });
      // The mixed form that inet_ntop has for ::a.b.c.d and ::ffff:a.b.c.d says the same.
      const mixed = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
      const ours = formatAddress(parseCidr(text));
      if (family === 'ipv6' && mixed) assert.equal(parseCidr(ours).address, parseCidr(address).address);
      else assert.equal(ours, address);
    }),
    { numRuns: 2000 },
  );
});

test('networks lose their host bits', () => {
  assert.equal(canonicalNetwork('10.1.2.3/8'), '10.0.0.0/8');
  assert.equal(canonicalNetwork('10.1.2.3'), '10.1.2.3/32');
  assert.equal(canonicalNetwork('FD00:0:0::5:1/64'), 'fd00::/64');
  assert.equal(canonicalNetwork('::/0'), '::/0');
  assert.equal(canonicalNetwork('::ffff:10.1.2.3/128'), '::ffff:a01:203/128');
});

test('what isn’t a block is refused', () => {
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    'fe80::1%eth0/64',
    '10.0.0.0/8\nrule add',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '::/129',
    'host/8',
  ])
    assert.throws(() => parseCidr(text), RangeError, text);
});

test('containment goes by family and prefix', () => {
  const inside = (outer: string, inner: string): boolean => contains(parseCidr(outer), parseCidr(inner));
  assert.ok(inside('10.0.0.0/8', '10.255.0.1'));
  assert.ok(inside('0.0.0.0/0', '192.0.2.1'));
  assert.ok(!inside('10.0.0.0/8', '11.0.0.1'));
  assert.ok(!inside('::/0', '10.0.0.1'));
  assert.ok(!inside('10.1.0.0/16', '10.0.0.0/8'));
});

test('endpoints are addresses with a port', () => {
  assert.equal(canonicalEndpoint('[2001:DB8::0:1]:51820'), '[2001:db8::1]:51820');
  assert.equal(canonicalEndpoint('[fe80::1%eth0]:1'), '[fe80::1%eth0]:1');
  assert.equal(canonicalEndpoint('hub.example:51820'), 'hub.example:51820');
  for (const text of [
    'hub.example:1',
    '10.0.0.1',
    '10.0.0.1:65536',
    '[10.0.0.1]:1'.replace('10', '1000'),
    '2001:db8::1:51820',
    '10.0.0.1:1\n',
  ])
    assert.equal(parseEndpoint(text), undefined, text);
});
