import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Directory, Standing } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import {
  assertError,
  Device,
  enroll,
  type Json,
  makeNetwork,
  makePeer,
  makeUser,
  type Settings,
  telemetry,
  useAppliance,
} from '../support.ts';

const isStanding = Compile(Standing);
const isDirectory = Compile(Directory);
const OPEN = { admitted: true, reason: null, missing: [], reported: null };
const [HOME, AWAY] = ['203.0.113.5:51820', '198.51.100.1:51820'];

/** What a device may ask about itself: why it is kept out, what its posture lacks, whom it reaches. */
export const standing = (where: string, settings?: Settings) =>
  describe(`standing and directory (${where})`, () => {
    const a = useAppliance(settings);

    /** A network with a hub that is connected, a user's laptop that is too, and a printer. */
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { cidr_v6: null, domain_suffix: 'office.internal' });
      const owner = await makeUser(a.the, [network.id]);
      const hub = await makePeer(admin, network.id, { name: 'hub', is_jump: true, endpoint: '192.0.2.1' });
      const laptop = await makePeer(owner.client, network.id, { name: 'laptop' });
      const printer = await makePeer(admin, network.id, { name: 'printer', use_agent: false });
      const gate = await Device.start(a.the, await enroll(a.the, hub));
      const enrolled = await enroll(a.the, laptop);
      const device = await Device.start(a.the, enrolled);
      const as = a.the.anonymous.as(`Bearer ${enrolled.credential}`);
      const standingNow = async (): Promise<Json> => {
        const { status, body, headers } = await as.get('/api/v1/agent/standing');
        assert.equal(status, 200, JSON.stringify(body));
        assert.ok(isStanding.Check(body), JSON.stringify(body));
        assert.equal(headers.get('cache-control'), 'no-store');
        return body;
      };
      const directory = async (query = ''): Promise<Json> => {
        const { status, body } = await as.get(`/api/v1/agent/directory${query}`);
        assert.equal(status, 200, JSON.stringify(body));
        assert.ok(isDirectory.Check(body), JSON.stringify(body));
        return body;
      };
      const names = async (query = ''): Promise<string[]> =>
        (await directory(query)).names.map(({ name }: Json) => name);
      /** The device is told whether it is kept out. */
      const told = (keptOut: boolean) =>
        device.takeUntil(`kept out: ${keptOut}`, ({ peer }) => (peer.keptOut === true) === keptOut);
      const at = `/api/v1/networks/${network.id}`;
      const end = () => {
        for (const { line } of [gate, device]) line.close();
      };
      return {
        admin,
        network,
        owner,
        hub,
        laptop,
        printer,
        gate,
        device,
        as,
        standingNow,
        directory,
        names,
        told,
        at,
        end,
      };
    };

    test('only a device credential that is good opens them, and it answers for its own device alone', async () => {
      const { as, admin, owner, at, laptop, hub, gate, device } = await scene();
      for (const path of [
        '/api/v1/agent/standing',
        '/api/v1/agent/directory',
        `/api/v1/agent/directory?search=${'x'.repeat(254)}`,
      ]) {
        assertError(await a.the.anonymous.get(path), 401, /Bearer/);
        for (const wrong of [`Bearer ghd_${'0'.repeat(64)}`, 'Bearer x', 'Basic eA==', `Bearer ${laptop.token}`]) {
          assertError(await a.the.anonymous.as(wrong).get(path), 401);
        }
        for (const person of [admin, owner.client]) assertError(await person.get(path), 401);
      }
      assertError(await as.get(`/api/v1/agent/directory?search=${'x'.repeat(254)}`), 400);
      assert.equal((await as.get('/api/v1/agent/standing')).status, 200);
      await admin.post(`${at}/peers/${laptop.id}/token`);
      for (const path of ['standing', 'directory']) assertError(await as.get(`/api/v1/agent/${path}`), 401, /revoked/);
      assert.ok(hub.id);
      for (const { line } of [gate, device]) line.close();
    });

    test('an administrator blocks it: it learns of it at once, and why; others learn nothing', async () => {
      const { admin, at, laptop, standingNow, names, told, end } = await scene();
      assert.deepEqual(await standingNow(), OPEN);
      assert.deepEqual(await names(), ['hub', 'printer']);
      const acl = { enabled: true, blocked_peers: { [laptop.id]: true }, rules: [] };
      await admin.put(`${at}/acl`, acl);
      await told(true);
      assert.deepEqual(await standingNow(), {
        ...OPEN,
        admitted: false,
        reason: 'An administrator has blocked this device.',
      });
      assert.deepEqual(await names(), []);
      await admin.put(`${at}/acl`, { ...acl, blocked_peers: {} });
      await told(false);
      assert.deepEqual(await standingNow(), OPEN);
      end();
    });

    test('an incident keeps it out until it is resolved', async () => {
      const { admin, at, device, gate, standingNow, told, end } = await scene();
      const publicKey = device.state!.interface.publicKey;
      for (const endpoint of [HOME, AWAY, HOME, AWAY]) {
        const seen = { publicKey, endpoint, handshakeAge: 1, rx: 0, tx: 0 };
        gate.line.send(telemetry([seen], { hostname: 'gate' }));
      }
      await told(true);
      const { admitted, reason } = await standingNow();
      assert.equal(admitted, false);
      assert.match(reason, /^This device is in quarantine, as .*: ask an administrator to look at it\.$/);
      for (const incident of (await admin.get(`${at}/security/incidents?resolved=false`)).body) {
        await admin.post(`/api/v1/security/incidents/${incident.id}/resolve`);
      }
      await told(false);
      assert.deepEqual(await standingNow(), OPEN);
      end();
    });

    test('a policy keeps it out: its message, what is missing, and in again once that is told', async () => {
      const { admin, owner, device, standingNow, told, end } = await scene();
      const { username } = (await owner.client.get('/api/v1/users/me')).body;
      const made: string[] = [];
      const policy = async (document: string) => {
        const answer = await admin.post('/v1/policies', { document });
        assert.ok(answer.status < 300, JSON.stringify(answer.body));
        made.push(answer.body.id);
      };
      const wishes = 'posture: {disk_encryption: true, os_version: ">=14.2"}';
      await policy(
        `name: Safe laptops\npriority: 1\nmatch: {users: [${username}], ${wishes}}\ndecide: {action: allow}\n`,
      );
      await policy(
        `name: Others\npriority: 2\nmatch: {users: [${username}]}\n` +
          'decide: {action: quarantine, message: "Encrypt the disk: ask Ann, extension 7."}\n',
      );
      await told(true);
      const missing = [
        { fact: 'disk_encryption', wanted: 'true', policy: 'Safe laptops' },
        { fact: 'os_version', wanted: '>=14.2', policy: 'Safe laptops' },
      ];
      const reason = 'Encrypt the disk: ask Ann, extension 7.';
      // Nothing was ever told of it: all that the policy wishes is missing.
      assert.deepEqual(await standingNow(), { admitted: false, reason, missing, reported: null });
      const tell = (facts: Json) => device.line.send({ type: 'posture', macs: ['02:00:00:00:0a:01'], facts });
      tell({ disk_encryption: true, os_version: '14.10' });
      await told(false);
      const good = await standingNow();
      assert.deepEqual({ ...good, reported: null }, OPEN);
      assert.ok(Math.abs(Date.parse(good.reported) - Date.now()) < 60_000);
      tell({ disk_encryption: false, os_version: '14.10' });
      await told(true);
      assert.deepEqual((await standingNow()).missing, missing.slice(0, 1));

      // While it is admitted, the better treatment that it misses is told.
      await admin.delete(`/v1/policies/${made.pop()}`);
      await told(false);
      await policy(`name: Others\npriority: 2\nmatch: {users: [${username}]}\ndecide: {action: portal}\n`);
      const lesser = await standingNow();
      assert.deepEqual([lesser.admitted, lesser.reason], [true, null]);
      assert.deepEqual(lesser.missing, missing.slice(0, 1));
      await policy(`name: Nobody\npriority: 0\nmatch: {users: [${username}]}\ndecide: {action: deny}\n`);
      await told(true);
      const denied = await standingNow();
      assert.equal(denied.reason, 'The policy “Nobody” keeps this device out.');
      assert.deepEqual(denied.missing, [], 'nothing that it could mend would let it in');
      for (const id of made) await admin.delete(`/v1/policies/${id}`);
      await told(false);
      end();
    });

    test('the directory: names, addresses, who is online; what the rules deny is not there', async () => {
      const { admin, at, network, printer, hub, gate, directory, names, end } = await scene();
      gate.line.send(telemetry([], { hostname: 'gate' }));
      const listed = await directory('?search=internal');
      assert.deepEqual(listed, {
        names: [
          { name: 'hub', dns: 'hub.office.internal', addresses: [hub.address], online: true },
          { name: 'printer', dns: 'printer.office.internal', addresses: [printer.address], online: null },
        ],
        more: false,
      });
      assert.deepEqual(await names('?search=PRINT'), ['printer']);
      assert.deepEqual(await names(`?search=${printer.address}`), ['printer']);
      assert.deepEqual(await names('?search=nobody'), []);
      const rules = [{ source_peer: '*', target_peer: printer.id, action: 'deny' }];
      await admin.put(`${at}/acl`, { enabled: true, blocked_peers: {}, rules });
      assert.deepEqual(await names(), ['hub']);
      const other = await makeNetwork(admin, { cidr_v6: null });
      await makePeer(admin, other.id, { name: 'elsewhere' });
      assert.deepEqual(await names(), ['hub'], 'of its own network only');
      assert.ok(network.id);
      end();
    });

    test('what devices are sent that are not ours says nothing new', async () => {
      const { admin, at, network } = await scene();
      const peer = await makePeer(admin, network.id, { name: 'foreign' });
      await admin.put(`${at}/acl`, { enabled: true, blocked_peers: { [peer.id]: true }, rules: [] });
      const { status, body } = await a.the.anonymous.as(`Bearer ${peer.token}`).get('/api/v1/agent/resolve');
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body).sort(), ['config', 'network_id', 'peer_id', 'peer_name']);
      assert.doesNotMatch(JSON.stringify(body), /kept/i);
    });
  });
