import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatEndpoint, isSeenEndpoint, parseEndpoint } from './endpoint.ts';

test('an endpoint is a host, with a port or without', () => {
  for (const [text, host, port] of [
    ['203.0.113.5', '203.0.113.5', undefined],
    ['203.0.113.5:51820', '203.0.113.5', 51820],
    ['vpn.example.com', 'vpn.example.com', undefined],
    ['vpn.example.com.:1', 'vpn.example.com.', 1],
    ['localhost:65535', 'localhost', 65535],
    ['_wg.example:80', '_wg.example', 80],
    ['2001:db8::1', '2001:db8::1', undefined],
    ['[2001:db8::1]', '2001:db8::1', undefined],
    ['[2001:db8::1]:4500', '2001:db8::1', 4500],
  ] as const) {
    assert.deepEqual(parseEndpoint(text), port === undefined ? { host } : { host, port }, text);
  }
});

test('what is none is refused: nothing of it may reach a WireGuard file', () => {
  for (const text of [
    '',
    ' ',
    ':51820',
    'host:',
    'host:0',
    'host:65536',
    'host:123456',
    'host:-1',
    'host:1:2',
    'ho st',
    'host\n',
    'host\nPostUp = x',
    'a..b',
    '-a.example',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.4 ',
    '[::1',
    '::1]',
    '[1.2.3.4]:5',
    '[fe80::1%eth0]:5',
    'fe80::1%eth0',
    'http://host',
    'user@host',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
    'hôst',
  ]) {
    assert.equal(parseEndpoint(text), undefined, JSON.stringify(text));
  }
});

test('the port is written once: its own, else the listen port, else 51820', () => {
  assert.equal(formatEndpoint('host:1', 2), 'host:1');
  assert.equal(formatEndpoint('host', 2), 'host:2');
  assert.equal(formatEndpoint('host', null), 'host:51820');
  assert.equal(formatEndpoint('2001:db8::1', 2), '[2001:db8::1]:2');
  assert.equal(formatEndpoint('[2001:db8::1]:1', 2), '[2001:db8::1]:1');
  assert.equal(formatEndpoint('', 2), undefined);
});

test('what WireGuard reports is an address with a port', () => {
  for (const text of ['1.2.3.4:5', '[2001:db8::1]:51820']) assert.ok(isSeenEndpoint(text), text);
  for (const text of ['', '1.2.3.4', 'host:5', '<b>:5', '2001:db8::1', '1.2.3.4:0'])
    assert.ok(!isSeenEndpoint(text), text);
});
