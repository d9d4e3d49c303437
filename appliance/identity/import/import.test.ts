import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { IdentityTables } from '../tables.ts';
import { BACKENDS, type Fixture, startIdentity } from '../testing.ts';
import { COLUMNS, Faults, MAX_LISTED, MAX_ROWS, parseUsers } from './parse.ts';

const HEADER = COLUMNS.join(',');

for (const backend of BACKENDS) {
  describe(`import of users on ${backend.name}`, backend.needs(), () => {
    let at: Fixture;
    let server: Awaited<ReturnType<typeof backend.start>>;
    let admin: string;

    const send = (file: string | Buffer, { dry = false, header = HEADER, as = admin } = {}) =>
      at.call('POST', `/v1/users/import?dry_run=${dry}`, {
        as,
        headers: { 'content-type': 'text/csv' },
        body: typeof file === 'string' ? `${header}\n${file}` : file,
      });
    const accounts = async () => new Map((await at.identity.accounts()).map((one) => [one.username, one]));
    const users = () => at.store.as<IdentityTables>().selectFrom('users').selectAll().orderBy('username').execute();
    const errors = async (file: string | Buffer, options: { dry?: boolean; header?: string } = {}) => {
      const [before, heard] = [await users(), (await at.heard()).length];
      const answer = await send(file, options);
      assert.equal(answer.statusCode, 422, answer.body);
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
      assert.match(answer.json().detail, /^nothing was imported: /);
      assert.deepEqual(await users(), before, 'nothing is written');
      assert.equal((await at.heard()).length, heard, 'nothing is told');
      return answer.json();
    };

    before(async () => {
      server = await backend.start();
      at = await startIdentity({ database: server.database });
      admin = await at.session();
    });
    after(async () => {
      await at.close();
      await server.stop();
    });

    test('a preview says what would change and changes nothing; then it is done; then there is nothing to do', async () => {
      const file =
        'anna,anna@x.org,Anna A,anna s secret,Staff;Berlin\r\n' +
        '"berta",,"Berta ""B"", Dr.",,\r\n' +
        '\r\n' +
        'carl,,Carl,,staff; 7th floor ;\r\n';
      const expected = {
        created: 3,
        updated: 0,
        unchanged: 0,
        failed: 0,
        truncated: false,
        changes: [
          { line: 2, username: 'anna', action: 'create', changes: ['email', 'name', 'network_password', 'groups'] },
          { line: 3, username: 'berta', action: 'create', changes: ['name'] },
          { line: 5, username: 'carl', action: 'create', changes: ['name', 'groups'] },
        ],
        errors: [],
      };
      const preview = await send(file, { dry: true });
      assert.equal(preview.statusCode, 200, preview.body);
      assert.deepEqual(preview.json(), { dry_run: true, ...expected });
      assert.equal((await users()).length, 1);
      const done = await send(file);
      assert.deepEqual(done.json(), { dry_run: false, ...expected });
      const all = await accounts();
      const { id, ...anna } = all.get('anna')!;
      assert.deepEqual(anna, {
        username: 'anna',
        names: ['anna', 'anna@x.org'],
        groups: ['Berlin', 'Staff'],
        enabled: true,
        hasPassword: false,
        passwordVersion: 0,
        networkPassword: 'anna s secret',
      });
      assert.deepEqual(all.get('carl')?.groups, ['7th floor', 'Staff']);
      const row = (await users()).find(({ username }) => username === 'berta');
      assert.equal(row?.name, 'Berta "B", Dr.');
      assert.equal(row?.role, 'user');
      const told = (await at.heard()).filter(({ type }) => type === 'identity.user.created').slice(-3);
      assert.deepEqual(
        told.map(({ data }) => data.username),
        ['anna', 'berta', 'carl'],
      );
      assert.equal(told[0]?.data.userId, id);
      assert.equal((told[0]?.data.actor as { kind: string } | undefined)?.kind, 'user');
      const again = await send(file);
      assert.deepEqual(again.json(), { dry_run: false, ...expected, created: 0, unchanged: 3, changes: [] });
      assert.equal((await at.login('anna', 'anna s secret')).statusCode, 401, 'it is no account password');
    });

    test('who is there is brought to what the row says; an empty network password stays', async () => {
      const before = (await accounts()).get('anna')!;
      const answer = await send('ANNA,anna@y.org,,,Guests\nberta,,"Berta ""B"", Dr.",berta s secret,');
      assert.deepEqual(answer.json().changes, [
        { line: 2, username: 'ANNA', action: 'update', changes: ['email', 'name', 'groups'] },
        { line: 3, username: 'berta', action: 'update', changes: ['network_password'] },
      ]);
      const all = await accounts();
      assert.deepEqual(all.get('anna'), { ...before, names: ['anna', 'anna@y.org'], groups: ['Guests'] });
      assert.equal(all.get('berta')?.networkPassword, 'berta s secret');
      const told = (await at.heard()).filter(({ type }) => type === 'identity.user.updated').slice(-2);
      assert.deepEqual(
        told.map(({ data }) => data.changed),
        [['email', 'name', 'groups'], ['network_password']],
      );
      const account = (await users()).find(({ username }) => username === 'admin');
      await send('admin,admin@x.org,The Admin,,');
      const after = (await users()).find(({ username }) => username === 'admin');
      assert.equal(after?.role, 'administrator', 'role and account password stay');
      assert.equal(after?.password_hash, account?.password_hash);
      assert.equal((await at.login('admin@x.org', 'correct horse')).statusCode, 200);
    });

    test('columns in any order, with a byte order mark', async () => {
      const file = Buffer.from('\ufeffgroups,network_password,name,email,username\r\nG1,,Zoé,,zoe\r\n');
      const answer = await send(file);
      assert.equal(answer.json().created, 1, answer.body);
      assert.deepEqual((await accounts()).get('zoe')?.groups, ['G1']);
    });

    test('new users get the defaults', async () => {
      const defaults = { default_role: 'user', default_authorized_networks: ['net-1'] };
      await at.call('PUT', '/users/defaults', { as: admin, body: defaults });
      await send('dirk,,,,');
      const dirk = (await users()).find(({ username }) => username === 'dirk');
      assert.equal(dirk?.authorized_networks, '["net-1"]');
    });

    test('a header that is none', async () => {
      for (const [header, message] of [
        ['username,email,name,groups', /^the header lacks the columns network_password$/],
        ['username;email;name;network_password;groups', /lacks .*values are separated by commas/],
        [`${HEADER},phone`, /^the header has columns that aren't known: phone$/],
        [`${HEADER},name`, /^the header has columns twice: name$/],
      ] as const) {
        const { errors: list, failed } = await errors('a,,,,\n', { header });
        assert.equal(failed, 1);
        assert.equal(list[0].line, 1);
        assert.match(list[0].message, message);
      }
      assert.match((await errors(Buffer.from('\n\n'))).errors[0].message, /^the file is empty/);
    });

    test('all that is wrong is said, with line and column, in a preview too', async () => {
      const file = [
        'a b,,,,',
        ',,,,',
        'ok,nobody,,,',
        'fine,,x\u0000y,short,a/b',
        'few,,',
        'many,,,,,',
        'good,,,,',
        `long,,${'n'.repeat(129)},,${Array.from({ length: 65 }, (_, i) => `g${i}`).join(';')}`,
      ].join('\n');
      const expected = [
        [2, 'username', /letters A to Z/],
        [3, 'username', /is empty/],
        [4, 'email', /is not an email address/],
        [5, 'name', /control character/],
        [5, 'network_password', /8 to 128/],
        [5, 'groups', /; between groups/],
        [6, undefined, /3 values, not 5/],
        [7, undefined, /6 values, not 5/],
        [9, 'name', /more than 128/],
        [9, 'groups', /more than 64 groups/],
      ] as const;
      for (const dry of [true, false]) {
        const answer = await errors(file, { dry });
        assert.equal(answer.dry_run, dry);
        assert.equal(answer.failed, 7);
        assert.equal(answer.created, 1);
        assert.equal(answer.errors.length, expected.length);
        expected.forEach(([line, column, message], i) => {
          const error = answer.errors[i];
          assert.deepEqual([error.line, error.column], [line, column]);
          assert.match(error.message, message);
        });
      }
    });

    test('what is not CSV', async () => {
      for (const [file, line, message] of [
        ['a,,,,\n"b,,,,\n', 3, /does not end/],
        ['a,"x"y,,,', 2, /behind the closing quote/],
        ['a,x"y,,,', 2, /a quote inside a value/],
        [`a,${'x'.repeat(70_000)},,,`, 2, /longer than 64 KiB/],
      ] as const) {
        const { errors: list } = await errors(file);
        assert.equal(list[0].line, line);
        assert.match(list[0].message, message);
      }
      const latin = Buffer.from(`${HEADER}\na,,Zo\xe9,,\n`, 'latin1');
      assert.match((await errors(latin)).errors[0].message, /not UTF-8/);
    });

    test('names: one space over user names and emails, in the file and with what is there', async () => {
      await send('nina,nina@x.org,,,\nolga,olga@x.org,,,');
      const cases: [string, number, string][] = [
        ['p1,,,,\nq,,,,\nP1,,,,', 4, 'username P1 is in line 2 too'],
        ['p1,p@x.org,,,\np2,P@X.org,,,', 3, 'email P@X.org is in line 2 too'],
        ['p@x.org,,,,\np2,p@x.org,,,', 3, 'email p@x.org is as username in line 2 too'],
        ['p1,nina@x.org,,,', 2, 'email nina@x.org is taken by the user nina'],
        ['nina@x.org,,,,', 2, 'username nina@x.org is taken by the user nina'],
        ['olga,nina@x.org,,,', 2, 'email nina@x.org is taken by the user nina'],
      ];
      for (const [file, line, message] of cases) {
        const { errors: list } = await errors(file);
        assert.deepEqual([list[0].line, list[0].message], [line, message], file);
      }
      const own = await send('self@x.org,Self@x.org,,,');
      assert.equal(own.statusCode, 200, own.body);
    });

    test('two users may swap their emails, and a new one may take what another gives up', async () => {
      const answer = await send('nina,olga@x.org,,,\nolga,nina@x.org,,,');
      assert.equal(answer.statusCode, 200, answer.body);
      assert.equal(answer.json().updated, 2);
      assert.deepEqual((await accounts()).get('nina')?.names, ['nina', 'olga@x.org']);
      const given = await send('nina@x.org,,,,\nolga,,,,');
      assert.equal(given.statusCode, 200, given.body);
      assert.deepEqual((await accounts()).get('olga')?.names, ['olga']);
    });

    test('lists are bounded', async () => {
      const good = Array.from({ length: MAX_LISTED + 5 }, (_, i) => `bulk-${i},,,,Bulk`);
      const preview = (await send(good.join('\n'), { dry: true })).json();
      assert.deepEqual([preview.created, preview.changes.length, preview.truncated], [1005, MAX_LISTED, true]);
      const bad = Array.from({ length: MAX_LISTED + 5 }, (_, i) => `bulk ${i},,,,`);
      const refused = await errors(bad.join('\n'));
      assert.deepEqual([refused.failed, refused.errors.length, refused.truncated], [1005, MAX_LISTED, true]);
      const many = 'x,,,,\n'.repeat(MAX_ROWS + 1);
      assert.match((await errors(many)).errors[0].message, /more than 50000 rows/);
      const done = (await send(good.join('\n'))).json();
      assert.equal(done.created, 1005);
      const changed = (await send(good.join('\n').replaceAll('Bulk', 'More'))).json();
      assert.deepEqual([changed.updated, changed.changes[0].changes], [1005, ['groups']]);
      const members = [...(await accounts()).values()].filter(({ groups }) => groups.includes('More'));
      assert.equal(members.length, 1005);
    });

    test('who may, and what is taken', async () => {
      const body = `${HEADER}\nx,,,,`;
      const csv = { 'content-type': 'text/csv; charset=utf-8' };
      const post = (more: Parameters<Fixture['call']>[2]) => at.call('POST', '/v1/users/import?dry_run=true', more);
      assert.equal((await post({ body, headers: csv })).statusCode, 401);
      await at.call('POST', '/users', { as: admin, body: { username: 'ulf', password: 'long enough' } });
      const ulf = await at.session('ulf', 'long enough');
      assert.equal((await post({ as: ulf, body, headers: csv })).statusCode, 403);
      const cookie = { cookie: `wirety_session=${admin}`, 'sec-fetch-site': 'cross-site' };
      assert.equal((await post({ body, headers: { ...csv, ...cookie } })).statusCode, 403, 'another site');
      for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
        const answer = await post({ as: admin, body, headers: { 'content-type': type } });
        assert.equal(answer.statusCode, 415, type);
        assert.match(answer.json().detail, /text\/csv/);
      }
      assert.equal((await post({ as: admin })).statusCode, 415);
      const large = Buffer.alloc(16 * 1024 * 1024 + 1, 'x');
      const refused = await post({ as: admin, body: large, headers: csv });
      assert.equal(refused.statusCode, 413);
      assert.match(refused.json().detail, /larger than 16 MiB/);
      assert.equal((await post({ as: admin, body, headers: csv })).statusCode, 200);
    });
  });
}

test('whatever the bytes are, there are rows or faults', async () => {
  const piece = fc.constantFrom(
    'a',
    'é',
    ',',
    ';',
    '"',
    '\n',
    '\r',
    '\u0000',
    '\ufeff',
    ' ',
    HEADER,
    'a,,,,\n',
    '\ud800',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.boolean(), async (pieces, header) => {
      const faults = new Faults();
      const rows = await parseUsers(Buffer.from((header ? `${HEADER}\n` : '') + pieces.join('')), faults);
      for (const { username, line } of rows) assert.ok(username !== '' && !faults.has(line));
      if (!header && rows.length === 0) assert.ok(faults.lines > 0 || pieces.includes(HEADER));
    }),
    { numRuns: 300 },
  );
});
