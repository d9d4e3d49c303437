import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BACKENDS } from '../identity/testing.ts';
import { facts } from './policy/testing.ts';
import { type Fixture, useAccess } from './testing.ts';

const REST = 'name: rest\npriority: 900\ndecide: {action: quarantine, vlan: 99}\n';

for (const backend of BACKENDS) {
  describe(`devices on ${backend.name}`, backend.needs(), () => {
    let a: Fixture;
    useAccess(backend, (started) => {
      a = started;
    });

    test('devices: any notation in, canonical out; one for each MAC address', async () => {
      const made = await a.call('POST', '/devices', {
        mac: '0200.0011.2233',
        name: 'till',
        groups: ['tills'],
        mab: true,
        user_id: 'u-alice',
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.deepEqual(
        { ...made.body, id: '', created_at: '', updated_at: '' },
        {
          id: '',
          mac: '02:00:00:11:22:33',
          name: 'till',
          user_id: 'u-alice',
          peer_id: null,
          groups: ['tills'],
          mab: true,
          enabled: true,
          network_password_set: false,
          posture: { state: 'unknown', facts: {}, reported_at: null },
          created_at: '',
          updated_at: '',
        },
      );
      assert.equal((await a.call('POST', '/devices', { mac: '02:00:00:11:22:33' })).status, 409);
      for (const mac of ['x', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01']) {
        assert.equal((await a.call('POST', '/devices', { mac })).status, 422, mac);
      }
      assert.equal((await a.call('POST', '/devices', { mac: '02:00:00:11:22:34', user_id: 'nobody' })).status, 422);
      const { id } = made.body;
      const changed = await a.call('PUT', `/devices/${id}`, { enabled: false, name: 'till' });
      assert.deepEqual([changed.body.enabled, changed.body.name], [false, 'till']);
      assert.equal((await a.call('GET', '/devices?mac=02-00-00-11-22-33')).body.length, 1);
      assert.equal((await a.call('GET', '/devices?user_id=u-bob')).body.length, 0);
      const [record] = await a.access.devices([id]);
      assert.deepEqual(
        [record?.mac, record?.mab, record?.enabled, record?.groups],
        ['02:00:00:11:22:33', true, false, ['tills']],
      );
      assert.equal((await a.call('DELETE', `/devices/${id}`)).status, 204);
      assert.deepEqual(await a.access.devices([id]), []);
      const heard = await a.heard('access.device.created', 'access.device.updated', 'access.device.deleted');
      assert.deepEqual(
        heard.map(({ type }) => type),
        ['access.device.created', 'access.device.updated', 'access.device.deleted'],
      );
      assert.deepEqual((heard[1]!.data as { changed: string[] }).changed, ['enabled']);
    });

    test('a network password is generated or given, shown once, and sealed', async () => {
      const { body: device } = await a.call('POST', '/devices', { mac: '02:00:00:11:22:40' });
      const url = `/devices/${device.id}/network-password`;
      assert.deepEqual((await a.call('PUT', url)).body, { network_password: 'correct-horse-battery' });
      assert.equal((await a.call('PUT', url, { password: 'of my own' })).status, 204);
      assert.equal((await a.call('PUT', url, { password: 'short' })).status, 422);
      const shown = (await a.call('GET', `/devices/${device.id}`)).body;
      assert.equal(shown.network_password_set, true);
      assert.ok(!JSON.stringify(shown).includes('of my own'));
      assert.equal((await a.access.devices([device.id]))[0]?.networkPassword, 'of my own');
      assert.equal((await a.call('DELETE', url)).status, 204);
      assert.equal((await a.access.devices([device.id]))[0]?.networkPassword, null);
    });

    test('posture: told by a tool; events only where facts are others; failed once for each change', async () => {
      const staff = await a.policy(
        'name: staff\nmatch: {users: [pat], posture: {firewall: true, disk: true}}\ndecide: {action: allow}\n',
      );
      await a.policy(REST);
      const { body: device } = await a.call('POST', '/devices', { mac: '02:00:00:11:22:50' });
      const met = facts({ username: 'pat', mac: device.mac, device: { id: device.id, name: 'x', groups: [] } });
      a.access.record({ facts: met, outcome: 'accept', decision: a.access.decide(met) });
      const put = (told: object) => a.call('PUT', `/devices/${device.id}/posture`, { facts: told });
      const posture = async () => (await a.heard('access.posture.changed', 'posture.failed')).map(({ type }) => type);
      assert.equal((await put({ firewall: true, disk: true })).body.posture.state, 'ok');
      assert.equal(a.access.decide(met).action, 'allow');
      assert.deepEqual(await posture(), ['access.posture.changed']);
      await put({ disk: true, firewall: true });
      assert.deepEqual(await posture(), ['access.posture.changed'], 'the same in another order');
      const failed = await put({ firewall: false, disk: true });
      assert.equal(failed.body.posture.state, 'failed');
      assert.deepEqual(failed.body.posture.facts, { disk: true, firewall: false });
      assert.equal(a.access.decide(met).action, 'quarantine');
      const [event] = await a.heard('posture.failed');
      assert.deepEqual(event?.data, {
        deviceId: device.id,
        mac: device.mac,
        userId: null,
        policyId: staff.id,
        failed: ['firewall'],
        actor: { kind: 'user', id: 'u-admin', address: '127.0.0.1' },
      });
      await put({ firewall: false, disk: true, more: 1 });
      assert.equal((await a.heard('posture.failed')).length, 1, 'it had failed already');
      await put({ firewall: false, disk: false });
      assert.equal((await a.heard('posture.failed')).length, 2, 'something else fails too');
      await put({ firewall: true, disk: true });
      assert.equal(a.access.decide(met).action, 'allow');
      for (const wrong of [
        { Firewall: true },
        { a: null },
        { a: 'x'.repeat(257) },
        Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`f${i}`, 1])),
      ]) {
        assert.equal((await put(wrong)).status, 422);
      }
    });

    test('posture: told by an agent, for the devices of its own peer and owner only', async () => {
      const { body: mine } = await a.call('POST', '/devices', { mac: '02:00:00:11:22:60', user_id: 'u-alice' });
      const { body: theirs } = await a.call('POST', '/devices', { mac: '02:00:00:11:22:61' });
      const report = (macs: string[], told: Record<string, boolean>) =>
        a.access.reportPosture({ peerId: 'peer-1', userId: 'u-alice', macs, facts: told });
      await report(['02-00-00-11-22-60', theirs.mac, '02:00:00:11:22:62', 'nonsense', 'ff:ff:ff:ff:ff:ff'], {
        firewall: true,
      });
      const all = (await a.call('GET', '/devices')).body as Record<string, unknown>[];
      const view = all.map(({ mac, peer_id, user_id, posture }) => [
        mac,
        peer_id,
        user_id,
        (posture as { facts: object }).facts,
      ]);
      assert.deepEqual(view, [
        ['02:00:00:11:22:60', 'peer-1', 'u-alice', { firewall: true }],
        ['02:00:00:11:22:61', null, null, {}],
        ['02:00:00:11:22:62', 'peer-1', 'u-alice', { firewall: true }],
      ]);
      assert.equal((await a.heard('access.posture.changed')).length, 2);
      await report([mine.mac], { firewall: true });
      assert.equal((await a.heard('access.posture.changed')).length, 2, 'nothing new');
      await report([], { firewall: false });
      assert.equal((await a.heard('access.posture.changed')).length, 4, 'all devices of the peer');
      for (let i = 0; i < 40; i++) await report([`02:00:00:00:99:${String(i + 10)}`], { firewall: true });
      const linked = (await a.call('GET', '/devices?peer_id=peer-1')).body as { mac: string }[];
      assert.equal(linked.length, 16);
      assert.ok(
        linked.some(({ mac }) => mac === mine.mac),
        'what a person made stays',
      );
      assert.ok(
        linked.some(({ mac }) => mac === '02:00:00:00:99:49'),
        'the newest is there',
      );
      await a.store.transaction(async (tx) =>
        tx.emit({
          type: 'overlay.peer.deleted',
          data: { networkId: 'n', peerId: 'peer-1', name: 'x', actor: { kind: 'system', id: 'system' } },
        }),
      );
      await a.store.drained();
      assert.deepEqual(
        (await a.call('GET', '/devices')).body.map(({ mac, peer_id }: Record<string, unknown>) => [mac, peer_id]),
        [
          [mine.mac, null],
          [theirs.mac, null],
        ],
      );
    });

    test('the devices of a user who is deleted go too', async () => {
      await a.call('POST', '/devices', { mac: '02:00:00:11:22:70', user_id: 'u-alice' });
      await a.store.transaction(async (tx) =>
        tx.emit({
          type: 'identity.user.deleted',
          data: { userId: 'u-alice', username: 'alice', actor: { kind: 'system', id: 'system' } },
        }),
      );
      await a.store.drained();
      assert.deepEqual((await a.call('GET', '/devices')).body, []);
    });
  });
}
