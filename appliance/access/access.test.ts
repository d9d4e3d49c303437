import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { BACKENDS } from '../identity/testing.ts';
import { facts, NAS } from './policy/testing.ts';
import { KEPT_VERSIONS } from './schema.ts';
import { type Fixture, startAccess } from './testing.ts';
import { ALPHABET } from './vouchers.ts';

const STAFF = 'name: staff\nmatch: {groups: [staff]}\ndecide: {action: allow, vlan: 20}\n';
const REST = 'name: rest\npriority: 900\ndecide: {action: quarantine, vlan: 99}\n';

for (const backend of BACKENDS) {
  describe(`access on ${backend.name}`, backend.needs(), () => {
    let server: { database?: string; stop(): Promise<void> };
    let a: Fixture;
    before(async () => {
      server = await backend.start();
      a = await startAccess({ database: server.database });
    });
    after(async () => {
      await a?.close();
      await server?.stop();
    });
    beforeEach(async () => {
      for (const { id } of (await a.call('GET', '/policies')).body) await a.call('DELETE', `/policies/${id}`);
      for (const { id } of (await a.call('GET', '/devices')).body) await a.call('DELETE', `/devices/${id}`);
      await a.store.drained();
      a.events.length = 0;
    });

    test('only administrators may call', async () => {
      for (const [method, url] of [
        ['GET', '/policies'],
        ['POST', '/policies/dry-run'],
        ['GET', '/devices'],
        ['GET', '/guests/vouchers'],
        ['GET', '/access/requests'],
      ] as const) {
        assert.equal((await a.call(method, url, undefined, { authorization: 'somebody' })).status, 403, url);
      }
    });

    test('a policy is made, changed, listed and deleted; each change decides at once', async () => {
      const made = await a.call('POST', '/policies', { document: STAFF });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.equal(made.body.version, 1);
      assert.equal(made.headers.etag, '"1"');
      assert.deepEqual(a.access.decide(facts({ groups: ['staff'] })).policy, {
        id: made.body.id,
        name: 'staff',
        version: 1,
      });
      assert.equal(a.access.decide(facts()).action, 'deny');
      const changed = await a.call('POST', '/policies', STAFF.replace('20', '21'), {
        'content-type': 'application/yaml',
      });
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
      assert.equal(changed.body.id, made.body.id);
      assert.equal(a.access.decide(facts({ groups: ['staff'] })).vlan, 21);
      const same = await a.call('POST', '/policies', { document: STAFF.replace('20', '21') });
      assert.equal(same.body.version, 2);
      await a.policy(REST);
      const { body: list } = await a.call('GET', '/policies');
      assert.deepEqual(
        list.map(({ name }: { name: string }) => name),
        ['staff', 'rest'],
      );
      assert.equal((await a.call('DELETE', `/policies/${made.body.id}`)).status, 204);
      assert.equal(a.access.decide(facts({ groups: ['staff'] })).vlan, 99);
      assert.equal((await a.call('GET', `/policies/${made.body.id}`)).status, 404);
      const types = (await a.heard('access.policy.created', 'access.policy.updated', 'access.policy.deleted')).map(
        ({ type }) => type,
      );
      assert.deepEqual(types, [
        'access.policy.created',
        'access.policy.updated',
        'access.policy.created',
        'access.policy.deleted',
      ]);
    });

    test('a document with faults is a problem that lists them', async () => {
      const answer = await a.call('POST', '/policies', {
        document: 'name: a\nmatch: {group: [x]}\ndecide: {action: alow}',
      });
      assert.equal(answer.status, 422);
      assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
      assert.match(answer.body.detail, /^line 2, column 9: match.group: .*did you mean 'groups'.*\(and 1 more\)$/);
      assert.deepEqual(
        answer.body.faults.map(({ line, column, path }: Record<string, unknown>) => [line, column, path]),
        [
          [2, 9, 'match.group'],
          [3, 18, 'decide.action'],
        ],
      );
      assert.equal(a.access.decide(facts()).action, 'allow');
    });

    test('two who change the same version: the second is told', async () => {
      const { id } = await a.policy(STAFF);
      const put = (document: string, more: object = {}, headers = {}) =>
        a.call('PUT', `/policies/${id}`, { document, ...more }, headers);
      assert.equal((await put(STAFF.replace('20', '21'), { version: 1 })).status, 200);
      assert.equal((await put(STAFF.replace('20', '22'), { version: 1 })).status, 409);
      assert.equal((await put(STAFF.replace('20', '22'), {}, { 'if-match': '"1"' })).status, 412);
      assert.equal((await put(STAFF.replace('20', '22'), {}, { 'if-match': '"2"' })).status, 200);
      assert.equal((await put(STAFF, {}, { 'if-match': 'x' })).status, 422);
      assert.equal((await a.call('POST', '/policies', { document: STAFF, version: 1 })).status, 409);
      await a.policy(REST);
      assert.equal((await put(REST)).status, 409, 'the name is another policy’s');
    });

    test('versions are kept with who and when, and can be taken again', async () => {
      const { id } = await a.policy(STAFF);
      await a.policy(STAFF.replace('20', '21'));
      const restored = await a.call('POST', `/policies/${id}/versions/1/restore`);
      assert.equal(restored.status, 200);
      assert.deepEqual([restored.body.version, restored.body.document], [3, STAFF]);
      assert.equal(a.access.decide(facts({ groups: ['staff'] })).vlan, 20);
      const { body } = await a.call('GET', `/policies/${id}/versions`);
      assert.deepEqual(body[0], {
        version: 3,
        at: new Date(a.clock.ms).toISOString(),
        by: { kind: 'user', id: 'u-admin' },
        change: 'restored',
      });
      assert.equal((await a.call('GET', `/policies/${id}/versions/2`)).body.document, STAFF.replace('20', '21'));
      assert.equal((await a.call('GET', `/policies/${id}/versions/9`)).status, 404);
      for (let vlan = 100; vlan < 100 + KEPT_VERSIONS; vlan++) await a.policy(STAFF.replace('20', String(vlan)));
      const { body: all } = await a.call('GET', `/policies/${id}/versions`);
      assert.deepEqual([all.length, all[0].version, all.at(-1).version], [KEPT_VERSIONS, 103, 4]);
    });

    test('the policies and what was told of devices hold after a restart', async () => {
      await a.policy('name: p\nmatch: {posture: {firewall: true}}\ndecide: {action: allow}\n');
      await a.policy(REST);
      const { body: device } = await a.call('POST', '/devices', { mac: '02-00-00-11-22-33' });
      await a.call('PUT', `/devices/${device.id}/posture`, { facts: { firewall: true } });
      const { access } = await a.reopen();
      assert.equal(access.decide(facts({ mac: device.mac })).action, 'allow');
      assert.equal(access.decide(facts()).vlan, 99);
      await access.stop();
    });

    test('warnings: what an administrator may not have meant', async () => {
      a.access.record({ facts: facts({ username: 'w' }), outcome: 'accept', decision: a.access.decide(facts()) });
      const first = await a.policy(
        'name: p\nmatch: {users: [x]}\ndecide: {action: deny, vlan: 1, overlay_groups: [engineers, nobody]}\n',
      );
      assert.equal(first.warnings.length, 3, JSON.stringify(first.warnings));
      assert.match(first.warnings[0], /refused from now on: 1 of the last day's/);
      assert.match(first.warnings[1], /no overlay network has a group called nobody$/);
      assert.match(first.warnings[2], /deny: vlan is of no effect/);
      assert.deepEqual((await a.policy(STAFF)).warnings, []);
      assert.match((await a.policy(REST)).warnings[0], /both doors/);
    });

    test('explain: a request that is made up, and one of the journal', async () => {
      await a.policy(STAFF);
      await a.policy(REST);
      const made = await a.call('POST', '/policies/explain', { username: 'bob', groups: ['guests'], ssid: 'Corp' });
      assert.equal(made.status, 200, JSON.stringify(made.body));
      assert.equal(made.body.decision.vlan, 99);
      assert.deepEqual(made.body.policies[0].failed, [{ condition: 'groups', expected: 'staff', actual: 'guests' }]);
      const known = await a.call('POST', '/policies/explain', { username: 'alice' });
      assert.equal(known.body.decision.vlan, 20, 'the groups of a user that is there');
      const one = facts({ username: 'carol', groups: ['staff'], nas: NAS });
      a.access.record({ facts: one, outcome: 'accept', decision: a.access.decide(one) });
      const { body: requests } = await a.call('GET', '/access/requests?user=CAROL');
      const real = await a.call('POST', '/policies/explain', { request_id: requests[0].id });
      assert.equal(real.body.decision.vlan, 20);
      assert.equal((await a.call('POST', '/policies/explain', { request_id: 'x' })).status, 404);
      assert.equal((await a.call('POST', '/policies/explain', {})).status, 422);
      for (const wrong of [{ mac: 'x' }, { method: 'x' }, { at: 'yesterday' }]) {
        assert.equal((await a.call('POST', '/policies/explain', { username: 'a', ...wrong })).status, 422);
      }
    });

    test('dry run: who would be treated differently', async () => {
      await a.policy(STAFF);
      await a.policy(REST);
      for (const [username, groups] of [
        ['d1', ['staff']],
        ['d2', ['staff', 'it']],
        ['d3', ['guests']],
      ] as const) {
        const one = facts({ username, groups, nas: NAS, ssid: 'Corp', mac: '02:00:00:00:00:01' });
        a.access.record({ facts: one, outcome: 'accept', decision: a.access.decide(one) });
      }
      a.access.record({
        facts: facts({ username: 'd4', groups: ['it'] }),
        outcome: 'reject',
        reason: 'wrong password',
      });
      const mine = (body: { changed: { username: string }[] }) =>
        body.changed.filter(({ username }) => /^d\d$/.test(username));
      const it = 'name: it\npriority: 1\nmatch: {groups: [it]}\ndecide: {action: allow, vlan: 30}\n';
      const added = await a.call('POST', '/policies/dry-run', { document: it });
      assert.equal(added.status, 200, JSON.stringify(added.body));
      const [change, ...others] = mine(added.body) as unknown as Record<string, Record<string, unknown>>[];
      assert.deepEqual(others, []);
      assert.deepEqual([change?.username, change?.before?.vlan, change?.after?.vlan], ['d2', 20, 30]);
      assert.deepEqual(
        [change?.mac, change?.nas, change?.ssid, change?.count],
        ['02:00:00:00:00:01', 'AP-1', 'Corp', 1],
      );
      const same = await a.call('POST', '/policies/dry-run', {
        document: `${STAFF}description: the same for everybody\n`,
      });
      assert.deepEqual(mine(same.body), []);
      const gone = await a.call('POST', '/policies/dry-run', { name: 'Staff', delete: true });
      assert.deepEqual(
        mine(gone.body).map(({ username }) => username),
        ['d1', 'd2'],
      );
      assert.equal((await a.call('GET', '/policies')).body.length, 2, 'nothing has changed');
      assert.equal((await a.call('POST', '/policies/dry-run', { name: 'x', delete: true })).status, 404);
      assert.equal((await a.call('POST', '/policies/dry-run', {})).status, 422);
      assert.equal((await a.call('POST', '/policies/dry-run', { document: 'name: x' })).status, 422);
    });

    test('the journal: distinct requests with counts, by user, MAC address and outcome, page by page', async () => {
      for (let i = 0; i < 5; i++) {
        a.clock.ms += 1000;
        const one = facts({ username: `J${i % 3}`, mac: `02:00:00:00:01:0${i % 3}`, nas: NAS, at: a.clock.ms });
        const outcome = i % 3 === 2 ? 'reject' : 'accept';
        a.access.record({ facts: one, outcome, ...(outcome === 'reject' && { reason: 'wrong password' }) });
      }
      const get = (query: string) => a.call('GET', `/access/requests?${query}`);
      const { body } = await get('user=j0');
      assert.equal(body.length, 1);
      assert.deepEqual(
        { ...body[0], id: '', first_at: '', last_at: '' },
        {
          id: '',
          username: 'J0',
          realm: null,
          user_id: null,
          mac: '02:00:00:00:01:00',
          method: 'pap',
          nas: { id: 'nas-1', name: 'AP-1', site_id: 'default' },
          ssid: null,
          device_id: null,
          voucher_id: null,
          outcome: 'accept',
          reason: null,
          policy_id: null,
          first_at: '',
          last_at: '',
          count: 2,
        },
      );
      assert.deepEqual(
        (await get('mac=020000000102&outcome=reject')).body.map((r: { reason: string }) => r.reason),
        ['wrong password'],
      );
      assert.equal((await get('mac=nothing')).status, 422);
      const names: string[] = [];
      let url: string | undefined = '/v1/access/requests?limit=1';
      while (url !== undefined && names.length < 50) {
        const page: { body: { username: string }[]; headers: Record<string, unknown> } = await a.call('GET', url);
        names.push(...page.body.map(({ username }) => username));
        url = /<([^>]+)>; rel="next"/.exec(String(page.headers.link ?? ''))?.[1];
      }
      assert.deepEqual(
        names.filter((name) => /^J\d$/.test(name)),
        ['J1', 'J0', 'J2'],
      );
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

    test('vouchers: a batch with codes, the clock starts at the first use', async () => {
      const made = await a.call('POST', '/guests/vouchers', {
        count: 10,
        duration: '4h',
        bandwidth: '50mbps',
        quota: '5GB',
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.equal(made.body.vouchers.length, 10);
      const [voucher] = made.body.vouchers;
      assert.match(voucher.code, new RegExp(`^[${ALPHABET}]{5}-[${ALPHABET}]{5}$`));
      assert.deepEqual(
        { ...voucher, id: '', batch_id: '', code: '', created_at: '' },
        {
          id: '',
          batch_id: '',
          code: '',
          groups: [],
          duration: 14_400,
          bandwidth: { up: 50_000_000, down: 50_000_000 },
          quota: 5_000_000_000,
          valid_until: null,
          first_used_at: null,
          status: 'unused',
          created_at: '',
        },
      );
      const { body: listed } = await a.call('GET', `/guests/vouchers?batch_id=${made.body.batch_id}`);
      assert.deepEqual(
        new Set(listed.map((one: { code: string }) => one.code)),
        new Set(made.body.vouchers.map((one: { code: string }) => one.code)),
      );
      const [record] = await a.access.vouchers([voucher.id]);
      assert.deepEqual(
        [record?.code, record?.validUntil, record?.duration],
        [voucher.code.replace('-', ''), null, 14_400],
      );
      const start = a.clock.ms;
      await a.access.useVoucher(voucher.id);
      a.clock.ms += 60_000;
      await a.access.useVoucher(voucher.id);
      const [used] = await a.access.vouchers([voucher.id]);
      assert.deepEqual([used?.firstUsedAt, used?.validUntil], [start, start + 14_400_000]);
      assert.equal((await a.heard('access.voucher.updated')).length, 1);
      a.clock.ms = start + 14_400_000;
      const status = async () =>
        (await a.call('GET', `/guests/vouchers?batch_id=${made.body.batch_id}`)).body.find(
          ({ id }: { id: string }) => id === voucher.id,
        ).status;
      assert.equal(await status(), 'expired');
      a.clock.ms = start;
      assert.equal(await status(), 'active');
      assert.equal((await a.call('DELETE', `/guests/vouchers/${voucher.id}`)).status, 204);
      assert.equal((await a.call('DELETE', `/guests/vouchers/${voucher.id}`)).status, 404);
      await a.access.useVoucher(voucher.id);
    });

    test('vouchers: the end of a batch bounds what began late; what is no term is refused', async () => {
      const until = new Date(a.clock.ms + 3600_000).toISOString();
      const { body } = await a.call('POST', '/guests/vouchers', {
        count: 1,
        duration: '4h',
        valid_until: until,
        bandwidth: { down: '1mbps' },
      });
      await a.access.useVoucher(body.vouchers[0].id);
      const [used] = await a.access.vouchers([body.vouchers[0].id]);
      assert.deepEqual(
        [used?.validUntil, used?.bandwidth],
        [a.clock.ms + 3600_000, { up: undefined, down: 1_000_000 }],
      );
      for (const wrong of [
        { count: 0, duration: '4h' },
        { count: 1001, duration: '4h' },
        { count: 1 },
        { count: 1, duration: 'long' },
        { count: 1, duration: '4h', bandwidth: '50' },
        { count: 1, duration: '4h', quota: 'x' },
        { count: 1, valid_until: 'tomorrow' },
        { count: 1, valid_until: '2020-01-01T00:00:00Z' },
      ]) {
        assert.equal((await a.call('POST', '/guests/vouchers', wrong)).status, 422, JSON.stringify(wrong));
      }
      const many = await a.call('POST', '/guests/vouchers', { count: 1000, duration: '1h' });
      assert.equal(new Set(many.body.vouchers.map((one: { code: string }) => one.code)).size, 1000);
      const codes = new Set<string>();
      let url: string | undefined = `/v1/guests/vouchers?batch_id=${many.body.batch_id}&limit=300`;
      while (url !== undefined) {
        const page: { body: { code: string }[]; headers: Record<string, unknown> } = await a.call('GET', url);
        for (const { code } of page.body) codes.add(code);
        url = /<([^>]+)>; rel="next"/.exec(String(page.headers.link ?? ''))?.[1];
      }
      assert.equal(codes.size, 1000);
    });
  });
}
