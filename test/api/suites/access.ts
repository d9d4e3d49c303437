import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertProblem } from '../../harness.ts';
import {
  assertError,
  assertShape,
  type Json,
  makeNetwork,
  makePeer,
  makeUser,
  type Settings,
  useAppliance,
} from '../support.ts';

const ALLOCATION = {
  network_id: 'string',
  network_name: 'string',
  network_cidr: 'string',
  ip: 'string',
  peer_id: 'string',
  peer_name: 'string',
  allocated: 'boolean',
} as const;

/** Who may do what: users and administrators; and IPAM, which shows each their own. */
/** What clients fetch before they trust anybody. */
const CERTIFICATES = /^\/v1\/pki\/(ca|crl)\.(pem|crl)$/;

export const access = (where: string, settings?: Settings) =>
  describe(`access and IPAM (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async () => {
      const { admin } = a.the;
      const [open, shut] = [await makeNetwork(admin), await makeNetwork(admin)];
      const [alice, bob] = [await makeUser(a.the, [open.id]), await makeUser(a.the, [open.id])];
      const mine = await makePeer(alice.client, open.id, { name: 'mine' });
      const theirs = await makePeer(bob.client, open.id, { name: 'theirs' });
      const hidden = await makePeer(admin, shut.id, { name: 'hidden' });
      return { admin, open, shut, alice, bob, mine, theirs, hidden };
    };
    const route = (network: Json, peer?: Json) => `/api/v1/networks/${network.id}/peers${peer ? `/${peer.id}` : ''}`;

    test('without credentials everything but the public routes is 401', async () => {
      const { anonymous } = a.the;
      const paths: Json = (await anonymous.get('/api/v1/openapi.json')).body.paths;
      const open = new Set(['/health', '/auth/config', '/auth/login', '/auth/token', '/auth/start', '/auth/logout']);
      const agents = new Set(['/agent/resolve', '/agent/register', '/ws']);
      let checked = 0;
      for (const [path, methods] of Object.entries<Json>(paths)) {
        const short = path.replace('/api/v1', '');
        if (open.has(short) || agents.has(short) || CERTIFICATES.test(path)) continue;
        for (const method of Object.keys(methods)) {
          const url = path.replaceAll(/\{\w+\}/g, 'x');
          const body = method === 'post' || method === 'put' ? {} : undefined;
          for (const authorization of [
            undefined,
            'Session nope',
            'Bearer wirety_nope',
            'Bearer ghe_nope',
            'Basic eA==',
          ]) {
            const client = authorization ? anonymous.as(authorization) : anonymous;
            const answer = await client.call(method.toUpperCase(), url, body);
            if (path.startsWith('/v1/')) assertProblem(answer, 401);
            else if (path.startsWith('/connector/'))
              assert.deepEqual([answer.status, typeof answer.body.errors[0]], [401, 'string']);
            else assertError(answer, 401);
          }
          checked++;
        }
      }
      assert.ok(checked >= 25, `${checked} routes`);
      for (const path of ['/agent/resolve', '/ws']) assert.ok((await anonymous.get(`/api/v1${path}`)).status >= 400);
      assertError(await anonymous.get('/api/v1/agent/resolve'), 401, /Bearer/);
      assertError(
        await anonymous.post('/api/v1/agent/register', {
          public_key: `${'A'.repeat(43)}=`,
          credential_hash: 'a'.repeat(64),
        }),
        401,
      );
    });

    test('what only administrators may do is 403 for users, and changes nothing', async () => {
      const { admin, open, alice } = await scene();
      const { client } = alice;
      const before = (await admin.get(`/api/v1/networks/${open.id}`)).body;
      for (const [method, path, body] of [
        ['POST', '/networks', { name: 'x', cidr: '10.80.0.0/24' }],
        ['PUT', `/networks/${open.id}`, { name: 'x' }],
        ['DELETE', `/networks/${open.id}`, undefined],
        ['GET', '/users', undefined],
        ['POST', '/users', { username: 'x', password: 'xxxxxxxxx' }],
        ['GET', `/users/${alice.id}`, undefined],
        ['PUT', `/users/${alice.id}`, { role: 'administrator' }],
        ['DELETE', `/users/${alice.id}`, undefined],
        ['GET', '/users/defaults', undefined],
        ['PUT', '/users/defaults', { default_role: 'administrator' }],
      ] as const) {
        assertError(await client.call(method, `/api/v1${path}`, body), 403, /administrator/);
      }
      assert.deepEqual((await admin.get(`/api/v1/networks/${open.id}`)).body, before);
      assert.equal((await client.get('/api/v1/users/me')).body.role, 'user');
    });

    test('a user sees only networks that are open to them', async () => {
      const { open, shut, alice, hidden } = await scene();
      const listed = (await alice.client.get('/api/v1/networks')).body;
      assert.deepEqual([listed.total, listed.data.map((one: Json) => one.id)], [1, [open.id]]);
      assert.equal((await alice.client.get(`/api/v1/networks?filter=${shut.name}`)).body.total, 0);
      assert.equal((await alice.client.get(`/api/v1/networks/${open.id}`)).status, 200);
      for (const [method, path] of [
        ['GET', `/networks/${shut.id}`],
        ['GET', `/networks/${shut.id}/peers`],
        ['GET', `/networks/${shut.id}/sessions`],
        ['GET', `/ipam/networks/${shut.id}`],
        ['GET', `/networks/${shut.id}/peers/${hidden.id}`],
        ['DELETE', `/networks/${shut.id}/peers/${hidden.id}`],
      ] as const) {
        assertError(await alice.client.call(method, `/api/v1${path}`), 403, /no access|network/);
      }
      assertError(await alice.client.post(route(shut), { name: 'x' }), 403);
    });

    test("another's peer is 403 by every door, and no list shows it", async () => {
      const { admin, open, alice, mine, theirs } = await scene();
      const adminMade = await makePeer(admin, open.id, { name: 'by-admin' });
      for (const peer of [theirs, adminMade]) {
        for (const [method, suffix, body] of [
          ['GET', '', undefined],
          ['PUT', '', { name: 'stolen' }],
          ['PUT', '', { owner_id: alice.id }],
          ['DELETE', '', undefined],
          ['GET', '/config', undefined],
          ['GET', '/session', undefined],
          ['POST', '/token', undefined],
        ] as const) {
          assertError(await alice.client.call(method, `${route(open, peer)}${suffix}`, body), 403, /not yours/);
        }
        assert.deepEqual((await admin.get(route(open, peer))).body, peer);
      }
      const seen = JSON.stringify([
        (await alice.client.get(`${route(open)}?page_size=500`)).body,
        (await alice.client.get('/api/v1/ipam?page_size=100')).body,
        (await alice.client.get(`/api/v1/ipam/networks/${open.id}`)).body,
        (await alice.client.get(`/api/v1/networks/${open.id}/sessions`)).body,
        (await alice.client.get(`${route(open, mine)}/config`)).body,
      ]);
      assert.ok(seen.includes(mine.token) && seen.includes(mine.address));
      for (const peer of [theirs, adminMade]) {
        for (const secret of [peer.token, peer.id, peer.public_key]) assert.ok(!seen.includes(secret), peer.name);
      }
      const names = (await alice.client.get(`${route(open)}?filter=e`)).body.data.map((one: Json) => one.name);
      assert.deepEqual(names, ['mine'], 'a filter widens nothing');
    });

    test('a user owns the peers that they make, and may not route, own or be a hub', async () => {
      const { admin, open, alice, bob, mine } = await scene();
      assert.equal(mine.owner_id, alice.id);
      const { client } = alice;
      assertError(await client.post(route(open), { name: 'h', is_jump: true }), 403, /jump/);
      const routed = { name: 'r', additional_allowed_ips: ['192.168.0.0/24'] };
      assertError(await client.post(route(open), routed), 403, /additional_allowed_ips/);
      assertError(await client.put(route(open, mine), { additional_allowed_ips: ['192.168.0.0/24'] }), 403);
      assertError(await client.put(route(open, mine), { owner_id: bob.id }), 403, /owner_id/);
      assertError(await client.put(route(open, mine), { owner_id: '' }), 403, /owner_id/);
      // What is as it was is no change, so a form that sends everything back works.
      const same = { name: 'renamed', additional_allowed_ips: [], owner_id: alice.id, endpoint: '' };
      assert.equal((await client.put(route(open, mine), same)).body.name, 'renamed');
      const routes = { additional_allowed_ips: ['192.168.0.0/24'] };
      assert.equal((await admin.put(route(open, mine), routes)).status, 200);
      assert.equal((await client.put(route(open, mine), routes)).status, 200);
      assertError(await client.put(route(open, mine), { additional_allowed_ips: [] }), 403);
      // An is_jump in a change is not a field: it does nothing.
      assert.equal((await client.put(route(open, mine), { is_jump: true })).body.is_jump, false);
      assert.equal((await client.post(`${route(open, mine)}/token`)).status, 201);
      assert.equal((await client.delete(route(open, mine))).status, 204);
    });

    test('an administrator may make a peer for somebody; a user only their own', async () => {
      const { admin, open, alice, bob } = await scene();
      assert.equal((await admin.post(route(open), { name: 'for-alice', owner_id: alice.id })).body.owner_id, alice.id);
      assert.equal((await admin.post(route(open), { name: 'nobodys', owner_id: '' })).body.owner_id, '');
      assertError(await admin.post(route(open), { name: 'x', owner_id: 'no-such-user' }), 400, /owner_id names/);
      assert.equal((await bob.client.post(route(open), { name: 'own', owner_id: bob.id })).body.owner_id, bob.id);
      for (const owner_id of [alice.id, '']) {
        assertError(await bob.client.post(route(open), { name: 'x', owner_id }), 403, /owner_id/);
      }
    });

    test('what grants or replaces is refused with a member that there is none of; the overlay is tolerant', async () => {
      const { admin, open } = await scene();
      assertProblem(
        await admin.post('/v1/guests/vouchers', { count: 1, valid_til: '2030-01-01T00:00:00Z' }),
        422,
        /"valid_til"/,
      );
      assertProblem(await admin.post('/v1/devices', { mac: '02:00:00:00:aa:01', enable: false }), 422, /"enable"/);
      assertProblem(await admin.post('/v1/policies/dry-run', { name: 'x', remove: true }), 422, /"remove"/);
      assertError(
        await admin.post('/api/v1/users/me/tokens', { name: 't', expires: '2030-01-01T00:00:00Z' }),
        400,
        /"expires"/,
      );
      const person = { username: 'misspelt', password: 'correct-horse-battery' };
      assertError(
        await admin.post('/api/v1/users', { ...person, authorised_networks: [] }),
        400,
        /"authorised_networks"/,
      );
      assert.equal((await admin.post(route(open), { name: 'tolerated', colour: 'red' })).status, 201);
    });

    test('access that is taken away is gone with the next request', async () => {
      const { admin, open, alice, mine } = await scene();
      await admin.put(`/api/v1/users/${alice.id}`, { authorized_networks: [] });
      assert.deepEqual((await alice.client.get('/api/v1/networks')).body.data, []);
      assert.deepEqual((await alice.client.get('/api/v1/ipam')).body.data, []);
      for (const suffix of ['', '/config', '/session']) {
        assertError(await alice.client.get(`${route(open, mine)}${suffix}`), 403);
      }
      assertError(await alice.client.post(`${route(open, mine)}/token`), 403);
    });

    test('a user who is deleted takes their peers along', async () => {
      const { admin, open, alice, mine, theirs } = await scene();
      assert.equal((await admin.delete(`/api/v1/users/${alice.id}`)).status, 204);
      // Asking for a file waits for what the deletion set off.
      assert.equal((await admin.get(`${route(open, theirs)}/config`)).status, 200);
      assertError(await admin.get(route(open, mine)), 404);
      const resolved = await a.the.anonymous.get('/api/v1/agent/resolve', { authorization: `Bearer ${mine.token}` });
      assertError(resolved, 404);
      assertError(await alice.client.get('/api/v1/users/me'), 401);
    });

    test('IPAM lists what is in use, with pages and filters', async () => {
      const { admin, open, alice, mine, theirs } = await scene();
      const all = (await admin.get(`/api/v1/ipam?filter=${encodeURIComponent(open.name)}&page_size=100`)).body;
      assert.deepEqual([all.total, all.page, all.page_size], [2, 1, 100]);
      for (const row of all.data) assertShape(row, ALLOCATION);
      const expected = {
        network_id: open.id,
        network_name: open.name,
        network_cidr: open.cidr,
        ip: mine.address,
        peer_id: mine.id,
        peer_name: 'mine',
        allocated: true,
      };
      assert.deepEqual(all.data[0], expected);
      assert.deepEqual((await admin.get(`/api/v1/ipam/networks/${open.id}`)).body, all.data);
      assert.deepEqual((await alice.client.get(`/api/v1/ipam/networks/${open.id}`)).body, [expected]);
      const total = async (filter: string) =>
        (await admin.get(`/api/v1/ipam?filter=${encodeURIComponent(filter)}`)).body.total;
      assert.equal(await total(theirs.address), 1);
      assert.equal(await total('%'), 0);
      assert.equal(await total('_'), 0);
      assert.ok((await total('MINE')) >= 1);
      for (const query of ['page=0', 'page_size=101', 'page_size=0', 'page=x']) {
        assertError(await admin.get(`/api/v1/ipam?${query}`), 400, /^page/);
      }
      assertError(await admin.get('/api/v1/ipam/networks/nope'), 404);
    });

    test('IPAM suggests CIDRs of the right size that are free and can be used', async () => {
      const { admin, alice } = await scene();
      const ask = (query: string) => alice.client.get(`/api/v1/ipam/available-cidrs?${query}`);
      const { status, body } = await ask('max_peers=50&count=2&base_cidr=172.20.0.0/16');
      assert.equal(status, 200);
      assert.deepEqual(body, {
        base_cidr: '172.20.0.0/16',
        requested_max_peers: 50,
        suggested_prefix: 26,
        usable_hosts: 62,
        cidrs: ['172.20.0.0/26', '172.20.0.64/26'],
      });
      await makeNetwork(admin, { cidr: '172.20.0.0/25' });
      assert.deepEqual((await ask('max_peers=50&base_cidr=172.20.0.0/16')).body.cidrs, ['172.20.0.128/26']);
      const byDefault = (await ask('max_peers=1')).body;
      assert.deepEqual(
        [byDefault.base_cidr, byDefault.cidrs.length, byDefault.suggested_prefix],
        ['10.0.0.0/8', 1, 30],
      );
      assert.equal((await ask('max_peers=62&count=20')).body.cidrs.length, 20);
      // A suggestion is one that a network can be made of, and that holds as many peers as it says.
      const [anywhere] = (await ask('max_peers=2&base_cidr=0.0.0.0/0')).body.cidrs;
      const network = await makeNetwork(admin, { cidr: anywhere });
      for (let i = 0; i < 2; i++) await makePeer(admin, network.id);
      for (const [query, about] of [
        ['', /^max_peers is required/],
        ['max_peers=0', /^max_peers/],
        ['max_peers=-1', /^max_peers/],
        ['max_peers=x', /^max_peers/],
        ['max_peers=16777215', /^max_peers/],
        ['max_peers=5&count=0', /^count/],
        ['max_peers=5&count=21', /^count/],
        ['max_peers=5&base_cidr=x', /^base_cidr/],
        ['max_peers=5&base_cidr=10.0.0.1/8', /^base_cidr/],
        ['max_peers=5&base_cidr=fd00::/48', /^base_cidr/],
        ['max_peers=300&base_cidr=10.0.0.0/24', /^max_peers/],
      ] as const) {
        assertError(await ask(query), 400, about);
      }
    });
  });
