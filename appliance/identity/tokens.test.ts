import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { IdentityTables } from './tables.ts';
import { BACKENDS, errorOf, type Fixture, startIdentity } from './testing.ts';

for (const backend of BACKENDS) {
  describe(`API tokens on ${backend.name}`, backend.needs(), () => {
    let at: Fixture;
    let server: Awaited<ReturnType<typeof backend.start>>;
    let admin: string;
    let alice: { id: string; session: string };

    const create = (body: object, as = alice.session) => at.call('POST', '/users/me/tokens', { as, body });
    const list = async (as = alice.session) => (await at.call('GET', '/users/me/tokens', { as })).json();

    before(async () => {
      server = await backend.start();
      at = await startIdentity({ database: server.database });
      admin = await at.session();
      const body = { username: 'alice', password: 'alice password' };
      const made = await at.call('POST', '/users', { as: admin, body });
      alice = { id: made.json().id, session: await at.session('alice', 'alice password') };
    });
    after(async () => {
      await at.close();
      await server.stop();
    });

    test('a token is shown once and acts with the current role of its owner', async () => {
      const answer = await create({ name: 'ci-bot', expires_at: '2027-01-01T02:00:00+02:00' });
      assert.equal(answer.statusCode, 201);
      assert.equal(answer.headers['cache-control'], 'no-store');
      const { id, token, ...rest } = answer.json();
      assert.match(token, /^wirety_[0-9a-f]{64}$/);
      const created_at = '2026-01-01T00:00:00.000Z';
      const expires_at = '2027-01-01T00:00:00Z';
      assert.deepEqual(rest, { name: 'ci-bot', created_at, expires_at, last_used_at: null });
      assert.deepEqual(await list(), [{ id, name: 'ci-bot', created_at, expires_at, last_used_at: null }]);

      const as = `Bearer ${token}`;
      assert.equal((await at.call('GET', '/users/me', { as })).json().username, 'alice');
      assert.equal((await at.call('GET', '/users', { as })).statusCode, 403);
      await at.call('PUT', `/users/${alice.id}`, { as: admin, body: { role: 'administrator' } });
      assert.equal((await at.call('GET', '/users', { as })).statusCode, 200);
      await at.call('PUT', `/users/${alice.id}`, { as: admin, body: { role: 'user' } });
      assert.equal((await at.call('GET', '/users', { as })).statusCode, 403);

      const gone = await at.call('DELETE', `/users/me/tokens/${id}`, { as: alice.session });
      assert.equal(gone.statusCode, 204);
      assert.equal((await at.call('GET', '/users/me', { as })).statusCode, 401);
      const told = (await at.heard()).filter(({ type }) => type.startsWith('identity.token.'));
      assert.deepEqual(
        told.map(({ type, data: { actor: _, ...data } }) => [type, data]),
        ['created', 'deleted'].map((what) => [
          `identity.token.${what}`,
          { userId: alice.id, tokenId: id, name: 'ci-bot' },
        ]),
      );
    });

    test('names of 1 to 100 characters, and an expiry in the future or none', async () => {
      for (const [body, message] of [
        [{}, /^name is required/],
        [{ name: '' }, /^name must NOT have fewer/],
        [{ name: 'x'.repeat(101) }, /^name must NOT have more/],
        [{ name: 1 }, /^name must be string/],
        [{ name: 'x', expires_at: '2026-01-01T00:00:00Z' }, /^expires_at must be in the future/],
        [{ name: 'x', expires_at: 'tomorrow' }, /^expires_at must be a time/],
        [{ name: 'x', expires_at: '' }, /^expires_at must be a time/],
        [{ name: 'x', expires_at: '2027-01-01' }, /^expires_at must be a time/],
        [{ name: 'x', expires_at: '2027-02-30T00:00:00Z' }, /^expires_at must be a time/],
        [{ name: 'x', expires_at: '2027-01-01T00:00:00+25:00' }, /^expires_at must be a time/],
        [{ name: 'x', expires_at: '9999-12-31T23:59:59-01:00' }, /^expires_at must be a time/],
        [{ name: 'x', expires_at: 1893456000 }, /^expires_at must be/],
      ] as const) {
        const answer = await create(body);
        assert.equal(answer.statusCode, 400, JSON.stringify(body));
        assert.match(errorOf(answer), message);
      }
      for (const body of [{ name: 'x'.repeat(100) }, { name: 'never', expires_at: null }]) {
        assert.equal((await create(body)).json().expires_at, null);
      }
    });

    test('an expired token is 401', async () => {
      const expires_at = new Date(at.clock.ms + 1000).toISOString();
      const as = `Bearer ${(await create({ name: 'short', expires_at })).json().token}`;
      at.clock.ms += 999;
      assert.equal((await at.call('GET', '/users/me', { as })).statusCode, 200);
      at.clock.ms += 1;
      assert.equal((await at.call('GET', '/users/me', { as })).statusCode, 401);
    });

    test("another's token is 404, and stays", async () => {
      const { id, token } = (await create({ name: 'mine' })).json();
      for (const which of [id, 'no-such-token']) {
        const answer = await at.call('DELETE', `/users/me/tokens/${which}`, { as: admin });
        assert.equal(answer.statusCode, 404);
        assert.equal(errorOf(answer), 'API token not found');
      }
      assert.equal((await at.call('GET', '/users/me', { as: `Bearer ${token}` })).statusCode, 200);
      assert.deepEqual(await list(admin), []);
    });

    test('the last use is written at most once a minute', async () => {
      const { id, token } = (await create({ name: 'used' })).json();
      const use = async () => {
        at.counter.queries = 0;
        await Promise.all([1, 2, 3].map(() => at.call('GET', '/auth/config', { as: `Bearer ${token}` })));
        const mine = (await list()).find((each: { id: string }) => each.id === id);
        return mine.last_used_at;
      };
      const first = new Date(at.clock.ms).toISOString();
      assert.equal(await use(), first);
      at.clock.ms += 59_999;
      assert.equal(await use(), first);
      assert.equal(at.counter.queries, 5, 'three look-ups and the list with its caller; no write');
      at.clock.ms += 1;
      assert.equal(await use(), new Date(at.clock.ms).toISOString());
    });

    test('at most 100 tokens', async () => {
      const rows = Array.from({ length: 97 - (await list()).length }, (_, i) => ({
        id: `filler-${i}`,
        hash: `filler ${i}`,
        user_id: alice.id,
        name: 'filler',
        created_at: '2026-01-01T00:00:00.000Z',
      }));
      await at.store.as<IdentityTables>().insertInto('api_tokens').values(rows).execute();
      const made = await Promise.all(Array.from({ length: 5 }, () => create({ name: 'many' })));
      assert.deepEqual(made.map(({ statusCode }) => statusCode).sort(), [201, 201, 201, 409, 409]);
      assert.equal((await list()).length, 100);
    });

    test('the tokens of a deleted user are gone', async () => {
      const [{ id }] = await list();
      const { token } = (
        await at.call('DELETE', `/users/me/tokens/${id}`, { as: alice.session }).then(() => create({ name: 'last' }))
      ).json();
      await at.call('DELETE', `/users/${alice.id}`, { as: admin });
      assert.equal((await at.call('GET', '/users/me', { as: `Bearer ${token}` })).statusCode, 401);
      const left = await at.store.as<{ api_tokens: { id: string } }>().selectFrom('api_tokens').selectAll().execute();
      assert.deepEqual(left, []);
    });
  });
}
