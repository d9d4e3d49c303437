import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { requiresPostgres, startPostgres } from '../../../test/postgres.ts';
import { createBus } from '../../events/index.ts';
import { startSiteApi } from '../../http/testing.ts';
import { openKeyFile, openStore, type StoredEvent, storeMigrations } from '../../store/index.ts';
import { createNasDirectory, nasMigrations } from './index.ts';
import { MAX_NAS } from './schema.ts';
import type { NasRow, NasTables } from './tables.ts';

const GOOD = 'a-secret-of-thirty-bytes-length';

async function start(database?: string) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'gatehouse-nas-'));
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const migrations = [...storeMigrations, ...nasMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, database, migrations, log });
  const bus = createBus();
  const events: StoredEvent[] = [];
  store.onEvent(async (event) => {
    events.push(event);
    await bus.deliver(event);
  });
  const nas = createNasDirectory({
    store,
    secrets: openKeyFile(dataDir),
    log,
    bus,
    now: () => new Date(),
    siteExists: async (id) => id === 'default' || id === 'other',
    sourceProblem: async (source) =>
      source.kind === 'rest' && source.connectorIds.includes('nope') ? 'there is no connector nope' : undefined,
  });
  await nas.start();
  const { app, close } = await startSiteApi([nas.routes]);
  return {
    ...nas,
    store,
    lines,
    events,
    async call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body?: unknown, as = 'admin') {
      const answer = await app.inject({
        method,
        url: `/v1/sites/${url}`,
        headers: { authorization: as },
        ...(body !== undefined && { payload: body as object }),
      });
      await store.drained();
      return {
        status: answer.statusCode,
        body: answer.body === '' ? undefined : answer.json(),
        link: answer.headers.link,
        type: answer.headers['content-type'],
      };
    },
    async close() {
      await close();
      await store.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

const BACKENDS = [
  { name: 'SQLite', needs: { skip: false as const }, start: async () => ({ stop: async () => undefined }) },
  {
    name: 'PostgreSQL',
    needs: requiresPostgres(),
    async start() {
      const server = await startPostgres();
      return { database: await server.createDatabase(), stop: () => server.stop() };
    },
  },
];

for (const backend of BACKENDS) {
  describe(`NAS over HTTP, ${backend.name}`, backend.needs, () => {
    let a: Awaited<ReturnType<typeof start>>;
    let server: { database?: string; stop(): Promise<unknown> };
    before(async () => {
      server = await backend.start();
      a = await start(server.database);
    });
    after(async () => {
      await a.close();
      await server.stop();
    });

    test('is made, read, changed and removed; the server knows it at once', async () => {
      const made = await a.call('POST', 'default/nas', { name: ' Ap-1 ', address: '10.1.0.9/16', secret: GOOD });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const { id, created_at, updated_at, ...rest } = made.body;
      assert.deepEqual(rest, {
        site_id: 'default',
        name: 'Ap-1',
        address: '10.1.0.0/16',
        type: 'generic',
        groups: [],
        protocol: 'udp',
        require_message_authenticator: true,
        coa_port: 3799,
        source: null,
        coa_secret_set: false,
        warnings: [],
      });
      assert.match(created_at, /^\d{4}-.*Z$/);
      assert.equal(created_at, updated_at);
      const known = a.directory.find('10.1.77.1');
      assert.ok(known);
      assert.equal(known.id, id);
      assert.deepEqual(Buffer.from(known.secret.bytes).toString(), GOOD);
      assert.equal(known.coa.secret, known.secret);
      assert.deepEqual((await a.call('GET', `default/nas/${id}`)).body, made.body);

      const changed = await a.call('PATCH', `default/nas/${id}`, {
        address: '2001:DB8:0:0:0:0:0:1',
        type: 'aruba',
        groups: ['lobby', 'lobby'],
        coa_secret: 'another-secret-of-good-length',
        source: { kind: 'rest', connector_ids: ['c1'] },
      });
      assert.deepEqual(
        [changed.status, changed.body.address, changed.body.coa_secret_set, changed.body.groups],
        [200, '2001:db8::1', true, ['lobby']],
      );
      assert.deepEqual(changed.body.source, { kind: 'rest', connector_ids: ['c1'] });
      assert.equal(a.directory.find('10.1.77.1'), undefined);
      const moved = a.directory.find('2001:db8::1');
      assert.deepEqual(moved?.source, { kind: 'rest', connectorIds: ['c1'] });
      assert.equal(Buffer.from(moved.coa.secret.bytes).toString(), 'another-secret-of-good-length');
      assert.deepEqual(a.events.at(-1)?.data, {
        nasId: id,
        siteId: 'default',
        changed: ['address', 'type', 'groups', 'source', 'coa_secret'],
        actor: { kind: 'user', id: 'u-admin', address: '127.0.0.1' },
      });
      const count = a.events.length;
      const same = { secret: GOOD, coa_secret: 'another-secret-of-good-length', type: 'aruba' };
      assert.equal((await a.call('PUT', `default/nas/${id}`, same)).status, 200);
      assert.equal(a.events.length, count, 'what is equal already is no change');
      const cleared = await a.call('PUT', `default/nas/${id}`, { coa_secret: null, source: null });
      assert.deepEqual([cleared.body.coa_secret_set, cleared.body.source], [false, null]);

      assert.equal((await a.call('DELETE', `other/nas/${id}`)).status, 404);
      assert.equal((await a.call('DELETE', `default/nas/${id}`)).status, 204);
      assert.equal(a.directory.find('2001:db8::1'), undefined);
      assert.equal((await a.call('GET', `default/nas/${id}`)).status, 404);
      assert.equal(a.events.at(-1)?.type, 'radius.nas.deleted');
    });

    test('a secret is nowhere to be read', async () => {
      const made = await a.call('POST', 'default/nas', {
        name: 'hush',
        address: '10.9.0.1',
        secret: 'hush-hush-hush-hush',
      });
      const list = await a.call('GET', 'default/nas');
      assert.doesNotMatch(JSON.stringify([made.body, list.body, a.events, a.lines]), /hush-hush/);
      const rows = await a.store.as<NasTables>().selectFrom('radius_nas').selectAll().execute();
      assert.doesNotMatch(JSON.stringify(rows), /hush-hush/);
    });

    test('bad input is a problem that names the field', async () => {
      const base = { name: 'x', address: '10.0.0.1', secret: GOOD };
      for (const [body, said] of [
        [{ ...base, name: '' }, /name/],
        [{ ...base, name: '   ' }, /name/],
        [{ ...base, name: 'a\nb' }, /name/],
        [{ ...base, address: 'ap1.example.com' }, /address/],
        [{ ...base, address: '010.0.0.1' }, /address/],
        [{ ...base, address: '10.0.0.0/33' }, /address/],
        [{ ...base, address: '10.0.0.0/8/8' }, /address/],
        [{ ...base, address: '10.0.0.0/7' }, /address.*wider/],
        [{ ...base, address: '::/0' }, /address.*wider/],
        [{ ...base, address: '0.0.0.0' }, /address/],
        [{ ...base, address: '239.1.1.1' }, /address/],
        [{ ...base, address: 'fe80::1%eth0' }, /address/],
        [{ name: 'x', address: '10.0.0.1' }, /secret/],
        [{ ...base, secret: '' }, /secret/],
        [{ ...base, secret: 5 }, /secret/],
        [{ ...base, type: 'toaster' }, /type/],
        [{ ...base, coa_port: 0 }, /coa_port/],
        [{ ...base, protocol: 'tcp' }, /protocol/],
        [{ ...base, groups: [''] }, /groups/],
        [{ ...base, source: { kind: 'rest' } }, /source.connector_ids/],
        [{ ...base, source: { kind: 'proxy', upstream_ids: [] } }, /source.upstream_ids/],
        [{ ...base, source: { kind: 'rest', connector_ids: ['nope'] } }, /source.*nope/],
        [{ ...base, source: {} }, /source.kind/],
      ] as const) {
        const { status, body: answer, type } = await a.call('POST', 'default/nas', body);
        assert.equal(status, 422, JSON.stringify([body, answer]));
        assert.match(answer.detail, said);
        assert.match(type ?? '', /^application\/problem\+json/);
      }
      assert.equal((await a.call('POST', 'nowhere/nas', base)).status, 404);
      assert.equal((await a.call('GET', 'nowhere/nas')).status, 404);
      assert.equal((await a.call('POST', 'default/nas', base, 'user')).status, 403);
    });

    test('names are unique in a site, addresses everywhere; a network may lie in another', async () => {
      const one = { name: 'uni', address: '10.40.0.0/16', secret: GOOD };
      const made = await a.call('POST', 'default/nas', one);
      assert.equal(made.status, 201);
      const dup = await a.call('POST', 'default/nas', { ...one, name: 'UNI', address: '10.41.0.1' });
      assert.deepEqual([dup.status, /name/.test(dup.body.detail)], [409, true]);
      const address = await a.call('POST', 'other/nas', { ...one, name: 'b', address: '10.40.200.1/16' });
      assert.deepEqual([address.status, /address/.test(address.body.detail)], [409, true]);
      assert.equal((await a.call('POST', 'other/nas', { ...one, address: '10.40.1.0/24' })).status, 201);
      const last = await a.call('POST', 'default/nas', { name: 'uni2', address: '::ffff:10.40.1.7', secret: GOOD });
      assert.equal(last.body.address, '10.40.1.7');
      assert.equal(a.directory.find('10.40.1.7')?.name, 'uni2');
      assert.equal(a.directory.find('10.40.1.8')?.siteId, 'other');
      assert.equal(a.directory.find('10.40.2.8')?.id, made.body.id);
      assert.equal((await a.call('PUT', `default/nas/${last.body.id}`, { name: 'Uni' })).status, 409);
      assert.equal((await a.call('PUT', `default/nas/${last.body.id}`, { name: 'UNI2' })).status, 200);
    });

    test('what is allowed and not advised is said in the answer and in the log', async () => {
      const made = await a.call('POST', 'default/nas', {
        name: 'old',
        address: '10.50.0.1',
        secret: '123456789012345',
        require_message_authenticator: false,
      });
      assert.equal(made.status, 201);
      assert.equal(made.body.warnings.length, 2);
      assert.match(made.body.warnings[0], /secret is shorter than 16/);
      assert.match(made.body.warnings[1], /CVE-2024-3596.*Proxy-State/);
      assert.equal(a.lines.filter((line) => line.includes('CVE-2024-3596') && line.includes('"old"')).length, 1);
      const better = { secret: '1234567890123456', require_message_authenticator: true };
      assert.deepEqual((await a.call('PUT', `default/nas/${made.body.id}`, better)).body.warnings, []);
    });

    test('RadSec: the secret is radsec where none is given; to UDP needs one', async () => {
      const made = await a.call('POST', 'default/nas', {
        name: 'ap7.example.com',
        address: '::/0',
        protocol: 'radsec',
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.deepEqual(made.body.warnings, []);
      assert.equal(a.directory.find('2001:db8::99'), undefined);
      const known = a.directory.byCertificate(['AP7.example.com'], '2001:db8::99');
      assert.equal(Buffer.from(known?.secret.bytes ?? []).toString(), 'radsec');
      const id = made.body.id as string;
      assert.match((await a.call('PUT', `default/nas/${id}`, { protocol: 'udp' })).body.detail, /secret/);
      const udp = { protocol: 'udp', secret: GOOD };
      assert.match((await a.call('PUT', `default/nas/${id}`, udp)).body.detail, /address.*wider/);
      assert.equal((await a.call('PUT', `default/nas/${id}`, { ...udp, address: '2001:db8::/32' })).status, 200);
      assert.equal(a.directory.find('2001:db8::99')?.id, id);
      assert.equal(a.directory.byCertificate(['ap7.example.com'], '2001:db8::99'), undefined);
    });

    test('a list in pages by name; no more than there may be', async () => {
      const row = (i: number): NasRow => ({
        id: `many-${i}`,
        site_id: 'other',
        name: `n${String(i).padStart(5, '0')}`,
        name_key: `n${String(i).padStart(5, '0')}`,
        address: `10.60.${i >> 8}.${i & 255}`,
        address_key: `udp 10.60.${i >> 8}.${i & 255}`,
        type: 'generic',
        groups: '[]',
        protocol: 'udp',
        secret: 'sealed under a key that is gone',
        require_message_authenticator: 1,
        coa_port: 3799,
        coa_secret: null,
        source: null,
        created_at: '2026-01-01T00:00:00.000Z',
        updated_at: '2026-01-01T00:00:00.000Z',
      });
      const db = a.store.as<NasTables>();
      const { total } = await db
        .selectFrom('radius_nas')
        .select((eb) => eb.fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow();
      const rows = Array.from({ length: MAX_NAS - Number(total) }, (_, i) => row(i));
      for (let i = 0; i < rows.length; i += 500) {
        await db
          .insertInto('radius_nas')
          .values(rows.slice(i, i + 500))
          .execute();
      }
      const full = await a.call('POST', 'default/nas', { name: 'one', address: '10.70.0.1', secret: GOOD });
      assert.deepEqual([full.status, /10000/.test(full.body.detail)], [409, true]);

      const names: string[] = [];
      for (let url: string | undefined = 'other/nas?limit=1000'; url !== undefined; ) {
        const page = await a.call('GET', url);
        assert.equal(page.status, 200);
        names.push(...page.body.map(({ name }: { name: string }) => name));
        url = /<\/v1\/sites\/(.*)>/.exec((page.link as string | undefined) ?? '')?.[1];
      }
      assert.deepEqual(names, [...rows.map(({ name }) => name), 'uni']);
      assert.equal((await a.call('GET', 'other/nas?cursor=x')).status, 422);

      await a.start();
      assert.equal(a.directory.find('10.60.0.1'), undefined, 'a secret that does not open leaves its NAS out');
      assert.ok(a.directory.find('10.9.0.1'), 'and no other');
      const fixed = await a.call('PUT', 'other/nas/many-1', { secret: GOOD });
      assert.equal(fixed.status, 200);
      assert.equal(a.directory.find('10.60.0.1')?.id, 'many-1');
    });
  });
}
