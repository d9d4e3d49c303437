import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertError,
  assertShape,
  assertTimes,
  freshCidr,
  freshName,
  makeNetwork,
  makePeer,
  NETWORK_SHAPE,
  type Settings,
  useAppliance,
} from '../support.ts';

export const networks = (where: string, settings?: Settings) =>
  describe(`networks (${where})`, () => {
    const a = useAppliance(settings);
    const list = async (query: string) => (await a.the.admin.get(`/api/v1/networks?${query}`)).body;

    test('has every field when made, got, listed and changed', async () => {
      const { admin } = a.the;
      const cidr = freshCidr();
      const body = { name: 'Office', cidr, dns: ['1.1.1.1', '2606:4700::1111'], domain_suffix: 'Corp.Example.' };
      const made = await admin.post('/api/v1/networks', body);
      assert.equal(made.status, 201);
      assertShape(made.body, NETWORK_SHAPE);
      assertTimes(made.body, 'created_at', 'updated_at');
      const { id, created_at } = made.body;
      assert.deepEqual(made.body, {
        ...body,
        id,
        cidr_v6: null,
        domain_suffix: 'corp.example',
        mtu: null,
        peer_count: 0,
        default_group_ids: [],
        captive_portal: false,
        created_at,
        updated_at: created_at,
      });
      assert.deepEqual((await admin.get(`/api/v1/networks/${id}`)).body, made.body);
      await makePeer(admin, id);
      const [listed] = (await list('filter=office')).data;
      assert.deepEqual(listed, { ...made.body, peer_count: 1 });

      const change = { name: 'Office 2', dns: [], domain_suffix: 'corp', mtu: 1380, cidr_v6: 'fd00:77::/64' };
      const changed = await admin.put(`/api/v1/networks/${id}`, { ...change, default_group_ids: [] });
      assert.equal(changed.status, 200);
      assert.deepEqual(changed.body, { ...listed, ...change, updated_at: changed.body.updated_at });
      assert.ok(changed.body.updated_at >= created_at);
      assert.deepEqual((await admin.get(`/api/v1/networks/${id}`)).body, changed.body);
      // What is equal already changes nothing, not even the time.
      assert.deepEqual((await admin.put(`/api/v1/networks/${id}`, change)).body, changed.body);
      assert.deepEqual((await admin.put(`/api/v1/networks/${id}`, {})).body, changed.body);
    });

    test('defaults: no DNS servers, the suffix internal', async () => {
      const network = await makeNetwork(a.the.admin);
      assert.deepEqual([network.dns, network.domain_suffix, network.mtu], [[], 'internal', null]);
    });

    test('pages and their bounds', async () => {
      const { admin } = a.the;
      const prefix = freshName('page');
      for (let i = 0; i < 25; i++) await makeNetwork(admin, { name: `${prefix}-${i}` });
      const first = await list(`filter=${prefix}`);
      assert.deepEqual([first.total, first.page, first.page_size, first.data.length], [25, 1, 20, 20]);
      const second = await list(`filter=${prefix}&page=2`);
      assert.deepEqual([second.total, second.page, second.data.length], [25, 2, 5]);
      const all = [...first.data, ...second.data].map((network) => network.name);
      assert.deepEqual(
        all,
        Array.from({ length: 25 }, (_, i) => `${prefix}-${i}`),
      );
      assert.deepEqual((await list(`filter=${prefix}&page=3`)).data, []);
      assert.equal((await list(`filter=${prefix}&page_size=200`)).data.length, 25);
      for (const query of ['page=0', 'page=-1', 'page=1.5', 'page=x', 'page=', 'page=1&page=2']) {
        assertError(await admin.get(`/api/v1/networks?${query}`), 400, /^page must/);
      }
      for (const query of ['page_size=0', 'page_size=201', 'page_size=x']) {
        assertError(await admin.get(`/api/v1/networks?${query}`), 400, /^page_size must/);
      }
      assertError(await admin.get(`/api/v1/networks?filter=${'x'.repeat(257)}`), 400, /^filter/);
    });

    test('filters are substrings of name, CIDR and id, whatever the case, with wildcards taken literally', async () => {
      const { admin } = a.the;
      const mark = freshName('wild');
      const odd = await makeNetwork(admin, { name: `${mark} 100%_\\x'"; Ärzte` });
      await makeNetwork(admin, { name: `${mark} 1000 plain` });
      const found = async (text: string) =>
        (await list(`filter=${encodeURIComponent(text)}&page_size=200`)).data.map((one: { id: string }) => one.id);
      for (const text of ['100%', '%_', '_\\x', `\\x'"`, 'ärzte', 'ÄRZTE', 'Ärzte', odd.cidr]) {
        assert.deepEqual(await found(text), [odd.id], text);
      }
      assert.ok((await found(odd.id.slice(2, 20).toUpperCase())).includes(odd.id));
      for (const text of [`${mark}%plain`, '_'.repeat(30), '100\\%']) assert.deepEqual(await found(text), [], text);
      assert.equal((await found(mark.toUpperCase())).length, 2);
    });

    test('duplicates and overlaps are 409, in IPv6 as well', async () => {
      const { admin } = a.the;
      const one = await makeNetwork(admin, { name: freshName('Dup'), cidr: '10.90.4.0/22', cidr_v6: 'fd00:90::/64' });
      const two = await makeNetwork(admin, { cidr: '10.91.0.0/24' });
      const create = (body: object) => admin.post('/api/v1/networks', { name: freshName('n'), ...body });
      assertError(await create({ name: one.name.toUpperCase(), cidr: freshCidr() }), 409, /named/);
      for (const cidr of ['10.90.4.0/22', '10.90.5.0/24', '10.90.0.0/16', '10.0.0.0/8']) {
        assertError(await create({ cidr }), 409, /^cidr .*overlaps 10\./);
      }
      assertError(await create({ cidr: freshCidr(), cidr_v6: 'fd00:90::/48' }), 409, /^cidr_v6/);
      assertError(await admin.put(`/api/v1/networks/${two.id}`, { cidr: '10.90.6.0/24' }), 409, /^cidr/);
      assertError(await admin.put(`/api/v1/networks/${two.id}`, { name: one.name }), 409, /named/);
      assert.equal((await admin.get(`/api/v1/networks/${two.id}`)).body.cidr, '10.91.0.0/24');
      // Its own addresses are no overlap.
      assert.equal((await admin.put(`/api/v1/networks/${two.id}`, { cidr: '10.91.0.0/23' })).status, 200);
    });

    test('what is malformed is 400 and names the field', async () => {
      const { admin } = a.the;
      const good = { name: freshName('bad'), cidr: freshCidr() };
      const cases: [Record<string, unknown>, RegExp][] = [
        [{ name: undefined }, /^name is required/],
        [{ cidr: undefined }, /^cidr is required/],
        [{ name: '' }, /^name/],
        [{ name: '   ' }, /^name/],
        [{ name: 'a\nb' }, /^name/],
        [{ name: 'a\u202eb' }, /^name/],
        [{ name: 'x'.repeat(101) }, /^name/],
        [{ name: 7 }, /^name must be string/],
        [{ name: null }, /^name/],
        ...['', 'x', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0/24', '010.0.0.0/24', '10.0.0.0/24/1'].map(
          (cidr): [Record<string, unknown>, RegExp] => [{ cidr }, /^cidr /],
        ),
        [{ cidr: '10.77.0.1/24' }, /^cidr .*did you mean 10\.77\.0\.0\/24/],
        [{ cidr: '10.0.0.0/31' }, /^cidr .*\/30/],
        [{ cidr: '0.0.0.0/0' }, /^cidr/],
        [{ cidr: '127.0.0.0/16' }, /^cidr/],
        [{ cidr: '224.1.0.0/16' }, /^cidr/],
        [{ cidr: 'fd00::/64' }, /^cidr must be an IPv4/],
        [{ cidr_v6: '10.3.0.0/24' }, /^cidr_v6 must be an IPv6/],
        [{ cidr_v6: 'fe80::/64' }, /^cidr_v6/],
        [{ cidr_v6: 'fd00::1/64' }, /^cidr_v6/],
        [{ dns: '1.1.1.1' }, /^dns must be array/],
        [{ dns: ['dns.example'] }, /^dns/],
        [{ dns: ['fe80::1%eth0'] }, /^dns/],
        [{ dns: [1] }, /^dns\.0/],
        [{ dns: Array(9).fill('1.1.1.1') }, /^dns/],
        [{ domain_suffix: 'a b' }, /^domain_suffix/],
        [{ domain_suffix: 'a..b' }, /^domain_suffix/],
        [{ domain_suffix: `${'a'.repeat(64)}.b` }, /^domain_suffix/],
        [{ mtu: 1279 }, /^mtu/],
        [{ mtu: '1400' }, /^mtu/],
      ];
      for (const [change, about] of cases) {
        assertError(await admin.post('/api/v1/networks', { ...good, ...change }), 400, about);
      }
      assert.equal((await list(`filter=${good.name}`)).total, 0);
      const { id } = await makeNetwork(admin);
      for (const [change, about] of cases.slice(2)) {
        assertError(await admin.put(`/api/v1/networks/${id}`, change), 400, about);
      }
      for (const server of ['127.0.0.1', '0.0.0.0', '255.255.255.255', '169.254.1.1', '::1', 'ff02::fb']) {
        const refused = await admin.put(`/api/v1/networks/${id}`, { dns: ['1.1.1.1', server] });
        assertError(refused, 400, /^dns: .* which no device can use/);
      }
      assertError(await admin.put(`/api/v1/networks/${id}`, { default_group_ids: ['nope'] }), 400, /default_group_ids/);
      assertError(await admin.put(`/api/v1/networks/${id}?force=maybe`, {}), 400, /^force/);
    });

    test('a new CIDR re-addresses: host parts stay, those beyond the end move', async () => {
      const { admin } = a.the;
      const { id } = await makeNetwork(admin, { cidr: '10.92.0.0/24' });
      const peers = [];
      for (let i = 0; i < 4; i++) peers.push(await makePeer(admin, id));
      await admin.delete(`/api/v1/networks/${id}/peers/${peers[1].id}`);
      const addresses = async () =>
        (await admin.get(`/api/v1/networks/${id}/peers`)).body.data.map((peer: { address: string }) => peer.address);
      assert.deepEqual(await addresses(), ['10.92.0.1', '10.92.0.3', '10.92.0.4']);
      assert.equal((await admin.put(`/api/v1/networks/${id}`, { cidr: '10.93.0.0/16' })).status, 200);
      assert.deepEqual(await addresses(), ['10.93.0.1', '10.93.0.3', '10.93.0.4']);
      // A /29 has six; the /30 after it two, one too few.
      assert.equal((await admin.put(`/api/v1/networks/${id}`, { cidr: '10.94.0.0/29' })).status, 200);
      assertError(await admin.put(`/api/v1/networks/${id}`, { cidr: '10.94.0.0/30' }), 409, /room for 2 peers.* has 3/);
      assert.deepEqual(await addresses(), ['10.94.0.1', '10.94.0.3', '10.94.0.4']);
      await admin.delete(`/api/v1/networks/${id}/peers/${peers[0].id}`);
      assert.equal((await admin.put(`/api/v1/networks/${id}`, { cidr: '10.94.0.0/30' })).status, 200);
      assert.deepEqual(await addresses(), ['10.94.0.1', '10.94.0.2']);

      const v6 = await admin.put(`/api/v1/networks/${id}`, { cidr_v6: 'fd00:94::/64' });
      assert.equal(v6.status, 200);
      const peer = (await admin.get(`/api/v1/networks/${id}/peers/${peers[3].id}`)).body;
      assert.equal(peer.address_v6, `fd00:94::${peer.address.split('.')[3]}`);
      assert.ok(peer.updated_at > peer.created_at, 'a new address is a change of the peer');
      await admin.put(`/api/v1/networks/${id}`, { cidr_v6: null });
      assert.equal((await admin.get(`/api/v1/networks/${id}/peers/${peers[3].id}`)).body.address_v6, null);
    });

    test('a new CIDR is refused where agentless peers would be cut off, unless forced', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      await makePeer(admin, network.id, { name: 'Printer One', use_agent: false });
      await makePeer(admin, network.id, { name: 'with-agent' });
      const cidr = freshCidr();
      const refused = await admin.put(`/api/v1/networks/${network.id}`, { cidr, name: freshName('also') });
      assertError(refused, 409, /Printer One.*force=true/);
      assert.doesNotMatch(refused.body.error, /with-agent/);
      assert.deepEqual((await admin.get(`/api/v1/networks/${network.id}`)).body, { ...network, peer_count: 2 });
      const forced = await admin.put(`/api/v1/networks/${network.id}?force=true`, { cidr });
      assert.deepEqual([forced.status, forced.body.cidr], [200, cidr]);
    });

    test('a new CIDR must not hold what a peer routes', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      await makePeer(admin, network.id, { name: 'router', additional_allowed_ips: ['192.168.7.0/24', '0.0.0.0/0'] });
      const answer = await admin.put(`/api/v1/networks/${network.id}`, { cidr: '192.168.0.0/16' });
      assertError(answer, 409, /192\.168\.7\.0\/24.*router/);
    });

    test('deleting takes the peers along, frees name and addresses and is 404 the second time', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const peer = await makePeer(admin, network.id);
      const gone = await admin.delete(`/api/v1/networks/${network.id}`);
      assert.deepEqual([gone.status, gone.body], [204, '']);
      assertError(await admin.delete(`/api/v1/networks/${network.id}`), 404);
      assertError(await admin.get(`/api/v1/networks/${network.id}`), 404);
      assertError(await admin.put(`/api/v1/networks/${network.id}`, { name: 'x' }), 404);
      assertError(await admin.get(`/api/v1/networks/${network.id}/peers/${peer.id}`), 404);
      const resolved = await a.the.anonymous.get('/api/v1/agent/resolve', { authorization: `Bearer ${peer.token}` });
      assertError(resolved, 404);
      const again = await makeNetwork(admin, { name: network.name, cidr: network.cidr });
      assert.equal(again.peer_count, 0);
    });
  });
