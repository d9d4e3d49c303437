import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALERT, alertFor, plainAlert, sealedAlert } from './alert.ts';
import { encodeAvp, parseAvps } from './avp.ts';
import { bindingHolds, boundMsk, compoundKeys, parseResult, resultTlvs } from './binding.ts';
import { FLAG, Inbox, Outbox, readFragment } from './fragments.ts';
import { readHello } from './hello.ts';
import { challengePacket, parseChapResponse, withoutDomain } from './mschapv2.ts';
import { EAP_CODE, eapPacket, parseResponse } from './packet.ts';
import { sessionId } from './sessions.ts';

const bytes = fc.uint8Array({ maxLength: 300 });

test('EAP: a response is what its length says, padding is cut off', () => {
  fc.assert(
    fc.property(fc.nat(255), fc.nat(255), bytes, bytes, (id, type, data, padding) => {
      const packet = Buffer.concat([eapPacket(EAP_CODE.response, id, type, data), padding]);
      const parsed = parseResponse(packet);
      assert.ok(typeof parsed !== 'string');
      assert.deepEqual([parsed.id, parsed.type, [...parsed.data]], [id, type, [...data]]);
    }),
  );
  assert.match(String(parseResponse(eapPacket(EAP_CODE.request, 1, 1, new Uint8Array(0)))), /code 1/);
  assert.match(String(parseResponse(Buffer.of(2, 1, 0, 9, 1))), /length of 9/);
  assert.match(String(parseResponse(Buffer.of(2, 1, 0, 4, 1))), /length of 4/);
  assert.match(String(parseResponse(Buffer.of(2, 1))), /2 bytes/);
});

test('fragments: what is cut is joined again, whatever the size, and only the first says the length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 10, max: 1400 }), (message, size) => {
      const outbox = new Outbox();
      const inbox = new Inbox(65_536);
      outbox.load(message);
      for (let first = true; ; first = false) {
        const sent = outbox.next(size);
        assert.ok(sent.length <= size);
        const fragment = readFragment(sent);
        assert.ok(typeof fragment !== 'string');
        assert.equal(fragment.length, first && message.length > size - 1 ? message.length : undefined);
        const whole = inbox.add(fragment);
        if (whole === 'more') continue;
        assert.ok(whole instanceof Uint8Array);
        assert.deepEqual(Buffer.from(whole), Buffer.from(message));
        assert.equal(outbox.pending, false);
        return;
      }
    }),
  );
});

test('fragments: no more than the limit, no more than was announced, and no start of the peer’s', () => {
  const more = (payload: number, length?: number) => ({ more: true, length, payload: new Uint8Array(payload) });
  const error = (result: unknown) => (result as { error?: string }).error;
  assert.match(String(error(new Inbox(1000).add(more(1, 1001)))), /over 1000/);
  const inbox = new Inbox(1000);
  assert.equal(inbox.add(more(600)), 'more');
  assert.match(String(error(inbox.add(more(401)))), /over 1000/);
  const announced = new Inbox(1000);
  assert.equal(announced.add(more(10, 15)), 'more');
  assert.match(String(error(announced.add(more(10)))), /longer/);
  assert.match(String(error(new Inbox(1000).add(more(0)))), /nothing/);
  assert.match(String(readFragment(Uint8Array.of(FLAG.start))), /starts/);
  assert.match(String(readFragment(Uint8Array.of(FLAG.length, 0, 0))), /cut off/);
});

