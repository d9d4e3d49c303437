import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type BackendStandIn, makeCertificates, startBackend } from '../../appliance/radius/connector/testing.ts';
import {
  authenticatorResponse,
  challengeHash,
  challengeResponse,
  expandNtHash,
  hashNtHash,
  ntHash,
  ntResponse,
} from '../../appliance/radius/mschap/index.ts';
import { useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import { eapolTest, makeNas, makePerson, portOf, radclient } from './support.ts';

const PEOPLE: Record<string, string> = { user1: 'first secret' };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What somebody's membership software would do with the document in hand. */
function membership(body: Record<string, string>): [number, object] {
  const { login = '', password, mschap_challenge: challenge, mschap_response: response } = body;
  const known = PEOPLE[login];
  if (known === undefined) return [422, { errors: ['No such member.'] }];
  const hash = ntHash(known);
  const right =
    challenge === undefined
      ? password === known
      : hex(challengeResponse(Buffer.from(challenge, 'hex'), expandNtHash(hash))) === response;
  if (!right) return [422, { errors: ['Email/login or password incorrect.'] }];
  return [
    200,
    {
      return_url: 'https://members.example/welcome',
      valid_until: `${new Date(Date.now() + 3_600_000).toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')} +0000`,
      nt_key: hex(hashNtHash(hash)),
      membership: { name: 'John Sample' },
      attributes: [
        { name: 'Tunnel-Type:0', value: 'VLAN', op: ':=' },
        { name: 'Tunnel-Private-Group-Id', value: '101', op: ':=' },
        { name: 'Acct-Interim-Interval', value: '300', op: ':=' },
      ],
    },
  ];
}

describe('a realm whose users a REST connector knows', requires('radclient', 'eapol_test', 'openssl'), () => {
  const a = useAppliance();
  let backend: BackendStandIn;
  let connectorId: string;
  const SIGNED = 'Message-Authenticator = 0x00';
  const pap = (password: string, user = 'user1@members.example') =>
    radclient(a.the, 'auth', [`User-Name = "${user}"`, `User-Password = "${password}"`, SIGNED]);

  before(async () => {
    const { ca, key, cert } = makeCertificates();
    backend = await startBackend({ key, cert });
    backend.respond = (seen, response) => {
      const [status, body] = membership(JSON.parse(seen.body));
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const { admin } = a.the;
    await makeNas(a.the);
    const connector = { name: 'Members', url: backend.url, token: 'sesame', ca_pem: ca };
    const made = await admin.post('/v1/radius/connectors', connector);
    assert.equal(made.status, 201, JSON.stringify(made.body));
    connectorId = made.body.id;
    const realm = {
      name: 'members.example',
      strip: true,
      source: { kind: 'rest', connector_ids: [connectorId] },
    };
    const realmMade = await admin.post('/v1/radius/realms', realm);
    assert.equal(realmMade.status, 201, JSON.stringify(realmMade.body));
  });
  after(() => backend.close());

  test('PAP: attributes, the end of the session and the address go into the accept', async () => {
    const { code, attributes, text } = await pap('first secret');
    assert.equal(code, 'Access-Accept', text);
    assert.deepEqual(attributes['Tunnel-Private-Group-Id:0'] ?? attributes['Tunnel-Private-Group-Id'], ['101']);
    assert.deepEqual(attributes['Acct-Interim-Interval'], ['300']);
    assert.deepEqual(attributes['WISPr-Redirection-URL'], ['https://members.example/welcome']);
    const seconds = Number(attributes['Session-Timeout']?.[0]);
    assert.ok(seconds > 3500 && seconds <= 3600, String(seconds));
    const asked = JSON.parse(backend.seen.at(-1)?.body ?? '');
    const auth_port = String(portOf(a.the, 'auth'));
    assert.deepEqual(asked, { login: 'user1', password: 'first secret', auth_port });
    assert.equal(backend.seen.at(-1)?.headers.authorization, 'Bearer sesame');
  });

  test('a reject has the errors of the answer in Reply-Message', async () => {
    const { code, attributes } = await pap('wrong');
    assert.deepEqual([code, attributes['Reply-Message']], ['Access-Reject', ['Email/login or password incorrect.']]);
  });

  test('MS-CHAPv2: the proof of the answer’s nt_key', async () => {
    const [challenge, peer] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const user = 'user1@members.example';
    const ask = (password: string) => {
      const response = ntResponse(challenge, peer, user, ntHash(password));
      const attribute = Buffer.concat([Buffer.from([7, 0]), peer, Buffer.alloc(8), response]);
      return radclient(a.the, 'auth', [
        `User-Name = "${user}"`,
        `MS-CHAP-Challenge = 0x${hex(challenge)}`,
        `MS-CHAP2-Response = 0x${hex(attribute)}`,
        SIGNED,
      ]);
    };
    const { code, attributes, text } = await ask('first secret');
    assert.equal(code, 'Access-Accept', text);
    const hash = ntHash('first secret');
    const response = ntResponse(challenge, peer, user, hash);
    const proof = authenticatorResponse(hashNtHash(hash), response, challengeHash(peer, challenge, user));
    const success = `07${hex(Buffer.from(`S=${proof}`))}`;
    assert.match(attributes['MS-CHAP2-Success']?.[0]?.toLowerCase() ?? '', new RegExp(success));
    assert.equal((await ask('wrong')).code, 'Access-Reject');
  });

  test('inside tunnels: TTLS-PAP and PEAP-MSCHAPv2, with the right keys', async () => {
    const file = path.join(a.the.dataDir, 'ca-for-clients.pem');
    writeFileSync(file, (await a.the.anonymous.get('/v1/pki/ca.pem')).body);
    const network = (eap: string, phase2: string, password: string) => [
      `eap=${eap}`,
      `phase2="auth=${phase2}"`,
      `password="${password}"`,
      'identity="user1@members.example"',
      'anonymous_identity="anonymous@members.example"',
      `ca_cert="${file}"`,
    ];
    for (const [eap, phase2] of [
      ['TTLS', 'PAP'],
      ['TTLS', 'MSCHAPV2'],
      ['PEAP', 'MSCHAPV2'],
    ] as const) {
      const { success, keys, text } = await eapolTest(a.the, network(eap, phase2, 'first secret'));
      assert.ok(success && keys, `${eap} ${phase2}: ${text.slice(-3000)}`);
      assert.match(text, /Attribute 81 \(Tunnel-Private-Group-Id\)/);
      assert.equal((await eapolTest(a.the, network(eap, phase2, 'wrong'))).success, false, `${eap} ${phase2}`);
    }
  });

  test('a backend that is down is no reject: there is no answer', async () => {
    const respond = backend.respond;
    backend.answer(503, {});
    const lines = ['User-Name = "user1@members.example"', 'User-Password = "first secret"', SIGNED];
    assert.equal((await radclient(a.the, 'auth', lines, { timeout: 2 })).code, undefined);
    backend.respond = respond;
    assert.equal((await pap('first secret')).code, 'Access-Accept');
  });

  test('a connector that a realm needs stays', async () => {
    assertProblem(await a.the.admin.delete(`/v1/radius/connectors/${connectorId}`), 409, /realm members\.example/);
  });

  test('the other way round: POST /connector/authenticate answers for users of this site', async () => {
    await makePerson(a.the, { username: 'alice', network: 'reku-boda-42' });
    const made = await a.the.admin.post('/v1/radius/connector-clients', { name: 'other' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const ask = async (body: object, token = made.body.token) =>
      a.the.anonymous.post('/connector/authenticate', body, { authorization: `Bearer ${token}` });
    const account = await ask({ login: 'alice', password: 'account-password', auth_port: '1812' });
    assert.equal(account.status, 200, JSON.stringify(account.body));
    const hash = ntHash('reku-boda-42');
    const [challenge, peer] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const mschap = {
      login: 'alice',
      mschap_challenge: hex(challengeHash(peer, challenge, 'alice')),
      mschap_response: hex(ntResponse(challenge, peer, 'alice', hash)),
    };
    // A change holds within a second.
    const until = Date.now() + 5000;
    while ((await ask(mschap)).status !== 200 && Date.now() < until) await setTimeout(50);
    const answered = await ask(mschap);
    assert.equal(answered.body.nt_key, hex(hashNtHash(hash)), JSON.stringify(answered.body));
    const wrong = await ask({ login: 'alice', password: 'wrong' });
    assert.deepEqual([wrong.status, Object.keys(wrong.body)], [422, ['errors']]);
    const foreign = await ask(mschap, 'ghc_x');
    assert.deepEqual([foreign.status, Object.keys(foreign.body)], [401, ['errors']]);
  });
});
