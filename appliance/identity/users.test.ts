import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Tx } from '../store/index.ts';
import { resetPassword } from './index.ts';
import { orTaken } from './names.ts';
import type { IdentityTables } from './tables.ts';
import { ADMIN_PASSWORD, BACKENDS, errorOf, type Fixture, startIdentity } from './testing.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

for (const backend of BACKENDS) {
  describe(`users on ${backend.name}`, backend.needs(), () => {
    let at: Fixture;
    let server: Awaited<ReturnType<typeof backend.start>>;
    let admin: string;
    let alice: { id: string; session: string };

    const create = (body: object, as = admin) => at.call('POST', '/users', { as, body });
    const put = (id: string, body: object, as = admin) => at.call('PUT', `/users/${id}`, { as, body });
    const events = async (type: string) => (await at.heard()).filter((event) => event.type === type);

    before(async () => {
      server = await backend.start();
      at = await startIdentity({ database: server.database });
      admin = await at.session();
      at.clock.ms += 1;
      const made = await create({ username: 'alice', password: 'alice password' });
      alice = { id: made.json().id, session: await at.session('alice', 'alice password') };
    });
    after(async () => {
      await at.close();
      await server.stop();
    });

    test('POST /users takes what is given, and the defaults for the rest', async () => {
      const defaults = { default_role: 'user', default_authorized_networks: ['net-1'] };
      const changed = await at.call('PUT', '/users/defaults', { as: admin, body: defaults });
      assert.equal(changed.statusCode, 200);
      const plain = await create({ username: 'Plain', password: 'long enough' });
      assert.equal(plain.statusCode, 201);
      const { id, created_at, updated_at, ...rest } = plain.json();
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.match(created_at, TIME);
      assert.equal(updated_at, created_at);
      assert.deepEqual(rest, {
        username: 'Plain',
        email: '',
        name: '',
        role: 'user',
        authorized_networks: ['net-1'],
        last_login_at: null,
      });
      const full = await create({
        username: 'full',
        password: 'long enough',
        email: 'Full@example.org',
        name: 'Full Name',
        role: 'administrator',
        authorized_networks: ['net-2', 'net-1', 'net-2'],
      });
      assert.equal(full.statusCode, 201);
      assert.equal(full.json().email, 'Full@example.org');
      assert.equal(full.json().role, 'administrator');
      assert.deepEqual(full.json().authorized_networks, ['net-2', 'net-1']);
      const [event] = (await events('identity.user.created')).slice(-1);
      const { actor, ...data } = event?.data ?? {};
      assert.deepEqual(data, { userId: full.json().id, username: 'full', role: 'administrator' });
      assert.equal((actor as { kind: string }).kind, 'user');
    });

    test('400 names the field', async () => {
      const good = { username: 'good', password: 'long enough' };
      for (const [change, message] of [
        [{ username: undefined }, /^username is required/],
        [{ username: '' }, /^username must NOT have fewer than 1/],
        [{ username: 'x'.repeat(65) }, /^username must NOT have more than 64/],
        [{ username: 'a b' }, /^username must match/],
        [{ password: undefined }, /^password is required/],
        [{ password: '1234567' }, /^password must NOT have fewer than 8/],
        [{ password: 'x'.repeat(1025) }, /^password must NOT have more than 1024/],
        [{ password: 12345678 }, /^password must be string/],
        [{ email: 'nobody' }, /^email must match/],
        [{ email: `${'x'.repeat(250)}@x.org` }, /^email must NOT have more than 254/],
        [{ name: 'x'.repeat(129) }, /^name must NOT/],
        [{ role: 'root' }, /^role must be one of administrator, user/],
        [{ role: null }, /^role must be/],
        [{ authorized_networks: 'net-1' }, /^authorized_networks must be array/],
        [{ authorized_networks: ['net-1', 'net-9'] }, /^authorized_networks has networks that don't exist: net-9/],
      ] as const) {
        const answer = await create({ ...good, ...change });
        assert.equal(answer.statusCode, 400, JSON.stringify(change));
        assert.match(errorOf(answer), message);
      }
      for (const change of [
        { role: 'root' },
        { authorized_networks: ['net-9'] },
        { email: 'x' },
        { password: 'short' },
      ]) {
        assert.equal((await put(alice.id, change)).statusCode, 400);
      }
      const unknown = { default_authorized_networks: ['net-9'] };
      const answer = await at.call('PUT', '/users/defaults', { as: admin, body: unknown });
      assert.equal(answer.statusCode, 400);
      assert.match(errorOf(answer), /^default_authorized_networks .*net-9/);
    });

    test('user names and emails are one name space without case: 409', async () => {
      assert.equal((await create({ username: 'bob', password: 'long enough', email: 'bob@x.org' })).statusCode, 201);
      for (const [names, message] of [
        [{ username: 'BOB' }, 'username BOB is taken'],
        [{ username: 'bob2', email: 'Bob@X.org' }, 'email Bob@X.org is taken'],
        [{ username: 'bob@x.org' }, 'username bob@x.org is taken'],
      ] as const) {
        const answer = await create({ password: 'long enough', ...names });
        assert.equal(answer.statusCode, 409);
        assert.equal(errorOf(answer), message);
      }
      assert.equal((await put(alice.id, { email: 'BOB@x.org' })).statusCode, 409);
      assert.equal((await create({ username: 'bob2', password: 'long enough' })).statusCode, 201, 'nothing was left');
      const own = { username: 'own@x.org', email: 'Own@x.org', password: 'long enough' };
      assert.equal((await create(own)).statusCode, 201, 'the own name as the email');
      assert.equal((await at.login('OWN@X.ORG', 'long enough')).statusCode, 200);
    });

    test('two at once with one name: one is made', async () => {
      for (const body of [{ username: 'twin' }, { email: 'twin@x.org' }]) {
        const both = ['twin-a', 'twin-b'].map((username) => create({ username, password: 'long enough', ...body }));
        const codes = (await Promise.all(both)).map(({ statusCode }) => statusCode).sort();
        assert.deepEqual(codes, [201, 409]);
      }
    });

    test('where the database has to decide it, a taken name is 409 too', async () => {
      const write = at.store.transaction(async ({ db }: Tx<IdentityTables>) =>
        db.insertInto('user_names').values({ name: 'alice', user_id: alice.id }).execute(),
      );
      await assert.rejects(orTaken(write), { status: 409, message: 'the username or email is taken' });
    });

    test('GET /users, /users/:userId and /users/me', async () => {
      const list = await at.call('GET', '/users', { as: admin });
      assert.equal(list.statusCode, 200);
      const users = list.json() as { id: string; username: string }[];
      assert.equal(users[0]?.username, 'admin');
      for (const user of users) {
        assert.deepEqual(Object.keys(user), [
          'id',
          'username',
          'email',
          'name',
          'role',
          'authorized_networks',
          'created_at',
          'updated_at',
          'last_login_at',
        ]);
      }
      const one = await at.call('GET', `/users/${alice.id}`, { as: admin });
      assert.deepEqual(
        one.json(),
        users.find(({ id }) => id === alice.id),
      );
      const me = await at.call('GET', '/users/me', { as: alice.session });
      assert.deepEqual(me.json(), one.json());
      for (const [method, body] of [['GET'], ['PUT', {}], ['DELETE']] as const) {
        const answer = await at.call(method, '/users/no-such-user', { as: admin, body });
        assert.equal(answer.statusCode, 404);
        assert.equal(errorOf(answer), 'user not found');
      }
    });

    test('for administrators only: 403 for others, 401 without credentials', async () => {
      for (const [method, url, body] of [
        ['GET', '/users'],
        ['POST', '/users', { username: 'x', password: 'long enough' }],
        ['GET', `/users/${alice.id}`],
        ['PUT', `/users/${alice.id}`, { role: 'administrator' }],
        ['DELETE', `/users/${alice.id}`],
        ['GET', '/users/defaults'],
        ['PUT', '/users/defaults', { default_role: 'administrator' }],
      ] as const) {
        assert.equal((await at.call(method, url, { as: alice.session, body })).statusCode, 403, `${method} ${url}`);
        assert.equal((await at.call(method, url, { body })).statusCode, 401, `${method} ${url}`);
      }
      for (const [method, url, body] of [
        ['GET', '/users/me'],
        ['POST', '/users/me/password', { current_password: 'x', new_password: 'long enough' }],
        ['GET', '/users/me/tokens'],
        ['POST', '/users/me/tokens', { name: 'x' }],
        ['DELETE', '/users/me/tokens/x'],
      ] as const) {
        assert.equal((await at.call(method, url, { body })).statusCode, 401, `${method} ${url}`);
      }
    });

    test('PUT changes what is given and tells what that was', async () => {
      at.clock.ms += 1000;
      const body = { name: 'Alice', email: 'alice@x.org', role: 'user', authorized_networks: ['net-2'], id: 'ignored' };
      const answer = await put(alice.id, body);
      assert.equal(answer.statusCode, 200);
      const { id, name, email, authorized_networks, updated_at } = answer.json();
      assert.deepEqual([id, name, email, authorized_networks], [alice.id, 'Alice', 'alice@x.org', ['net-2']]);
      assert.equal(updated_at, new Date(at.clock.ms).toISOString());
      const told = await events('identity.user.updated');
      assert.deepEqual(told.at(-1)?.data.changed, ['name', 'authorized_networks', 'email']);
      at.clock.ms += 1000;
      assert.deepEqual((await put(alice.id, body)).json(), answer.json(), 'the same again is no change');
      assert.equal((await events('identity.user.updated')).length, told.length);
      assert.equal((await at.login('Alice@X.org', 'alice password')).statusCode, 200);
      await put(alice.id, { email: '' });
      assert.equal((await at.login('alice@x.org', 'alice password')).statusCode, 401);
    });

    test('role changes and deletes act at once', async () => {
      const made = (await create({ username: 'carol', password: 'long enough' })).json();
      const carol = await at.session('carol', 'long enough');
      assert.equal((await at.call('GET', '/users', { as: carol })).statusCode, 403);
      await put(made.id, { role: 'administrator' });
      assert.equal((await at.call('GET', '/users', { as: carol })).statusCode, 200);
      await put(made.id, { role: 'user' });
      assert.equal((await at.call('GET', '/users', { as: carol })).statusCode, 403);
      const gone = await at.call('DELETE', `/users/${made.id}`, { as: admin });
      assert.equal(gone.statusCode, 204);
      assert.equal(gone.body, '');
      assert.equal((await at.call('GET', '/users/me', { as: carol })).statusCode, 401);
      assert.equal((await at.login('carol', 'long enough')).statusCode, 401);
      assert.equal((await at.call('DELETE', `/users/${made.id}`, { as: admin })).statusCode, 404);
      assert.equal((await create({ username: 'carol', password: 'long enough' })).statusCode, 201, 'the name is free');
    });

    test('a new password ends the sessions but the own', async () => {
      const other = await at.session('alice', 'alice password');
      const mine = await at.session('alice', 'alice password');
      const change = (current_password: string, new_password = 'alice changed') =>
        at.call('POST', '/users/me/password', { as: mine, body: { current_password, new_password } });
      const wrong = await change('wrong');
      assert.equal(wrong.statusCode, 400);
      assert.match(errorOf(wrong), /^current_password/);
      assert.equal((await change('alice password', 'short')).statusCode, 400);
      const done = await change('alice password');
      assert.equal(done.statusCode, 204);
      assert.equal((await at.call('GET', '/users/me', { as: mine })).statusCode, 200);
      assert.equal((await at.call('GET', '/users/me', { as: other })).statusCode, 401);
      assert.equal((await at.login('alice', 'alice password')).statusCode, 401);
      assert.equal((await put(alice.id, { password: 'set by admin' })).statusCode, 200);
      assert.equal((await at.call('GET', '/users/me', { as: mine })).statusCode, 401);
      assert.deepEqual((await events('identity.user.updated')).at(-1)?.data.changed, ['password']);
      alice.session = await at.session('alice', 'set by admin');
      for (let i = 0; i < 5; i++) {
        const body = { current_password: 'guess', new_password: 'long enough' };
        await at.call('POST', '/users/me/password', { as: alice.session, body });
      }
      const body = { current_password: 'set by admin', new_password: 'long enough' };
      const slowed = await at.call('POST', '/users/me/password', { as: alice.session, body });
      assert.equal(slowed.statusCode, 429, 'guessing the current password is slowed like signing in');
      at.clock.ms += 15 * 60_000;
    });

    test('the last administrator stays', async () => {
      const users = (await at.call('GET', '/users', { as: admin })).json() as { id: string; role: string }[];
      const me = (await at.call('GET', '/users/me', { as: admin })).json().id as string;
      for (const { id, role } of users) {
        if (role === 'administrator' && id !== me) await put(id, { role: 'user' });
      }
      for (const answer of [await put(me, { role: 'user' }), await at.call('DELETE', `/users/${me}`, { as: admin })]) {
        assert.equal(answer.statusCode, 409);
        assert.match(errorOf(answer), /last administrator/);
      }
      await put(alice.id, { role: 'administrator' });
      const race = await Promise.all([put(me, { role: 'user' }), put(alice.id, { role: 'user' })]);
      const codes = race.map(({ statusCode }) => statusCode).sort();
      // 403 where the caller's own role was gone already when the second request was looked at.
      assert.ok(codes[0] === 200 && (codes[1] === 409 || codes[1] === 403), String(codes));
      await put(me, { role: 'administrator' }, await at.session('alice', 'set by admin'));
      assert.equal((await at.call('GET', '/users/me', { as: admin })).json().role, 'administrator');
    });

    test('a deleted network is taken out of lists and defaults', async () => {
      at.networks.add('net-3');
      await put(alice.id, { authorized_networks: ['net-1', 'net-3', 'net-2'] });
      const body = { default_authorized_networks: ['net-3'] };
      await at.call('PUT', '/users/defaults', { as: admin, body });
      await at.identity.forgetNetwork('net-3');
      const heard = (await at.heard()).slice(-2).map(({ type, data }) => [type, data.changed]);
      assert.deepEqual(heard, [
        ['identity.user.updated', ['authorized_networks']],
        ['identity.defaults.updated', ['default_authorized_networks']],
      ]);
      const after = (await at.call('GET', `/users/${alice.id}`, { as: admin })).json();
      assert.deepEqual(after.authorized_networks, ['net-1', 'net-2']);
      const defaults = (await at.call('GET', '/users/defaults', { as: admin })).json();
      assert.deepEqual(defaults.default_authorized_networks, []);
      const count = (await at.heard()).length;
      await at.identity.forgetNetwork('net-3');
      await at.identity.forgetNetwork('net');
      assert.equal((await at.heard()).length, count, 'again changes nothing');
    });

    test('ensureAdministrator leaves an account alone; resetPassword ends its sessions', async () => {
      assert.deepEqual(await at.identity.ensureAdministrator('another one'), { created: false });
      assert.equal((await at.login('admin', ADMIN_PASSWORD)).statusCode, 200);
      const session = await at.session();
      await assert.rejects(resetPassword(at.store, 'nobody', 'long enough'), /there is no user named nobody/);
      await assert.rejects(resetPassword(at.store, 'admin', 'short'), /8 to 1024/);
      await resetPassword(at.store, 'Admin', 'reset password');
      assert.equal((await at.call('GET', '/users/me', { as: session })).statusCode, 401);
      assert.equal((await at.login('admin', 'reset password')).statusCode, 200);
      assert.equal((await events('identity.password.reset')).length, 1);
    });
  });
}

test('without a password given, the first administrator gets one that is told once', async () => {
  const at = await startIdentity({ password: null });
  try {
    const { created, password = '' } = await at.identity.ensureAdministrator();
    assert.equal(created, true);
    assert.match(password, /^[\w-]{24}$/);
    assert.equal((await at.login('admin', password)).statusCode, 200);
    assert.deepEqual(await at.identity.ensureAdministrator(), { created: false });
  } finally {
    await at.close();
  }
});

test('the list of 1,000 users takes two queries', async () => {
  const at = await startIdentity();
  try {
    const as = await at.session();
    const rows = Array.from({ length: 999 }, (_, i) => ({
      id: `user-${i}`,
      username: `user-${i}`,
      email: '',
      name: '',
      role: 'user',
      authorized_networks: '["net-1","net-2"]',
      password_version: 1,
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
    }));
    await at.store.as<{ users: (typeof rows)[number] }>().insertInto('users').values(rows).execute();
    at.counter.queries = 0;
    const answer = await at.call('GET', '/users', { as });
    assert.equal(answer.json().length, 1000);
    assert.equal(at.counter.queries, 2, 'one for the caller, one for the list');
  } finally {
    await at.close();
  }
});
