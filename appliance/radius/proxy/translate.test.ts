import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkReply,
  decryptPassword,
  decryptSalted,
  encodeReply,
  encodeRequest,
  encryptPassword,
  encryptSalted,
  Packet,
  parsePacket,
  Secret,
  VENDOR,
} from '../codec/index.ts';
import { loadDictionary } from '../dictionary/index.ts';
import {
  type Asked,
  answerAttributes,
  hiddenBy,
  refusal,
  requestAttributes,
  verifyAnswer,
  withOwn,
} from './translate.ts';

const NAS = new Secret('secret of the NAS');
const UPSTREAM = new Secret('secret of the upstream server');
const MARK = Buffer.from('our proxy state.');
const hidden = hiddenBy(loadDictionary());
const [sendKey, recvKey, mschapKeys] = [16, 17, 12];

const parsed = (bytes: Uint8Array): Packet => {
  const packet = parsePacket(bytes);
  assert.ok(packet instanceof Packet, String(packet));
  return packet;
};
const access = (attributes: AttributeWriter): Packet =>
  parsed(encodeRequest(CODE.accessRequest, 7, NAS, attributes.done()));
/** The request as the upstream gets it. */
const forwarded = (request: Packet, login?: string): Packet => {
  const authenticator = randomBytes(16);
  const attributes = requestAttributes(request, { from: NAS, to: UPSTREAM, authenticator, login, mark: MARK });
  assert.ok(typeof attributes !== 'string', String(attributes));
  return parsed(encodeRequest(request.code, 9, UPSTREAM, attributes, { authenticator }));
};
const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString();

describe('requests', () => {
  test('any password arrives as it was', () => {
    const password = fc.uint8Array({ minLength: 1, maxLength: 128 }).filter((bytes) => bytes.at(-1) !== 0);
    fc.assert(
      fc.property(password, (bytes) => {
        const authenticator = randomBytes(16);
        const hiddenPassword = encryptPassword(bytes, authenticator, NAS);
        const attributes = new AttributeWriter().add(ATTRIBUTE.userPassword, hiddenPassword).done();
        const request = parsed(encodeRequest(CODE.accessRequest, 1, NAS, attributes, { authenticator }));
        const out = forwarded(request);
        const value = out.first(ATTRIBUTE.userPassword) as Uint8Array;
        assert.notDeepEqual(value, hiddenPassword);
        assert.deepEqual(decryptPassword(value, out.authenticator, UPSTREAM), Uint8Array.from(bytes));
      }),
    );
  });

  test('Message-Authenticator first and our own; Proxy-States in order, ours last; the rest unchanged', () => {
    const writer = new AttributeWriter()
      .add(ATTRIBUTE.proxyState, 'first')
      .add(ATTRIBUTE.userName, 'alice@example.com')
      .add(ATTRIBUTE.proxyState, 'second')
      .vendor(VENDOR.microsoft, 11, 'challenge of MSCHAP')
      .add(ATTRIBUTE.nasPort, 17);
    const out = [...forwarded(access(writer))];
    assert.deepEqual(
      out.map(({ type }) => type),
      [
        ATTRIBUTE.messageAuthenticator,
        ATTRIBUTE.proxyState,
        ATTRIBUTE.userName,
        ATTRIBUTE.proxyState,
        ATTRIBUTE.vendorSpecific,
        ATTRIBUTE.nasPort,
        ATTRIBUTE.proxyState,
      ],
    );
    assert.deepEqual(
      out.filter(({ type }) => type === ATTRIBUTE.proxyState).map(({ value }) => text(value)),
      ['first', 'second', MARK.toString()],
    );
    assert.equal(text(out[2]?.value), 'alice@example.com');
  });

  test('a stripped name, but not with EAP', () => {
    const name = () => new AttributeWriter().add(ATTRIBUTE.userName, 'alice@example.com');
    assert.equal(forwarded(access(name()), 'alice').text(ATTRIBUTE.userName), 'alice');
    assert.equal(forwarded(access(name()), '').text(ATTRIBUTE.userName), 'alice@example.com');
    const eap = name().long(ATTRIBUTE.eapMessage, randomBytes(600));
    const out = forwarded(access(eap), 'alice');
    assert.equal(out.text(ATTRIBUTE.userName), 'alice@example.com');
    assert.equal(out.all(ATTRIBUTE.eapMessage).length, 3);
  });

  test('a CHAP challenge that was the authenticator goes along; one that is there stays', () => {
    const request = access(new AttributeWriter().add(ATTRIBUTE.chapPassword, randomBytes(17)));
    const out = forwarded(request);
    assert.deepEqual([...out.first(ATTRIBUTE.chapChallenge)!], [...request.authenticator]);
    const own = new AttributeWriter().add(ATTRIBUTE.chapPassword, randomBytes(17)).add(ATTRIBUTE.chapChallenge, 'own');
    assert.deepEqual(forwarded(access(own)).all(ATTRIBUTE.chapChallenge).map(text), ['own']);
  });

  test('accounting carries no password, and a malformed one is not forwarded', () => {
    const attributes = new AttributeWriter()
      .add(ATTRIBUTE.userPassword, randomBytes(16))
      .add(ATTRIBUTE.acctSessionId, 'x')
      .done();
    const accounting = parsed(encodeRequest(CODE.accountingRequest, 1, NAS, attributes));
    const hop = { from: NAS, to: UPSTREAM, authenticator: randomBytes(16), mark: MARK };
    const out = requestAttributes(accounting, hop) as Uint8Array;
    assert.deepEqual([...out.subarray(0, 3)], [ATTRIBUTE.acctSessionId, 3, 0x78]);
    const odd = access(new AttributeWriter().add(ATTRIBUTE.userPassword, randomBytes(15)));
    assert.match(requestAttributes(odd, hop) as string, /User-Password/);
  });

  test('one that grows over what a packet may have is refused, not thrown', () => {
    const full = new AttributeWriter();
    while (full.length < 4050) full.add(ATTRIBUTE.proxyState, randomBytes(Math.min(253, 4056 - full.length)));
    const hop = { from: NAS, to: UPSTREAM, authenticator: randomBytes(16), mark: MARK };
    const packet = parsed(encodeRequest(CODE.accessRequest, 1, NAS, full.done(), { messageAuthenticator: false }));
    const out = requestAttributes(packet, hop);
    assert.ok(typeof out === 'string' || out.length <= 4076);
    full.add(ATTRIBUTE.class, 'sixteen more byt');
    const longer = parsed(encodeRequest(CODE.accessRequest, 1, NAS, full.done(), { messageAuthenticator: false }));
    assert.equal(typeof requestAttributes(longer, hop), 'string');
  });
});

