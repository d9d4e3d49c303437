import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { BACKENDS } from '../../identity/testing.ts';
import type { LogTables } from '../tables.ts';
import { type Fixture, START_US, useLogApi } from '../testing-api.ts';
import { rfc3339 } from '../times.ts';

for (const kind of BACKENDS) {
  describe(`sources on ${kind.name}`, kind.needs(), () => {
    let l: Fixture;
    useLogApi(kind, (started) => {
      l = started;
    });
    beforeEach(async () => {
      for (const id of [1, 2, 3]) {
        const { address } = l.backend.list[id]!;
        await l.call('PUT', `/sources/${id}`, { name: address, parser: 'auto', class: 'log', site_id: 'default' });
      }
      await l.store.drained();
      l.backend.sent.length = 0;
    });

    test('what is known of them, in pages', async () => {
      const { status, body, headers } = await l.call('GET', '/sources');
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(headers.link, undefined);
      assert.deepEqual(body[1], {
        id: 1,
        address: '192.0.2.1',
        name: '192.0.2.1',
        parser: 'auto',
        recognised: 'fortigate',
        vendor: 'Fortinet',
        class: 'log',
        site_id: 'default',
        first_seen: rfc3339(START_US),
        last_seen: rfc3339(START_US + 5),
        messages: 10,
        dropped: 4,
        truncated: 2,
        removed: false,
      });
      assert.deepEqual(
        [body[0].name, body[0].class, body[3].vendor, body[3].last_seen],
        ['gatehouse', 'audit', null, null],
      );
      assert.deepEqual((await l.call('GET', '/sources/1')).body, body[1]);
      const first = await l.call('GET', '/sources?limit=3');
      const second = await l.call('GET', /<(.+)>/.exec(String(first.headers.link))![1]!);
      assert.deepEqual([...first.body, ...second.body], body);
      assert.equal((await l.call('GET', '/sources/4')).status, 404);
      for (const id of ['x', '-1', '65536']) assert.equal((await l.call('GET', `/sources/${id}`)).status, 422, id);
      assert.equal((await l.call('GET', '/sources?limit=4097')).status, 422);
      const cursor = Buffer.from('["","x"]').toString('base64url');
      assert.equal((await l.call('GET', `/sources?cursor=${cursor}`)).status, 422);
    });

    test('a name, a parser, a class and a site, for what it sends from now on', async () => {
      const change = { name: ' Firewall Roma ', parser: 'Palo Alto', class: 'traffic', site_id: 'rome' };
      const { status, body } = await l.call('PUT', '/sources/1', change);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(
        [body.name, body.parser, body.recognised, body.vendor, body.class, body.site_id],
        ['Firewall Roma', 'paloalto', 'fortigate', 'Palo Alto', 'traffic', 'rome'],
      );
      assert.deepEqual((await l.call('GET', '/sources/1')).body, body);
      const [told] = (await l.heard('logs.source.updated')).slice(-1);
      assert.deepEqual(
        { ...told?.data, actor: undefined },
        {
          sourceId: 1,
          address: '192.0.2.1',
          name: 'Firewall Roma',
          changed: ['name', 'parser', 'class', 'site_id'],
          actor: undefined,
        },
      );
      assert.deepEqual(l.backend.sent.at(-1)?.sources, [
        { id: 1, class: 'traffic', parser: 'paloalto' },
        { id: 2, class: 'log' },
        { id: 3, class: 'log' },
      ]);

      l.backend.queries.length = 0;
      await l.call('GET', `?source=${encodeURIComponent('firewall roma')}`);
      await l.call('GET', '?source=paloalto');
      await l.call('GET', '?site=rome');
      assert.deepEqual(
        l.backend.queries.map(({ source, among }) => source ?? among),
        [[1], [1], [1]],
      );
      l.backend.records = [];
      l.backend.add();
      const [record] = (await l.call('GET', '')).body;
      assert.deepEqual([record.source.name, record.site_id], ['Firewall Roma', 'rome']);

      const opn = await l.call('PUT', '/sources/2', { parser: 'OPNsense' });
      assert.deepEqual([opn.body.parser, opn.body.vendor], ['pfsense', 'pfSense, OPNsense']);
      const cef = await l.call('PUT', '/sources/2', { parser: 'cef' });
      assert.deepEqual([cef.body.parser, cef.body.vendor], ['cef', null]);

      // What is equal is no change; what is left out stays.
      const events = (await l.heard('logs.source.updated')).length;
      assert.deepEqual((await l.call('PUT', '/sources/1', {})).body, body);
      assert.deepEqual((await l.call('PUT', '/sources/1', change)).body, body);
      assert.equal((await l.heard('logs.source.updated')).length, events);
      assert.equal((await l.call('PUT', '/sources/1', { name: 'firewall roma' })).body.class, 'traffic');
    });

    test('one is registered before it has sent anything', async () => {
      const body = {
        address: '::ffff:192.0.2.9',
        name: 'Porto',
        parser: 'mikrotik',
        class: 'traffic',
        site_id: 'rome',
      };
      const { status, body: made } = await l.call('POST', '/sources', body);
      assert.equal(status, 201, JSON.stringify(made));
      assert.deepEqual(
        [made.id, made.address, made.name, made.parser, made.class, made.site_id, made.messages, made.last_seen],
        [4, '192.0.2.9', 'Porto', 'mikrotik', 'traffic', 'rome', 0, null],
      );
      const [told] = (await l.heard('logs.source.created')).slice(-1);
      assert.deepEqual(told?.data, { sourceId: 4, address: '192.0.2.9', name: 'Porto', actor: told?.data.actor });
      assert.deepEqual(l.backend.sent.at(-1)?.sources.at(-1), { id: 4, class: 'traffic', parser: 'mikrotik' });
      const changed = await l.call('PATCH', '/sources/4', { site_id: 'default' });
      assert.deepEqual([changed.status, changed.body.site_id, changed.body.name], [200, 'default', 'Porto']);
      const plain = await l.call('POST', '/sources', { address: '2001:DB8:0::A' });
      assert.deepEqual(
        [plain.status, plain.body.address, plain.body.name, plain.body.parser, plain.body.class, plain.body.site_id],
        [201, '2001:db8::a', '2001:db8::a', 'auto', 'log', 'default'],
      );
    });

    test('one is removed: its records keep its name, its number stays its own, its place and name are free', async () => {
      const { body: old } = await l.call('POST', '/sources', { address: '192.0.2.20', name: 'fw-1' });
      assert.equal((await l.call('DELETE', `/sources/${old.id}`)).status, 204);
      assert.equal((await l.call('DELETE', `/sources/${old.id}`)).status, 204, 'it is');
      assert.equal((await l.heard('logs.source.deleted')).length, 1);
      const ids = async (query: string) =>
        (await l.call('GET', `/sources${query}`)).body.map(({ id }: { id: number }) => id);
      assert.ok(!(await ids('')).includes(old.id));
      assert.deepEqual(await ids('?removed=true'), [old.id]);
      assert.equal((await l.call('GET', `/sources/${old.id}`)).body.removed, true);

      const { body: anew, status } = await l.call('POST', '/sources', { address: '192.0.2.21', name: 'FW-1' });
      assert.equal(status, 201, JSON.stringify(anew));
      assert.notEqual(anew.id, old.id);
      l.backend.queries.length = 0;
      await l.call('GET', '?source=fw-1');
      assert.deepEqual(l.backend.queries[0]?.source, [old.id, anew.id], 'both have been fw-1');
      l.backend.records = [];
      l.backend.add({ source: old.id });
      assert.equal((await l.call('GET', '')).body[0].source.name, 'fw-1');

      const taken = await l.call('POST', '/sources', { address: '192.0.2.20' });
      assert.deepEqual([taken.status, taken.body.status], [409, 409], 'the name that it had is taken');
      const back = await l.call('POST', '/sources', { address: '192.0.2.20', name: 'fw-0' });
      assert.deepEqual([back.status, back.body.id, back.body.removed], [201, old.id, false]);
      assert.deepEqual(await ids('?removed=true'), []);
    });

    test('what can be no sender is refused, and takes no number', async () => {
      const before = l.backend.list.length;
      for (const [body, status, told] of [
        [{}, 422, /address/],
        [{ address: '' }, 422, /^address must be an IPv4 or IPv6 address/],
        [{ address: '192.0.2' }, 422, /^address must be/],
        [{ address: '192.0.2.1:514' }, 422, /^address must be/],
        [{ address: 'fe80::1%eth0' }, 422, /^address must be/],
        [{ address: 'firewall.example' }, 422, /^address must be/],
        [{ address: '0.0.0.0' }, 422, /^address is none that a device can send from/],
        [{ address: '224.0.0.1' }, 422, /^address is none/],
        [{ address: 'ff02::1' }, 422, /^address is none/],
        [{ address: '192.0.2.1' }, 409, /^192\.0\.2\.1 is source 1 already: change it with PATCH/],
        [{ address: '192.0.2.50', name: '192.0.2.2' }, 409, /already/],
        [{ address: '192.0.2.50', name: 'a,b' }, 422, /^name must have no commas/],
        [{ address: '192.0.2.50', parser: 'nothing' }, 422, /^parser must be auto or one of/],
        [{ address: '192.0.2.50', class: 'audit' }, 422, /^class must be one of/],
        [{ address: '192.0.2.50', site_id: 'paris' }, 422, /^site_id names a site that doesn't exist/],
      ] as const) {
        const { status: got, body: problem, headers } = await l.call('POST', '/sources', body);
        assert.equal(got, status, JSON.stringify(body));
        assert.match(String(headers['content-type']), /^application\/problem\+json/);
        assert.match(problem.detail, told);
      }
      l.backend.noPlace = true;
      const full = await l.call('POST', '/sources', { address: '192.0.2.50' });
      l.backend.noPlace = false;
      assert.deepEqual([full.status, full.body.detail], [409, 'there are 4096 senders']);
      for (const [id, status] of [
        [0, 409],
        [77, 404],
        ['x', 422],
      ] as const) {
        assert.equal((await l.call('DELETE', `/sources/${id}`)).status, status);
      }
      assert.equal((await l.call('POST', '/sources', { address: '192.0.2.50' }, 'user')).status, 403);
      assert.equal(l.backend.list.length, before);
    });

    test('settings hold for an address: after a restart, and when it gets another number', async () => {
      await l.call('PUT', '/sources/2', { name: 'Router', class: 'security' });
      await l.store.drained();
      const { list } = l.backend;
      l.backend.list = [...list.slice(0, 2), { ...list[2]!, id: 12 }];
      const { api } = await l.reopen();
      await api.start();
      assert.deepEqual(l.backend.sent.at(-1)?.sources, [
        { id: 1, class: 'log' },
        { id: 12, class: 'security' },
      ]);
      l.backend.list = list;
      await Promise.all([api.sourceSeen(), api.sourceSeen(), api.sourceSeen()]);
      assert.deepEqual(l.backend.sent.at(-1)?.sources[1], { id: 2, class: 'security' });
      await api.stop();
    });

    test('what is no good is refused', async () => {
      await l.call('PUT', '/sources/2', { name: 'Router' });
      for (const [id, body, status, told] of [
        [1, { name: 'ROUTER' }, 409, /^there is a source with the name ROUTER already/],
        [1, { name: '192.0.2.2' }, 409, /already/],
        [1, { name: 'Gatehouse' }, 409, /already/],
        [1, { name: '12' }, 422, /^name must have no commas/],
        [1, { name: 'a,b' }, 422, /^name must have no commas/],
        [1, { name: '' }, 422, /^name must/],
        [1, { name: 'n'.repeat(101) }, 422, /^name must/],
        [1, { name: 'a\u0007' }, 422, /^name must/],
        [1, { parser: 'nothing' }, 422, /^parser must be auto or one of fortigate, /],
        [1, { parser: '' }, 422, /^parser must be auto or one of fortigate, /],
        [1, { parser: 'cisco' }, 422, /^parser must be auto or one of cisco-asa, cisco-ios$/],
        [1, { class: 'audit' }, 422, /^class must be one of log, security, traffic, guest/],
        [1, { class: 'system' }, 422, /^class must/],
        [1, { site_id: 'paris' }, 422, /^site_id names a site that doesn't exist: paris/],
        [0, { name: 'x' }, 409, /own records/],
        [9, { name: 'x' }, 404, /^source not found/],
      ] as const) {
        const { status: got, body: problem } = await l.call('PUT', `/sources/${id}`, body);
        assert.equal(got, status, JSON.stringify(body));
        assert.match(problem.detail, told);
      }
      // A sender that was never heard of since the log was begun anew still has its name.
      const row = {
        address: '192.0.2.77',
        name: 'Old',
        name_key: 'old',
        parser: null,
        class: 'log',
        site_id: 'default',
      };
      await l.store
        .as<LogTables>()
        .insertInto('log_sources')
        .values({ ...row, updated_at: '' })
        .execute();
      assert.equal((await l.call('PUT', '/sources/1', { name: 'old' })).status, 409);
    });
  });
}
