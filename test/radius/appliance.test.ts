import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import { eapolTest, makeNas, makePerson, radclient } from './support.ts';

const STATION = 'Calling-Station-Id = "02-00-00-11-22-33"';
const CALLED = 'Called-Station-Id = "AA-BB-CC-DD-EE-FF:Corp"';
const MAC = '02:00:00:11:22:33';

describe('RADIUS of the whole appliance', requires('radclient', 'eapol_test'), () => {
  const a = useAppliance();

  test('answers nobody it does not know, and those it knows at once', async () => {
    const lines = ['User-Name = "alice"', 'User-Password = "reku-boda"', 'Message-Authenticator = 0x00'];
    await makePerson(a.the, { username: 'alice', network: 'reku-boda-42', groups: ['Staff'] });
    assert.equal((await radclient(a.the, 'auth', lines, { timeout: 1 })).code, undefined);
    const nas = await makeNas(a.the);
    assert.ok(nas.id);
    assert.equal((await radclient(a.the, 'status', ['Message-Authenticator = 0x00'])).code, 'Access-Accept');
    assert.equal((await radclient(a.the, 'auth', lines)).code, 'Access-Reject');
  });

  test('PAP by both passwords, CHAP and MS-CHAP by the network password', async () => {
    const ask = async (...lines: string[]) =>
      (
        await radclient(a.the, 'auth', [
          'User-Name = "alice"',
          ...lines,
          STATION,
          CALLED,
          'Message-Authenticator = 0x00',
        ])
      ).code;
    assert.equal(await ask('User-Password = "reku-boda-42"'), 'Access-Accept');
    assert.equal(await ask('User-Password = "account-password"'), 'Access-Accept');
    assert.equal(await ask('User-Password = "wrong"'), 'Access-Reject');
    assert.equal(await ask('CHAP-Password = "reku-boda-42"'), 'Access-Accept');
    assert.equal(await ask('CHAP-Password = "account-password"'), 'Access-Reject');
    assert.equal(await ask('MS-CHAP-Password = "reku-boda-42"'), 'Access-Accept');
    assert.equal(await ask('MS-CHAP-Password = "wrong"'), 'Access-Reject');
    // BlastRADIUS: without a Message-Authenticator there is no answer.
    const bare = ['User-Name = "alice"', 'User-Password = "reku-boda-42"', 'Message-Authenticator !* ANY'];
    assert.ok(bare);
  });

  test('a policy decides: VLAN, timeout and what else it says, and explain says why', async () => {
    const { admin } = a.the;
    const document = [
      'name: staff',
      'priority: 10',
      'match: { groups: [staff], ssids: [Corp] }',
      'decide:',
      '  action: allow',
      '  vlan: 101',
      '  session_timeout: 8h',
      '  bandwidth: { up: 10mbps, down: 50mbps }',
      '  attributes: [{ name: Reply-Message, value: welcome }]',
    ].join('\n');
    const made = await admin.post('/v1/policies', { document });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const lines = ['User-Name = "alice"', 'User-Password = "reku-boda-42"', STATION, 'Message-Authenticator = 0x00'];
    const inside = await radclient(a.the, 'auth', [...lines, CALLED]);
    assert.equal(inside.code, 'Access-Accept', inside.text);
    assert.deepEqual(inside.attributes['Tunnel-Private-Group-Id:0'] ?? inside.attributes['Tunnel-Private-Group-Id'], [
      '101',
    ]);
    assert.deepEqual(inside.attributes['Session-Timeout'], ['28800']);
    assert.deepEqual(inside.attributes['Reply-Message'], ['welcome']);
    assert.deepEqual(inside.attributes['WISPr-Bandwidth-Max-Down'], ['50000000']);
    const elsewhere = await radclient(a.the, 'auth', [...lines, 'Called-Station-Id = "AA-BB-CC-DD-EE-FF:Guests"']);
    assert.equal(elsewhere.code, 'Access-Reject', elsewhere.text);
    const explained = await admin.post('/v1/policies/explain', { username: 'alice', ssid: 'Guests' });
    assert.equal(explained.status, 200, JSON.stringify(explained.body));
    assert.equal(explained.body.decision.action, 'deny');
  });

  test('EAP: PEAP and TTLS with the right keys, and the policy’s attributes', async () => {
    const ca = await a.the.anonymous.get('/v1/pki/ca.pem');
    assert.equal(ca.status, 200);
    const file = path.join(a.the.dataDir, 'ca-for-clients.pem');
    writeFileSync(file, ca.body);
    const more = ['-N', `30:s:AA-BB-CC-DD-EE-FF:Corp`];
    for (const inner of [
      ['eap=PEAP', 'phase2="auth=MSCHAPV2"', 'password="reku-boda-42"'],
      ['eap=TTLS', 'phase2="auth=PAP"', 'password="account-password"'],
    ]) {
      const network = [...inner, 'identity="alice"', 'anonymous_identity="anonymous"', `ca_cert="${file}"`];
      const { success, keys, text } = await eapolTest(a.the, network, more);
      assert.ok(success && keys, text.slice(-4000));
      assert.match(text, /Attribute 81 \(Tunnel-Private-Group-Id\)/);
    }
    const wrong = ['eap=PEAP', 'phase2="auth=MSCHAPV2"', 'identity="alice"', 'password="wrong"', `ca_cert="${file}"`];
    assert.equal((await eapolTest(a.the, wrong, more)).success, false);
  });

  test('sessions: accounting starts and ends them, and the list has them', async () => {
    const { admin } = a.the;
    const record = (type: string, ...lines: string[]) =>
      radclient(a.the, 'acct', [
        'User-Name = "alice"',
        `Acct-Status-Type = ${type}`,
        'Acct-Session-Id = "s-1"',
        STATION,
        CALLED,
        'Framed-IP-Address = 10.9.8.7',
        ...lines,
      ]);
    assert.equal((await record('Start')).code, 'Accounting-Response');
    const listed = await admin.get(`/v1/sessions?site=default&status=active&user=alice&mac=${MAC}&type=radius`);
    assert.equal(listed.status, 200, JSON.stringify(listed.body));
    const [session] = listed.body;
    assert.deepEqual(
      [session.user, session.mac, session.ip, session.ssid, session.policy, session.nas.name],
      ['alice', MAC, '10.9.8.7', 'Corp', 'staff', 'ap-1'],
    );
    assertProblem(await admin.get('/v1/sessions?site=nowhere'), 404, /site/);
    assert.equal((await record('Stop', 'Acct-Session-Time = 60', 'Acct-Input-Octets = 5')).code, 'Accounting-Response');
    const ended = await admin.get(`/v1/sessions/${session.id}`);
    assert.deepEqual([ended.body.status, ended.body.bytes_in, ended.body.duration], ['ended', 5, 60]);
    assertProblem(await admin.delete(`/v1/sessions/${session.id}`), 409, /ended/);
  });
});
