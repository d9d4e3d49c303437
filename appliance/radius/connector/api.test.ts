import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BACKENDS } from '../../identity/testing.ts';
import { MAX_CLIENTS, MAX_CONNECTORS } from './schema.ts';
import type { ConnectorTables } from './tables.ts';
import { type BackendStandIn, type Fixture, makeCertificates, startBackend, startConnectors } from './testing.ts';

for (const database of BACKENDS) {
  describe(`routes of REST connectors on ${database.name}`, database.needs(), () => {
    let at: Fixture;
    let server: Awaited<ReturnType<typeof database.start>>;
    let backend: BackendStandIn;
    const body = { name: 'Members', url: 'https://members.example/authenticate', token: 'sesame' };

    before(async () => {
      server = await database.start();
      at = await startConnectors({ database: server.database });
      backend = await startBackend();
    });
    after(async () => {
      await at.close();
      await backend.close();
      await server.stop();
    });

    test('made, read, changed, listed, deleted; the token is never shown and lies sealed', async () => {
      const made = await at.api('POST', '/connectors', body);
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const { id, created_at, updated_at, ...rest } = made.body;
      assert.deepEqual(rest, {
        name: 'Members',
        url: 'https://members.example/authenticate',
        allow_http: false,
        connect_timeout_ms: 1000,
        timeout_ms: 3000,
        verify_tls: true,
        ca_pem: null,
        nt_key: 'hash_hash',
        cache: { seconds: 0 },
        max_connections: 32,
        warnings: [],
      });
      const row = await at.store.as<ConnectorTables>().selectFrom('connectors').selectAll().executeTakeFirstOrThrow();
      assert.match(row.token, /^v1\./);
      at.clock.ms += 1000;
      const change = { name: 'Members 2', cache: { seconds: 60 }, verify_tls: false, timeout_ms: 5000 };
      const changed = await at.api('PUT', `/connectors/${id}`, change);
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
      assert.deepEqual(changed.body.cache, { seconds: 60 });
      assert.match(changed.body.warnings[0], /^verify_tls is off/);
      assert.notEqual(changed.body.updated_at, updated_at);
      assert.deepEqual((await at.api('PUT', `/connectors/${id}`, change)).body, changed.body, 'the same again');
      assert.deepEqual((await at.api('GET', `/connectors/${id}`)).body, changed.body);
      await at.api('PUT', `/connectors/${id}`, { token: 'other' });
      assert.doesNotMatch(JSON.stringify([made, changed, at.events]), /sesame|"other"/);
      assert.deepEqual(await at.connectors.unknownConnectors([id, 'x']), ['x']);
      at.users.set(id, ['realm example.org', 'NAS ap-1']);
      const used = await at.api('DELETE', `/connectors/${id}`);
      assert.equal(used.status, 409);
      assert.match(used.body.detail, /is in use: realm example.org, NAS ap-1$/);
      at.users.clear();
      assert.equal((await at.api('DELETE', `/connectors/${id}`)).status, 204);
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const gone = await at.api(method, `/connectors/${id}`, method === 'PUT' ? {} : undefined);
        assert.equal(gone.status, 404, method);
      }
      assert.deepEqual(
        at.events.map(({ type, data }) => [type, 'changed' in data ? data.changed : 'name' in data && data.name]),
        [
          ['radius.connector.created', 'Members'],
          ['radius.connector.updated', ['name', 'timeout_ms', 'verify_tls', 'cache_seconds']],
          ['radius.connector.updated', ['token']],
          ['radius.connector.deleted', 'Members 2'],
        ],
      );
    });

    test('422 names what is wrong', async () => {
      const good = { ...body, name: 'Wrong' };
      for (const [change, message] of [
        [{ url: 'members.example' }, /^url must be an https address/],
        [{ url: 'ftp://members.example/' }, /^url must be an https address/],
        [{ url: 'http://members.example/' }, /^url must be https.*allow_http/],
        [{ url: 'http://127.0.0.1.example/' }, /^url must be https/],
        [{ url: 'https://u:p@members.example/' }, /^url must not hold a user name/],
        [{ url: 'https://members.example/#x' }, /^url must not have a part behind #/],
        [{ token: '' }, /^token must NOT have fewer/],
        [{ token: 'a b' }, /^token must match/],
        [{ token: undefined }, /^token is required/],
        [{ name: ' ' }, /^name must not be empty/],
        [{ timeout_ms: 99 }, /^timeout_ms must be >= 100/],
        [{ timeout_ms: 30_001 }, /^timeout_ms must be <= 30000/],
        [{ connect_timeout_ms: 4000 }, /^connect_timeout_ms must not be longer/],
        [{ cache: { seconds: 86_401 } }, /^cache\.seconds must be <= 86400/],
        [{ max_connections: 0 }, /^max_connections must be >= 1/],
        [{ max_connections: 257 }, /^max_connections must be <= 256/],
        [{ nt_key: 'plain' }, /^nt_key must be one of hash_hash, nt_hash/],
        [{ ca_pem: 'no pem' }, /^ca_pem must hold certificates/],
        [{ ca_pem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }, /^ca_pem must hold certificates/],
      ] as const) {
        const answer = await at.api('POST', '/connectors', { ...good, ...change });
        assert.equal(answer.status, 422, JSON.stringify(change));
        assert.match(answer.body.detail, message);
      }
      for (const url of ['http://localhost:8080/x', 'http://127.0.0.2/', 'http://[::1]/']) {
        const id = await at.connector({ url });
        await at.api('DELETE', `/connectors/${id}`);
      }
      const open = await at.api('POST', '/connectors', { ...good, url: 'http://members.example/', allow_http: true });
      assert.match(open.body.warnings[0], /^url is http/);
      assert.equal((await at.api('PUT', `/connectors/${open.body.id}`, { allow_http: false })).status, 422);
      const { ca } = makeCertificates();
      assert.equal((await at.api('PUT', `/connectors/${open.body.id}`, { ca_pem: ca })).status, 200);
      assert.equal((await at.api('PUT', `/connectors/${open.body.id}`, { ca_pem: null })).body.ca_pem, null);
    });

    test('names are one without case; the list comes in pages; there is a most', async () => {
      await at.connector({ name: 'Twin', url: backend.url });
      const twin = await at.api('POST', '/connectors', { ...body, name: 'TWIN' });
      assert.equal(twin.status, 409);
      for (;;) {
        const made = await at.api('POST', '/connectors', { ...body, name: `many ${Math.random()}` });
        if (made.status === 201) continue;
        assert.equal(made.status, 409);
        assert.match(made.body.detail, /which is the most/);
        break;
      }
      const names: string[] = [];
      let next = '/connectors?limit=30';
      while (next) {
        const page = await at.api('GET', next);
        names.push(...page.body.map(({ name }: { name: string }) => name.toLowerCase()));
        next = /<\/v1\/radius([^>]+)>/.exec(String(page.headers.link ?? ''))?.[1] ?? '';
      }
      assert.equal(names.length, MAX_CONNECTORS);
      assert.deepEqual(names, names.toSorted());
    });

    test('POST …/test says what came back', async () => {
      const [some] = (await at.api('GET', '/connectors?limit=1')).body;
      const url = `/connectors/${some.id}`;
      await at.api('PUT', url, { url: backend.url, timeout_ms: 1000, cache: { seconds: 60 } });
      const ask = async () => {
        const { milliseconds, ...rest } = (await at.api('POST', `${url}/test`, { login: 'user1', password: 'secret' }))
          .body;
        assert.equal(typeof milliseconds, 'number');
        return rest;
      };
      backend.answer(200, {
        valid_until: new Date(at.clock.ms + 60_000).toISOString(),
        attributes: [
          { name: 'Filter-Id', value: 'x', op: '+=' },
          { name: 'Nonsense', value: 'x' },
        ],
      });
      assert.deepEqual(await ask(), {
        outcome: 'accept',
        status: 200,
        session_timeout: 60,
        attributes: [{ name: 'Filter-Id', op: '+=', value: 'x' }],
        notes: ['Nonsense is not in the dictionary'],
      });
      backend.answer(422, { errors: ['no'] });
      const reason = 'the backend answered 422';
      const nothing = { attributes: [], notes: [] };
      assert.deepEqual(await ask(), { outcome: 'reject', status: 422, reason, message: 'no', ...nothing });
      backend.answer(500, {});
      assert.deepEqual(await ask(), { outcome: 'none', status: 500, reason: 'it answered 500', ...nothing });
      await at.api('PUT', url, { url: 'http://127.0.0.1:1/' });
      assert.deepEqual(await ask(), { outcome: 'none', reason: 'it cannot be reached: ECONNREFUSED', ...nothing });
      assert.equal((await at.api('POST', '/connectors/nobody/test', { login: 'a', password: 'b' })).status, 404);
    });

    test('administrators only', async () => {
      for (const path of ['/connectors', '/connector-clients']) {
        assert.equal((await at.api('GET', path, undefined, 'Session other')).status, 401);
      }
    });

    test('clients: the token is shown once and lies as a hash', async () => {
      const made = await at.api('POST', '/connector-clients', { name: 'Head office' });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const { id, token, created_at } = made.body;
      assert.match(token, /^ghc_[\w-]{43}$/);
      assert.deepEqual((await at.api('GET', '/connector-clients')).body, [{ id, name: 'Head office', created_at }]);
      const rows = await at.store.as<ConnectorTables>().selectFrom('connector_clients').selectAll().execute();
      assert.doesNotMatch(JSON.stringify(rows), new RegExp(token));
      assert.equal((await at.api('POST', '/connector-clients', { name: 'head OFFICE' })).status, 409);
      assert.equal((await at.api('POST', '/connector-clients', { name: ' ' })).status, 422);
      assert.equal((await at.api('DELETE', `/connector-clients/${id}`)).status, 204);
      assert.equal((await at.api('DELETE', `/connector-clients/${id}`)).status, 404);
      for (let i = 0; i < MAX_CLIENTS; i++) await at.api('POST', '/connector-clients', { name: `client ${i}` });
      assert.match((await at.api('POST', '/connector-clients', { name: 'more' })).body.detail, /which is the most/);
    });
  });
}
