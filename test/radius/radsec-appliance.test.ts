import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkReply,
  encodeRequest,
  encryptPassword,
  Packet,
  parsePacket,
  randomAuthenticator,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import { type Json, until, useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import { eapolTest, makeNas, makePerson } from './support.ts';

const SECRET = new Secret('radsec');
const NAME = 'radsec-1';

describe('RadSec of the whole appliance', () => {
  const a = useAppliance(async () => ({ GATEHOUSE_RADIUS_RADSEC: '127.0.0.1:0' }));
  let ca: string;
  let nasId: string;

  const makeRadsec = async (): Promise<string> => {
    const body = { name: NAME, address: '127.0.0.1', protocol: 'radsec', type: 'generic' };
    const made = await a.the.admin.post('/v1/sites/default/nas', body);
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return made.body.id;
  };

  before(async () => {
    ca = (await a.the.anonymous.get('/v1/pki/ca.pem')).body;
    await makePerson(a.the, { username: 'erin', network: 'lupo-mika-77' });
    // A person who is called like the NAS.
    await makePerson(a.the, { username: NAME });
    assertProblem(await a.the.admin.post('/v1/pki/certificates', { nas: NAME, generate: true }), 422, /no RadSec NAS/);
    nasId = await makeRadsec();
  });

  const issue = async (body: object): Promise<Json> => {
    const issued = await a.the.admin.post('/v1/pki/certificates', { generate: true, ...body });
    assert.equal(issued.status, 201, JSON.stringify(issued.body));
    return issued.body;
  };

  /** A client with this certificate. `ask` resolves to the answer, or to undefined where the connection has ended. */
  function client({ private_key: key, certificate: cert }: Json) {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(a.the.radius.radsec?.split(':').at(-1)),
      key,
      cert,
      ca,
      // The server's certificate names the appliance, which is not what this address is called.
      checkServerIdentity: () => undefined,
    });
    let got = Buffer.alloc(0);
    let closed = false;
    let id = 0;
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      closed = true;
    });
    const ask = async (code: number, password?: string): Promise<number | undefined> => {
      const authenticator = randomAuthenticator();
      const attributes = new AttributeWriter().add(ATTRIBUTE.userName, 'erin');
      if (password !== undefined) {
        attributes.add(ATTRIBUTE.userPassword, encryptPassword(Buffer.from(password), authenticator, SECRET));
      }
      socket.write(encodeRequest(code, id++, SECRET, attributes.done(), { authenticator }));
      await until('there is an answer', () => closed || (got.length >= 4 && got.length >= got.readUInt16BE(2)));
      if (got.length === 0) return undefined;
      const packet = parsePacket(got.subarray(0, got.readUInt16BE(2)));
      got = got.subarray(got.readUInt16BE(2));
      assert.ok(packet instanceof Packet && checkReply(packet, authenticator, SECRET));
      return packet.code;
    };
    return { ask, ended: () => until('the connection has ended', () => closed), end: () => socket.destroy() };
  }

  /** A new NAS holds within a second. */
  const connected = (certificate: Json) =>
    until('the NAS is let in', async () => {
      const it = client(certificate);
      return (await it.ask(CODE.statusServer)) === CODE.accessAccept ? it : undefined;
    });

  test('a NAS with a certificate of our CA is answered, until it is revoked', async () => {
    const [first, second] = [await issue({ nas: NAME }), await issue({ nas: NAME })];
    const [one, other] = [await connected(first), await connected(second)];
    await until('erin is known', async () => (await one.ask(CODE.accessRequest, 'lupo-mika-77')) === CODE.accessAccept);
    assert.equal(await one.ask(CODE.accessRequest, 'wrong'), CODE.accessReject);
    assert.equal((await a.the.admin.post(`/v1/pki/certificates/${first.id}/revoke`, {})).status, 204);
    await one.ended();
    assert.equal(await client(first).ask(CODE.statusServer), undefined);
    assert.equal(await other.ask(CODE.statusServer), CODE.accessAccept, 'the other one stays');
    other.end();
  });

  test('a user who is called like a NAS is none', async () => {
    const user = await issue({ username: NAME });
    assert.match(user.certificate, /BEGIN/);
    assert.equal(await client(user).ask(CODE.statusServer), undefined);
    assert.match(
      (await a.the.admin.get('/metrics')).body,
      /gatehouse_radius_radsec_refused_total\{reason="revoked"\} [1-9]/,
    );
  });

  test('a NAS cannot sign in as the user who is called like it', requires('eapol_test'), async () => {
    await makeNas(a.the);
    const signIn = async ({ private_key: key, certificate }: Json) => {
      const file = (name: string, content: string): string => {
        const at = path.join(a.the.dataDir, name);
        writeFileSync(at, content);
        return at;
      };
      const lines = [
        'eap=TLS',
        `identity="${NAME}"`,
        `ca_cert="${file('ca.pem', ca)}"`,
        `client_cert="${file('client.pem', certificate)}"`,
        `private_key="${file('client.key', key)}"`,
      ];
      return (await eapolTest(a.the, lines)).success;
    };
    const user = await issue({ username: NAME });
    await until('the NAS holds', () => signIn(user));
    assert.equal(await signIn(await issue({ nas: NAME })), false);
  });

  test('a NAS that is removed is cut off', async () => {
    const certificate = await issue({ nas: NAME });
    const it = await connected(certificate);
    assert.equal((await a.the.admin.delete(`/v1/sites/default/nas/${nasId}`)).status, 204);
    await it.ended();
    assert.equal(await client(certificate).ask(CODE.statusServer), undefined);
    assertProblem(await a.the.admin.post('/v1/pki/certificates', { nas: NAME, generate: true }), 422, /no RadSec NAS/);
    // Whoever gets the name later has another certificate.
    await until('its certificates are revoked', async () => {
      const { body } = await a.the.admin.get(`/v1/pki/certificates?nas=${NAME}`);
      return body.every(({ revoked_at: at }: Json) => at !== null);
    });
    await makeRadsec();
    const next = await connected(await issue({ nas: NAME }));
    assert.equal(await client(certificate).ask(CODE.statusServer), undefined);
    next.end();
  });
});