describe('answers', () => {
  const request = access(new AttributeWriter().add(ATTRIBUTE.userName, 'bob').add(ATTRIBUTE.proxyState, 'nas'));
  const sent = parsed(
    encodeRequest(CODE.accessRequest, 3, UPSTREAM, new AttributeWriter().add(ATTRIBUTE.proxyState, MARK).done()),
  );
  const asked: Asked = {
    authenticator: sent.authenticator,
    secret: UPSTREAM,
    codes: new Set([CODE.accessAccept, CODE.accessReject, CODE.accessChallenge]),
    requireMessageAuthenticator: true,
  };
  const hops = {
    from: { secret: UPSTREAM, authenticator: sent.authenticator },
    to: { secret: NAS, authenticator: request.authenticator },
  };
  const answer = (attributes: AttributeWriter, code: number = CODE.accessAccept): Packet =>
    parsed(encodeReply(code, sent, UPSTREAM, attributes.done()));
  /** The answer as the NAS gets it. */
  const passed = (packet: Packet): Packet =>
    parsed(encodeReply(packet.code, request, NAS, answerAttributes(packet, hops, hidden)));

  test('any key and any tunnel password arrives as it was', () => {
    const key = fc.uint8Array({ minLength: 0, maxLength: 200 });
    const tag = fc.integer({ min: 0, max: 31 });
    fc.assert(
      fc.property(key, key, key, tag, (send, recv, tunnel, tagged) => {
        const hide = (value: Uint8Array) => encryptSalted(value, sent.authenticator, UPSTREAM);
        const writer = new AttributeWriter()
          .vendor(VENDOR.microsoft, sendKey, hide(send))
          .vendor(VENDOR.microsoft, recvKey, hide(recv))
          .add(ATTRIBUTE.tunnelPassword, Uint8Array.of(tagged, ...hide(tunnel)));
        const out = passed(answer(writer));
        const shown = (value: Uint8Array | undefined) => decryptSalted(value!, request.authenticator, NAS);
        assert.deepEqual(shown(out.vendor(VENDOR.microsoft, sendKey)), Uint8Array.from(send));
        assert.deepEqual(shown(out.vendor(VENDOR.microsoft, recvKey)), Uint8Array.from(recv));
        const password = out.first(ATTRIBUTE.tunnelPassword) as Uint8Array;
        assert.equal(password[0], tagged);
        assert.deepEqual(shown(password.subarray(1)), Uint8Array.from(tunnel));
      }),
      { numRuns: 50 },
    );
  });

  test('MS-CHAP-MPPE-Keys are 32 bytes, also where they end in zeros', () => {
    const keys = new Uint8Array(32).fill(5, 0, 12);
    const value = encryptPassword(keys, sent.authenticator, UPSTREAM);
    const out = passed(answer(new AttributeWriter().vendor(VENDOR.microsoft, mschapKeys, value)));
    const again = out.vendor(VENDOR.microsoft, mschapKeys) as Uint8Array;
    assert.equal(again.length, 32);
    assert.deepEqual(decryptPassword(again, request.authenticator, NAS), keys.subarray(0, 12));
  });

  test('two attributes in one Vendor-Specific: the hidden one is hidden anew, the other stays', () => {
    const key = encryptSalted(randomBytes(32), sent.authenticator, UPSTREAM);
    const inner = [0, 0, 1, 55, sendKey, key.length + 2, ...key, 26, 4, 1, 2];
    const out = passed(answer(new AttributeWriter().add(ATTRIBUTE.vendorSpecific, Uint8Array.from(inner))));
    assert.deepEqual([...out.vendor(VENDOR.microsoft, 26)!], [1, 2]);
    assert.ok(decryptSalted(out.vendor(VENDOR.microsoft, sendKey)!, request.authenticator, NAS));
  });

  test('what cannot be opened is left out; what is no list stays as it is', () => {
    const odd = Uint8Array.of(0, 0, 1, 55, 9);
    const writer = new AttributeWriter()
      .vendor(VENDOR.microsoft, sendKey, randomBytes(7))
      .add(ATTRIBUTE.tunnelPassword, 'x')
      .add(ATTRIBUTE.vendorSpecific, odd)
      .add(ATTRIBUTE.sessionTimeout, 60);
    const out = passed(answer(writer));
    assert.deepEqual(
      [...out].map(({ type }) => type),
      [ATTRIBUTE.messageAuthenticator, ATTRIBUTE.vendorSpecific, ATTRIBUTE.sessionTimeout, ATTRIBUTE.proxyState],
    );
    assert.deepEqual([...out.first(ATTRIBUTE.vendorSpecific)!], [...odd]);
  });

  test("the NAS's own Proxy-States come back, ours doesn't; State and Class are untouched", () => {
    const writer = new AttributeWriter().add(ATTRIBUTE.state, 's').add(ATTRIBUTE.class, 'c').add(ATTRIBUTE.class, 'd');
    const out = passed(answer(writer, CODE.accessChallenge));
    assert.equal(out.code, CODE.accessChallenge);
    assert.ok(checkReply(out, request.authenticator, NAS));
    assert.deepEqual(out.all(ATTRIBUTE.proxyState).map(text), ['nas']);
    assert.deepEqual([text(out.first(ATTRIBUTE.state)), out.all(ATTRIBUTE.class).map(text)], ['s', ['c', 'd']]);
  });

  test('only what is verified is an answer', () => {
    const good = answer(new AttributeWriter().add(ATTRIBUTE.replyMessage, 'hello'));
    assert.equal(verifyAnswer(good, asked), 'valid');
    assert.equal(verifyAnswer(good, { ...asked, secret: NAS }), 'invalid');
    assert.equal(verifyAnswer(good, { ...asked, codes: new Set([CODE.accountingResponse]) }), 'invalid');
    const bare = (attributes: AttributeWriter) =>
      parsed(encodeReply(CODE.accessAccept, sent, UPSTREAM, attributes.done(), { messageAuthenticator: false }));
    const unsigned = bare(new AttributeWriter().add(ATTRIBUTE.class, 'x'));
    assert.equal(verifyAnswer(unsigned, asked), 'unsigned', 'BlastRADIUS');
    assert.equal(verifyAnswer(unsigned, { ...asked, requireMessageAuthenticator: false }), 'valid');
    const eap = bare(new AttributeWriter().add(ATTRIBUTE.eapMessage, Uint8Array.of(3, 1, 0, 4)));
    assert.equal(verifyAnswer(eap, { ...asked, requireMessageAuthenticator: false }), 'unsigned', 'RFC 3579');
  });

  test('an answer that was changed is never one, and nothing throws', () => {
    const good = answer(
      new AttributeWriter()
        .vendor(VENDOR.microsoft, sendKey, encryptSalted(randomBytes(32), sent.authenticator, UPSTREAM))
        .add(ATTRIBUTE.replyMessage, 'no'),
      CODE.accessReject,
    ).bytes;
    for (const requireMessageAuthenticator of [true, false]) {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 }),
          (changes) => {
            const bytes = Uint8Array.from(good);
            for (const [at, value] of changes) bytes[at] = bytes[at]! ^ value;
            const packet = parsePacket(bytes);
            // The identifier is not looked at here: it finds who waits.
            if (typeof packet === 'string' || Buffer.compare(bytes, good) === 0) return;
            assert.notEqual(verifyAnswer(packet, { ...asked, requireMessageAuthenticator }), 'valid');
          },
        ),
        { numRuns: 500 },
      );
    }
  });

  test('whatever a server that we trust puts into its answer, it can be passed on', () => {
    const attribute = fc.tuple(
      fc.oneof(fc.constantFrom(26, 69, 79, 80, 33, 0, 241, 245), fc.nat(255)),
      fc.oneof(
        fc.uint8Array({ maxLength: 253 }),
        fc.uint8Array({ maxLength: 60 }).map((x) => Uint8Array.of(0, 0, 1, 55, ...x)),
      ),
    );
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 12 }), fc.uint8Array({ maxLength: 200 }), (list, own) => {
        const bytes = [2, 3, 0, 0, ...randomBytes(16)];
        for (const [type, value] of list) bytes.push(type, value.length + 2, ...value);
        [bytes[2], bytes[3]] = [bytes.length >> 8, bytes.length & 255];
        const packet = parsed(Uint8Array.from(bytes));
        const out = answerAttributes(packet, hops, hidden);
        assert.ok(out.length <= bytes.length);
        withOwn(out, own);
      }),
    );
  });

  test('our own attributes take the place of the same kind; Class and Reply-Message stay', () => {
    const upstreams = new AttributeWriter()
      .add(ATTRIBUTE.sessionTimeout, 60)
      .add(ATTRIBUTE.class, 'theirs')
      .add(ATTRIBUTE.replyMessage, 'hello')
      .vendor(14_122, 7, 100)
      .vendor(14_122, 8, 200)
      .add(ATTRIBUTE.filterId, 'guest')
      .done();
    const own = new AttributeWriter()
      .add(ATTRIBUTE.sessionTimeout, 30)
      .add(ATTRIBUTE.class, 'ours')
      .add(ATTRIBUTE.replyMessage, 'policy')
      .vendor(14_122, 8, 1)
      .done();
    const expected = new AttributeWriter()
      .add(ATTRIBUTE.class, 'theirs')
      .add(ATTRIBUTE.replyMessage, 'hello')
      .vendor(14_122, 7, 100)
      .add(ATTRIBUTE.filterId, 'guest')
      .raw(own)
      .done();
    assert.deepEqual(withOwn(upstreams, own), expected);
    assert.equal(withOwn(upstreams, new Uint8Array(0)), upstreams);
  });

  test('a reject in the place of an accept says so in EAP as well, and nothing of the accept', () => {
    const plain = new AttributeWriter().add(ATTRIBUTE.class, 'x');
    assert.equal(refusal(answer(plain)).length, 0);
    const eap = answer(plain.add(ATTRIBUTE.eapMessage, Uint8Array.of(3, 77, 0, 4)));
    const own = new AttributeWriter().add(ATTRIBUTE.replyMessage, 'no');
    const expected = own.done();
    assert.deepEqual([...refusal(eap, expected)], [...expected, ATTRIBUTE.eapMessage, 6, 4, 77, 0, 4]);
  });
});
