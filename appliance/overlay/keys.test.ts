import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { generateKeyPair, generatePskSecret, generateToken, linkPresharedKey } from './keys.ts';

test('a key pair is X25519: the public half follows from the private one', () => {
  const { publicKey, privateKey } = generateKeyPair();
  // RFC 8410: the fixed header of a PKCS #8 X25519 key.
  const header = Buffer.from('302e020100300506032b656e04220420', 'hex');
  const der = Buffer.concat([header, Buffer.from(privateKey, 'base64')]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  assert.equal(spki.subarray(-32).toString('base64'), publicKey);
  assert.notEqual(generateKeyPair().privateKey, privateKey);
});

test('a token is its prefix and 256 random bits', () => {
  assert.match(generateToken(), /^ghe_[0-9a-f]{64}$/);
  assert.equal(new Set(Array.from({ length: 100 }, generateToken)).size, 100);
});

test('a link has one preshared key, the same from both ends, and another link another', () => {
  const secret = Buffer.from(generatePskSecret(), 'base64');
  assert.equal(secret.length, 32);
  const [a, b, c] = Array.from({ length: 3 }, () => generateKeyPair().publicKey) as [string, string, string];
  const key = linkPresharedKey(secret, a, b);
  assert.equal(Buffer.from(key, 'base64').length, 32);
  assert.equal(linkPresharedKey(secret, b, a), key);
  assert.notEqual(linkPresharedKey(secret, a, c), key);
  assert.notEqual(linkPresharedKey(Buffer.alloc(32), a, b), key);
});
