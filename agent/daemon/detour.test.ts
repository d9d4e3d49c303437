import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Detour } from './detour.ts';

test('under a route of the tunnel the ways are taken by turns', () => {
  const detour = new Detour('http://198.51.100.1:8080');
  assert.equal(detour.door, undefined);
  assert.ok(detour.failed(['10.0.0.0/8', '0.0.0.0/0']));
  assert.deepEqual(detour.door, { address: '198.51.100.1', port: 8080 });
  // The route went meanwhile: back to the usual way all the same.
  assert.ok(detour.failed([]));
  assert.equal(detour.door, undefined);
});

test('without such a route there is one way only', () => {
  const detour = new Detour('https://[2001:db8::1]');
  assert.ok(!detour.failed(['0.0.0.0/0', '2001:db8:1::/48']));
  assert.ok(detour.failed(['::/0']));
  assert.deepEqual(detour.door, { address: '2001:db8::1', port: 443 });
});

test('a name has the address at which it was reached last', () => {
  const fresh = new Detour('https://gate.example.org');
  assert.ok(!fresh.failed(['0.0.0.0/0']), 'nobody knows where it is');
  assert.ok(fresh.reached('::ffff:192.0.2.7'));
  assert.ok(!fresh.reached('192.0.2.7'));
  assert.ok(fresh.failed(['0.0.0.0/0']));
  assert.deepEqual(fresh.door, { address: '192.0.2.7', port: 443 });
  const again = new Detour('https://gate.example.org', '192.0.2.7');
  assert.ok(again.failed(['192.0.2.0/24']));
});

test('what is no plain address is not remembered', () => {
  for (const text of ['', 'fe80::1%eth0', 'gate.example.org']) {
    const detour = new Detour('https://gate.example.org', text);
    assert.ok(!detour.reached(text), text);
    assert.ok(!detour.failed(['0.0.0.0/0', '::/0']), text);
    assert.equal(detour.address, undefined);
  }
});