/** A ClientHello with a session id and extensions, in records of a size. */
function hello(id: Uint8Array, extensions: [type: number, data: Uint8Array][], record: number): Buffer {
  const u16 = (value: number) => Buffer.of(value >> 8, value);
  const all = Buffer.concat(extensions.map(([type, data]) => Buffer.concat([u16(type), u16(data.length), data])));
  const head = Buffer.concat([Buffer.of(3, 3), Buffer.alloc(32), Buffer.of(id.length), id, u16(2), u16(0x1301)]);
  const body = Buffer.concat([head, Buffer.of(1, 0), u16(all.length), all]);
  const message = Buffer.concat([Buffer.of(1, 0), u16(body.length), body]);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += record) {
    const part = message.subarray(at, at + record);
    records.push(Buffer.concat([Buffer.of(22, 3, 1), u16(part.length), part]));
  }
  return Buffer.concat(records);
}

test('ClientHello: versions, session id and first ticket, over any number of records; never throws', () => {
  const versions: [number, Uint8Array] = [43, Buffer.of(4, 3, 4, 3, 3)];
  const psk: [number, Uint8Array] = [41, Buffer.concat([Buffer.of(0, 9, 0, 3), Buffer.from('abc'), Buffer.alloc(10)])];
  for (const record of [7, 50, 4000]) {
    const both = hello(Buffer.alloc(32), [[0, Buffer.alloc(5)], versions, psk], record);
    assert.deepEqual(readHello(both), { tls13: true, sessionId: true, ticket: Buffer.from('abc') });
    const old = hello(new Uint8Array(0), [[0, Buffer.alloc(5)]], record);
    assert.deepEqual(readHello(old), { tls13: false, sessionId: false, ticket: undefined });
  }
  const valid = hello(Buffer.alloc(32), [versions, psk], 4000);
  fc.assert(
    fc.property(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), (at, value, cut) => {
      const copy = Buffer.from(valid);
      copy[at] = value;
      readHello(copy);
      readHello(copy.subarray(0, cut));
    }),
  );
  fc.assert(fc.property(bytes, (data) => void readHello(data)));
});

test('session ids: DER that is something else has none; never throws', () => {
  const der = Buffer.from('3014020101020203040402c02b0403616263040201020400', 'hex');
  assert.equal(sessionId(der)?.toString(), 'abc');
  fc.assert(fc.property(bytes, (data) => void sessionId(Buffer.from(data))));
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(255), (at, value) => {
      const copy = Buffer.from(der);
      copy[at] = value;
      sessionId(copy);
    }),
  );
});

test('AVPs: what is encoded is parsed, padding and vendors too; never throws', () => {
  const avp = fc.record({ code: fc.nat(0xffff), vendor: fc.constantFrom(0, 311), value: bytes });
  fc.assert(
    fc.property(fc.array(avp, { maxLength: 10 }), (avps) => {
      const parsed = parseAvps(Buffer.concat(avps.map(({ code, vendor, value }) => encodeAvp(code, vendor, value))));
      assert.ok(typeof parsed !== 'string');
      assert.deepEqual(
        parsed.map(({ code, vendor, value, mandatory }) => ({ code, vendor, value: [...value], mandatory })),
        avps.map(({ code, vendor, value }) => ({ code, vendor, value: [...value], mandatory: true })),
      );
    }),
  );
  fc.assert(fc.property(bytes, (data) => void parseAvps(data)));
  const one = encodeAvp(1, 0, Buffer.from('abcde'));
  assert.ok(Array.isArray(parseAvps(one.subarray(0, 13))));
  assert.match(String(parseAvps(Buffer.concat(Array.from({ length: 65 }, () => one)))), /over 64/);
  assert.match(String(parseAvps(one.subarray(0, 12))), /length of 13/);
});

