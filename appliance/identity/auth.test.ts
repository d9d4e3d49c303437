import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sha256Hex } from '../store/index.ts';
import { SESSION_COOKIE } from './index.ts';
import type { IdentityTables } from './tables.ts';
import { ADMIN_PASSWORD, BACKENDS, errorOf, type Fixture, SQLITE, startIdentity } from './testing.ts';

const DAY = 24 * 3600 * 1000;

for (const backend of BACKENDS) {
  describe(`sign-in on ${backend.name}`, backend.needs(), () => {
    let at: Fixture;
    let server: Awaited<ReturnType<typeof backend.start>>;
    before(async () => {
      server = await backend.start();
      at = await startIdentity({ database: server.database });
    });
    after(async () => {
      await at.close();
      await server.stop();
    });

    test('GET /auth/config and POST /auth/token while OIDC is off', async () => {
      const config = await at.call('GET', '/auth/config');
      assert.deepEqual(config.json(), { enabled: false, issuer_url: '', client_id: '', simple_auth: true });
      const token = await at.call('POST', '/auth/token', { body: { code: 'x', redirect_uri: 'https://x' } });
      assert.equal(token.statusCode, 400);
      assert.match(errorOf(token), /OIDC is off/);
    });

    test('login gives a session hash and an HttpOnly cookie; both work', async () => {
      const answer = await at.login('ADMIN', ADMIN_PASSWORD);
      assert.equal(answer.statusCode, 200);
      const { session_hash: hash, ...rest } = answer.json();
      assert.match(hash, /^[0-9a-f]{64}$/);
      assert.deepEqual(rest, { expires_in: 2592000 });
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(
        answer.headers['set-cookie'],
        `${SESSION_COOKIE}=${hash}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax`,
      );
      for (const headers of [
        { authorization: `Session ${hash}` },
        { authorization: `session  ${hash}` },
        { cookie: `${SESSION_COOKIE}=${hash}` },
      ]) {
        const me = await at.call('GET', '/users/me', { headers });
        assert.equal(me.statusCode, 200);
        assert.equal(me.json().username, 'admin');
        assert.equal(me.json().last_login_at, '2026-01-01T00:00:00.000Z');
      }
      const login = (await at.heard()).findLast(({ type }) => type === 'identity.login');
      assert.deepEqual(login?.data.actor, { kind: 'user', id: login?.data.userId, address: '127.0.0.1' });
    });

    test('the cookie is Secure over TLS', async () => {
      const secure = await startIdentity({ secureCookieFor: () => true });
      try {
        const answer = await secure.login('admin', ADMIN_PASSWORD);
        assert.match(String(answer.headers['set-cookie']), /; Secure/);
      } finally {
        await secure.close();
      }
    });

    test('401 has one wording for an unknown user and a wrong password; 400 for a bad body', async () => {
      const wrong = await at.login('admin', 'nope');
      const unknown = await at.login('nobody', 'nope');
      assert.equal(wrong.statusCode, 401);
      assert.equal(unknown.statusCode, 401);
      assert.deepEqual(wrong.json(), unknown.json());
      const failed = (await at.heard()).filter(({ type }) => type === 'identity.login.failed').slice(-2);
      assert.deepEqual(
        failed.map(({ data }) => data),
        ['admin', 'nobody'].map((username) => ({
          username,
          actor: { kind: 'system', id: 'system', address: '127.0.0.1' },
        })),
      );
      for (const [body, message] of [
        [{ username: 'admin' }, 'password is required'],
        [{ username: 1, password: 'x' }, 'username must be string'],
        [{ username: 'admin', password: 'x'.repeat(1025) }, 'password must NOT have more than 1024 characters'],
        [[], 'the body must be object'],
      ] as const) {
        const answer = await at.call('POST', '/auth/login', { body });
        assert.equal(answer.statusCode, 400);
        assert.equal(errorOf(answer), message);
      }
    });

    test('no, unknown and foreign credentials are 401; Authorization wins over the cookie', async () => {
      const hash = await at.session();
      for (const headers of [
        {},
        { authorization: `Session ${'0'.repeat(64)}` },
        { authorization: 'Session' },
        { authorization: 'Session ' },
        { authorization: 'Bearer wirety_0' },
        { authorization: 'Bearer ghd_something' },
        { authorization: 'Basic YWRtaW46eA==' },
        { cookie: `${SESSION_COOKIE}=${'0'.repeat(64)}` },
        { cookie: `${SESSION_COOKIE}=${hash}`, authorization: `Session ${'0'.repeat(64)}` },
        { cookie: `${SESSION_COOKIE}=${hash}`, authorization: 'Bearer something' },
      ]) {
        const answer = await at.call('GET', '/users/me', { headers: headers as Record<string, string> });
        assert.equal(answer.statusCode, 401, JSON.stringify(headers));
        assert.equal(typeof errorOf(answer), 'string');
      }
      // Public routes don't mind a stale session.
      const stale = { headers: { cookie: `${SESSION_COOKIE}=stale` } };
      assert.equal((await at.call('GET', '/auth/config', stale)).statusCode, 200);
    });

    test('a session ends after 30 days, and is swept', async () => {
      const hash = await at.session();
      at.clock.ms += 30 * DAY - 1;
      assert.equal((await at.call('GET', '/users/me', { as: hash })).statusCode, 200);
      at.clock.ms += 1;
      assert.equal((await at.call('GET', '/users/me', { as: hash })).statusCode, 401);
      await at.session();
      assert.equal(await sessionsLeft(at), 1);
    });

    test('a user has at most 100 sessions: the oldest goes', async () => {
      const db = at.store.as<IdentityTables>();
      const first = await at.session();
      const { id } = (await at.call('GET', '/users/me', { as: first })).json();
      const times = Array.from({ length: 98 }, () => new Date(++at.clock.ms).toISOString());
      const rows = times.map((at) => ({ hash: `filler ${at}`, user_id: id, created_at: at, expires_at: `9${at}` }));
      await db.deleteFrom('user_sessions').where('hash', '!=', sha256Hex(first)).execute();
      await db.insertInto('user_sessions').values(rows).execute();
      at.clock.ms += 1;
      const hundredth = await at.session();
      assert.equal(await sessionsLeft(at), 100);
      assert.equal((await at.call('GET', '/users/me', { as: first })).statusCode, 200);
      at.clock.ms += 1;
      const last = await at.session();
      assert.equal(await sessionsLeft(at), 100);
      assert.equal((await at.call('GET', '/users/me', { as: first })).statusCode, 401);
      for (const as of [hundredth, last]) assert.equal((await at.call('GET', '/users/me', { as })).statusCode, 200);
    });

    test('logout by header, cookie and body; always 200; clears the cookie', async () => {
      for (const given of [
        (hash: string) => ({ as: hash }),
        (hash: string) => ({ headers: { cookie: `${SESSION_COOKIE}=${hash}` } }),
        (hash: string) => ({ body: { session_hash: hash } }),
      ]) {
        const hash = await at.session();
        for (const _ of [1, 2]) {
          const answer = await at.call('POST', '/auth/logout', given(hash));
          assert.equal(answer.statusCode, 200);
          assert.deepEqual(answer.json(), { message: 'Logged out successfully' });
          assert.match(String(answer.headers['set-cookie']), /^wirety_session=; .*Expires=Thu, 01 Jan 1970/);
        }
        assert.equal((await at.call('GET', '/users/me', { as: hash })).statusCode, 401);
      }
      assert.equal((await at.call('POST', '/auth/logout')).statusCode, 200);
      assert.equal((await at.call('POST', '/auth/logout', { as: 'Bearer x', body: {} })).statusCode, 200);
      const kept = await at.session();
      const other = await at.session();
      await at.call('POST', '/auth/logout', { as: other, body: { session_hash: kept } });
      assert.equal(
        (await at.call('GET', '/users/me', { as: kept })).statusCode,
        200,
        'the header comes before the body',
      );
      const ends = (await at.heard()).filter(({ type }) => type === 'identity.logout');
      assert.equal(ends.length, 4);
    });

    test('with the cookie, another site changes nothing', async () => {
      const hash = await at.session();
      const foreign = [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'cross-site', origin: 'http://gate.test:8080' },
      ] as Record<string, string>[];
      const own = [
        {},
        { origin: 'http://gate.test:8080' },
        { 'sec-fetch-site': 'same-origin' },
        { 'sec-fetch-site': 'none' },
      ];
      const cookie = `${SESSION_COOKIE}=${hash}`;
      const put = (headers: Record<string, string>, role: string) =>
        at.call('PUT', '/users/defaults', { headers: { cookie, ...headers }, body: { default_role: role } });
      const role = async () => (await at.call('GET', '/users/defaults', { as: hash })).json().default_role;
      for (const headers of foreign) {
        assert.equal((await put(headers, 'administrator')).statusCode, 403, JSON.stringify(headers));
        assert.equal((await at.call('POST', '/auth/logout', { headers: { cookie, ...headers } })).statusCode, 403);
        const login = { headers, body: { username: 'admin', password: ADMIN_PASSWORD } };
        const answer = await at.call('POST', '/auth/login', login);
        assert.equal(answer.statusCode, 403, 'signing in, which needs no cookie');
        assert.equal(answer.headers['set-cookie'], undefined);
      }
      assert.equal(await role(), 'user');
      for (const headers of own) {
        assert.equal((await put({ host: 'gate.test:8080', ...headers }, 'administrator')).statusCode, 200);
        assert.equal(await role(), 'administrator');
        await put({}, 'user');
      }
    });

    test('secrets are not at rest', async () => {
      const hash = await at.session();
      const made = await at.call('POST', '/users/me/tokens', { as: hash, body: { name: 'ci' } });
      const { token } = made.json();
      assert.match(token, /^wirety_[0-9a-f]{64}$/);
      await at.call('GET', '/users/me', { as: `Bearer ${token}` });
      if (backend !== SQLITE) return;
      const files = readdirSync(at.dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const bytes = Buffer.concat(files.map((file) => readFileSync(path.join(file.parentPath, file.name))));
      assert.ok(bytes.includes('$argon2id$'), 'the database is among the files');
      for (const secret of [hash, token, token.slice(7), ADMIN_PASSWORD]) {
        assert.ok(!bytes.includes(secret));
        assert.ok(!bytes.includes(Buffer.from(secret).toString('base64').slice(0, 16)));
      }
      assert.ok(!bytes.includes(Buffer.from(hash, 'hex')));
    });
  });
}

