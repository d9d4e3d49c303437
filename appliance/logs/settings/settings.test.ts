import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { BACKENDS } from '../../identity/testing.ts';
import { KIND } from '../record/types.ts';
import { parseQuery, type Term } from '../search/query.ts';
import type { LogTables } from '../tables.ts';
import { type Fixture, START_US, useLogApi } from '../testing-api.ts';
import { rfc3339 } from '../times.ts';
import { mentionQuery, mentionsOf } from './mentions.ts';
import { MAX_ACTIVE_HOLDS, MAX_ERASED, MAX_INDEXES } from './schema.ts';

const at = (seconds: number) => rfc3339(START_US + seconds * 1e6);

for (const kind of BACKENDS) {
  describe(`retention, holds and erasure on ${kind.name}`, kind.needs(), () => {
    let l: Fixture;
    useLogApi(kind, (started) => {
      l = started;
    });
    beforeEach(async () => {
      const db = l.store.as<LogTables>();
      await db.deleteFrom('log_holds').execute();
      await db.deleteFrom('log_retention').execute();
      await l.store.drained();
      const { backend } = l;
      backend.records = [];
      backend.audit.length = 0;
      backend.sent.length = 0;
      backend.erased.length = 0;
      backend.recordFails = false;
      backend.partial = undefined;
    });
    /** What the sealing thread was told last. */
    const sent = async () => {
      await l.store.drained();
      return l.backend.sent.at(-1);
    };
    const hold = async (more: object = {}) => {
      const body = { name: 'RG 12/2026', reason: 'asked for by the court', from: at(0), ...more };
      return l.call('POST', '/holds', body);
    };

    test('days by class, with what goes by a change', async () => {
      const before = (await l.call('GET', '/retention')).body.days;
      assert.deepEqual(Object.keys(before).sort(), [
        'access',
        'audit',
        'guest',
        'log',
        'security',
        'system',
        'traffic',
      ]);
      assert.deepEqual([before.system, before.audit, before.log], [null, null, 365]);

      const tried = await l.call('PUT', '/retention', { days: { log: 7 }, dry_run: true });
      assert.equal(tried.status, 200, JSON.stringify(tried.body));
      assert.deepEqual([tried.body.days.log, tried.body.dry_run], [7, true]);
      assert.deepEqual(tried.body.expires, [
        { class: 'log', records: 12, bytes: 3600, until: '2026-03-01T12:00:00.000000Z' },
      ]);
      assert.match(tried.body.warnings[0], /^12 records of class log are older than 7 days: they would be destroyed/);
      assert.deepEqual((await l.call('GET', '/retention')).body.days, before);
      assert.equal(await sent(), undefined);

      const shorter = { days: { log: 7, traffic: null, audit: null } };
      const unsure = await l.call('PUT', '/retention', shorter);
      assert.deepEqual([unsure.status, /^12 records of class log would/.test(unsure.body.detail)], [409, true]);
      assert.deepEqual((await l.call('GET', '/retention')).body.days, before);
      const changed = await l.call('PUT', '/retention', { ...shorter, confirm: true });
      assert.match(changed.body.warnings[0], /they will be destroyed/);
      assert.deepEqual(changed.body.days, { ...before, log: 7, traffic: null });
      assert.deepEqual((await l.call('GET', '/retention')).body.days, changed.body.days);
      assert.deepEqual((await sent())?.retention, changed.body.days);
      const [told] = (await l.heard('logs.retention.updated')).slice(-1);
      assert.deepEqual(told?.data, {
        changed: ['log', 'traffic'],
        actor: { kind: 'user', id: 'u-admin', address: '127.0.0.1' },
      });
      const events = (await l.heard('logs.retention.updated')).length;
      assert.deepEqual((await l.call('PUT', '/retention', { days: { log: 90 } })).body.warnings, []);
      await l.call('PUT', '/retention', { days: { log: 90 } });
      assert.equal((await l.heard('logs.retention.updated')).length, events + 1, 'what is equal is no change');
    });

    test('days that are none are refused', async () => {
      for (const days of [{ log: 0 }, { log: 36_501 }, { log: 1.5 }, { log: '7' }, { system: 7 }, { nothing: 7 }, {}]) {
        assert.equal((await l.call('PUT', '/retention', { days })).status, 422, JSON.stringify(days));
      }
      assert.equal((await l.call('PUT', '/retention', {})).status, 422);
    });

    test('a hold is told to the sealing thread, and stays in the list once it is released', async () => {
      const made = await hold({ to: at(60), source: '192.0.2.1' });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const { id } = made.body;
      assert.deepEqual(
        { ...made.body, id: '', created_at: '' },
        {
          id: '',
          name: 'RG 12/2026',
          reason: 'asked for by the court',
          from: '2026-03-01T12:00:00.000000Z',
          to: '2026-03-01T12:01:00.000000Z',
          source: { id: 1, name: '192.0.2.1', address: '192.0.2.1' },
          status: 'active',
          created_at: '',
          created_by: 'u-admin',
          released_at: null,
          released_by: null,
        },
      );
      assert.deepEqual((await sent())?.holds, [
        { fromUs: START_US, toUs: START_US + 60e6, name: 'RG 12/2026', source: 1 },
      ]);
      const open = await hold();
      assert.deepEqual([open.body.to, open.body.source], [null, null]);
      assert.deepEqual((await sent())?.holds[1], {
        fromUs: START_US,
        toUs: Number.MAX_SAFE_INTEGER,
        name: 'RG 12/2026',
      });
      assert.equal((await hold({ source: '0' })).body.source.name, 'gatehouse');

      assert.equal((await l.call('DELETE', `/holds/${id}`, undefined, 'second')).status, 204);
      assert.equal((await sent())?.holds.length, 2);
      const released = (await l.call('GET', `/holds/${id}`)).body;
      assert.deepEqual([released.status, released.released_by], ['released', 'u-second']);
      assert.equal((await l.call('DELETE', `/holds/${id}`)).status, 204);
      assert.deepEqual((await l.call('GET', `/holds/${id}`)).body, released, 'once is enough');
      assert.deepEqual((await l.call('GET', '/holds?status=released')).body, [released]);
      assert.equal((await l.call('GET', '/holds?status=active')).body.length, 2);
      const first = await l.call('GET', '/holds?limit=2');
      const rest = await l.call('GET', /<(.+)>/.exec(String(first.headers.link))![1]!);
      assert.deepEqual(rest.body, [released]);
      const told = (await l.heard('logs.hold.created', 'logs.hold.released')).slice(-4).map(({ type }) => type);
      assert.deepEqual(told, [...Array(3).fill('logs.hold.created'), 'logs.hold.released']);
    });

    test('holds that are no good are refused', async () => {
      for (const [more, told] of [
        [{ from: 'x' }, /^from must be a time/],
        [{ to: at(-1) }, /^from is later than to/],
        [{ source: 'nobody' }, /^source is no id/],
        [{ name: '' }, /^name must/],
        [{ name: ' ' }, /^name must/],
        [{ name: 'n'.repeat(101) }, /^name must/],
        [{ reason: undefined }, /^reason is required/],
        [{ reason: 'r'.repeat(1001) }, /^reason must/],
      ] as const) {
        const { status, body } = await hold(more);
        assert.equal(status, 422, JSON.stringify(more));
        assert.match(body.detail, told);
      }
      // What its last line looked like makes no source a FortiGate, or a spoofed one would lift a hold.
      assert.match((await hold({ source: 'fortigate' })).body.detail, /no id/);
      for (const id of [1, 2]) await l.call('PUT', `/sources/${id}`, { parser: 'fortigate' });
      assert.match((await hold({ source: 'fortigate' })).body.detail, /several sources/);
      for (const id of [1, 2]) await l.call('PUT', `/sources/${id}`, { parser: 'auto' });
      assert.equal((await l.call('GET', '/holds/none')).status, 404);
      assert.equal((await l.call('DELETE', '/holds/none')).status, 404);
      for (let i = 0; i < MAX_ACTIVE_HOLDS; i++) assert.equal((await hold()).status, 201);
      assert.equal((await hold()).status, 409);
      const [{ id }] = (await l.call('GET', '/holds?limit=1')).body;
      await l.call('DELETE', `/holds/${id}`);
      assert.equal((await hold()).status, 201);
    });

    test('the records of a person are erased, but what is held and what was done with the log', async () => {
      const alice = { fields: { user: 'alice', mac: '02:00:00:00:00:01', srcip: '10.0.0.1' } };
      for (let i = 0; i < 6; i++) l.backend.add(i === 5 ? { fields: { user: 'bob' } } : alice);
      l.backend.add({ ...alice, kind: KIND.access, source: 0 });
      l.backend.add({ ...alice, kind: KIND.audit, source: 0 });
      l.backend.add({ ...alice, kind: KIND.erasure, source: 0 });
      l.backend.add({ ...alice, erased: true });
      const first = (await hold({ from: at(1), to: at(2) })).body;
      const second = (await hold({ name: 'other', from: at(2), to: at(3), source: '192.0.2.1' })).body;
      await hold({ name: 'elsewhere', from: at(0), source: '192.0.2.2' });
      const released = (await hold({ from: at(0) })).body;
      await l.call('DELETE', `/holds/${released.id}`);

      const ask = { user: 'alice', from: at(0), to: at(60), reason: 'asked for under article 17' };
      const expected = {
        matched: 8,
        erased: 3,
        held: {
          count: 3,
          holds: [
            { id: first.id, name: 'RG 12/2026', count: 2 },
            { id: second.id, name: 'other', count: 2 },
          ],
        },
        kept: 2,
        mentioned: { count: 0, indexes: [], complete: true },
      };
      const tried = await l.call('POST', '/erasures', { ...ask, dry_run: true });
      assert.equal(tried.status, 200, JSON.stringify(tried.body));
      assert.deepEqual(tried.body, { ...expected, exports_deleted: 0, dry_run: true });
      assert.equal(l.backend.erased.length, 0);
      const done = await l.call('POST', '/erasures', ask);
      assert.deepEqual(done.body, { ...expected, exports_deleted: 0, dry_run: false });
      assert.deepEqual(l.backend.erased, [{ indexes: [0, 4, 6], reason: 'asked for under article 17' }]);
      const entry = l.backend.audit.at(-1)!;
      assert.deepEqual(
        { ...entry, actor: entry.actor.id },
        {
          event: 'logs.erased',
          actor: 'u-admin',
          by: ['user'],
          from: at(0),
          to: at(60),
          reason: 'asked for under article 17',
          dry_run: false,
          held: 3,
          count: 3,
        },
      );
      assert.doesNotMatch(JSON.stringify(l.backend.audit), /alice/);

      l.backend.erased.length = 0;
      const byIndex = await l.call('POST', '/erasures', { indexes: [5, 2, 7], reason: 'r' });
      assert.deepEqual(
        [byIndex.body.matched, byIndex.body.erased, byIndex.body.held.count, byIndex.body.kept],
        [3, 1, 1, 1],
      );
      assert.deepEqual(l.backend.erased[0]?.indexes, [5]);
      assert.equal((await l.call('POST', '/erasures', { mac: '020000000001', reason: 'r' })).body.held.count, 3);
      assert.equal((await l.call('POST', '/erasures', { ip: '10.0.0.1', reason: 'r' })).body.erased, 0);
    });

    test('all pages are erased; without a record of it, or not finding all, nothing is', async () => {
      for (let i = 0; i < 2500; i++) l.backend.add({ fields: { user: 'alice' } });
      const ask = { user: 'alice', reason: 'r' };
      l.backend.recordFails = true;
      assert.equal((await l.call('POST', '/erasures', ask)).status, 503);
      l.backend.recordFails = false;
      l.backend.partial = 'a segment is damaged';
      // Said with each page: something is missing where there is no next one, …
      assert.match((await l.call('POST', '/erasures', ask)).body.detail, /a segment is damaged/);
      assert.equal(l.backend.queries.at(-1)?.before, 500);
      // … or where the page says that the next one doesn't have it.
      l.backend.lacks = true;
      assert.match((await l.call('POST', '/erasures', ask)).body.detail, /a segment is damaged/);
      assert.equal(l.backend.queries.at(-1)?.before, Number.MAX_SAFE_INTEGER);
      l.backend.lacks = false;
      l.backend.partial = undefined;
      assert.equal(l.backend.erased.length, 0);
      assert.equal((await l.call('POST', '/erasures', ask)).body.erased, 2500);
      assert.equal(new Set(l.backend.erased[0]!.indexes).size, 2500);
    });

    test('records that only mention whose are erased are told of, to be erased by their index', async () => {
      l.backend.add({ fields: { user: 'alice' }, raw: 'user alice signed in' });
      l.backend.add({ parser: 'none', raw: 'session opened for alice' });
      l.backend.add({ kind: KIND.audit, raw: '{"event":"logs.searched","user":"alice"}' });
      l.backend.add({ parser: 'none', raw: 'gone: alice', erased: true });
      l.backend.add({ raw: 'nobody' });
      const ask = { user: 'alice', reason: 'r' };
      const tried = await l.call('POST', '/erasures', { ...ask, dry_run: true });
      const mentioned = { count: 1, indexes: [1], complete: true };
      assert.deepEqual([tried.body.matched, tried.body.mentioned], [1, mentioned]);
      assert.deepEqual((await l.call('POST', '/erasures', ask)).body.mentioned, mentioned);
      const byIndex = await l.call('POST', '/erasures', { indexes: mentioned.indexes, reason: 'r' });
      assert.deepEqual([byIndex.body.erased, byIndex.body.mentioned.count], [1, 0]);
      assert.doesNotMatch(JSON.stringify(l.backend.audit), /alice/);
    });

    test('looking for mentions ends in time, and says that it was not all', async () => {
      for (let i = 0; i < 2500; i++) l.backend.add({ raw: 'session opened for alice' });
      let at = 0;
      const found = await mentionsOf(
        l,
        { user: 'alice', reason: 'r' },
        () => true,
        () => (at += 15_000),
      );
      assert.deepEqual([found.count, found.indexes.length, found.complete], [2000, 2000, false]);
    });

    test('a mention is looked for as the search understands it', () => {
      for (const user of [
        'alice',
        'alice.smith@example.org',
        'O"Neil\\x',
        'two words',
        '-alice',
        'user:x',
        'OR',
        '*',
      ]) {
        const [[term]] = parseQuery(mentionQuery({ user })) as [[Term]];
        assert.deepEqual([(term as { text: string }).text, term.not], [user, false], user);
      }
      const both = parseQuery(mentionQuery({ ip: '2001:DB8:0::1', mac: '0200.0011.2233' }));
      assert.deepEqual(
        both.map((clause) => clause.map((term) => (term as { text: string }).text)),
        [
          ['2001:db8::1'],
          ['02:00:00:11:22:33', '02-00-00-11-22-33', '0200.0011.2233', '0200-0011-2233', '020000112233'],
        ],
      );
    });

    test('erasures that are no good are refused', async () => {
      for (const [body, told] of [
        [{ reason: 'r' }, /^say whose records/],
        [{ reason: 'r', from: at(0) }, /^say whose records/],
        [{ user: 'alice' }, /^reason is required/],
        [{ user: '', reason: 'r' }, /^user must/],
        [{ ip: '10.0.0.0/8', reason: 'r' }, /^ip must be/],
        [{ mac: 'x', reason: 'r' }, /^mac must be/],
        [{ user: 'a', from: at(1), to: at(0), reason: 'r' }, /^from is later/],
        [{ user: 'a', indexes: [1], reason: 'r' }, /^indexes say all/],
        [{ indexes: [1], from: at(0), reason: 'r' }, /^indexes say all/],
        [{ indexes: [], reason: 'r' }, /^indexes must/],
        [{ indexes: [1, 1], reason: 'r' }, /^indexes must/],
        [{ indexes: [-1], reason: 'r' }, /^indexes/],
        [{ indexes: [77], reason: 'r' }, /^indexes names a record that isn't there: 77/],
        [{ indexes: Array.from({ length: MAX_INDEXES + 1 }, (_, i) => i), reason: 'r' }, /^indexes must/],
      ] as const) {
        const { status, body: problem } = await l.call('POST', '/erasures', body);
        assert.equal(status, 422, JSON.stringify(body).slice(0, 80));
        assert.match(problem.detail, told);
      }
      for (let i = 0; i <= MAX_ERASED; i++) l.backend.add({ fields: { user: 'alice' } });
      const { status, body } = await l.call('POST', '/erasures', { user: 'alice', reason: 'r', dry_run: true });
      assert.deepEqual([status, /in shorter periods/.test(body.detail)], [422, true]);
      assert.equal(l.backend.erased.length, 0);
      assert.equal(l.backend.audit.length, 0);
    });
  });
}
