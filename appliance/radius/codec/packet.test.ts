import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  checkReply,
  checkRequestAuthenticator,
  decryptPassword,
  decryptSalted,
  encodeReply,
  encodeRequest,
  MAX_ATTRIBUTES,
  MAX_PACKET,
  Packet,
  parsePacket,
  replyLength,
  Secret,
} from './index.ts';
import { anyAttributes, anyRequest, touch } from './testing.ts';

const secret = new Secret('testing123');
const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

function parsed(bytes: Uint8Array): Packet {
  const packet = parsePacket(bytes);
  assert.ok(packet instanceof Packet, String(packet));
  return packet;
}

/** A packet of these attributes as they are, without any check. */
function raw(attributes: Uint8Array | number[], code = 1): Uint8Array {
  const bytes = new Uint8Array(20 + attributes.length);
  bytes.set([code, 9, bytes.length >> 8, bytes.length & 255]);
  bytes.set(attributes, 20);
  return bytes;
}

test('accessors find what is there', () => {
  const attributes = new AttributeWriter()
    .add(ATTRIBUTE.userName, 'zoë')
    .add(ATTRIBUTE.nasPort, 0xffff_fffe)
    .add(ATTRIBUTE.class, Uint8Array.of(1))
    .add(ATTRIBUTE.class, Uint8Array.of(2, 3))
    .long(ATTRIBUTE.eapMessage, new Uint8Array(600).fill(7))
    .vendor(311, 1, 'one')
    .vendor(9, 1, 'cisco-avpair=1')
    .vendor(9, 1, 'cisco-avpair=2')
    .done();
  const packet = parsed(raw(attributes));
  assert.equal(packet.code, CODE.accessRequest);
  assert.equal(packet.id, 9);
  assert.equal(packet.authenticator.length, 16);
  assert.equal(packet.text(ATTRIBUTE.userName), 'zoë');
  assert.equal(packet.number(ATTRIBUTE.nasPort), 0xffff_fffe);
  assert.equal(packet.number(ATTRIBUTE.userName), 0x7a6f_c3ab);
  assert.equal(packet.number(ATTRIBUTE.class), undefined, 'not four bytes');
  assert.equal(packet.has(ATTRIBUTE.class), true);
  assert.equal(packet.has(ATTRIBUTE.state), false);
  assert.equal(packet.first(ATTRIBUTE.state), undefined);
  assert.deepEqual(packet.all(ATTRIBUTE.class), [Uint8Array.of(1), Uint8Array.of(2, 3)]);
  assert.deepEqual(packet.joined(ATTRIBUTE.class), Uint8Array.of(1, 2, 3));
  assert.deepEqual(packet.joined(ATTRIBUTE.eapMessage), new Uint8Array(600).fill(7));
  assert.equal(text(packet.vendor(311, 1)), 'one');
  assert.equal(packet.vendor(311, 2), undefined);
  assert.deepEqual(packet.vendorAll(9, 1).map(text), ['cisco-avpair=1', 'cisco-avpair=2']);
  assert.equal([...packet].length, 10);
});

test('several attributes of a vendor may lie in one Vendor-Specific; what is malformed within is left out', () => {
  const two = [26, 14, 0, 0, 1, 55, 1, 4, 65, 66, 2, 4, 67, 68];
  const broken = [26, 12, 0, 0, 1, 55, 1, 3, 69, 1, 9, 70];
  const short = [26, 6, 0, 0, 1, 55];
  const packet = parsed(raw([...short, ...two, ...broken]));
  assert.deepEqual(packet.vendorAll(311, 1).map(text), ['AB', 'E']);
  assert.equal(text(packet.vendor(311, 2)), 'CD');
});

test('a packet that cannot be is refused with the reason', () => {
  const valid = raw([1, 3, 65]);
  assert.equal(parsePacket(valid.subarray(0, 19)), '19 bytes, where a packet has 20 at least');
  assert.equal(parsePacket(valid.subarray(0, 22)), 'a length of 23, and 22 bytes');
  assert.equal(parsePacket(raw([1])), 'an attribute without a length');
  assert.equal(parsePacket(raw([1, 1])), 'attribute 1 with a length of 1');
  assert.equal(parsePacket(raw([1, 4, 0])), 'attribute 1 goes beyond the end');
  const long = new Uint8Array(5000);
  long.set([1, 0, 0x10, 0x01]);
  assert.equal(parsePacket(long), 'a length of 4097, where a packet has 4096 at most');
  long.set([1, 0, 0, 19]);
  assert.equal(parsePacket(long), 'a length of 19, where a packet has 20 at least');
  const many = Array.from({ length: MAX_ATTRIBUTES }, () => [33, 2]).flat();
  assert.ok(parsePacket(raw(many)) instanceof Packet);
  assert.equal(parsePacket(raw([...many, 33, 2])), 'over 256 attributes');
});

