import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  checkReply,
  decryptPassword,
  decryptSalted,
  encodeReply,
  encodeRequest,
  encryptPassword,
  encryptSalted,
  MAX_SALTED,
  md5,
  mppeKeys,
  Packet,
  parsePacket,
  randomAuthenticator,
  Secret,
  sameBytes,
} from './index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const example = new Secret('xyzzy5461');

function parsed(bytes: Uint8Array): Packet {
  const packet = parsePacket(bytes);
  assert.ok(packet instanceof Packet, String(packet));
  return packet;
}

test('RFC 2865, section 7.1: PAP', () => {
  const bytes = hex(`01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be
    70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03`);
  const request = parsed(bytes);
  assert.equal(request.text(ATTRIBUTE.userName), 'nemo');
  const hidden = request.first(ATTRIBUTE.userPassword)!;
  assert.equal(Buffer.from(decryptPassword(hidden, request.authenticator, example)!).toString(), 'arctangent');
  assert.deepEqual(Buffer.from(encryptPassword(Buffer.from('arctangent'), request.authenticator, example)), hidden);
  assert.equal(checkMessageAuthenticator(request, example), 'absent');
  const attributes = new AttributeWriter().add(1, 'nemo').add(2, hidden).add(4, 0xc0a80110).add(5, 3).done();
  const { authenticator } = request;
  const made = encodeRequest(1, 0, example, attributes, { authenticator, messageAuthenticator: false });
  assert.deepEqual(Buffer.from(made), bytes);

  const accept = hex(`02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00
    00 00 0e 06 c0 a8 01 03`);
  assert.equal(checkReply(parsed(accept), authenticator, example), true);
  const reply = new AttributeWriter().add(6, 1).add(15, 0).add(14, 0xc0a80103).done();
  const options = { messageAuthenticator: false };
  assert.deepEqual(Buffer.from(encodeReply(CODE.accessAccept, request, example, reply, options)), accept);
});

test('RFC 2865, section 7.2: CHAP', () => {
  const request = parsed(
    hex(`01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9 75 57
      c3 16 18 58 95 f2 93 ff 63 44 07 72 75 04 06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00 02 07 06 00 00 00 01`),
  );
  const chap = request.first(ATTRIBUTE.chapPassword)!;
  const response = md5(chap.subarray(0, 1), Buffer.from('arctangent'), request.authenticator);
  assert.equal(sameBytes(response, chap.subarray(1)), true);
  const accept = hex(`02 01 00 38 15 ef bc 7d ab 26 cf a3 dc 34 d9 c0 3c 86 01 a4 06 06 00 00 00 02 07 06 00 00 00
    01 08 06 ff ff ff fe 0a 06 00 00 00 02 0d 06 00 00 00 01 0c 06 00 00 05 dc`);
  assert.equal(checkReply(parsed(accept), request.authenticator, example), true);
});

test('RFC 2865, section 7.3: challenge and response', () => {
  const request = parsed(
    hex(`01 02 00 39 f3 a4 7a 1f 6a 6d 76 71 0b 94 7a b9 30 41 a0 39 01 07 6d 6f 70 73 79 02 12 33 65 75 73 77
      82 89 b5 70 88 5e 15 08 48 25 c5 04 06 c0 a8 01 10 05 06 00 00 00 07`),
  );
  const hidden = request.first(ATTRIBUTE.userPassword)!;
  assert.equal(Buffer.from(decryptPassword(hidden, request.authenticator, example)!).toString(), 'challenge');
  const challenge = parsed(
    hex(`0b 02 00 4e 36 f3 c8 76 4a e8 c7 11 57 40 3c 0c 71 ff 9c 45 12 30 43 68 61 6c 6c 65 6e 67 65 20 33 32
      37 36 39 34 33 30 2e 20 20 45 6e 74 65 72 20 72 65 73 70 6f 6e 73 65 20 61 74 20 70 72 6f 6d 70 74 2e 18 0a 33
      32 37 36 39 34 33 30`),
  );
  assert.equal(checkReply(challenge, request.authenticator, example), true);
  assert.equal(challenge.text(ATTRIBUTE.state), '32769430');
});

test('RFC 5997, section 6: Status-Server with a Message-Authenticator (RFC 3579)', () => {
  const bytes = hex(`0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23 50 12 5a 66 5e 2e 1e 84 11 f3 e2 43
    82 20 97 c8 4f a3`);
  const request = parsed(bytes);
  assert.equal(checkMessageAuthenticator(request, example), 'valid');
  const { authenticator } = request;
  assert.deepEqual(Buffer.from(encodeRequest(12, 218, example, new Uint8Array(0), { authenticator })), bytes);
  const accept = hex('02 da 00 14 ef 0d 55 2a 4b f2 d6 93 ec 2b 6f e8 b5 41 1d 66');
  assert.equal(checkReply(parsed(accept), authenticator, example), true);
});

