import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADMIN_PASSWORD } from '../harness.ts';
import { person, start, the } from './oidc-support.ts';
import { assertError, makeNetwork } from './support.ts';

describe('users by OpenID Connect', () => {
  test('the first user becomes administrator, and no other', async (t) => {
    const a = await start(t);
    const first = await a.session(person('first'));
    const second = await a.session(person('second'));
    assert.deepEqual([(await a.me(first)).role, (await a.me(second)).role], ['administrator', 'user']);
    assert.equal((await a.me(await a.session('second'))).role, 'user');
    const { id } = await a.me(second);
    assert.equal((await first.put(`/api/v1/users/${id}`, { role: 'administrator' })).status, 200);
    assert.equal((await a.me(await a.session('second'))).role, 'administrator', 'the appliance keeps the role');
    const network = await makeNetwork(first);
    await first.put('/api/v1/users/defaults', { default_authorized_networks: [network.id] });
    assert.deepEqual((await a.me(await a.session(person('third')))).authorized_networks, [network.id]);
    assert.deepEqual((await a.me(second)).authorized_networks, []);
  });

  test('where there is an administrator, the first user is none', async (t) => {
    const a = await start(t, {}, { GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD });
    assert.equal((await a.me(await a.session(person('first')))).role, 'user');
  });

  test('admin_group: the role is what the groups say at each sign-in', async (t) => {
    const a = await start(t, { admin_group: 'ops' });
    const first = await a.session(person('first'));
    assert.equal((await a.me(first)).role, 'user', 'not even the first');
    const boss = await a.session(person('boss', { groups: ['staff', 'ops'] }));
    assert.equal((await a.me(boss)).role, 'administrator');
    person('boss', { groups: ['staff'] });
    assert.equal((await a.me(await a.session('boss'))).role, 'user');
    assert.equal((await a.me(boss)).role, 'user', 'in older sessions too');
    person('boss', { groups: 'ops' });
    assert.equal((await a.me(await a.session('boss'))).role, 'administrator');
    person('boss', { groups: { ops: true } });
    assert.equal((await a.me(await a.session('boss'))).role, 'user');
  });

  test('user_group: others get 403, and are signed out', async (t) => {
    const a = await start(t, { user_group: 'staff', admin_group: 'ops', groups_claim: 'realm.roles' });
    const roles = (...names: string[]) => ({ realm: { roles: names } });
    the.idp.tamper = (claims) => ({ ...claims, realm: the.idp.people.get(claims.sub)?.realm });
    person('in', roles('staff'));
    const member = await a.session('in');
    assert.equal((await a.me(member)).role, 'user');
    assert.equal((await a.me(await a.session(person('boss', roles('ops'))))).role, 'administrator');
    for (const outside of [{}, roles(), roles('Staff'), { realm: { roles: 5 } }, { groups: ['staff'] }]) {
      assertError(await a.signIn(person('out', outside)), 403, /staff/);
    }
    person('in', roles('guests'));
    assertError(await a.signIn('in'), 403, /staff/);
    assertError(await member.get('/api/v1/users/me'), 401);
  });

  test("nobody's account, email or name is taken over", async (t) => {
    const a = await start(t);
    const admin = await a.session(person('first'));
    const local = { username: 'bob', password: 'a-password-of-bob', email: 'Bob@Example.com' };
    const { body: bob } = await admin.post('/api/v1/users', local);
    const answer = await a.signIn(person('bob'));
    assertError(answer, 409, /bob@example\.com.*administrator/);
    // Not verified is nobody's address, and the name is another's: neither counts.
    const unsure = await a.me(await a.session(person('bob', { email_verified: false })));
    assert.deepEqual([unsure.email, unsure.username], ['', unsure.id]);
    assert.notEqual(unsure.id, bob.id);
    // Who has signed in before isn't shut out by an address that is another's.
    const later = await a.me(await a.session(person('bob')));
    assert.deepEqual([later.id, later.email], [unsure.id, '']);
    const names = { admin: 'Admin', mail: 'bob@example.com', space: 'a b' };
    for (const [who, preferred_username] of Object.entries(names)) {
      const user = await a.me(await a.session(person(who, { preferred_username })));
      assert.equal(user.username, `${who}@example.com`);
    }
    assert.equal((await admin.delete(`/api/v1/users/${bob.id}`)).status, 204);
    assert.equal((await a.me(await a.session('bob'))).email, 'bob@example.com');
    const bare = await a.me(await a.session(person('bare', { email: undefined, preferred_username: undefined })));
    assert.deepEqual([bare.email, bare.username], ['', bare.id]);
  });
});