test('MS-CHAPv2: parsers never throw, and take what a peer sends', () => {
  fc.assert(fc.property(bytes, (data) => void parseChapResponse(data)));
  const value = Buffer.concat([Buffer.alloc(16, 1), Buffer.alloc(8), Buffer.alloc(24, 2), Buffer.alloc(1)]);
  const name = Buffer.from('DOMAIN\\bob');
  const packet = Buffer.concat([Buffer.of(2, 9, 0, 5 + 49 + name.length, 49), value, name]);
  const parsed = parseChapResponse(packet);
  assert.ok(typeof parsed !== 'string');
  assert.deepEqual([parsed.id, parsed.userName], [9, 'bob']);
  assert.deepEqual([...parsed.peerChallenge, ...parsed.response], [...Array(16).fill(1), ...Array(24).fill(2)]);
  assert.match(String(parseChapResponse(packet.subarray(0, 40))), /cut off/);
  assert.match(String(parseChapResponse(challengePacket(1, new Uint8Array(16)))), /op code 1/);
  assert.equal(withoutDomain('bob@example.com'), 'bob@example.com');
});

test('PEAP’s result and binding: holds for who knows the keys, and for nobody else', () => {
  const tunnel = Buffer.alloc(64, 7);
  const { ipmk, cmk } = compoundKeys(tunnel, Buffer.alloc(32, 9));
  assert.deepEqual([ipmk.length, cmk.length, boundMsk(ipmk).length], [40, 20, 64]);
  assert.deepEqual(compoundKeys(tunnel, undefined).ipmk, tunnel.subarray(0, 40));
  const request = Buffer.from(resultTlvs(true, cmk));
  const ours = parseResult(request);
  assert.ok(typeof ours !== 'string' && ours.success && ours.binding !== undefined);
  // A request isn't a response: nobody answers with an echo.
  assert.equal(bindingHolds(ours.binding, cmk), false);
  const response = Buffer.from(ours.binding);
  response[7] = 1;
  const mac = createHmac('sha1', cmk).update(response.subarray(0, 40)).update(Buffer.alloc(20)).update(Buffer.of(25));
  response.set(mac.digest(), 40);
  assert.equal(bindingHolds(response, cmk), true);
  assert.equal(bindingHolds(response, Buffer.alloc(20)), false);
  for (let at = 5; at < 60; at++) {
    // The version that the peer received isn't looked at but through the MAC, like the rest.
    const changed = Buffer.from(response);
    changed[at]! ^= 1;
    assert.equal(bindingHolds(changed, cmk), false, `byte ${at}`);
  }
  assert.deepEqual(parseResult(resultTlvs(false, undefined)), { success: false, binding: undefined });
  assert.match(String(parseResult(Buffer.of(0x80, 77, 0, 0))), /mandatory TLV 77/);
  assert.match(String(parseResult(new Uint8Array(0))), /without a result/);
  fc.assert(fc.property(bytes, (data) => void parseResult(data)));
});

test('alerts: named by what is wrong, in the clear and sealed', () => {
  assert.deepEqual([...plainAlert(48)], [21, 3, 3, 0, 2, 2, 48]);
  assert.equal(alertFor('UNABLE_TO_GET_ISSUER_CERT_LOCALLY', false), ALERT.unknownCa);
  assert.equal(alertFor('NO_CERTIFICATE', true), ALERT.certificateRequired);
  assert.equal(alertFor('something new', true), ALERT.certificateUnknown);
  // RFC 8448, section 3: the server's application traffic secret, and the key and nonce that it makes.
  const secret = Buffer.from('a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643', 'hex');
  const key = Buffer.from('9f02283b6c9c07efc26bb9f2ac92e356', 'hex');
  const nonce = Buffer.from('cf782b88dd83549aadf1e984', 'hex');
  const record = sealedAlert(secret, 'TLS_AES_128_GCM_SHA256', 44)!;
  const open = createDecipheriv('aes-128-gcm', key, nonce);
  open.setAAD(record.subarray(0, 5)).setAuthTag(record.subarray(-16));
  assert.deepEqual([...open.update(record.subarray(5, -16)), ...open.final()], [2, 44, 21]);
  for (const cipher of ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']) {
    assert.equal(sealedAlert(Buffer.alloc(48), cipher, 44)?.length, 24);
  }
  assert.equal(sealedAlert(secret, 'TLS_AES_128_CCM_SHA256', 44), undefined);
});
