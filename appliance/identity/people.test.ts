import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { GateFull } from './index.ts';
import { generateNetworkPassword, networkPasswordFault } from './network-password.ts';
import type { IdentityTables } from './tables.ts';
import { BACKENDS, type Fixture, startIdentity } from './testing.ts';

for (const backend of BACKENDS) {
  describe(`people of the site API on ${backend.name}`, backend.needs(), () => {
    let at: Fixture;
    let server: Awaited<ReturnType<typeof backend.start>>;
    let admin: string;

    const create = async (username: string, rest: object = {}): Promise<string> => {
      const made = await at.call('POST', '/users', { as: admin, body: { username, password: 'long enough', ...rest } });
      assert.equal(made.statusCode, 201, made.body);
      return made.json().id;
    };
    const groups = (id: string, names: unknown, as = admin) =>
      at.call('PUT', `/v1/users/${id}/groups`, { as, body: { groups: names } });
    const password = (id: string, body: object = {}) =>
      at.call('PUT', `/v1/users/${id}/network-password`, { as: admin, body });
    const account = async (id: string) => (await at.identity.accounts([id]))[0];
    const told = async (id: string): Promise<unknown[]> =>
      (await at.heard())
        .filter(({ type, data }) => type === 'identity.user.updated' && data.userId === id)
        .map(({ data }) => data.changed);

    before(async () => {
      server = await backend.start();
      at = await startIdentity({ database: server.database });
      admin = await at.session();
    });
    after(async () => {
      await at.close();
      await server.stop();
    });

    test('groups are set as a whole, and are one however they are written', async () => {
      const [anna, berta] = [await create('anna'), await create('berta')];
      const set = await groups(anna, ['Staff', 'éclair', 'STAFF', '7th floor']);
      assert.equal(set.statusCode, 200, set.body);
      assert.deepEqual(set.json().groups, ['7th floor', 'Staff', 'éclair']);
      assert.deepEqual((await groups(berta, ['staff'])).json().groups, ['Staff'], 'spelled as it is known');
      assert.deepEqual((await groups(anna, ['staff', 'éclair', '7th floor'])).json().groups, set.json().groups);
      assert.deepEqual(await told(anna), [['groups']], 'the same again is no change');
      await groups(berta, []);
      assert.deepEqual((await groups(anna, ['staff'])).json().groups, ['staff'], 'nobody else has it');
      assert.deepEqual((await account(anna))?.groups, ['staff']);
      assert.equal((await groups('nobody', ['a'])).statusCode, 404);
    });

    test('a group name that cannot be is a 422 that names it', async () => {
      const id = await create('carla');
      for (const bad of ['', ' x', 'x ', 'a;b', 'a,b', 'a\tb', 'x'.repeat(65), 7]) {
        const answer = await groups(id, [bad]);
        assert.equal(answer.statusCode, 422, JSON.stringify(bad));
        assert.match(answer.json().detail, /^groups\.0 /);
      }
      const many = Array.from({ length: 65 }, (_, i) => `g${i}`);
      assert.equal((await groups(id, many)).statusCode, 422);
      assert.equal((await groups(id, many.slice(1))).statusCode, 200);
    });

    test('a deleted user leaves no groups', async () => {
      const id = await create('gone');
      await groups(id, ['Staff', 'Guests']);
      assert.equal((await at.call('DELETE', `/users/${id}`, { as: admin })).statusCode, 204);
      const rows = await at.store.as<IdentityTables>().selectFrom('user_groups').where('user_id', '=', id).selectAll();
      assert.deepEqual(await rows.execute(), []);
      assert.deepEqual(await at.identity.accounts([id]), []);
    });

    test('a network password is made up and shown once, or given, and never read back', async () => {
      const id = await create('dora', { email: 'Dora@example.org' });
      const made = await password(id);
      assert.equal(made.statusCode, 200);
      const shown = made.json().network_password;
      assert.match(shown, /^([a-z]{4}-){4}\d\d$/);
      assert.equal(made.headers['cache-control'], 'no-store');
      assert.deepEqual(await account(id), {
        id,
        username: 'dora',
        names: ['dora', 'dora@example.org'],
        groups: [],
        enabled: true,
        hasPassword: true,
        passwordVersion: 1,
        networkPassword: shown,
      });
      const given = await password(id, { password: 'u\u0308ber alles' });
      assert.equal(given.statusCode, 204);
      assert.equal(given.body, '');
      assert.equal((await account(id))?.networkPassword, '\u00fcber alles', 'in NFC');
      await password(id, { password: '\u00fcber alles' });
      const row = await at.store.as<IdentityTables>().selectFrom('users').selectAll().where('id', '=', id);
      assert.match((await row.executeTakeFirstOrThrow()).network_password ?? '', /^v1\./, 'sealed');
      const view = await at.call('GET', `/v1/users/${id}`, { as: admin });
      assert.equal(view.json().network_password_set, true);
      assert.doesNotMatch(view.body, /ber alles/);
      for (let i = 0; i < 2; i++) {
        const gone = await at.call('DELETE', `/v1/users/${id}/network-password`, { as: admin });
        assert.equal(gone.statusCode, 204);
      }
      assert.equal((await account(id))?.networkPassword, null);
      assert.deepEqual(await told(id), [['network_password'], ['network_password'], ['network_password']]);
      assert.doesNotMatch(JSON.stringify(await at.heard()), /ber alles/);
      assert.equal((await password('nobody')).statusCode, 404);
    });

    test('a network password that cannot be is a 422', async () => {
      const id = await create('emma');
      for (const bad of [
        '1234567',
        'x'.repeat(129),
        ' leading space',
        'trailing ',
        'with\u0007bell',
        'zero\u200bwidth',
      ]) {
        const answer = await password(id, { password: bad });
        assert.equal(answer.statusCode, 422, bad);
        assert.match(answer.json().detail, /^password (must|has)/);
      }
      assert.equal((await password(id, { password: 'x'.repeat(128) })).statusCode, 204);
    });

    test('the list: by user name, in pages, with filters', async () => {
      const list = (query: string) => at.call('GET', `/v1/users?${query}`, { as: admin });
      for (let i = 0; i < 5; i++) {
        const id = await create(`list-${i}`, { email: `l_${i}@list.example`, name: `Person 10${i}%` });
        await groups(id, [i % 2 === 0 ? 'Even' : 'Odd']);
      }
      const names: string[] = [];
      let next = '/v1/users?limit=2&q=LIST-';
      while (next) {
        const page = await at.call('GET', next, { as: admin });
        assert.equal(page.statusCode, 200, page.body);
        names.push(...page.json().map(({ username }: { username: string }) => username));
        next = /^<([^>]+)>/.exec(String(page.headers.link ?? ''))?.[1] ?? '';
      }
      assert.deepEqual(names, ['list-0', 'list-1', 'list-2', 'list-3', 'list-4']);
      const even = await list('group=EVEN');
      assert.deepEqual(
        even.json().map((one: { username: string; groups: string[] }) => [one.username, ...one.groups]),
        [0, 2, 4].map((i) => [`list-${i}`, 'Even']),
      );
      assert.equal((await list('q=l_3%40list')).json().length, 1);
      assert.equal((await list('q=104%25')).json().length, 1);
      assert.equal((await list('q=10_%25')).json().length, 0, '_ and % mean themselves');
      assert.equal((await list('cursor=x')).statusCode, 422);
      assert.deepEqual(Object.keys(even.json()[0]), [
        'id',
        'username',
        'email',
        'name',
        'role',
        'groups',
        'network_password_set',
        'created_at',
        'updated_at',
      ]);
    });

    test('administrators only', async () => {
      const id = await create('frida');
      const frida = await at.session('frida', 'long enough');
      for (const [method, url] of [
        ['GET', '/v1/users'],
        ['GET', `/v1/users/${id}`],
        ['PUT', `/v1/users/${id}/groups`],
        ['PUT', `/v1/users/${id}/network-password`],
        ['DELETE', `/v1/users/${id}/network-password`],
      ] as const) {
        const answer = await at.call(method, url, { as: frida });
        assert.equal(answer.statusCode, 403, url);
        assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
        assert.equal((await at.call(method, url)).statusCode, 401, url);
      }
    });

    test('accounts: all of them, with whatever groups, in batches', async () => {
      const all = await at.identity.accounts();
      const { count } = await at.store
        .as<IdentityTables>()
        .selectFrom('users')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      assert.equal(new Set(all.map(({ id }) => id)).size, Number(count));
      assert.deepEqual(all.find(({ username }) => username === 'list-3')?.groups, ['Odd']);
      const queries = async (ids: string[]): Promise<number> => {
        at.counter.queries = 0;
        await at.identity.accounts(ids);
        return at.counter.queries;
      };
      const ids = all.map(({ id }) => id);
      assert.equal(await queries(ids), await queries(ids.slice(0, 1)), 'as many queries for a batch as for one');
      assert.deepEqual(await at.identity.accounts([]), []);
      assert.deepEqual(await at.identity.accounts(['nobody']), []);
    });

    test('a network password whose key is lost counts as none', async () => {
      const id = await create('lost');
      const sealed = 'v1.00000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
      await at.store
        .as<IdentityTables>()
        .updateTable('users')
        .set({ network_password: sealed })
        .where('id', '=', id)
        .execute();
      assert.equal((await account(id))?.networkPassword, null);
    });

    test('account passwords are verified through the gate', async () => {
      const id = await create('gabi');
      const { verifyAccountPassword } = at.identity;
      assert.equal(await verifyAccountPassword(id, 'long enough'), true);
      assert.equal(await verifyAccountPassword(id, 'wrong'), false);
      assert.equal(await verifyAccountPassword('nobody', 'long enough'), false);
      const many = await Promise.allSettled(Array.from({ length: 400 }, () => verifyAccountPassword(id, 'x')));
      const refused = many.filter((one) => one.status === 'rejected');
      assert.ok(refused.length > 0 && refused.length <= 400 - 256);
      for (const one of refused) assert.ok(one.reason instanceof GateFull);
    });
  });
}

test('network passwords that are made up pass their own rules and differ', () => {
  const made = Array.from({ length: 1000 }, generateNetworkPassword);
  assert.equal(new Set(made).size, 1000);
  for (const password of made) {
    assert.match(password, /^([bdfgklmnprstvz][aeiou][bdfgklmnprstvz][aeiou]-){4}[2-9]{2}$/);
    assert.equal(networkPasswordFault(password), undefined);
  }
});

test('whatever a network password is, its rules give an answer; what they allow stays as it is in NFC', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const fault = networkPasswordFault(text);
      if (fault === undefined) assert.equal(networkPasswordFault(text.normalize('NFC')), undefined);
    }),
  );
});
