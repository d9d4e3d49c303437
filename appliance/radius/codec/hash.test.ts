import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { hmacMd5, md4, md5, Secret } from './index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const TEXTS = [
  '',
  'a',
  'abc',
  'message digest',
  'abcdefghijklmnopqrstuvwxyz',
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  '12345678901234567890123456789012345678901234567890123456789012345678901234567890',
];

test('MD5: the test suite of RFC 1321, appendix A.5', () => {
  assert.deepEqual(
    TEXTS.map((text) => hex(md5(bytes(text)))),
    [
      'd41d8cd98f00b204e9800998ecf8427e',
      '0cc175b9c0f1b6a831c399e269772661',
      '900150983cd24fb0d6963f7d28e17f72',
      'f96b697d7cb7938d525a2f31aaf161d0',
      'c3fcd3d76192e4007dfb496cca67e13b',
      'd174ab98d277d9f5a5611c2c9f419d9f',
      '57edf4a22be3c955ac49da2e2107b67a',
    ],
  );
});

test('MD4: the test suite of RFC 1320, appendix A.5', () => {
  assert.deepEqual(
    TEXTS.map((text) => hex(md4(bytes(text)))),
    [
      '31d6cfe0d16ae931b73c59d7e0c089c0',
      'bde52cb31de33e46245e05fbdbd6fb24',
      'a448017aaf21d8525fc10ae87aa6729d',
      'd9130a8164549fe818874806e1c7014b',
      'd79e1c308aa5bbcdeea8ed63df412da9',
      '043f8582f241db351ce627e153e7f0e4',
      'e33b4ddc9c38f2199c3e7b164fcc0536',
    ],
  );
});

test('MD4: the NT hash of MS-CHAP (RFC 2433, appendix B.2)', () => {
  assert.equal(hex(md4(Buffer.from('MyPw', 'utf16le'))), 'fc156af7edcd6c0edde3337d427f4eac');
});

test('HMAC-MD5: the test cases of RFC 2202, section 2', () => {
  const range = (from: number, count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => from + i);
  const cases: [Uint8Array, Uint8Array, string][] = [
    [new Uint8Array(16).fill(0x0b), bytes('Hi There'), '9294727a3638bb1c13f48ef8158bfc9d'],
    [bytes('Jefe'), bytes('what do ya want for nothing?'), '750c783e6ab0b503eaa86e310a5db738'],
    [new Uint8Array(16).fill(0xaa), new Uint8Array(50).fill(0xdd), '56be34521d144c88dbb8c733f0e8b3f6'],
    [range(1, 25), new Uint8Array(50).fill(0xcd), '697eaf0aca3a3aea3a75164746ffaa79'],
    [new Uint8Array(16).fill(0x0c), bytes('Test With Truncation'), '56461ef2342edc00f9bab995690efd4c'],
    [
      new Uint8Array(80).fill(0xaa),
      bytes('Test Using Larger Than Block-Size Key - Hash Key First'),
      '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd',
    ],
    [
      new Uint8Array(80).fill(0xaa),
      bytes('Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data'),
      '6f630fad67cda0ee1fb1f562db3aa53e',
    ],
  ];
  for (const [key, data, digest] of cases) assert.equal(hex(hmacMd5(new Secret(key), data)), digest);
});

const message = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 4000, maxLength: 9000 }));

test('MD5 and HMAC-MD5 agree with OpenSSL on anything, in any number of parts', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), fc.uint8Array({ minLength: 1, maxLength: 200 }), (parts, key) => {
      const whole = Buffer.concat(parts);
      assert.equal(hex(md5(...parts)), createHash('md5').update(whole).digest('hex'));
      assert.equal(hex(hmacMd5(new Secret(key), whole)), createHmac('md5', key).update(whole).digest('hex'));
    }),
    { numRuns: 300 },
  );
  // Every length around the blocks and the arena.
  for (const length of [...Array(200).keys(), 4094, 4095, 4096, 4097, 4159, 8191, 8192, 8193]) {
    const whole = new Uint8Array(length).fill(length);
    assert.equal(hex(md5(whole)), createHash('md5').update(whole).digest('hex'), `${length}`);
    const keyed = createHmac('md5', 'k').update(whole).digest('hex');
    assert.equal(hex(hmacMd5(new Secret('k'), whole)), keyed, `${length}`);
  }
});

test('a secret has 1 to 1024 bytes and is its own copy', () => {
  assert.throws(() => new Secret(''), RangeError);
  assert.throws(() => new Secret(new Uint8Array(1025)), RangeError);
  assert.equal(new Secret(new Uint8Array(1024)).bytes.length, 1024);
  const source = bytes('secret');
  const secret = new Secret(source);
  source.fill(0);
  assert.deepEqual(secret.bytes, bytes('secret'));
});
