import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertError, assertShape, assertTimes, freshName, type Json, makeUser, useAppliance } from './support.ts';

const USER = {
  id: 'string',
  username: 'string',
  email: 'string',
  name: 'string',
  role: 'string',
  authorized_networks: 'strings',
  created_at: 'string',
  updated_at: 'string',
  last_login_at: 'string?',
} as const;
const TOKEN = {
  id: 'string',
  name: 'string',
  created_at: 'string',
  expires_at: 'string?',
  last_used_at: 'string?',
} as const;

describe('health, sign-in, users, documents', () => {
  const a = useAppliance();

  test('health and the way to sign in are for everybody', async () => {
    const { anonymous } = a.the;
    const health = await anonymous.get('/api/v1/health', { authorization: 'Session stale' });
    assert.deepEqual([health.status, health.body], [200, { status: 'ok' }]);
    const config = await anonymous.get('/api/v1/auth/config');
    assert.deepEqual(config.body, { enabled: false, issuer_url: '', client_id: '', simple_auth: true });
  });

  test('every answer has security headers and a request id', async () => {
    const { anonymous } = a.the;
    for (const path of ['/api/v1/health', '/api/v1/nope', '/api/v1/networks']) {
      const { headers } = await anonymous.get(path, { 'x-request-id': 'mine-1' });
      assert.equal(headers.get('x-request-id'), 'mine-1');
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'/);
      assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|upgrade-insecure/);
      assert.match(headers.get('content-type') ?? '', /^application\/json/);
    }
    const { headers } = await anonymous.get('/api/v1/health', { 'x-request-id': 'a b;c' });
    assert.match(headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  test('sign in, who am I, sign out: by header and by cookie', async () => {
    const { anonymous } = a.the;
    const credentials = { username: 'admin', password: 'a-password-for-tests' };
    const login = await anonymous.post('/api/v1/auth/login', credentials);
    assertShape(login.body, { session_hash: 'string', expires_in: 'number' });
    assert.equal(login.body.expires_in, 30 * 24 * 3600);
    assertError(await anonymous.post('/api/v1/auth/login', { ...credentials, password: 'wrong' }), 401);
    assertError(await anonymous.post('/api/v1/auth/login', { username: 'admin' }), 400, /password/);
    assertError(await anonymous.post('/api/v1/auth/token', { code: 'x', redirect_uri: 'y' }), 400, /OIDC/);
    const cookie = login.headers.get('set-cookie')?.split(';')[0] as string;
    for (const client of [anonymous.as(`Session ${login.body.session_hash}`), null]) {
      const me = await (client ? client.get('/api/v1/users/me') : anonymous.get('/api/v1/users/me', { cookie }));
      assert.equal(me.status, 200);
      assertShape(me.body, USER);
      assertTimes(me.body, 'created_at', 'updated_at', 'last_login_at');
      assert.equal(me.body.role, 'administrator');
    }
    const out = await anonymous.post('/api/v1/auth/logout', undefined, { cookie });
    assert.deepEqual([out.status, out.body], [200, { message: 'Logged out successfully' }]);
    assertError(await anonymous.as(`Session ${login.body.session_hash}`).get('/api/v1/users/me'), 401);
    assertError(await anonymous.get('/api/v1/users/me', { cookie }), 401);
  });

  test('users and defaults', async () => {
    const { admin } = a.the;
    const { id, client } = await makeUser(a.the);
    const shown = await admin.get(`/api/v1/users/${id}`);
    assertShape(shown.body, USER);
    assert.ok((await admin.get('/api/v1/users')).body.some((one: Json) => one.id === id));
    const changed = await admin.put(`/api/v1/users/${id}`, { name: 'Alice Smith', role: 'administrator' });
    assert.deepEqual([changed.body.name, changed.body.role], ['Alice Smith', 'administrator']);
    assert.equal((await client.get('/api/v1/users')).status, 200, 'a role counts from the next request on');
    assertError(await admin.put(`/api/v1/users/${id}`, { authorized_networks: ['nope'] }), 400, /authorized_networks/);
    assertError(await admin.put(`/api/v1/users/${id}`, { role: 'king' }), 400, /role/);
    const name = freshName('dup');
    const body = { username: name, password: 'a-password-for-tests' };
    assert.equal((await admin.post('/api/v1/users', body)).status, 201);
    assertError(await admin.post('/api/v1/users', { ...body, username: name.toUpperCase() }), 409);
    assert.equal((await admin.delete(`/api/v1/users/${id}`)).status, 204);
    assertError(await admin.get(`/api/v1/users/${id}`), 404);
    const defaults = await admin.get('/api/v1/users/defaults');
    assertShape(defaults.body, { default_role: 'string', default_authorized_networks: 'strings' });
    assertError(await admin.put('/api/v1/users/defaults', { default_role: 'king' }), 400);
  });

  test('an API token is shown once, acts for its owner, and ends', async () => {
    const { anonymous } = a.the;
    const { client } = await makeUser(a.the);
    const made = await client.post('/api/v1/users/me/tokens', { name: 'ci-bot', expires_at: '2099-01-01T00:00:00Z' });
    assert.equal(made.status, 201);
    assertShape(made.body, { ...TOKEN, token: 'string' });
    assert.match(made.body.token, /^wirety_[0-9a-f]{64}$/);
    assert.equal(made.body.expires_at, '2099-01-01T00:00:00Z');
    const program = anonymous.as(`Bearer ${made.body.token}`);
    assert.equal((await program.get('/api/v1/users/me')).status, 200);
    const [listed] = (await client.get('/api/v1/users/me/tokens')).body;
    assertShape(listed, TOKEN);
    assertTimes(listed, 'last_used_at');
    assertError(await client.post('/api/v1/users/me/tokens', { name: 'x', expires_at: '2001-01-01T00:00:00Z' }), 400);
    const other = await makeUser(a.the);
    assertError(await other.client.delete(`/api/v1/users/me/tokens/${listed.id}`), 404);
    assert.equal((await client.delete(`/api/v1/users/me/tokens/${listed.id}`)).status, 204);
    assertError(await program.get('/api/v1/users/me'), 401);
  });

  test('the OpenAPI document describes every route with its answers', async () => {
    const { body, status } = await a.the.anonymous.get('/api/v1/openapi.json');
    assert.deepEqual([status, body.openapi.slice(0, 4)], [200, '3.1.']);
    for (const path of [
      '/health',
      '/auth/config',
      '/networks',
      '/networks/{networkId}',
      '/networks/{networkId}/peers/{peerId}/config',
      '/networks/{networkId}/peers/{peerId}/token',
      '/networks/{networkId}/sessions',
      '/ipam/available-cidrs',
      '/agent/resolve',
      '/agent/register',
      '/agent/standing',
      '/agent/directory',
      '/ws',
    ]) {
      assert.ok(body.paths[`/api/v1${path}`], path);
    }
    for (const [path, operations] of Object.entries<Json>(body.paths)) {
      for (const [method, operation] of Object.entries<Json>(operations)) {
        assert.ok(operation.summary, `${method} ${path} has no summary`);
        assert.ok(Object.keys(operation.responses).length > 0, `${method} ${path} has no answers`);
      }
    }
  });

  test('metrics are for administrators and for programs on the box', async () => {
    const { anonymous, admin } = a.the;
    const local = await anonymous.get('/metrics');
    assert.equal(local.status, 200);
    for (const name of ['gatehouse_http_request_duration_seconds', 'gatehouse_overlay_connections', 'process_cpu']) {
      assert.ok(local.body.includes(name), name);
    }
    for (const header of ['x-forwarded-for', 'forwarded']) {
      assertError(await anonymous.get('/metrics', { [header]: '203.0.113.1' }), 403);
      assert.equal((await admin.get('/metrics', { [header]: '203.0.113.1' })).status, 200);
    }
    const { client } = await makeUser(a.the);
    assertError(await client.get('/metrics', { 'x-forwarded-for': '203.0.113.1' }), 403);
  });
});
