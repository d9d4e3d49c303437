import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encryptBlock, expandKey, SCHEDULE_WORDS } from './des.ts';
import {
  authenticatorResponse,
  challengeHash,
  errorText,
  expandNtHash,
  hashNtHash,
  mppeKeysV2,
  ntHash,
  ntResponse,
  ntResponseV1,
} from './index.ts';
import { Prefixed, sha1 } from './sha1.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const same = (actual: Uint8Array, expected: string): void =>
  assert.equal(Buffer.from(actual).toString('hex').toUpperCase(), expected.replaceAll(' ', ''));

describe('MS-CHAPv2', () => {
  // RFC 2759, section 9.2
  const authenticator = hex('5B 5D 7C 7D 7B 3F 2F 3E 3C 2C 60 21 32 26 26 28');
  const peer = hex('21 40 23 24 25 5E 26 2A 28 29 5F 2B 3A 33 7C 7E');
  const response = '82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF';
  const hash = ntHash('clientPass');

  it('gives what RFC 2759 gives for its user', () => {
    same(hash, '44 EB BA 8D 53 12 B8 D6 11 47 44 11 F5 69 89 AE');
    same(hashNtHash(hash), '41 C0 0C 58 4B D2 D9 1C 40 17 A2 A1 2F A5 9F 3F');
    same(challengeHash(peer, authenticator, 'User'), 'D0 2E 43 86 BC E9 12 26');
    same(ntResponse(authenticator, peer, 'User', hash), response);
    assert.equal(
      authenticatorResponse(hashNtHash(hash), hex(response), challengeHash(peer, authenticator, 'User')),
      '407A5589115FD0D6209F510FE9C04566932CDA56',
    );
  });

  it('gives the keys of RFC 3079, section 3.5.3', () => {
    const { send, recv } = mppeKeysV2(hashNtHash(hash), hex(response));
    same(send, '8B 7C DC 14 9B 99 3A 1B A1 18 CB 15 3F 56 DC CB');
    assert.equal(recv.length, 16);
    assert.notDeepEqual(recv, send);
  });

  it('says a failure as RFC 2759, section 6 does, within one attribute', () => {
    const text = errorText(authenticator, 'Wrong password');
    assert.equal(text, 'E=691 R=0 C=5B5D7C7D7B3F2F3E3C2C602132262628 V=3 M=Wrong password');
    assert.equal(errorText(authenticator.subarray(0, 8), 'x', 2), 'E=691 R=0 C=5B5D7C7D7B3F2F3E V=2');
    assert.match(errorText(authenticator, 'nö\nE=0'), /M=n\?\?E=0$/);
    assert.ok(errorText(authenticator, 'x'.repeat(1000)).length < 247);
  });
});

describe('MS-CHAPv1', () => {
  it('gives what RFC 2433, appendix B gives', () => {
    const hash = ntHash('MyPw');
    same(hash, 'FC 15 6A F7 ED CD 6C 0E DD E3 33 7D 42 7F 4E AC');
    same(
      ntResponseV1(hex('10 2D B5 DF 08 5D 30 41'), hash),
      '4E 9D 3C 8F 9C FD 38 5D 5B F4 D3 24 67 91 95 6C A4 C3 51 AB 40 9A 3D 61',
    );
  });
});

describe('DES and SHA-1', () => {
  it('DES is what OpenSSL makes with three equal keys', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 7, maxLength: 7 }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        (key, block) => {
          // Eight bytes, the lowest bit of each a parity bit that nobody reads.
          const bits = [...key].map((byte) => byte.toString(2).padStart(8, '0')).join('');
          const eight = Buffer.from((bits.match(/.{7}/g) ?? []).map((seven) => Number.parseInt(`${seven}0`, 2)));
          const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([eight, eight, eight]), null);
          cipher.setAutoPadding(false);
          const schedule = new Int32Array(SCHEDULE_WORDS);
          const out = new Uint8Array(8);
          expandKey(key, 0, schedule, 0);
          encryptBlock(block, schedule, 0, out, 0);
          assert.deepEqual(Buffer.from(out), cipher.update(block));
        },
      ),
    );
  });

  it('the third key of an NT hash is its last two bytes', () => {
    const short = expandNtHash(new Uint8Array(16).fill(1, 14));
    const other = expandNtHash(new Uint8Array(16).fill(1, 13));
    assert.deepEqual(short.subarray(64), other.subarray(64));
    assert.notDeepEqual(short.subarray(32, 64), other.subarray(32, 64));
  });

  it("SHA-1 is OpenSSL's, however the message is cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
        assert.deepEqual(Buffer.from(sha1(a, b)), createHash('sha1').update(a).update(b).digest());
      }),
    );
    const some = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(some, some, fc.uint8Array({ maxLength: 300 }), (a, b, constant) => {
        const prefixed = new Prefixed(32, constant);
        prefixed.digest(b, a, 20);
        const want = createHash('sha1').update(a).update(b).update(constant).digest();
        assert.deepEqual(Buffer.from(prefixed.digest(a, b, 20)), want);
      }),
    );
    for (const length of [4095, 4096]) {
      const message = new Uint8Array(length).fill(7);
      assert.deepEqual(Buffer.from(sha1(message)), createHash('sha1').update(message).digest());
    }
    assert.throws(() => sha1(new Uint8Array(4096), new Uint8Array(1)), RangeError);
  });
});
