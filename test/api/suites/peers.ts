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
  makeUser,
  PEER_SHAPE,
  type Settings,
  useAppliance,
} from '../support.ts';

const KEY = /^[A-Za-z0-9+/]{43}=$/;
const TOKEN = /^ghe_[0-9a-f]{64}$/;

export const peers = (where: string, settings?: Settings) =>
  describe(`peers (${where})`, () => {
    const a = useAppliance(settings);
    const route = (network: Json, peer?: Json) => `/api/v1/networks/${network.id}/peers${peer ? `/${peer.id}` : ''}`;

    test('has every field when made, got, listed and changed', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { cidr_v6: 'fd00:1:2::/64' });
      const body = {
        name: 'Laptop Alice',
        endpoint: '203.0.113.5:51820',
        listen_port: 51821,
        is_jump: false,
        use_agent: true,
        additional_allowed_ips: ['192.168.1.0/24', '192.168.1.0/24', '2001:DB8::/32'],
      };
      const made = await admin.post(route(network), body);
      assert.equal(made.status, 201);
      assertShape(made.body, PEER_SHAPE);
      assertTimes(made.body, 'created_at', 'updated_at', 'token_expires_at');
      const { id, public_key, token, created_at, token_expires_at } = made.body;
      assert.match(public_key, KEY);
      assert.match(token, TOKEN);
      const days = (Date.parse(token_expires_at) - Date.parse(created_at)) / (24 * 3600 * 1000);
      assert.equal(Math.round(days * 1000), 7000);
      assert.deepEqual(made.body, {
        ...body,
        id,
        public_key,
        token,
        token_expires_at,
        address: network.cidr.replace('.0/24', '.1'),
        address_v6: 'fd00:1:2::1',
        additional_allowed_ips: ['192.168.1.0/24', '2001:db8::/32'],
        owner_id: '',
        group_ids: [],
        enrolled_at: null,
        created_at,
        updated_at: created_at,
      });
      assert.deepEqual((await admin.get(route(network, made.body))).body, made.body);
      assert.deepEqual((await admin.get(route(network))).body, {
        data: [made.body],
        total: 1,
        page: 1,
        page_size: 20,
      });
      const { id: owner_id } = await makeUser(a.the, [network.id]);
      const change = { name: 'b', endpoint: '', listen_port: null, additional_allowed_ips: [], owner_id };
      const changed = await admin.put(route(network, made.body), change);
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body, { ...made.body, ...change, updated_at: changed.body.updated_at });
      assert.deepEqual((await admin.put(route(network, made.body), change)).body, changed.body);
      assert.equal((await admin.put(route(network, made.body), { owner_id: '' })).body.owner_id, '');
    });

    test('defaults: a spoke with an agent and no port; a hub listens on 51820', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const spoke = await makePeer(admin, network.id);
      assert.deepEqual(
        [spoke.is_jump, spoke.use_agent, spoke.listen_port, spoke.endpoint, spoke.additional_allowed_ips],
        [false, true, null, '', []],
      );
      const hub = await makePeer(admin, network.id, { is_jump: true });
      assert.deepEqual([hub.is_jump, hub.listen_port], [true, 51820]);
      const agentless = await makePeer(admin, network.id, { use_agent: false });
      assert.deepEqual([agentless.token, agentless.token_expires_at], ['', null]);
      assertError(await admin.post(`${route(network, agentless)}/token`), 409, /no agent/);
    });

    test('pages and filters: name, address, id; wildcards literally', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const made: Json[] = [];
      for (let i = 0; i < 22; i++) made.push(await makePeer(admin, network.id, { name: `p${i}` }));
      const odd = await makePeer(admin, network.id, { name: '50%_\\ Größe ÄÖ' });
      const get = async (query: string) => (await admin.get(`${route(network)}?${query}`)).body;
      const ids = async (filter: string) =>
        (await get(`page_size=500&filter=${encodeURIComponent(filter)}`)).data.map((one: Json) => one.id);
      const pages = [await get(''), await get('page=2'), await get('page=3')];
      assert.deepEqual(
        pages.map(({ data, total }) => [data.length, total]),
        [
          [20, 23],
          [3, 23],
          [0, 23],
        ],
      );
      assert.deepEqual(
        pages.flatMap(({ data }) => data.map((one: Json) => one.id)),
        [...made, odd].map((one) => one.id),
      );
      for (const text of ['50%', '%_\\', 'größe äö', 'GRÖSSE ÄÖ'.replace('SS', 'ß')]) {
        assert.deepEqual(await ids(text), [odd.id], text);
      }
      assert.deepEqual(await ids('50_'), []);
      assert.deepEqual(await ids(odd.address), [odd.id]);
      assert.deepEqual(await ids(made[3].id), [made[3].id]);
      assertError(await admin.get(`${route(network)}?page_size=501`), 400, /^page_size/);
      assertError(await admin.get(`${route(network)}?page=0`), 400, /^page/);
    });

    test('names are unique by the DNS name that they give', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      await makePeer(admin, network.id, { name: 'Laptop Alice' });
      const other = await makePeer(admin, network.id, { name: 'other' });
      for (const name of ['laptop-alice', ' LAPTOP  ALICE ', 'Láptop_Alice']) {
        assertError(await admin.post(route(network), { name }), 409, /Laptop Alice/);
        assertError(await admin.put(route(network, other), { name }), 409, /Laptop Alice/);
      }
      await makePeer(admin, (await makeNetwork(admin)).id, { name: 'laptop-alice' });
      assert.equal((await admin.put(route(network, other), { name: 'OTHER' })).status, 200);
    });

    test('what is malformed is 400 and names the field', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const peer = await makePeer(admin, network.id);
      const cases: [Record<string, unknown>, RegExp][] = [
        ...['', '  ', '🦊', 'a\nb', 'a\u0007', 'x\u200b', 'x'.repeat(65), 5, null].map(
          (name): [Record<string, unknown>, RegExp] => [{ name }, /^name/],
        ),
        ...[
          '1.2.3',
          '256.1.1.1',
          'a b',
          'host:0',
          'host:65536',
          'host:',
          '[::1',
          '::1:51820x',
          'http://x',
          '-a',
          7,
        ].map((endpoint): [Record<string, unknown>, RegExp] => [{ endpoint }, /^endpoint/]),
        ...[0, 65536, 1.5, '51820', true].map((listen_port): [Record<string, unknown>, RegExp] => [
          { listen_port },
          /^listen_port/,
        ]),
        ...[['x'], ['192.168.1.1/24'], ['192.168.1.0'], ['192.168.1.0/33'], ['fe80::1%1/128'], [''], [null], 'x'].map(
          (ips): [Record<string, unknown>, RegExp] => [{ additional_allowed_ips: ips }, /^additional_allowed_ips/],
        ),
        [{ additional_allowed_ips: [network.cidr] }, /additional_allowed_ips.*own/],
        [{ additional_allowed_ips: ['10.0.0.0/8'] }, /additional_allowed_ips.*own/],
        ...['127.0.0.0/8', '224.0.0.0/4', '169.254.0.0/16', 'fe80::/64', '::1/128'].map(
          (cidr): [Record<string, unknown>, RegExp] => [
            { additional_allowed_ips: ['192.168.1.0/24', cidr] },
            /^additional_allowed_ips: .* which no device can use/,
          ],
        ),
        [{ additional_allowed_ips: Array(257).fill('192.168.1.0/24') }, /^additional_allowed_ips/],
      ];
      for (const [change, about] of cases) {
        assertError(await admin.post(route(network), { name: freshName('p'), ...change }), 400, about);
        assertError(await admin.put(route(network, peer), change), 400, about);
      }
      assertError(await admin.post(route(network), {}), 400, /^name is required/);
      for (const change of [{ is_jump: 1 }, { is_jump: 'true' }, { use_agent: null }]) {
        assertError(await admin.post(route(network), { name: 'x', ...change }), 400, /^(is_jump|use_agent)/);
      }
      assertError(await admin.put(route(network, peer), { owner_id: 'nobody' }), 400, /owner_id/);
      assert.deepEqual((await admin.get(route(network, peer))).body, peer);
    });

    test('unknown ids are 404, also a peer of another network', async () => {
      const { admin } = a.the;
      const [one, two] = [await makeNetwork(admin), await makeNetwork(admin)];
      const peer = await makePeer(admin, one.id);
      const routes = [
        ['GET', ''],
        ['PUT', ''],
        ['DELETE', ''],
        ['GET', '/config'],
        ['POST', '/token'],
        ['GET', '/session'],
      ] as const;
      for (const [method, suffix] of routes) {
        const body = method === 'PUT' ? {} : undefined;
        for (const path of [route(two, peer), route(one, { id: 'nope' }), route({ id: 'nope' }, peer)]) {
          assertError(await admin.call(method, `${path}${suffix}`, body), 404, /not found/);
        }
      }
      assertError(await admin.post(route({ id: 'nope' }), { name: 'x' }), 404);
      assert.equal((await admin.get(route(one, peer))).status, 200);
    });

    test('addresses: lowest free first, freed by deletion, 409 when full', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { cidr: '10.88.0.0/29' });
      const made: Json[] = [];
      for (let i = 0; i < 6; i++) made.push(await makePeer(admin, network.id));
      assert.deepEqual(
        made.map((peer) => peer.address),
        [1, 2, 3, 4, 5, 6].map((host) => `10.88.0.${host}`),
      );
      assertError(await admin.post(route(network), { name: 'late' }), 409, /no free address/);
      for (const victim of [made[3], made[0]]) {
        assert.deepEqual([(await admin.delete(route(network, victim))).status], [204]);
        assertError(await admin.delete(route(network, victim)), 404);
      }
      assert.equal((await makePeer(admin, network.id)).address, '10.88.0.1');
      assert.equal((await makePeer(admin, network.id)).address, '10.88.0.4');
      assertError(await admin.post(route(network), { name: 'late' }), 409);
    });

    test('peers made at once get different addresses', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { cidr: '10.87.0.0/28' });
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => admin.post(route(network), { name: freshName('race') })),
      );
      const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.address);
      assert.equal(new Set(made).size, 14);
      assert.equal(answers.filter(({ status }) => status === 409).length, 6);
      const names = await Promise.all(
        Array.from({ length: 5 }, () => admin.put(route(network, { id: answers[0]?.body.id }), { name: 'same' })),
      );
      assert.deepEqual(new Set(names.map(({ status }) => status)), new Set([200]));
    });

    test('the WireGuard file holds the whole link', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { dns: ['9.9.9.9'], domain_suffix: 'corp', mtu: 1400 });
      const hub = await makePeer(admin, network.id, { name: 'hub', is_jump: true, endpoint: 'vpn.example:4500' });
      const spoke = await makePeer(admin, network.id, { name: 'spoke' });
      const answer = await admin.get(`${route(network, spoke)}/config`);
      assert.deepEqual([answer.status, answer.headers.get('cache-control')], [200, 'no-store']);
      assertShape(answer.body, { config: 'string' });
      const lines = answer.body.config.split('\n');
      for (const line of [
        '[Interface]',
        `Address = ${spoke.address}/32`,
        'MTU = 1400',
        `DNS = ${hub.address}, 9.9.9.9, corp`,
        '[Peer]',
        `PublicKey = ${hub.public_key}`,
        'Endpoint = vpn.example:4500',
        `AllowedIPs = ${network.cidr}`,
        'PersistentKeepalive = 25',
      ]) {
        assert.ok(lines.includes(line), `${line} in\n${answer.body.config}`);
      }
      const key = (name: string) => lines.find((line: string) => line.startsWith(`${name} = `))?.slice(name.length + 3);
      assert.match(key('PrivateKey'), KEY);
      assert.match(key('PresharedKey'), KEY);
      const hubFile = (await admin.get(`${route(network, hub)}/config`)).body.config;
      assert.match(hubFile, /ListenPort = 51820/);
      assert.ok(hubFile.includes(`PresharedKey = ${key('PresharedKey')}`), 'both ends have the same preshared key');
    });
  });
