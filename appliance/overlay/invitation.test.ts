import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invitationTo, type Reach, reachedAt } from './invitation.ts';

const pin = `sha256:${'A'.repeat(43)}`;
const tls = (names: string[], own = true): Reach['tls'] => ({
  pin,
  selfSigned: own,
  isFor: (host) => names.includes(host),
});
const at = (protocol: string, host: string, reach: Partial<Reach> = {}) =>
  reachedAt({ protocol, host }, { publicUrl: undefined, tls: undefined, ...reach });

test('an invitation leads where the administrator is, or where the setting says', () => {
  assert.deepEqual(at('http', 'gate.example.org:8080'), { url: 'http://gate.example.org:8080', pin: null });
  const publicUrl = 'https://gate.example.org/site';
  assert.deepEqual(at('http', '127.0.0.1:8080', { publicUrl }), { url: publicUrl, pin: null });
  const here = 'http://127.0.0.1:8080';
  assert.deepEqual(at('http', 'x', { publicUrl: here }), { url: here, pin: null }, 'where somebody says so');
});

test('not to the device itself', () => {
  for (const host of [
    '127.0.0.1:8080',
    'localhost',
    'a.localhost:1',
    '[::1]:80',
    '127.9.9.9',
    '0.0.0.0:1',
    '[::]',
    '',
  ]) {
    for (const protocol of ['http', 'https']) {
      assert.throws(
        () => at(protocol, host, { tls: tls([]) }),
        /leads a device to itself: set GATEHOUSE_PUBLIC_URL/,
        host,
      );
    }
  }
});

test('its pin goes with https alone, and with a name that the certificate is for', () => {
  const reach = { tls: tls(['gate.example.org', '2001:db8::1']) };
  assert.deepEqual(at('https', 'gate.example.org:8443', reach), { url: 'https://gate.example.org:8443', pin });
  assert.deepEqual(at('https', '[2001:db8::1]', reach), { url: 'https://[2001:db8::1]', pin });
  assert.equal(at('http', 'gate.example.org', reach).pin, null);
  assert.throws(
    () => at('https', 'other.example:8443', reach),
    /not for other\.example: set GATEHOUSE_PUBLIC_URL to https:\/\/other\.example:8443,/,
  );
  // What an administrator gave is theirs to name.
  assert.equal(at('https', 'other.example', { tls: tls([], false) }).pin, pin);
  assert.equal(at('https', 'x.example', { tls: { pin: undefined, selfSigned: false, isFor: () => true } }).pin, null);
});

test('the link, and its QR code, have the pin where there is one', () => {
  const url = 'https://gate.example.org';
  const { link, qr, ...rest } = invitationTo({ url, pin }, 'ghe_x', null);
  assert.deepEqual(rest, { url, pin, expires: null });
  assert.deepEqual(Object.fromEntries(new URL(link).searchParams), { url, token: 'ghe_x', pin });
  const without = invitationTo({ url, pin: null }, 'ghe_x', null);
  assert.deepEqual(Object.fromEntries(new URL(without.link).searchParams), { url, token: 'ghe_x' });
  assert.notEqual(qr, without.qr);
});
