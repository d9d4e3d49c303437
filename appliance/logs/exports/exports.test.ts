import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { BACKENDS } from '../../identity/testing.ts';
import type { LogTables } from '../tables.ts';
import { type Fixture, START_US, startLogApi, until } from '../testing-api.ts';
import { AT_ONCE } from './jobs.ts';
import { MAX_EXPORTS, MAX_WAITING_OF_ONE } from './schema.ts';

const PERIOD = { from: '2026-03-01T12:00:00Z', to: '2026-03-01T13:00:00Z' };

for (const kind of BACKENDS) {
  describe(`exports on ${kind.name}`, kind.needs(), () => {
    let server: { database?: string; stop(): Promise<void> };
    let l: Fixture;
    before(async () => {
      server = await kind.start();
    });
    after(() => server?.stop());
    afterEach(() => l.close());
    beforeEach(async () => {
      l = await startLogApi({ database: server.database });
      const { body } = await l.call('GET', '/exports');
      for (const { id } of body) await l.call('DELETE', `/exports/${id}`);
      await l.store.drained();
      l.backend.audit.length = 0;
    });

    const ask = async (more: object = {}, by = 'admin'): Promise<string> => {
      const { status, body } = await l.call('POST', '/exports', { ...PERIOD, ...more }, by);
      assert.equal(status, 202, JSON.stringify(body));
      return body.id;
    };
    const get = async (id: string) => (await l.call('GET', `/exports/${id}`)).body;
    const ended = async (id: string) => {
      await until(async () => ['done', 'failed'].includes((await get(id)).status));
      return get(id);
    };

    test('asked for, built, downloaded, deleted', async () => {
      let request: unknown;
      await l.call('PUT', '/sources/2', { name: 'Router', parser: 'mikrotik' });
      const gate = Promise.withResolvers<void>();
      l.backend.building = async (given, progress) => {
        request = given;
        progress(0.25);
        await gate.promise;
        writeFileSync(given.file, 'PK zip', { mode: 0o600 });
        return 7;
      };
      const asked = await l.call('POST', '/exports', {
        ...PERIOD,
        source: 'fortigate',
        case: ' RG 12/2026 ',
        q: 'deny',
      });
      assert.equal(asked.status, 202, JSON.stringify(asked.body));
      const { id } = asked.body;
      assert.deepEqual(asked.body, { id, status: 'queued' });
      assert.equal(asked.headers.location, `/v1/logs/exports/${id}`);
      await until(async () => (await get(id)).progress === 0.25);
      assert.equal((await get(id)).status, 'running');
      const early = await l.call('GET', `/exports/${id}/download`);
      assert.deepEqual([early.status, /running/.test(early.body.detail)], [409, true]);
      gate.resolve();
      const done = await ended(id);
      const file = path.join(l.dataDir, 'exports', `${id}.zip`);
      assert.deepEqual(
        { ...done, created_at: '', started_at: '', finished_at: '' },
        {
          id,
          status: 'done',
          progress: 1,
          case: 'RG 12/2026',
          source: ['fortigate'],
          from: '2026-03-01T12:00:00.000000Z',
          to: '2026-03-01T13:00:00.000000Z',
          q: 'deny',
          requested_by: { id: 'u-admin', username: 'admin' },
          created_at: '',
          started_at: '',
          finished_at: '',
          count: 7,
          bytes: 6,
          sha256: 'ab'.repeat(32),
          error: null,
        },
      );
      assert.deepEqual(request, {
        id,
        file,
        filter: { parsers: ['fortigate'], fromUs: START_US, toUs: START_US + 3600e6, q: 'deny' },
        asked: { from: done.from, to: done.to, source: ['fortigate'], q: 'deny' },
        sourceNames: { 0: 'gatehouse', 1: '192.0.2.1', 2: 'Router', 3: '2001:db8::3' },
        parsers: { 2: 'mikrotik' },
        caseNumber: 'RG 12/2026',
        requestedBy: { id: 'u-admin', username: 'admin' },
        requestedAtUs: Date.parse(done.created_at) * 1000,
        size: 0,
      });
      assert.equal(l.backend.sealed, 1);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);

      const zip = await l.call('GET', `/exports/${id}/download`);
      assert.deepEqual([zip.status, zip.bytes.toString()], [200, 'PK zip']);
      assert.equal(zip.headers['content-type'], 'application/zip');
      assert.equal(zip.headers['content-length'], '6');
      assert.equal(
        zip.headers['content-disposition'],
        `attachment; filename="gatehouse-logs-2026-03-01-${id.slice(0, 8)}.zip"`,
      );
      assert.deepEqual(
        l.backend.audit.map(({ event, export_id, actor }) => [event, export_id, actor.id]),
        [
          ['logs.exported', id, 'u-admin'],
          ['logs.downloaded', id, 'u-admin'],
        ],
      );
      l.backend.recordFails = true;
      assert.equal((await l.call('GET', `/exports/${id}/download`)).status, 503);
      assert.equal((await l.call('POST', '/exports', PERIOD)).status, 503);
      l.backend.recordFails = false;
      assert.equal((await l.call('GET', '/exports')).body.length, 1);

      assert.equal((await l.call('DELETE', `/exports/${id}`)).status, 204);
      assert.equal(existsSync(file), false);
      for (const [method, route] of [
        ['GET', ''],
        ['GET', '/download'],
        ['DELETE', ''],
      ] as const) {
        assert.equal((await l.call(method, `/exports/${id}${route}`)).status, 404);
      }
      assert.deepEqual(
        (await l.heard('logs.export.created', 'logs.export.finished', 'logs.export.deleted'))
          .filter(({ data }) => 'exportId' in data && data.exportId === id)
          .map(({ type }) => type),
        ['logs.export.created', 'logs.export.finished', 'logs.export.deleted'],
      );
    });

    test('an erasure takes the exports with it that have the records; a month takes the others', async () => {
      const other = { from: '2026-02-01T00:00:00Z', to: '2026-02-02T00:00:00Z' };
      const [id, kept] = [await ask(), await ask(other)];
      for (const one of [id, kept]) await ended(one);
      l.backend.records = [];
      l.backend.add({ fields: { user: 'alice' } });
      const request = { user: 'alice', reason: 'r' };
      assert.equal((await l.call('POST', '/erasures', { ...request, dry_run: true })).body.exports_deleted, 0);
      const { status, body } = await l.call('POST', '/erasures', request);
      assert.deepEqual([status, body.erased, body.exports_deleted], [200, 1, 1], JSON.stringify(body));
      assert.equal((await l.call('GET', `/exports/${id}/download`)).status, 404);
      assert.deepEqual(readdirSync(path.join(l.dataDir, 'exports')), [`${kept}.zip`]);
      l.clock.ms += 31 * 86_400_000;
      const { api } = await l.reopen();
      await api.start();
      await api.stop();
      assert.deepEqual(readdirSync(path.join(l.dataDir, 'exports')), []);
    });

    test('a file that somebody has removed is said to be gone', async () => {
      const id = await ask();
      await ended(id);
      rmSync(path.join(l.dataDir, 'exports', `${id}.zip`));
      const { status, body } = await l.call('GET', `/exports/${id}/download`);
      assert.deepEqual([status, body.detail], [404, 'the file of the export is gone: ask for the export again']);
    });

    /** Each export waits for its gate. */
    const gated = () => {
      const order: string[] = [];
      const gates = new Map<string, () => void>();
      let atOnce = 0;
      l.backend.building = async ({ id }, _progress, signal) => {
        order.push(id);
        atOnce += 1;
        assert.ok(atOnce <= AT_ONCE, `${atOnce} at once`);
        await new Promise<void>((resolve) => {
          gates.set(id, resolve);
          signal.addEventListener('abort', () => resolve());
        });
        atOnce -= 1;
        return 0;
      };
      const open = async (id: string) => {
        await until(() => gates.has(id));
        gates.get(id)!();
        assert.equal((await ended(id)).status, 'done');
      };
      return { order, open };
    };

    test('two at a time, in the order of asking; a queued one can be taken back', async () => {
      const { order, open } = gated();
      const [first, second, third, fourth] = [await ask(), await ask(), await ask(), await ask()];
      await until(() => order.length === AT_ONCE);
      assert.deepEqual([(await get(third)).status, (await get(fourth)).status], ['queued', 'queued']);
      assert.equal((await l.call('DELETE', `/exports/${third}`)).status, 204);
      // The first is a long one: the others don't wait for it.
      for (const id of [second, fourth, first]) await open(id);
      assert.deepEqual(order, [first, second, fourth]);
      assert.deepEqual(
        (await l.call('GET', '/exports')).body.map(({ id }: { id: string }) => id),
        [fourth, second, first],
      );
    });

    test('who has none that is being built comes first, and nobody has many that wait', async () => {
      const { order, open } = gated();
      const own: string[] = [];
      for (let i = 0; i < MAX_WAITING_OF_ONE; i++) own.push(await ask());
      const { status, body } = await l.call('POST', '/exports', PERIOD);
      assert.deepEqual([status, /5 exports of yours wait/.test(body.detail)], [429, true], JSON.stringify(body));
      const other = await ask({}, 'second');
      await open(own[0]!);
      await until(() => order.length === AT_ONCE + 1);
      assert.deepEqual(order, [own[0], own[1], other]);
      assert.equal(typeof (await ask()), 'string');
    });

    test('deleting one that is being built ends it, and the next begins', async () => {
      let aborted = false;
      let built = 0;
      l.backend.building = async ({ file }, _progress, signal) => {
        writeFileSync(file, 'zip');
        if (built++ > 0) return 1;
        await new Promise<void>((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason);
          }),
        );
        return 0;
      };
      const first = await ask();
      await until(() => built === 1);
      const second = await ask();
      assert.equal((await l.call('DELETE', `/exports/${first}`)).status, 204);
      assert.equal(aborted, true);
      assert.equal((await ended(second)).status, 'done');
      assert.deepEqual(readdirSync(path.join(l.dataDir, 'exports')), [`${second}.zip`]);
    });

    test('a failure is told, and leaves no file', async () => {
      l.backend.building = async ({ file }) => {
        writeFileSync(file, 'half');
        throw new Error('the disk is full');
      };
      const id = await ask();
      const { status, error, finished_at: at } = await ended(id);
      assert.deepEqual([status, error, at !== null], ['failed', 'it could not be built: the disk is full', true]);
      const { status: code, body } = await l.call('GET', `/exports/${id}/download`);
      assert.deepEqual([code, body.detail], [409, 'the export failed: it could not be built: the disk is full']);
      assert.deepEqual(readdirSync(path.join(l.dataDir, 'exports')), []);
    });

    test('one that ran when the process ended has failed; what waited is built', async () => {
      l.backend.building = (_request, _progress, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      const [running, beside, queued] = [await ask(), await ask(), await ask()];
      for (const id of [running, beside]) await until(async () => (await get(id)).status === 'running');
      await l.api.stop();
      for (const id of [running, beside]) assert.equal((await get(id)).status, 'failed');
      assert.equal((await get(queued)).status, 'queued');
      // As after kill -9.
      const folder = path.join(l.dataDir, 'exports');
      for (const name of [`${running}.zip.part`, `${running}.zip`, `${queued}.zip.records.part`, 'notes.txt']) {
        writeFileSync(path.join(folder, name), '');
      }
      await l.store
        .as<LogTables>()
        .updateTable('log_exports')
        .set({ status: 'running', error: null })
        .where('id', '=', running)
        .execute();
      l.backend.building = async ({ file }) => {
        writeFileSync(file, '');
        return 3;
      };
      const { api } = await l.reopen();
      await api.start();
      assert.equal((await ended(queued)).status, 'done');
      await api.stop();
      const { status, error } = await get(running);
      assert.deepEqual([status, /stopped while it was built/.test(error)], ['failed', true]);
      assert.deepEqual(readdirSync(folder).sort(), [`${queued}.zip`, 'notes.txt'].sort());
    });

    test('the oldest makes room; where all wait there is no room', async () => {
      const first = await ask();
      await ended(first);
      for (let i = 1; i < MAX_EXPORTS; i++) await ended(await ask());
      const last = await ask();
      await ended(last);
      const { body } = await l.call('GET', '/exports');
      assert.equal(body.length, MAX_EXPORTS);
      assert.equal((await l.call('GET', `/exports/${first}`)).status, 404);
      assert.equal(existsSync(path.join(l.dataDir, 'exports', `${first}.zip`)), false);

      const gate = Promise.withResolvers<void>();
      l.backend.building = async () => {
        await gate.promise;
        return 0;
      };
      for (let i = 0; i < MAX_EXPORTS; i++) {
        const by = `of-${Math.floor(i / MAX_WAITING_OF_ONE)}`;
        l.callers.set(by, { id: by, username: by, role: 'administrator' });
        await ask({}, by);
      }
      const { status, body: problem } = await l.call('POST', '/exports', PERIOD);
      assert.deepEqual([status, /delete one/.test(problem.detail)], [409, true]);
      gate.resolve();
    });

    test('pages', async () => {
      for (let i = 0; i < 3; i++) await ask();
      const first = await l.call('GET', '/exports?limit=2');
      const next = /<(.+)>/.exec(String(first.headers.link))![1]!;
      const second = await l.call('GET', next);
      assert.deepEqual([first.body.length, second.body.length, second.headers.link], [2, 1, undefined]);
      assert.equal(new Set([...first.body, ...second.body].map(({ id }) => id)).size, 3);
    });

    test('what is no good is refused', async () => {
      for (const body of [
        {},
        { from: PERIOD.from },
        { to: PERIOD.to },
        { from: PERIOD.to, to: PERIOD.from },
        { ...PERIOD, from: 'x' },
        { ...PERIOD, source: 'nobody' },
        { ...PERIOD, source: ['1', 2] },
        { ...PERIOD, q: '(' },
        { ...PERIOD, q: 'q'.repeat(1001) },
        { ...PERIOD, case: '' },
        { ...PERIOD, case: 'c'.repeat(101) },
        { ...PERIOD, case: 'a\nb' },
        { ...PERIOD, case: 'a\u202eb' },
      ]) {
        assert.equal((await l.call('POST', '/exports', body)).status, 422, JSON.stringify(body));
      }
      assert.equal((await l.call('GET', '/exports?limit=21')).status, 422);
      assert.deepEqual((await l.call('GET', '/exports')).body, []);
      assert.equal(l.backend.audit.length, 0);
    });
  });
}
