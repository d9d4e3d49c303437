import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ATTRIBUTE, Secret } from '../../appliance/radius/codec/index.ts';
import { Device, enroll, makeNetwork, makePeer, until, useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import { startNas, type TestNas } from './nas.ts';
import { makeNas, makePerson, radclient, SECRET } from './support.ts';

const MAC = '02:00:00:11:22:33';
const POLICIES = [
  `name: staff
priority: 10
match: { groups: [staff], posture: { disk_encryption: true } }
decide: { action: allow, vlan: 101 }`,
  `name: unfit
priority: 20
match: { groups: [staff] }
decide: { action: quarantine, vlan: 999 }`,
];

describe('one decision for both doors', requires('radclient'), () => {
  const a = useAppliance();
  let nas: TestNas | undefined;
  after(() => nas?.close());

  test('a device that fails posture is moved to the quarantine VLAN and blocked on the overlay', async (t) => {
    const { admin } = a.the;
    nas = await startNas(new Secret(SECRET));
    await makeNas(a.the, { coa_port: nas.port });
    const userId = await makePerson(a.the, { username: 'bea', network: 'gufo-tami-42', groups: ['staff'] });
    const network = await makeNetwork(admin);
    await admin.put(`/api/v1/users/${userId}`, { authorized_networks: [network.id] });
    const hub = await makePeer(admin, network.id, { is_jump: true, listen_port: 51820, endpoint: '192.0.2.1' });
    const bea = await a.the.login('bea', 'account-password');
    const peer = await makePeer(bea, network.id, { use_agent: true });
    const { credential } = await enroll(a.the, hub);
    const laptop = await enroll(a.the, peer);
    const made = await admin.post('/v1/devices', { mac: MAC, name: 'laptop', user_id: userId, peer_id: peer.id });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const posture = `/v1/devices/${made.body.id}/posture`;
    assert.ok((await admin.put(posture, { facts: { disk_encryption: true } })).status < 300);
    for (const document of POLICIES) assert.equal((await admin.post('/v1/policies', { document })).status, 201);

    const who = ['User-Name = "bea"', `Calling-Station-Id = "${MAC}"`, 'Acct-Session-Id = "s-9"', 'NAS-Port = 7'];
    // Until what was just made holds.
    const accepted = await until('bea gets in', async () => {
      const lines = [...who, 'User-Password = "gufo-tami-42"', 'Message-Authenticator = 0x00'];
      const reply = await radclient(a.the, 'auth', lines);
      return reply.code === 'Access-Accept' ? reply : undefined;
    });
    assert.equal(vlanOf(accepted.attributes), '101', accepted.text);
    await radclient(a.the, 'acct', [...who, 'Acct-Status-Type = Start']);
    const device = await (await Device.connect(a.the.url, credential)).hello();
    /** Whether the hub lets the laptop reach anybody: a blocked peer's class has no rights. */
    const isOpen = () => {
      const id = device.state?.peers.find(({ publicKey }) => publicKey === laptop.publicKey)?.class;
      const found = device.state?.firewall?.classes.find((one) => one.id === id);
      return (found?.allow.length ?? 0) > 0;
    };
    await device.takeUntil('the hub lets the laptop through', isOpen);

    const changed = performance.now();
    assert.ok((await admin.put(posture, { facts: { disk_encryption: false } })).status < 300);
    const coa = await until('the NAS is told', () => nas?.asked.find(({ kind }) => kind === 'coa'));
    assert.equal(Buffer.from(coa.packet.first(ATTRIBUTE.tunnelPrivateGroupId) ?? []).toString(), '999');
    assert.equal(coa.packet.text(ATTRIBUTE.acctSessionId), 's-9');
    await device.takeUntil('the hub blocks the laptop', () => !isOpen());
    // The goal is a second for both; a timing is no assertion, so it is told.
    t.diagnostic(`both doors knew after ${Math.round(performance.now() - changed)} ms`);
    const [session] = (await admin.get('/v1/sessions?user=bea&status=active&type=radius')).body;
    await until('the list has the policy', async () => {
      return (await admin.get(`/v1/sessions/${session.id}`)).body.policy === 'unfit';
    });

    assert.ok((await admin.put(posture, { facts: { disk_encryption: true } })).status < 300);
    await device.takeUntil('the hub lets the laptop through again', isOpen);
    await until('the NAS is told again', () => nas?.asked.filter(({ kind }) => kind === 'coa').length === 2);
    device.line.close();
  });

  test('a session is ended by its NAS, or the answer says why not', async () => {
    const { admin } = a.the;
    assert.ok(nas);
    const [session] = (await admin.get('/v1/sessions?user=bea&status=active&type=radius')).body;
    const route = `/v1/sessions/${session.id}`;
    nas.state.behaviour = { nak: 501 };
    const refused = await admin.delete(route);
    assertProblem(refused, 409, /./);
    assert.deepEqual(refused.body.error_cause, { number: 501, name: 'Administratively-Prohibited' });
    nas.state.behaviour = 'ack';
    const again = await admin.post(`${route}/reauthorize`);
    assert.ok([200, 204].includes(again.status), JSON.stringify(again.body));
    assert.equal((await admin.delete(route)).status, 204);
    assert.equal(nas.asked.at(-1)?.kind, 'disconnect');
    assert.deepEqual(nas.wrong, []);
  });
});

const vlanOf = (attributes: Record<string, string[]>): string | undefined =>
  Object.entries(attributes).find(([name]) => name.startsWith('Tunnel-Private-Group-Id'))?.[1][0];
