import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import radius from 'radius';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  checkReply,
  checkRequestAuthenticator,
  decryptPassword,
  encodeReply,
  encodeRequest,
  encryptPassword,
  Packet,
  parsePacket,
  randomAuthenticator,
  Secret,
} from '../../appliance/radius/codec/index.ts';

const example = new Secret('xyzzy5461');

function parsed(bytes: Uint8Array): Packet {
  const packet = parsePacket(bytes);
  assert.ok(packet instanceof Packet, String(packet));
  return packet;
}

const name = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' });

test('the npm package radius reads our requests, and we its replies', () => {
  fc.assert(
    fc.property(name, name, fc.nat(255), fc.nat(0xffff_ffff), (user, password, id, port) => {
      const authenticator = randomAuthenticator();
      const attributes = new AttributeWriter()
        .add(ATTRIBUTE.userName, user)
        .add(ATTRIBUTE.userPassword, encryptPassword(Buffer.from(password), authenticator, example))
        .add(ATTRIBUTE.nasPort, port)
        .add(ATTRIBUTE.proxyState, Uint8Array.of(1, 2, 3))
        .vendor(9, 1, 'cisco=1')
        .done();
      const bytes = encodeRequest(CODE.accessRequest, id, example, attributes, { authenticator });
      const decoded = radius.decode({ packet: Buffer.from(bytes), secret: 'xyzzy5461' });
      assert.equal(decoded.code, 'Access-Request');
      assert.equal(decoded.identifier, id);
      assert.equal(decoded.attributes['User-Name'], user);
      assert.equal(decoded.attributes['User-Password'], password);
      assert.equal(decoded.attributes['NAS-Port'], port);
      const response = radius.encode_response({
        packet: decoded,
        code: 'Access-Accept',
        secret: 'xyzzy5461',
        attributes: [['Reply-Message', 'hello']],
      });
      const reply = parsed(response);
      assert.equal(reply.text(ATTRIBUTE.replyMessage), 'hello');
      assert.equal(checkReply(reply, authenticator, example), true);
      assert.deepEqual([...reply.first(ATTRIBUTE.proxyState)!], [1, 2, 3]);
    }),
  );
});

test('we read requests of the npm package radius, and it our replies', () => {
  fc.assert(
    fc.property(name, name, fc.constantFrom('Access-Request', 'Accounting-Request'), (user, password, code) => {
      const sent = radius.encode({
        code,
        secret: 'xyzzy5461',
        attributes: [
          ['User-Name', user],
          ['Proxy-State', Buffer.from('one')],
          ['Proxy-State', Buffer.from('two')],
          ...(code === 'Access-Request' ? [['User-Password', password]] : [['Acct-Status-Type', 'Start']]),
        ],
        add_message_authenticator: code === 'Access-Request',
      });
      const request = parsed(sent);
      assert.equal(request.text(ATTRIBUTE.userName), user);
      if (code === 'Access-Request') {
        assert.equal(checkMessageAuthenticator(request, example), 'valid');
        const plain = decryptPassword(request.first(ATTRIBUTE.userPassword)!, request.authenticator, example)!;
        assert.equal(Buffer.from(plain).toString(), password);
      } else {
        assert.equal(checkRequestAuthenticator(request, example), true);
        assert.equal(request.number(ATTRIBUTE.acctStatusType), 1);
      }
      const answer = code === 'Access-Request' ? CODE.accessAccept : CODE.accountingResponse;
      // It wants a Message-Authenticator back where it sent one.
      for (const messageAuthenticator of code === 'Access-Request' ? [true] : [true, false]) {
        const response = encodeReply(answer, request, example, new Uint8Array(0), { messageAuthenticator });
        assert.ok(radius.verify_response({ request: sent, response: Buffer.from(response), secret: 'xyzzy5461' }));
        const states = radius.decode({ packet: Buffer.from(response), secret: 'xyzzy5461' }).attributes['Proxy-State'];
        assert.deepEqual((states as Buffer[]).map(String), ['one', 'two']);
      }
    }),
  );
});
