import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Device, enroll, type Json, makeNetwork, makePeer, makeUser, useAppliance } from './support.ts';

describe('access policies in the appliance', () => {
  const a = useAppliance();

  /** Whether the hub lets a peer open connections to anybody, as its state says. */
  const isFree = ({ state }: Device, peer: Json): boolean => {
    const id = state?.peers.find((one) => one.publicKey === peer.public_key)?.class;
    const rights = state?.firewall?.classes ?? [];
    return (rights.find((one) => one.id === id)?.allow ?? []).length > 0;
  };

  test('a laptop that fails posture loses the overlay until it is in order again; explain says why', async () => {
    const { admin } = a.the;
    const network = await makeNetwork(admin, { cidr_v6: null });
    const owner = await makeUser(a.the, [network.id]);
    const groups = await admin.put(`/v1/users/${owner.id}/groups`, { groups: ['staff'] });
    assert.ok(groups.status < 300, JSON.stringify(groups.body));
    const hub = await makePeer(admin, network.id, { is_jump: true, endpoint: '192.0.2.1' });
    const laptop = await makePeer(owner.client, network.id);
    await makePeer(admin, network.id);
    const group = (await admin.post(`/api/v1/networks/${network.id}/groups`, { name: 'Engineers' })).body;
    const gate = await Device.start(a.the, await enroll(a.the, hub));
    const device = await Device.start(a.the, await enroll(a.the, laptop));
    assert.deepEqual(device.line.heard[0].accepts, ['posture']);
    const peer = async () => (await admin.get(`/api/v1/networks/${network.id}/peers/${laptop.id}`)).body;
    const known = await peer();

    const documents = [
      'name: safe\npriority: 1\nmatch: {groups: [staff], posture: {firewall: true}}\ndecide: {action: allow, overlay_groups: [engineers]}\n',
      'name: unsafe\npriority: 2\nmatch: {groups: [staff]}\ndecide: {action: quarantine, vlan: 99}\n',
    ];
    for (const document of documents) {
      const saved = await admin.call('POST', '/v1/policies', document, { 'content-type': 'application/yaml' });
      assert.equal(saved.status, 201, JSON.stringify(saved.body));
    }
    const report = (firewall: boolean) =>
      device.line.send({ type: 'posture', macs: ['02:00:00:00:00:07'], facts: { firewall } });
    report(true);
    await gate.takeUntil('the laptop is in', () => isFree(gate, known));
    report(false);
    await gate.takeUntil('the laptop is out', () => !isFree(gate, known));
    assert.deepEqual((await peer()).group_ids, []);
    const username = (await admin.get(`/api/v1/users/${owner.id}`)).body.username;
    const explained = await admin.post('/v1/policies/explain', {
      username,
      door: 'overlay',
      mac: '02:00:00:00:00:07',
    });
    assert.equal(explained.status, 200, JSON.stringify(explained.body));
    assert.equal(explained.body.decision.action, 'quarantine');
    assert.deepEqual(explained.body.policies[0].failed, [
      { condition: 'posture.firewall', expected: 'true', actual: 'false' },
    ]);
    report(true);
    await gate.takeUntil('the laptop is in again', () => isFree(gate, known));
    assert.deepEqual((await peer()).group_ids, [group.id]);
    for (const one of [device, gate]) one.line.close();
  });

  test("a policy is refused where it couldn't be told: no such attribute, the server's own, too much", async () => {
    const refused = async (decide: string) => {
      const document = `name: x\ndecide:\n  action: allow\n  ${decide}\n`;
      const { status, body } = await a.the.admin.post('/v1/policies', { document });
      assert.equal(status, 422, JSON.stringify(body));
      const [{ line, path, message }] = body.faults;
      return [line, path, message];
    };
    for (const name of ['No-Such-Thing', 'State']) {
      const [line, path, message] = await refused(`attributes: [{name: ${name}, value: "1"}]`);
      assert.deepEqual([line, path], [4, 'decide.attributes.0']);
      assert.match(message, new RegExp(name));
    }
    const lines = Array.from({ length: 20 }, (_, n) => `permit ${n} ${'x'.repeat(200)}`).join(', ');
    const [line, path, message] = await refused(`acl: [${lines}]`);
    assert.deepEqual([line, path], [2, 'decide']);
    assert.match(message, /bytes of attributes/);
  });
});