test('bytes behind the length are padding', () => {
  const packet = parsed(Buffer.concat([raw([1, 3, 65]), Buffer.from('padding')]));
  assert.equal(packet.bytes.length, 23);
  assert.equal(packet.text(1), 'A');
});

test('no bytes make the parser or an accessor throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      const packet = parsePacket(bytes);
      if (packet instanceof Packet) touch(packet);
      // The same with a length that is right, so that the attributes are looked at.
      const right = raw(bytes.subarray(0, 4000));
      const again = parsePacket(right);
      if (again instanceof Packet) touch(again);
    }),
    { numRuns: 500 },
  );
});

test('no mutation of a valid packet makes anything throw', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(anyRequest(secret), flips, fc.nat(), (valid, changes, cut) => {
      const bytes = Buffer.from(valid);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      for (const tried of [bytes, bytes.subarray(0, cut % (bytes.length + 1))]) {
        const packet = parsePacket(tried);
        if (typeof packet === 'string') continue;
        touch(packet);
        checkMessageAuthenticator(packet, secret);
        checkMessageAuthenticator(packet, secret, new Uint8Array(16));
        checkRequestAuthenticator(packet, secret);
        checkReply(packet, packet.authenticator, secret);
        for (const { value } of packet) {
          decryptPassword(value, packet.authenticator, secret);
          decryptSalted(value, packet.authenticator, secret);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('what is written is read, and checking changes no byte', () => {
  fc.assert(
    fc.property(anyRequest(secret), anyAttributes, (bytes, attributes) => {
      const behind = Buffer.concat([bytes, Buffer.alloc(80, 0xa5)]);
      const before = Buffer.from(behind);
      const request = parsed(behind);
      const signed = request.has(ATTRIBUTE.messageAuthenticator);
      assert.equal(checkMessageAuthenticator(request, secret), signed ? 'valid' : 'absent');
      if (request.code !== 1 && request.code !== 12) assert.equal(checkRequestAuthenticator(request, secret), true);
      const length = replyLength(request, attributes.length);
      if (length <= MAX_PACKET) {
        const reply = parsed(encodeReply(2, request, secret, attributes));
        assert.equal(reply.bytes.length, length);
        assert.equal(checkReply(reply, request.authenticator, secret), true);
        assert.equal(checkMessageAuthenticator(reply, secret, request.authenticator), 'valid');
        assert.equal([...reply][0]?.type, ATTRIBUTE.messageAuthenticator);
        assert.deepEqual(reply.all(ATTRIBUTE.proxyState).slice(-request.all(33).length || Infinity), request.all(33));
      }
      assert.deepEqual(behind, before);
    }),
    { numRuns: 300 },
  );
});

test('any changed bit of a signed request is noticed', () => {
  const bytes = encodeRequest(CODE.accessRequest, 3, secret, new AttributeWriter().add(1, 'bob').done());
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
    const packet = parsePacket(changed);
    if (typeof packet !== 'string') assert.notEqual(checkMessageAuthenticator(packet, secret), 'valid', `bit ${bit}`);
  }
});

test('any changed bit of a reply is noticed, with a Message-Authenticator and without', () => {
  const request = parsed(encodeRequest(CODE.accessRequest, 3, secret, new Uint8Array(0)));
  for (const messageAuthenticator of [true, false]) {
    const bytes = encodeReply(CODE.accessAccept, request, secret, Uint8Array.of(18, 4, 72, 105), {
      messageAuthenticator,
    });
    assert.equal(parsed(bytes).has(80), messageAuthenticator);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
      const packet = parsePacket(changed);
      if (typeof packet !== 'string') assert.equal(checkReply(packet, request.authenticator, secret), false);
    }
  }
});

test('a Message-Authenticator of another length, or a second one, is invalid', () => {
  const valid = encodeRequest(CODE.accessRequest, 3, secret, new Uint8Array(0));
  assert.equal(checkMessageAuthenticator(parsed(valid), secret), 'valid');
  assert.equal(checkMessageAuthenticator(parsed(raw([80, 17, ...new Uint8Array(15)])), secret), 'invalid');
  assert.equal(checkMessageAuthenticator(parsed(raw([80, 2])), secret), 'invalid');
  const twice = new Uint8Array([...valid.subarray(20), ...valid.subarray(20)]);
  const second = parsed(encodeRequest(CODE.accessRequest, 3, secret, twice, { messageAuthenticator: false }));
  assert.equal(checkMessageAuthenticator(second, secret), 'invalid');
  assert.equal(checkMessageAuthenticator(parsed(raw(valid.subarray(20), 2)), secret), 'invalid', 'a reply to nothing');
});

test('a reply over 4096 bytes is not made', () => {
  const proxied = new AttributeWriter();
  for (let i = 0; i < 15; i++) proxied.add(ATTRIBUTE.proxyState, new Uint8Array(253));
  const request = parsed(encodeRequest(CODE.accessRequest, 1, secret, proxied.done()));
  const fits = new Uint8Array(MAX_PACKET - 38 - 15 * 255);
  fits.fill(18, 0, 1);
  fits.fill(fits.length, 1, 2);
  assert.equal(encodeReply(3, request, secret, fits).length, MAX_PACKET);
  assert.equal(replyLength(request, fits.length), MAX_PACKET);
  assert.throws(() => encodeReply(3, request, secret, new Uint8Array(fits.length + 1)), RangeError);
  assert.throws(() => encodeReply(3, request, secret, new Uint8Array(4090)), RangeError);
  assert.throws(() => encodeRequest(1, 1, secret, new Uint8Array(4090)), RangeError);
});

test('the writer refuses what cannot be, and is as it was', () => {
  const writer = new AttributeWriter().add(1, 'a');
  const before = writer.done();
  const wrong: (() => unknown)[] = [
    () => writer.add(0, 'a'),
    () => writer.add(256, 'a'),
    () => writer.add(1.5, 'a'),
    () => writer.add(1, new Uint8Array(254)),
    () => writer.add(1, 'ë'.repeat(127)),
    () => writer.add(1, -1),
    () => writer.add(1, 2 ** 32),
    () => writer.add(1, Number.NaN),
    () => writer.vendor(2 ** 32, 1, 'a'),
    () => writer.vendor(9, 300, 'a'),
    () => writer.vendor(9, 1, new Uint8Array(248)),
    () => writer.extended(240, 1, 'a'),
    () => writer.extended(247, 1, 'a'),
    () => writer.extended(241, 0, 'a'),
    () => writer.extended(241, 1, new Uint8Array(253)),
    () => writer.extended(245, 1, new Uint8Array(4076)),
    () => writer.long(79, new Uint8Array(4076)),
    () => writer.raw(new Uint8Array(4074)),
  ];
  for (const call of wrong) assert.throws(call, RangeError);
  assert.deepEqual(writer.done(), before);
  assert.equal(writer.length, 3);
  assert.equal(writer.long(79, new Uint8Array(0)).length, 5, 'an EAP-Start has no bytes');
});

test('extended attributes: short, long in fragments, and a vendor within', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), fc.integer({ min: 1, max: 255 }), (value, extendedType) => {
      const short = value.subarray(0, 252);
      const bytes = new AttributeWriter()
        .extended(241, extendedType, short)
        .extended(245, extendedType, value)
        .extended(246, extendedType, value)
        .done();
      const packet = parsed(raw(bytes));
      assert.deepEqual(packet.extended(241, extendedType), short);
      assert.deepEqual(packet.extended(245, extendedType), value);
      assert.deepEqual(packet.extended(246, extendedType), value);
      assert.equal(packet.extended(242, extendedType), undefined);
      assert.equal(packet.extendeds().length, 3);
    }),
  );
  // RFC 6929, section 10.1 shows the same: type, length, extended type, flags.
  assert.deepEqual(
    [...new AttributeWriter().extended(245, 26, Uint8Array.of(0, 0, 0, 1, 2, 65)).done()],
    [245, 10, 26, 0, 0, 0, 0, 1, 2, 65],
  );
});

test('fragments that do not follow one another, or have no end, are not joined', () => {
  const whole = new AttributeWriter().extended(245, 1, new Uint8Array(300)).done();
  const [first, last] = [whole.subarray(0, 255), whole.subarray(255)];
  assert.equal(parsed(raw(first)).extended(245, 1), undefined, 'no end');
  assert.deepEqual(parsed(raw([...first, 1, 3, 65, ...last])).extendeds(), [
    { type: 245, extendedType: 1, value: new Uint8Array(49) },
  ]);
  const other = Uint8Array.from(last);
  other[2] = 2;
  assert.deepEqual(
    parsed(raw([...first, ...other]))
      .extendeds()
      .map(({ extendedType }) => extendedType),
    [2],
  );
  assert.deepEqual(parsed(raw([241, 2, 245, 3, 1])).extendeds(), [], 'too short');
});
