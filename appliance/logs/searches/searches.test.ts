import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { SYSTEM } from '../../events/index.ts';
import { BACKENDS } from '../../identity/testing.ts';
import type { LogTables } from '../tables.ts';
import { type Fixture, useLogApi } from '../testing-api.ts';
import { MAX_SEARCHES } from './schema.ts';

for (const kind of BACKENDS) {
  describe(`saved searches on ${kind.name}`, kind.needs(), () => {
    let l: Fixture;
    useLogApi(kind, (started) => {
      l = started;
    });
    beforeEach(async () => {
      await l.store.as<LogTables>().deleteFrom('log_searches').execute();
      await l.store.drained();
    });
    const save = (name: string, more: object = {}, as = 'admin') =>
      l.call('POST', '/searches', { name, query: { q: 'action:deny' }, ...more }, as);
    const names = async (as: string, query = '') =>
      (await l.call('GET', `/searches${query}`, undefined, as)).body.map(({ name }: { name: string }) => name);

    test('made, changed, deleted by its owner', async () => {
      const query = {
        source: ['fortigate', '2'],
        from: '2026-03-01T12:00:00Z',
        to: '2026-03-01T13:00:00+01:00',
        q: 'action:deny',
        site: 'rome',
        user: 'alice',
        ip: '10.0.0.1',
        mac: '02-00-00-00-00-01',
      };
      const { from: _f, to: _t, ...open } = query;
      const made = await save(' Denied ', { query: open });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const { id } = made.body;
      assert.deepEqual(
        { ...made.body, id: '', created_at: '', updated_at: '' },
        { id: '', name: 'Denied', owner_id: 'u-admin', shared: false, query: open, created_at: '', updated_at: '' },
      );
      assert.deepEqual((await l.call('GET', `/searches/${id}`)).body, made.body);
      const changed = await l.call('PUT', `/searches/${id}`, { name: 'Denied in Rome', shared: true });
      assert.deepEqual(
        [changed.status, changed.body.name, changed.body.shared, changed.body.query],
        [200, 'Denied in Rome', true, open],
      );
      assert.deepEqual((await l.call('PUT', `/searches/${id}`, { shared: true })).body, changed.body);
      assert.equal((await l.call('DELETE', `/searches/${id}`)).status, 204);
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const { status } = await l.call(method, `/searches/${id}`, method === 'PUT' ? {} : undefined);
        assert.equal(status, 404, method);
      }
      const told = await l.heard('logs.search.created', 'logs.search.updated', 'logs.search.deleted');
      assert.deepEqual(
        told.slice(-3).map(({ type }) => type),
        ['logs.search.created', 'logs.search.updated', 'logs.search.deleted'],
      );
    });

    test('others see it when it is shared, and only look', async () => {
      const { id } = (await save('mine')).body;
      const shared = (await save('ours', { shared: true })).body;
      await save('theirs', {}, 'second');
      assert.deepEqual(await names('admin'), ['mine', 'ours']);
      assert.deepEqual(await names('second'), ['ours', 'theirs']);
      for (const [method, status, of] of [
        ['GET', 404, id],
        ['PUT', 404, id],
        ['DELETE', 404, id],
        ['GET', 200, shared.id],
        ['PUT', 403, shared.id],
        ['DELETE', 403, shared.id],
      ] as const) {
        const answer = await l.call(method, `/searches/${of}`, method === 'PUT' ? { name: 'x' } : undefined, 'second');
        assert.equal(answer.status, status, `${method} ${of}`);
      }
      assert.equal((await save('Mine')).status, 409);
      assert.equal((await save('mine', {}, 'second')).status, 201);
      assert.equal((await l.call('PUT', `/searches/${id}`, { name: 'OURS' })).status, 409);
      assert.equal((await l.call('PUT', `/searches/${id}`, { name: 'MINE' })).status, 200);
    });

    test('pages by name', async () => {
      for (const name of ['c', 'A', 'b', 'd', 'É']) await save(name);
      const first = await l.call('GET', '/searches?limit=3');
      const second = await l.call('GET', /<(.+)>/.exec(String(first.headers.link))![1]!);
      assert.deepEqual(
        [...first.body, ...second.body].map(({ name }) => name),
        ['A', 'b', 'c', 'd', 'É'],
      );
      assert.equal(second.headers.link, undefined);
    });

    test('what somebody shared stays when they are deleted, and anybody may change it', async () => {
      await save('private', {}, 'second');
      const { id } = (await save('shared', { shared: true }, 'second')).body;
      await save('mine');
      for (let i = 0; i < 2; i++) {
        await l.bus.deliver({
          id: i,
          at: '',
          type: 'identity.user.deleted',
          data: { userId: 'u-second', username: 'second', actor: SYSTEM },
        });
      }
      assert.deepEqual(await names('second'), ['shared']);
      assert.deepEqual(await names('admin'), ['mine', 'shared']);
      assert.equal((await l.call('GET', `/searches/${id}`)).body.owner_id, null);
      assert.equal((await l.call('PUT', `/searches/${id}`, { name: 'taken over' })).status, 200);
      assert.equal((await l.call('DELETE', `/searches/${id}`)).status, 204);
    });

    test('what is no good is refused', async () => {
      for (const [name, query] of [
        ['', {}],
        ['n'.repeat(101), {}],
        ['a\nb', {}],
        ['n', { from: 'x' }],
        ['n', { from: '2026-03-02T00:00:00Z', to: '2026-03-01T00:00:00Z' }],
        ['n', { ip: 'x' }],
        ['n', { mac: 'x' }],
        ['n', { q: '(' }],
        ['n', { q: 'q'.repeat(1001) }],
        ['n', { source: 'nobody' }],
        ['n', { source: Array(65).fill('1') }],
        ['n', { site: 'paris' }],
        ['n', { limit: 5 }],
        ['n', 'q'],
      ] as const) {
        assert.equal((await save(name, { query })).status, 422, JSON.stringify([name, query]));
      }
      const { id } = (await save('n')).body;
      assert.equal((await l.call('PUT', `/searches/${id}`, { query: { q: '(' } })).status, 422);
      const row = await l.store.as<LogTables>().selectFrom('log_searches').selectAll().executeTakeFirstOrThrow();
      for (let from = 1; from < MAX_SEARCHES; from += 100) {
        const rows = Array.from({ length: Math.min(100, MAX_SEARCHES - from) }, (_, i) => ({
          ...row,
          id: `s${from + i}`,
          name_key: `s${from + i}`,
        }));
        await l.store.as<LogTables>().insertInto('log_searches').values(rows).execute();
      }
      assert.equal((await save('one more')).status, 409);
    });
  });
}