async function sessionsLeft(at: Fixture): Promise<number> {
  const rows = await at.store.as<IdentityTables>().selectFrom('user_sessions').select('hash').execute();
  return rows.length;
}

describe('failed sign-ins', () => {
  let at: Fixture;
  before(async () => {
    at = await startIdentity();
  });
  after(() => at.close());

  test('an account is slowed, says for how long, and opens again', async () => {
    for (let i = 0; i < 5; i++) assert.equal((await at.login('admin', 'nope')).statusCode, 401);
    const failures = (await at.heard()).length;
    for (const password of ['nope', ADMIN_PASSWORD]) {
      const answer = await at.login('admin', password);
      assert.equal(answer.statusCode, 429);
      assert.equal(answer.headers['retry-after'], '1');
      assert.equal(errorOf(answer), 'too many failed sign-ins: try again in 1 s');
    }
    assert.equal((await at.heard()).length, failures, 'what is refused unchecked writes nothing');
    assert.equal((await at.login('admin', 'x', '192.0.2.7')).statusCode, 429, 'from another address too');
    at.clock.ms += 1000;
    assert.equal((await at.login('admin', 'nope')).statusCode, 401);
    assert.equal((await at.login('admin', 'nope')).headers['retry-after'], '2');
    at.clock.ms += 2000;
    assert.equal((await at.login('admin', ADMIN_PASSWORD)).statusCode, 200);
    for (let i = 0; i < 4; i++) assert.equal((await at.login('admin', 'nope')).statusCode, 401);
    assert.equal((await at.login('admin', ADMIN_PASSWORD)).statusCode, 200, 'the success had cleared the count');
  });

  test('user name and email are one account', async () => {
    const as = await at.session();
    const body = { username: 'both', email: 'both@example.org', password: 'both password' };
    await at.call('POST', '/users', { as, body });
    for (let i = 0; i < 5; i++) await at.login(i % 2 ? 'both' : 'BOTH@example.org', 'nope', '192.0.2.8');
    assert.equal((await at.login('both', 'both password', '192.0.2.8')).statusCode, 429);
  });

  test('an address is slowed over all accounts, IPv6 by its /64', async () => {
    for (let i = 0; i < 20; i++) {
      assert.equal((await at.login(`guess-${i}`, 'nope', `2001:db8::${i + 1}`)).statusCode, 401);
    }
    assert.equal((await at.login('admin', ADMIN_PASSWORD, '2001:db8::ffff')).statusCode, 429);
    assert.equal((await at.login('admin', ADMIN_PASSWORD, '2001:db8:0:1::1')).statusCode, 200);
  });

  test('a burst gets no further than one after another', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => at.login('burst', 'nope', '192.0.2.9')));
    const checked = answers.filter(({ statusCode }) => statusCode === 401).length;
    assert.ok(checked >= 5 && checked <= 6, `${checked} were checked`);
    assert.ok(answers.every(({ statusCode }) => statusCode === 401 || statusCode === 429));
  });

  test('more than can wait is 503 with Retry-After, and good sign-ins at once all succeed', async () => {
    const many = (n: number) => Promise.all(Array.from({ length: n }, () => at.login('admin', ADMIN_PASSWORD)));
    assert.ok((await many(40)).every(({ statusCode }) => statusCode === 200));
    const as = await at.session();
    at.cost.passes = 500; // slow enough that the queue fills faster than it empties
    const users = Array.from({ length: 120 }, (_, i) => ({ username: `queued-${i}`, password: 'long enough' }));
    const answers = await Promise.all(users.map((body) => at.call('POST', '/users', { as, body })));
    at.cost.passes = 1;
    const refused = answers.filter(({ statusCode }) => statusCode !== 201);
    assert.ok(refused.length > 0);
    for (const answer of refused) {
      assert.equal(answer.statusCode, 503);
      assert.equal(answer.headers['retry-after'], '5');
      assert.equal(errorOf(answer), 'too many passwords to check at once: try again in 5 s');
    }
  });

  test('a hash is made anew when the cost rises', async () => {
    const read = async () => {
      const db = at.store.as<{ users: { username: string; password_hash: string } }>();
      const row = await db
        .selectFrom('users')
        .select('password_hash')
        .where('username', '=', 'admin')
        .executeTakeFirst();
      return row?.password_hash ?? '';
    };
    assert.match(await read(), /m=8,t=1/);
    at.cost.passes = 2;
    assert.equal((await at.login('admin', ADMIN_PASSWORD)).statusCode, 200);
    assert.match(await read(), /m=8,t=2/);
    assert.equal((await at.login('admin', ADMIN_PASSWORD)).statusCode, 200);
  });
});
