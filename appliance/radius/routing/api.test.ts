import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { createBus } from '../../events/index.ts';
import { type Caller, createHttp, problemErrors } from '../../http/index.ts';
import { BACKENDS } from '../../identity/testing.ts';
import { openKeyFile, openStore, type Store, storeMigrations } from '../../store/index.ts';
import { createRouting, routingMigrations } from './index.ts';
import { MAX_REALMS, MAX_SOURCE_IDS, MAX_UPSTREAMS } from './schema.ts';
import type { RoutingTables } from './tables.ts';

const ADMIN: Caller = { id: 'admin', username: 'admin', role: 'administrator', authorizedNetworks: [], via: 'session' };

async function start(database: string | undefined) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'gatehouse-routing-'));
  const log = pino({ level: 'silent' });
  // Without those between: numbers go up by one.
  const migrations = [...storeMigrations, ...routingMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, database, migrations, log });
  const bus = createBus();
  const nas = new Map<string, string[]>();
  const options = {
    store,
    secrets: openKeyFile(dataDir),
    now: () => Date.UTC(2026, 0, 1),
    unknownConnectors: async (ids: readonly string[]) => ids.filter((id) => !id.startsWith('connector')),
    nasWithUpstream: async (id: string) => nas.get(id) ?? [],
    log,
  };
  const routing = createRouting({ ...options, bus });
  const events: { type: string; data: unknown }[] = [];
  bus.onAny((event) => void events.push(event));
  store.onEvent((event) => bus.deliver(event));
  await routing.start();
  const { app, close } = await createHttp({
    apis: [{ prefix: '/v1', errors: problemErrors, routes: [routing.routes] }],
    authenticate: async (request) => (request.headers.authorization ? ADMIN : null),
    log,
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  return {
    dataDir,
    store,
    routing,
    options,
    nas,
    events,
    async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object) {
      const answer = await app.inject({
        method,
        url: `/v1/radius${url}`,
        headers: { authorization: 'Session x' },
        ...(body && { payload: body }),
      });
      await store.drained();
      return {
        status: answer.statusCode,
        body: answer.body === '' ? undefined : answer.json(),
        headers: answer.headers,
      };
    },
    anonymous: () => app.inject({ method: 'GET', url: '/v1/radius/realms' }),
    async close() {
      await close();
      await store.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

for (const backend of BACKENDS) {
  describe(`realms and upstreams, ${backend.name}`, backend.needs(), () => {
    let running: Awaited<ReturnType<typeof backend.start>>;
    let it: Awaited<ReturnType<typeof start>>;
    before(async () => {
      running = await backend.start();
      it = await start(running.database);
    });
    after(async () => {
      await it?.close();
      await running?.stop();
    });

    const upstream = async (name: string, more: object = {}) => {
      const made = await it.call('POST', '/upstreams', {
        name,
        address: '192.0.2.1',
        secret: 'a-secret-of-it',
        ...more,
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      return made.body;
    };

    test('an upstream: defaults, change, what is kept in memory', async () => {
      const made = await upstream('Campus');
      const { id, created_at, updated_at, ...rest } = made;
      assert.deepEqual(rest, {
        name: 'Campus',
        address: '192.0.2.1',
        auth_port: 1812,
        acct_port: 1813,
        protocol: 'udp',
        timeout_ms: 2000,
        retries: 2,
        dead_seconds: 60,
        status_server: true,
        require_message_authenticator: true,
        tls: { ca_pem: null, certificate: null, has_private_key: false, server_name: null },
      });
      const first = it.routing.upstream(id);
      assert.equal(Buffer.from(first?.secret.bytes ?? []).toString(), 'a-secret-of-it');
      const same = await it.call('PUT', `/upstreams/${id}`, { retries: 2, id: 'x', created_at: 'never' });
      assert.deepEqual([same.status, same.body], [200, made]);
      assert.equal(it.routing.upstream(id), first, 'what has not changed is the same object');
      const changed = await it.call('PUT', `/upstreams/${id}`, { address: 'radius.example.com', secret: 'another' });
      assert.equal(changed.body.address, 'radius.example.com');
      assert.equal(Buffer.from(it.routing.upstream(id)?.secret.bytes ?? []).toString(), 'another');
      const { type, data } = it.events.at(-1) as { type: string; data: { changed: string[] } };
      assert.deepEqual([type, data.changed], ['radius.upstream.updated', ['address', 'secret']]);
      assert.doesNotMatch(JSON.stringify(it.events), /another/);
      assert.equal((await it.call('DELETE', `/upstreams/${id}`)).status, 204);
      assert.equal(it.routing.upstream(id), undefined);
      assert.equal((await it.call('GET', `/upstreams/${id}`)).status, 404);
    });

    test('what an upstream may not be', async () => {
      await upstream('Taken');
      const refused = async (body: object, about: RegExp, status = 422) => {
        const answer = await it.call('POST', '/upstreams', { name: 'n', address: '192.0.2.1', secret: 's', ...body });
        assert.equal(answer.status, status, JSON.stringify(answer.body));
        assert.match(answer.body.detail, about);
        assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
      };
      await refused({ address: 'not a host' }, /address must be/);
      await refused({ secret: undefined }, /secret is required/);
      await refused({ name: ' ' }, /name must not be empty/);
      await refused({ name: 'tAKEN' }, /already/, 409);
      await refused({ auth_port: 0 }, /auth_port/);
      await refused({ timeout_ms: 10 }, /timeout_ms/);
      await refused({ protocol: 'tcp' }, /protocol/);
      await refused({ tls: { ca_pem: 'nonsense' } }, /tls\.ca_pem/);
      await refused({ tls: { certificate: 'nonsense' } }, /belong together/);
      await refused({ tls: { certificate: 'nonsense', private_key: 'x' } }, /tls\.certificate must hold/);
      await refused({ tls: { server_name: 'a b' } }, /server_name/);
    });

    test('RadSec: its ports, its secret, its certificate; the key stays inside', async () => {
      const pem = async (name: string) => {
        const [key, certificate] = [path.join(it.dataDir, `${name}.key`), path.join(it.dataDir, `${name}.pem`)];
        execFileSync(
          'openssl',
          [
            ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
            ...['-subj', `/CN=${name}`, '-keyout', key, '-out', certificate],
          ],
          { stdio: 'ignore' },
        );
        return { private_key: await readFile(key, 'utf8'), certificate: await readFile(certificate, 'utf8') };
      };
      const [one, two] = [await pem('one'), await pem('two')];
      const tls = { ...one, ca_pem: two.certificate, server_name: 'radius.example.com' };
      const made = await upstream('Eduroam', { protocol: 'radsec', secret: undefined, tls });
      assert.deepEqual([made.auth_port, made.acct_port], [2083, 2083]);
      assert.deepEqual(made.tls, {
        ca_pem: two.certificate,
        certificate: one.certificate,
        has_private_key: true,
        server_name: 'radius.example.com',
      });
      const kept = it.routing.upstream(made.id);
      assert.equal(Buffer.from(kept?.secret.bytes ?? []).toString(), 'radsec');
      assert.equal(kept?.tls.privateKey, one.private_key);
      const row = await it.store
        .as<{ radius_upstreams: Record<string, unknown> }>()
        .selectFrom('radius_upstreams')
        .selectAll()
        .where('id', '=', made.id)
        .executeTakeFirst();
      assert.doesNotMatch(JSON.stringify(row), /PRIVATE KEY|"radsec.*"secret":"radsec"/);
      const wrong = await it.call('PUT', `/upstreams/${made.id}`, { tls: { certificate: two.certificate } });
      assert.equal(wrong.status, 422);
      assert.match(wrong.body.detail, /not the key/);
      const without = await it.call('PUT', `/upstreams/${made.id}`, { tls: { certificate: null, private_key: null } });
      assert.deepEqual([without.body.tls.has_private_key, without.body.tls.ca_pem], [false, two.certificate]);
    });

    test('a realm: one name, a source that exists', async () => {
      const { id: upstreamId } = await upstream('Realm server');
      const source = { kind: 'proxy', upstream_ids: [upstreamId] };
      const made = await it.call('POST', '/realms', { name: 'Example.COM', strip: true, source });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.deepEqual([made.body.name, made.body.strip, made.body.accounting], ['example.com', true, false]);
      assert.deepEqual(made.body.source, source);
      assert.deepEqual(it.routing.resolve('bob@example.com', undefined), {
        login: 'bob',
        realm: 'example.com',
        source: { kind: 'proxy', upstreamIds: [upstreamId] },
        accounting: false,
      });
      const refused = async (body: object, about: RegExp, status = 422) => {
        const answer = await it.call('POST', '/realms', { name: 'other', ...body });
        assert.equal(answer.status, status, JSON.stringify(answer.body));
        assert.match(answer.body.detail, about);
      };
      await refused({ name: 'EXAMPLE.com', source }, /already/, 409);
      await refused({ source: { kind: 'proxy', upstream_ids: [upstreamId, 'nobody'] } }, /no upstream of ours: nobody/);
      await refused({ source: { kind: 'proxy' } }, /at least one/);
      await refused({ source: { kind: 'rest', connector_ids: ['stranger'] } }, /no connector of ours: stranger/);
      await refused({ source: { kind: 'local', upstream_ids: [upstreamId] } }, /kind proxy only/);
      await refused({ source: { kind: 'magic' } }, /source\.kind/);
      await refused({ name: 'a b', source }, /name/);
      await refused({ name: '*.example.com', source }, /name/);
      await refused({ name: 'x', source: { kind: 'proxy', upstream_ids: Array(MAX_SOURCE_IDS + 1).fill('x') } }, /ids/);

      const gone = await it.call('DELETE', `/upstreams/${upstreamId}`);
      assert.equal(gone.status, 409);
      assert.match(gone.body.detail, /realm example\.com/);
      const rest = await it.call('PUT', `/realms/${made.body.id}`, {
        name: '*',
        accounting: true,
        source: { kind: 'rest', connector_ids: ['connector-1'] },
      });
      assert.equal(rest.status, 200, JSON.stringify(rest.body));
      assert.deepEqual(await it.routing.realmsWithConnector('connector-1'), ['*']);
      assert.equal(it.routing.resolve('bob@anywhere', undefined).source.kind, 'rest');
      it.nas.set(upstreamId, ['ap-1']);
      const used = await it.call('DELETE', `/upstreams/${upstreamId}`);
      assert.deepEqual([used.status, /NAS ap-1/.test(used.body.detail)], [409, true]);
      it.nas.clear();
      assert.equal((await it.call('DELETE', `/upstreams/${upstreamId}`)).status, 204);
      assert.equal((await it.call('DELETE', `/realms/${made.body.id}`)).status, 204);
      assert.equal(it.routing.resolve('bob@anywhere', undefined).source.kind, 'local');
      assert.equal((await it.call('DELETE', `/realms/${made.body.id}`)).status, 404);
    });

    test('lists go by name, page by page', async () => {
      for (const name of ['c.net', '', 'a.net', 'b.net']) {
        assert.equal((await it.call('POST', '/realms', { name, source: { kind: 'local' } })).status, 201);
      }
      const names: string[] = [];
      let url: string | undefined = '/realms?limit=3';
      while (url) {
        const page: Awaited<ReturnType<typeof it.call>> = await it.call('GET', url);
        names.push(...page.body.map((one: { name: string }) => one.name));
        url = /<\/v1\/radius(.*?)>; rel="next"/.exec(String(page.headers.link ?? ''))?.[1];
      }
      assert.deepEqual(names, ['', 'a.net', 'b.net', 'c.net']);
      const all = await it.call('GET', '/upstreams?limit=1');
      assert.equal(all.body.length, 1);
      assert.equal((await it.call('GET', '/upstreams?cursor=nonsense')).status, 422);
    });

    test('no more realms and upstreams than may be', async () => {
      const db = it.store.as<RoutingTables>();
      const fill = async (table: 'radius_realms' | 'radius_upstreams', most: number) => {
        const [row] = await db.selectFrom(table).selectAll().limit(1).execute();
        const count = Number(
          (
            await db
              .selectFrom(table)
              .select((eb) => eb.fn.countAll<number>().as('n'))
              .executeTakeFirstOrThrow()
          ).n,
        );
        const rows = Array.from({ length: most - count }, (_, i) => ({ ...row!, id: `full-${i}`, name: `full-${i}` }));
        const keyed = table === 'radius_realms' ? rows : rows.map((one) => ({ ...one, name_key: one.name }));
        for (let at = 0; at < keyed.length; at += 100) {
          await db
            .insertInto(table)
            .values(keyed.slice(at, at + 100) as never)
            .execute();
        }
      };
      await fill('radius_realms', MAX_REALMS);
      await fill('radius_upstreams', MAX_UPSTREAMS);
      const realm = await it.call('POST', '/realms', { name: 'one-more', source: { kind: 'local' } });
      assert.deepEqual([realm.status, /1000 realms/.test(realm.body.detail)], [409, true]);
      const one = await it.call('POST', '/upstreams', { name: 'more', address: '192.0.2.1', secret: 'x' });
      assert.deepEqual([one.status, /256 upstreams/.test(one.body.detail)], [409, true]);
      for (const table of ['radius_realms', 'radius_upstreams'] as const) {
        await db.deleteFrom(table).where('id', 'like', 'full-%').execute();
      }
    });

    test('for administrators only; a restart reads the same', async () => {
      assert.equal((await it.anonymous()).statusCode, 401);
      const { id } = await upstream('Kept');
      const again = createRouting({ ...it.options, bus: createBus() });
      await again.start();
      assert.deepEqual(again.upstream(id), it.routing.upstream(id));
    });

    test('one whose secret cannot be opened is left out, and the others work', async () => {
      const [broken, fine] = [await upstream('Broken'), await upstream('Fine')];
      await (it.store as Store)
        .as<{ radius_upstreams: { id: string; secret: string } }>()
        .updateTable('radius_upstreams')
        .set({ secret: 'v1.00000000.x' })
        .where('id', '=', broken.id)
        .execute();
      const again = createRouting({ ...it.options, bus: createBus() });
      await again.start();
      assert.deepEqual([again.upstream(broken.id), again.upstream(fine.id)?.name], [undefined, 'Fine']);
    });
  });
}