const anySecret = fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => new Secret(bytes));
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });

/** RFC 2865, section 5.2, and RFC 2868, section 3.5, as they read: slow, and with OpenSSL. */
function hide(plain: Uint8Array, secret: Secret, first: Uint8Array): Buffer {
  let before: Uint8Array = first;
  const blocks: Buffer[] = [];
  for (let at = 0; at < plain.length; at += 16) {
    const mask = createHash('md5').update(secret.bytes).update(before).digest();
    before = mask.map((byte, i) => byte ^ plain[at + i]!);
    blocks.push(Buffer.from(before));
  }
  return Buffer.concat(blocks);
}

test('User-Password: as the RFC reads, there and back, 128 bytes at most', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 128 }), sixteen, anySecret, (password, authenticator, secret) => {
      const hidden = encryptPassword(password, authenticator, secret);
      const padded = new Uint8Array(Math.max(16, Math.ceil(password.length / 16) * 16));
      padded.set(password);
      assert.deepEqual(Buffer.from(hidden), hide(padded, secret, authenticator));
      const end = password.findLastIndex((byte) => byte !== 0) + 1;
      assert.deepEqual(decryptPassword(hidden, authenticator, secret), password.slice(0, end));
    }),
  );
  const authenticator = randomAuthenticator();
  assert.throws(() => encryptPassword(new Uint8Array(129), authenticator, example), RangeError);
  assert.throws(() => encryptPassword(new Uint8Array(1), new Uint8Array(15), example), RangeError);
  for (const length of [0, 15, 17, 144]) {
    assert.equal(decryptPassword(new Uint8Array(length), authenticator, example), undefined);
  }
  assert.equal(decryptPassword(new Uint8Array(16), new Uint8Array(15), example), undefined);
});

test('salted values: as the RFC reads, there and back, 239 bytes at most', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: MAX_SALTED }), sixteen, anySecret, (value, authenticator, secret) => {
      const salt = Uint8Array.of(0x80 | (value.length & 0x7f), 7);
      const hidden = encryptSalted(value, authenticator, secret, salt);
      const padded = new Uint8Array(Math.ceil((value.length + 1) / 16) * 16);
      padded[0] = value.length;
      padded.set(value, 1);
      assert.deepEqual(
        Buffer.from(hidden),
        Buffer.concat([salt, hide(padded, secret, Buffer.concat([authenticator, salt]))]),
      );
      assert.deepEqual(decryptSalted(hidden, authenticator, secret), value);
    }),
  );
  const authenticator = randomAuthenticator();
  assert.throws(() => encryptSalted(new Uint8Array(240), authenticator, example), RangeError);
  assert.throws(() => encryptSalted(new Uint8Array(1), authenticator, example, new Uint8Array(3)), RangeError);
  for (const length of [0, 2, 17, 19, 258]) {
    assert.equal(decryptSalted(new Uint8Array(length), authenticator, example), undefined);
  }
  // A length within that goes beyond the value.
  const wrong = Buffer.concat([Uint8Array.of(0x80, 1), new Uint8Array(16)]);
  wrong[2] = hide(
    Uint8Array.of(16, ...new Uint8Array(15)),
    example,
    Buffer.concat([authenticator, wrong.subarray(0, 2)]),
  )[0]!;
  assert.equal(decryptSalted(wrong, authenticator, example), undefined);
});

test('salts differ from call to call and have the highest bit set', () => {
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const [high, low] = encryptSalted(new Uint8Array(1), new Uint8Array(16), example);
    assert.ok(high! & 0x80);
    seen.add((high! << 8) | low!);
  }
  assert.equal(seen.size, 1000);
});

test('MS-MPPE keys: two attributes of Microsoft, each under a salt of its own (RFC 2548)', () => {
  const request = parsed(encodeRequest(CODE.accessRequest, 1, example, new Uint8Array(0)));
  const [send, recv] = [randomAuthenticator(), new Uint8Array(32).fill(5)];
  const reply = parsed(encodeReply(CODE.accessAccept, request, example, mppeKeys(send, recv, request, example)));
  const [sent, received] = [reply.vendor(311, 16)!, reply.vendor(311, 17)!];
  assert.deepEqual(decryptSalted(sent, request.authenticator, example), send);
  assert.deepEqual(decryptSalted(received, request.authenticator, example), recv);
  assert.notDeepEqual(sent.subarray(0, 2), received.subarray(0, 2));
});

test('equal bytes', () => {
  assert.equal(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3)), false);
});
