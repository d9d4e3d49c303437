import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CLOSE } from '@gatehouse/protocol';
import { Device, enroll, type Json, makeNetwork, makePeer } from '../../../test/api/support.ts';
import { BACKENDS } from '../../identity/testing.ts';
import { startDoors } from './testing.ts';

const FIREWALL =
  'name: safe\npriority: 10\nmatch: {groups: [staff], posture: {firewall: true}}\ndecide: {action: allow}\n';
const QUARANTINE = 'name: unsafe\npriority: 20\nmatch: {groups: [staff]}\ndecide: {action: quarantine}\n';

for (const backend of BACKENDS) {
  describe(`one decision for both doors, on ${backend.name}`, backend.needs(), () => {
    let server: { database?: string; stop(): Promise<void> };
    let a: Awaited<ReturnType<typeof startDoors>>;
    before(async () => {
      server = await backend.start();
      a = await startDoors({ database: server.database });
      a.users.set('u-alice', { username: 'alice', groups: ['staff'] });
      a.users.set('u-bob', { username: 'bob', groups: [] });
    });
    after(async () => {
      await a?.close();
      await server?.stop();
    });

    /** A network with a connected hub, and a laptop each of alice and bob; no policies. */
    const scene = async () => {
      for (const { id } of (await a.admin.get('/v1/policies')).body) await a.admin.delete(`/v1/policies/${id}`);
      const network = await makeNetwork(a.admin, { cidr_v6: null });
      a.networks.push(network.id);
      const hub = await makePeer(a.admin, network.id, { is_jump: true, endpoint: '192.0.2.1' });
      const laptop = await makePeer(a.anonymous.as('u-alice'), network.id);
      const other = await makePeer(a.anonymous.as('u-bob'), network.id);
      const printer = await makePeer(a.admin, network.id);
      const enrolled = await enroll(a.appliance, hub);
      // The first state is all of it: what tests read without waiting for a message.
      await a.store.drained();
      const gate = await Device.start(a.appliance, enrolled);
      const groups = async (peer: Json): Promise<string[]> =>
        (await a.admin.get(`/api/v1/networks/${network.id}/peers/${peer.id}`)).body.group_ids;
      const group = async (name: string): Promise<Json> =>
        (await a.admin.post(`/api/v1/networks/${network.id}/groups`, { name })).body;
      return { network, hub, laptop, other, printer, gate, groups, group };
    };
    /** Whether the hub lets a peer open connections to anybody, as its state says. */
    const isFree = ({ state }: Device, peer: Json): boolean => {
      const id = state?.peers.find((one) => one.publicKey === peer.public_key)?.class;
      const rights = state?.firewall?.classes ?? [];
      return (rights.find((one) => one.id === id)?.allow ?? []).length > 0;
    };
    const work = () => ({ ...(a.overlay.door as { decided: number; changed: number }) });
    const since = (before: ReturnType<typeof work>) => {
      const now = work();
      return { decided: now.decided - before.decided, changed: now.changed - before.changed };
    };

    test('without policies nobody is asked', async () => {
      const before = work();
      const { gate, laptop } = await scene();
      await a.tell('identity.user.updated', { userId: 'u-alice', changed: ['groups'] });
      assert.deepEqual(since(before), { decided: 0, changed: 0 });
      assert.equal(isFree(gate, laptop), true);
      gate.line.close();
    });

    test('an agent tells its posture: the hub loses the peer, and gets it back', async () => {
      const { laptop, other, printer, gate } = await scene();
      await a.policy(FIREWALL);
      await a.policy(QUARANTINE);
      await gate.takeUntil(
        'nothing is known of the laptop: it is out',
        (state) => !isFree({ state } as Device, laptop),
      );
      assert.deepEqual([isFree(gate, other), isFree(gate, printer)], [true, true]);

      const device = await Device.start(a.appliance, await enroll(a.appliance, laptop));
      const key = (await a.admin.get(`/api/v1/networks/${a.networks.at(-1)}/peers/${laptop.id}`)).body;
      const before = work();
      const report = (firewall: boolean) =>
        device.line.send({ type: 'posture', macs: ['02-00-00-00-00-07'], facts: { firewall } });
      report(true);
      await gate.takeUntil('the laptop is in', () => isFree(gate, key));
      report(false);
      await gate.takeUntil('the laptop is out', () => !isFree(gate, key));
      const [known] = (await a.admin.get(`/v1/devices?peer_id=${laptop.id}`)).body;
      assert.deepEqual([known.mac, known.user_id, known.posture.state], ['02:00:00:00:00:07', 'u-alice', 'failed']);
      report(true);
      await gate.takeUntil('the laptop is in again', () => isFree(gate, key));
      await a.store.drained();
      const done = since(before);
      assert.equal(done.changed, 3);
      assert.ok(done.decided <= 8, `decided ${done.decided} times: for the laptop only`);
      const types = a.events.filter(({ type }) => type === 'posture.failed' || type === 'access.posture.changed');
      assert.deepEqual(
        types.map(({ type }) => type),
        ['access.posture.changed', 'access.posture.changed', 'posture.failed', 'access.posture.changed'],
      );
      device.line.close();
      gate.line.close();
    });

    test('a report beyond its bounds ends the connection, and says nothing of the device', async () => {
      const { laptop, gate } = await scene();
      const enrolled = await enroll(a.appliance, laptop);
      const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`f${i}`, true]));
      for (const wrong of [
        { macs: [], facts: many },
        { macs: Array(17).fill('02:00:00:00:00:08'), facts: {} },
        { macs: ['02:00:00:00:00:08'], facts: { Firewall: true } },
        { macs: ['02:00:00:00:00:08'], facts: { firewall: null } },
        { macs: ['02:00:00:00:00:08'] },
      ]) {
        const device = await Device.start(a.appliance, enrolled);
        device.line.send({ type: 'posture', ...wrong });
        assert.equal(await device.line.closed(), CLOSE.badMessage, JSON.stringify(wrong));
      }
      const device = await Device.start(a.appliance, enrolled);
      device.line.send({ type: 'posture', macs: ['nonsense', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'], facts: {} });
      for (let i = 0; i < 100; i++) {
        device.line.send({ type: 'posture', macs: ['02:00:00:00:00:08'], facts: { round: i } });
      }
      await a.until('the last report is in', async () => {
        const [known, ...more] = (await a.admin.get(`/v1/devices?peer_id=${laptop.id}`)).body;
        assert.deepEqual(more, []);
        return known?.posture.facts.round === 99;
      });
      device.line.close();
      gate.line.close();
    });

    test('a tool tells the posture of a device that is linked to a peer', async () => {
      const { laptop, gate } = await scene();
      const { body: device } = await a.admin.post('/v1/devices', { mac: '02:00:00:00:01:01', peer_id: laptop.id });
      await a.policy(FIREWALL);
      await a.policy(QUARANTINE);
      await gate.takeUntil('out', () => !isFree(gate, laptop));
      await a.admin.put(`/v1/devices/${device.id}/posture`, { facts: { firewall: true } });
      await gate.takeUntil('in', () => isFree(gate, laptop));
      await a.admin.put(`/v1/devices/${device.id}`, { peer_id: null });
      await gate.takeUntil('out, as the device is not its any more', () => !isFree(gate, laptop));
      gate.line.close();
    });

    test('a policy that goes lets in whom it kept out; what is kept out stays so over a restart', async () => {
      const { laptop, gate } = await scene();
      const { id } = await a.policy(
        'name: no-staff\nmatch: {groups: [staff], door: overlay}\ndecide: {action: deny}\n',
      );
      await gate.takeUntil('out', () => !isFree(gate, laptop));
      await a.store.drained();
      // Peers of the tests before are kept out too, and one of them has a device.
      const told = a.events.find(
        ({ type, data }) => type === 'policy.violation' && data.policyId === id && data.mac === '',
      );
      assert.deepEqual(told?.data, {
        policyId: id,
        username: 'alice',
        mac: '',
        nasId: null,
        reason: 'kept out of the overlay by the policy no-staff',
        actor: { kind: 'system', id: 'system' },
      });
      const again = await a.reopen();
      await again.stop();
      assert.equal(again.overlay.door?.changed, 0, 'it was held');
      await a.admin.delete(`/v1/policies/${id}`);
      await gate.takeUntil('in', () => isFree(gate, laptop));
      gate.line.close();
    });

    test('jump peers and peers of nobody are part of the building', async () => {
      const { hub, laptop, other, printer, gate } = await scene();
      await a.policy('name: nobody\ndecide: {action: deny}\n');
      await gate.takeUntil('people’s are out', () => !isFree(gate, laptop) && !isFree(gate, other));
      await a.store.drained();
      const rows = await a.store
        .as<{ access_blocks: { peer_id: string } }>()
        .selectFrom('access_blocks')
        .selectAll()
        .execute();
      const blocked = rows.map(({ peer_id }) => peer_id);
      assert.ok(!blocked.includes(hub.id) && !blocked.includes(printer.id));
      gate.line.close();
    });

    test('time windows begin and end without an event', async () => {
      const { laptop, gate } = await scene();
      const start = a.clock.ms;
      a.clock.ms = Date.UTC(2026, 0, 5, 11, 59);
      await a.policy(
        'name: afternoon\nmatch: {groups: [staff], time: {from: "12:00", to: "13:00"}}\ndecide: {action: deny}\n',
      );
      await a.store.drained();
      assert.equal(isFree(gate, laptop), true);
      a.clock.ms = Date.UTC(2026, 0, 5, 12, 0);
      // What a start decides is what the timer decides.
      const noon = await a.reopen();
      await noon.stop();
      await gate.takeUntil('out at noon', () => !isFree(gate, laptop));
      a.clock.ms = Date.UTC(2026, 0, 5, 13, 0);
      const after = await a.reopen();
      await after.stop();
      await gate.takeUntil('in at one', () => isFree(gate, laptop));
      a.clock.ms = start;
      gate.line.close();
    });

    test('groups: who is allowed joins them, and leaves them again; what people did stays', async () => {
      const { laptop, other, network, gate, groups, group } = await scene();
      const engineers = await group('Engineers');
      const staff = await group('staff');
      await a.admin.post(`/api/v1/networks/${network.id}/groups/${staff.id}/peers/${laptop.id}`);
      assert.deepEqual(await groups(laptop), [staff.id]);
      const saved = await a.policy(
        'name: g\nmatch: {groups: [staff]}\ndecide: {action: allow, overlay_groups: [engineers, staff, later, never]}\n',
      );
      assert.match(saved.warnings.join(), /no overlay network has a group called later, never/);
      await a.store.drained();
      assert.deepEqual(await groups(laptop), [engineers.id, staff.id].sort());
      assert.deepEqual(await groups(other), []);
      const later = await group('Later');
      await a.store.drained();
      assert.deepEqual(await groups(laptop), [engineers.id, staff.id, later.id].sort());
      await a.admin.delete(`/api/v1/networks/${network.id}/groups/${later.id}/peers/${laptop.id}`);
      await a.store.drained();
      assert.ok((await groups(laptop)).includes(later.id), 'while the policy holds it comes back');

      const before = work();
      a.users.set('u-bob', { username: 'bob', groups: ['staff'] });
      await a.tell('identity.user.updated', { userId: 'u-bob', changed: ['groups'] });
      assert.deepEqual(since(before).changed, 1);
      assert.deepEqual(await groups(other), [engineers.id, staff.id, later.id].sort());
      a.users.set('u-bob', { username: 'bob', groups: [] });
      await a.tell('identity.user.updated', { userId: 'u-bob', changed: ['groups'] });
      assert.deepEqual(await groups(other), []);

      await a.admin.put(`/api/v1/networks/${network.id}/groups/${later.id}`, { name: 'renamed' });
      await a.store.drained();
      assert.deepEqual(await groups(laptop), [engineers.id, staff.id].sort());
      await a.admin.delete(`/v1/policies/${saved.id}`);
      await a.store.drained();
      assert.deepEqual(await groups(laptop), [staff.id], 'what somebody put there stays');
      gate.line.close();
    });

    test('a change concerns its own peers: of many others none is decided for or compiled', async () => {
      const { network, gate, hub } = await scene();
      const many = Array.from({ length: 30 }, (_, i) => `u-many-${i}`);
      for (const id of many) {
        a.users.set(id, { username: id, groups: ['many'] });
        await makePeer(a.anonymous.as(id), network.id);
      }
      await a.policy('name: one\nmatch: {groups: [blocked]}\ndecide: {action: deny}\n');
      await a.store.drained();
      const before = work();
      const compiled = a.overlay.stats.compiled;
      a.users.set('u-many-3', { username: 'u-many-3', groups: ['blocked'] });
      await a.tell('identity.user.updated', { userId: 'u-many-3', changed: ['groups'] });
      assert.deepEqual(since(before), { decided: 1, changed: 1 });
      // The hub; the peer itself isn't connected.
      assert.ok(a.overlay.stats.compiled - compiled <= 1, String(a.overlay.stats.compiled - compiled));
      assert.ok(hub.id);
      gate.line.close();
    });
  });
}
