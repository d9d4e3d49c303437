import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertError,
  assertShape,
  assertTimes,
  freshName,
  type Json,
  makeNetwork,
  makePeer,
  type Settings,
  useAppliance,
} from '../support.ts';
import { BAD_NAMES, GROUP_SHAPE } from './groups.ts';

const ROUTE_SHAPE = {
  id: 'string',
  network_id: 'string',
  name: 'string',
  description: 'string',
  destination_cidr: 'string',
  jump_peer_id: 'string',
  domain_suffix: 'string',
  created_at: 'string',
  updated_at: 'string',
} as const;
const MAPPING_SHAPE = {
  id: 'string',
  route_id: 'string',
  name: 'string',
  ip_address: 'string',
  created_at: 'string',
  updated_at: 'string',
} as const;

export const routes = (where: string, settings?: Settings) =>
  describe(`routes and DNS (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async (body: Record<string, unknown> = {}) => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, body);
      const at = `/api/v1/networks/${network.id}`;
      const hub = await makePeer(admin, network.id, { name: 'Hub', is_jump: true });
      const good = { name: 'office-lan', destination_cidr: '192.168.1.0/24', jump_peer_id: hub.id };
      const make = async (what: string, fields: object): Promise<Json> => {
        const answer = await admin.post(`${at}/${what}`, fields);
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        return answer.body;
      };
      const makeRoute = (fields: object = {}) => make('routes', { ...good, name: freshName('route'), ...fields });
      return { admin, network, at, hub, good, make, makeRoute };
    };

    test('has every field when made, got, listed and changed', async () => {
      const { admin, network, at, good, makeRoute } = await scene();
      assert.deepEqual((await admin.get(`${at}/routes`)).body, []);
      const body = { ...good, description: 'Office', domain_suffix: '.Office.Internal.' };
      const made = await admin.post(`${at}/routes`, body);
      assert.equal(made.status, 201);
      assertShape(made.body, ROUTE_SHAPE);
      assertTimes(made.body, 'created_at', 'updated_at');
      const { id, created_at } = made.body;
      assert.deepEqual(made.body, {
        ...body,
        id,
        network_id: network.id,
        domain_suffix: 'office.internal',
        created_at,
        updated_at: created_at,
      });
      assert.deepEqual((await admin.get(`${at}/routes/${id}`)).body, made.body);
      const plain = await makeRoute({ destination_cidr: '0.0.0.0/0' });
      assert.deepEqual([plain.description, plain.domain_suffix], ['', '']);
      assert.deepEqual((await admin.get(`${at}/routes`)).body, [made.body, plain]);
      const second = await makePeer(admin, network.id, { is_jump: true });
      const change = {
        name: 'Office LAN v2',
        description: '',
        destination_cidr: 'fd00:1::/64',
        jump_peer_id: second.id,
        domain_suffix: '',
      };
      const changed = await admin.put(`${at}/routes/${id}`, change);
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body, { ...made.body, ...change, updated_at: changed.body.updated_at });
      assert.deepEqual((await admin.put(`${at}/routes/${id}`, {})).body, changed.body);
      const gone = await admin.delete(`${at}/routes/${id}`);
      assert.deepEqual([gone.status, gone.body], [204, '']);
      for (const method of ['GET', 'PUT', 'DELETE']) {
        assertError(
          await admin.call(method, `${at}/routes/${id}`, method === 'PUT' ? {} : undefined),
          404,
          /^route not/,
        );
      }
      assertError(await admin.get(`${at}/routes/${id}/dns`), 404, /^route not found/);
    });

    test('what is malformed is 400 and names the field; a DNS name that is taken is 409', async () => {
      const { admin, network, at, hub, good, makeRoute } = await scene();
      const spoke = await makePeer(admin, network.id, { name: 'spoke' });
      const foreign = (await scene()).hub;
      const [a1, b1] = network.cidr.split('/')[0].split('.');
      const wider = `${a1}.${Number(b1) & 0xf0}.0.0/12`;
      const cases: typeof BAD_NAMES = [
        ...BAD_NAMES,
        [{ name: '***' }, /^name must have at least one letter/],
        ...['', 'x', '192.168.1.1', '192.168.1.0/33', '192.168.1.0', 'fe80::1%eth0/64'].map(
          (destination_cidr): [Record<string, unknown>, RegExp] => [{ destination_cidr }, /^destination_cidr must/],
        ),
        [{ destination_cidr: '192.168.1.1/24' }, /^destination_cidr .*did you mean 192\.168\.1\.0\/24/],
        [{ destination_cidr: network.cidr }, /^destination_cidr .*overlaps the network's own/],
        [{ destination_cidr: `${hub.address}/32` }, /^destination_cidr .*overlaps the network's own/],
        [{ jump_peer_id: 'nope' }, /^jump_peer_id .*doesn't exist/],
        [{ jump_peer_id: foreign.id }, /^jump_peer_id .*doesn't exist/],
        [{ jump_peer_id: spoke.id }, /^jump_peer_id must be a jump peer; spoke/],
        [{ jump_peer_id: '' }, /^jump_peer_id/],
        [{ domain_suffix: 'a b' }, /^domain_suffix/],
        [{ domain_suffix: '.' }, /^domain_suffix/],
        [{ domain_suffix: 7 }, /^domain_suffix/],
      ];
      const route = await makeRoute({ name: 'Büro LAN', destination_cidr: wider });
      for (const [change, about] of cases) {
        assertError(await admin.post(`${at}/routes`, { ...good, ...change }), 400, about);
        assertError(await admin.put(`${at}/routes/${route.id}`, change), 400, about);
      }
      for (const field of ['name', 'destination_cidr', 'jump_peer_id']) {
        assertError(await admin.post(`${at}/routes`, { ...good, [field]: undefined }), 400, RegExp(`^${field} is`));
      }
      assert.deepEqual((await admin.get(`${at}/routes`)).body, [route]);
      assertError(await admin.post(`${at}/routes`, { ...good, name: 'buro-lan' }), 409, /a route named Büro LAN/);
      const other = await makeRoute();
      const nowhere = await admin.put(`${at}/routes/${other.id}`, { destination_cidr: '127.0.0.0/8' });
      assertError(nowhere, 400, /^destination_cidr .* which no device can use/);
      assertError(await admin.put(`${at}/routes/${other.id}`, { name: 'BURO LAN' }), 409, /a route named/);
      assert.equal((await admin.put(`${at}/routes/${route.id}`, { name: 'Buro-LAN' })).status, 200);
      assertError(await admin.put(at, { cidr: '192.168.0.0/22' }), 409, /192\.168\.1\.0\/24, the destination of/);
    });

    test('are attached to groups and detached', async () => {
      const { admin, at, make, makeRoute } = await scene();
      const group = await make('groups', { name: 'g' });
      const [one, two] = [await makeRoute(), await makeRoute()];
      const attached = `${at}/groups/${group.id}/routes`;
      assert.deepEqual((await admin.get(attached)).body, []);
      const answer = await admin.post(`${attached}/${one.id}`);
      assert.equal(answer.status, 200);
      assertShape(answer.body, GROUP_SHAPE);
      assert.deepEqual(answer.body.route_ids, [one.id]);
      assert.deepEqual((await admin.post(`${attached}/${one.id}`)).body, answer.body);
      await admin.post(`${attached}/${two.id}`);
      assert.deepEqual((await admin.get(attached)).body, [one, two]);
      const detached = await admin.delete(`${attached}/${one.id}`);
      assert.deepEqual([detached.status, detached.body], [204, '']);
      assertError(await admin.delete(`${attached}/${one.id}`), 404, /not attached/);
      assertError(await admin.post(`${attached}/nope`), 404, /^route not found/);
      assertError(await admin.delete(`${attached}/nope`), 404, /^route not found/);
      assertError(await admin.post(`${at}/groups/nope/routes/${one.id}`), 404, /^group not found/);
      await admin.delete(`${at}/routes/${two.id}`);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.route_ids, []);
    });

    test('a jump peer never routes through itself', async () => {
      const { admin, network, at, hub, make, makeRoute } = await scene();
      const group = await make('groups', { name: 'Staff' });
      const [route, second] = [await makeRoute({ name: 'lan' }), await makePeer(admin, network.id, { is_jump: true })];
      const inGroup = `${at}/groups/${group.id}`;
      const about = /^circular routing: the jump peer Hub .* route lan \(192\.168\.1\.0\/24\).* group Staff/;
      // A member that is the gateway of what the group has.
      await admin.post(`${inGroup}/routes/${route.id}`);
      assertError(await admin.post(`${inGroup}/peers/${hub.id}`), 400, about);
      assert.equal((await admin.post(`${inGroup}/peers/${second.id}`)).status, 200);
      // Another gateway, which is a member.
      const moved = await admin.put(`${at}/routes/${route.id}`, { jump_peer_id: second.id });
      assertError(moved, 400, /^circular routing: .*route lan.*group Staff/);
      assert.equal((await admin.get(`${at}/routes/${route.id}`)).body.jump_peer_id, hub.id);
      // A route whose gateway is a member.
      await admin.delete(`${inGroup}/routes/${route.id}`);
      assert.equal((await admin.post(`${inGroup}/peers/${hub.id}`)).status, 200);
      assertError(await admin.post(`${inGroup}/routes/${route.id}`), 400, about);
      assert.deepEqual((await admin.get(inGroup)).body.route_ids, []);
      await admin.delete(`${inGroup}/peers/${hub.id}`);
      assert.equal((await admin.post(`${inGroup}/routes/${route.id}`)).status, 200);
    });

    test('names for addresses in a route: every field, whole names, and what is refused', async () => {
      const { admin, at, makeRoute } = await scene({ domain_suffix: 'corp' });
      const route = await makeRoute({ name: 'Office LAN' });
      const dns = `${at}/routes/${route.id}/dns`;
      assert.deepEqual((await admin.get(dns)).body, []);
      const made = await admin.post(dns, { name: 'Server1', ip_address: '192.168.1.10' });
      assert.equal(made.status, 201);
      assertShape(made.body, MAPPING_SHAPE);
      assertTimes(made.body, 'created_at', 'updated_at');
      assert.deepEqual(
        [made.body.route_id, made.body.name, made.body.ip_address],
        [route.id, 'Server1', '192.168.1.10'],
      );
      const star = (await admin.post(dns, { name: '*', ip_address: '192.168.1.255' })).body;
      assert.deepEqual((await admin.get(dns)).body, [made.body, star]);
      const one = `${dns}/${made.body.id}`;
      const changed = await admin.put(one, { name: 'server1-new', ip_address: '192.168.1.11' });
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body, {
        ...made.body,
        name: 'server1-new',
        ip_address: '192.168.1.11',
        updated_at: changed.body.updated_at,
      });
      assert.deepEqual((await admin.put(one, {})).body, changed.body);

      const cases: [Record<string, unknown>, RegExp][] = [
        ...['', '-a', 'a-', 'a.b', '*.a', 'a_b', 'ä', 'x'.repeat(64), 7, null].map(
          (name): [Record<string, unknown>, RegExp] => [{ name }, /^name/],
        ),
        ...['', 'x', '192.168.1', '192.168.1.0/24', 'fe80::1%eth0', 7, null].map(
          (ip_address): [Record<string, unknown>, RegExp] => [{ ip_address }, /^ip_address must/],
        ),
        [{ ip_address: '192.168.2.1' }, /^ip_address 192\.168\.2\.1 doesn't lie in .*192\.168\.1\.0\/24/],
        [{ ip_address: 'fd00::1' }, /^ip_address/],
      ];
      for (const [change, about] of cases) {
        assertError(await admin.post(dns, { name: 'fine', ip_address: '192.168.1.5', ...change }), 400, about);
        assertError(await admin.put(one, change), 400, about);
      }
      assertError(await admin.post(dns, { name: 'SERVER1-NEW', ip_address: '192.168.1.5' }), 409, /named server1-new/);
      assertError(await admin.put(`${dns}/${star.id}`, { name: 'server1-new' }), 409, /named server1-new/);
      assertError(
        await admin.put(`${at}/routes/${route.id}`, { destination_cidr: '192.168.1.0/25' }),
        409,
        /mapping \*/,
      );
      assert.equal((await admin.put(`${at}/routes/${route.id}`, { destination_cidr: '192.168.0.0/16' })).status, 200);

      const other = await makeRoute({ name: 'v6', destination_cidr: 'fd00:5::/64', domain_suffix: 'lab.example' });
      const v6 = (await admin.post(`${at}/routes/${other.id}/dns`, { name: 'Nas', ip_address: 'FD00:5:0::1' })).body;
      assert.equal(v6.ip_address, 'fd00:5::1');
      assertError(await admin.put(`${at}/routes/${other.id}/dns/${star.id}`, { name: 'x' }), 404, /mapping not found/);
      assertError(await admin.delete(`${dns}/nope`), 404, /mapping not found/);
      const long = `${'a'.repeat(60)}.`.repeat(4).slice(0, 240);
      assertError(
        await admin.put(`${at}/routes/${other.id}`, { domain_suffix: `${long}a`, name: 'x'.repeat(60) }),
        400,
      );

      const records = (await admin.get(`${at}/dns`)).body;
      for (const record of records) {
        assertShape(record, { name: 'string', ip_address: 'string', fqdn: 'string', type: 'string' });
      }
      const hub = (await admin.get(`${at}/peers`)).body.data[0];
      assert.deepEqual(records, [
        { name: 'hub', ip_address: hub.address, fqdn: 'hub.corp', type: 'peer' },
        { name: 'server1-new', ip_address: '192.168.1.11', fqdn: 'server1-new.office-lan.corp', type: 'route' },
        { name: '*', ip_address: '192.168.1.255', fqdn: '*.office-lan.corp', type: 'route' },
        { name: 'nas', ip_address: 'fd00:5::1', fqdn: 'nas.v6.lab.example', type: 'route' },
      ]);
      const gone = await admin.delete(one);
      assert.deepEqual([gone.status, gone.body], [204, '']);
      assertError(await admin.delete(one), 404, /mapping not found/);
    });

    test("a peer's IPv6 address is a record too; an empty network has none", async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { cidr_v6: 'fd00:aa::/64' });
      const at = `/api/v1/networks/${network.id}`;
      assert.deepEqual((await admin.get(`${at}/dns`)).body, []);
      const peer = await makePeer(admin, network.id, { name: 'Laptop Ä' });
      assert.deepEqual((await admin.get(`${at}/dns`)).body, [
        { name: 'laptop-a', ip_address: peer.address, fqdn: 'laptop-a.internal', type: 'peer' },
        { name: 'laptop-a', ip_address: peer.address_v6, fqdn: 'laptop-a.internal', type: 'peer' },
      ]);
      assertError(await admin.get('/api/v1/networks/nope/dns'), 404, /^network not found/);
    });

    test('with a jump peer go its routes and their names', async () => {
      const { admin, network, at, hub, make, makeRoute } = await scene();
      const group = await make('groups', { name: 'g' });
      const [route, second] = [await makeRoute(), await makePeer(admin, network.id, { name: 'two', is_jump: true })];
      const kept = await makeRoute({ jump_peer_id: second.id });
      for (const { id } of [route, kept]) await admin.post(`${at}/groups/${group.id}/routes/${id}`);
      await make(`routes/${route.id}/dns`, { name: 'a', ip_address: '192.168.1.1' });
      await make(`routes/${kept.id}/dns`, { name: 'b', ip_address: '192.168.1.1' });
      assert.equal((await admin.delete(`${at}/peers/${hub.id}`)).status, 204);
      assert.deepEqual((await admin.get(`${at}/routes`)).body, [kept]);
      assert.deepEqual((await admin.get(`${at}/groups/${group.id}`)).body.route_ids, [kept.id]);
      const names = (await admin.get(`${at}/dns`)).body.map(({ name }: Json) => name);
      assert.deepEqual(names, ['two', 'b']);
    });
  });
