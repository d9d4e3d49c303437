import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { anyKey, Device, enroll, makeNetwork, makePeer, useAppliance } from './support.ts';

const SPOKES = 1000;

describe('work in a large network', () => {
  const a = useAppliance();
  const compiled = async (): Promise<number> =>
    Number(/^gatehouse_overlay_compiles_total (\d+)$/m.exec((await a.the.anonymous.get('/metrics')).body)?.[1]);

  test('one spoke more compiles itself and the connected hubs, and is told to the hubs only', async () => {
    const { admin, dataDir } = a.the;
    const network = await makeNetwork(admin, { cidr: '10.50.0.0/16' });
    const hubs = [];
    for (const name of ['one', 'two']) hubs.push(await makePeer(admin, network.id, { name, is_jump: true }));
    const some = [];
    for (let i = 0; i < 3; i++) some.push(await makePeer(admin, network.id));
    fillWithSpokes(path.join(dataDir, 'gatehouse.db'), network.id);
    // A change of the network has all of it read again.
    await admin.put(`/api/v1/networks/${network.id}`, { mtu: 1400 });
    const online: Device[] = [];
    for (const peer of [...hubs, ...some]) online.push(await Device.start(a.the, await enroll(a.the, peer)));
    const [first, second] = online as [Device, Device];
    const spokes = online.slice(2);
    const all = SPOKES + 4;
    for (const hub of [first, second]) await hub.takeUntil('the hub knows all', ({ peers }) => peers.length >= all);
    // The last to enroll was news for all hubs: once it is told, the queue is empty.
    const last = some.length + hubs.length;
    assert.equal(online.length, last);
    const route = `/api/v1/networks/${network.id}/peers/${hubs[0].id}`;
    assert.equal((await admin.get(`${route}/config`)).status, 200);
    for (const device of online) while (device.line.unread > 0) await device.take();

    const before = await compiled();
    const added = await makePeer(admin, network.id, { name: 'one-more' });
    for (const hub of [first, second]) {
      const message = await hub.take();
      assert.ok(message.type === 'delta' && message.delta.upsert?.length === 1);
      assert.equal(message.delta.upsert[0]?.publicKey, added.public_key);
      assert.deepEqual([message.delta.remove, message.delta.sections], [undefined, undefined]);
    }
    assert.ok((await compiled()) - before <= 1 + 2, 'itself and two hubs at the most');
    await admin.delete(`/api/v1/networks/${network.id}/peers/${added.id}`);
    for (const hub of [first, second]) {
      const message = await hub.take();
      assert.ok(message.type === 'delta');
      assert.deepEqual(message.delta, { remove: [added.public_key] });
    }
    assert.ok((await compiled()) - before <= 2 * (1 + 2));
    // A change of a hub concerns everybody, of whom only those who are connected are compiled.
    const earlier = await compiled();
    await admin.put(route, { additional_allowed_ips: ['192.168.5.0/24'] });
    for (const spoke of spokes) {
      await spoke.takeUntil('the route is there', ({ routes }) => routes.includes('192.168.5.0/24'));
    }
    assert.ok((await compiled()) - earlier <= online.length);
    for (const device of online) device.line.close();
  });
});

/** Writes the rows of many spokes at once, behind the appliance's back. */
function fillWithSpokes(file: string, networkId: string): void {
  const db = new DatabaseSync(file, { timeout: 5000 });
  const [model] = db.prepare('SELECT * FROM peers WHERE network_id = ? AND is_jump = 0').all(networkId);
  const columns = Object.keys(model ?? {});
  const insert = db.prepare(`INSERT INTO peers (${columns}) VALUES (${columns.map(() => '?')})`);
  db.exec('BEGIN');
  for (let i = 0; i < SPOKES; i++) {
    const host = 100 + i;
    const name = `spoke-${i}`;
    const row: Record<string, unknown> = {
      ...model,
      id: `spoke-${i}`,
      name,
      host,
      name_lower: name,
      name_key: name,
      address: `10.50.${host >> 8}.${host & 255}`,
      public_key: anyKey(),
      private_key: null,
      token: null,
      token_hash: null,
    };
    insert.run(...columns.map((column) => row[column] as string));
  }
  db.exec('COMMIT');
  db.close();
}
