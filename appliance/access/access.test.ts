import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BACKENDS } from '../identity/testing.ts';
import { facts, NAS } from './policy/testing.ts';
import { KEPT_VERSIONS } from './schema.ts';
import { type Fixture, useAccess } from './testing.ts';

const STAFF = 'name: staff\nmatch: {groups: [staff]}\ndecide: {action: allow, vlan: 20}\n';
const REST = 'name: rest\npriority: 900\ndecide: {action: quarantine, vlan: 99}\n';

for (const backend of BACKENDS) {
  describe(`access on ${backend.name}`, backend.needs(), () => {
    let a: Fixture;
    useAccess(backend, (started) => {
      a = started;
    });

    test('only administrators may call', async () => {
      for (const [method, url] of [
        ['GET', '/policies'],
        ['POST', '/policies/dry-run'],
        ['GET', '/devices'],
        ['GET', '/guests/vouchers'],
        ['GET', '/access/requests'],
      ] as const) {
        assert.equal((await a.call(method, url, undefined, { authorization: 'user' })).status, 403, url);
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

    test('the first policy warns that others are refused, and how many only where there are some', async () => {
      assert.deepEqual((await a.policy(STAFF)).warnings, ['requests that no policy matches are refused from now on']);
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
  });
}
