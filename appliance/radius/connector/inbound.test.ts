import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { challengeHash, challengeResponse, expandNtHash, hashNtHash, ntHash, ntResponse } from '../mschap/index.ts';
import type { Attempt, Verdict } from '../types.ts';
import { MAX_AT_ONCE } from './inbound.ts';
import { attemptOf, type Fixture, startConnectors } from './testing.ts';
import { FREE_FAILURES } from './throttle.ts';

const PASSWORDS = new Map([
  ['anna', 'anna secret'],
  ['DOM\\anna', 'anna secret'],
]);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What a site's own users would be. */
function authenticate({ login, credentials }: Attempt): Verdict | Promise<Verdict> {
  if (login === 'nobody-knows') return { outcome: 'none', reason: 'busy' };
  if (login === 'slow') return new Promise((resolve) => slow.push(() => resolve({ outcome: 'none', reason: 'slow' })));
  if (login === 'told') return { outcome: 'reject', reason: 'policy', message: 'Not after ten.' };
  const password = PASSWORDS.get(login);
  const right =
    password !== undefined &&
    (credentials.kind === 'pap'
      ? Buffer.from(credentials.password).toString() === password
      : credentials.kind === 'mschap' &&
        hex(challengeResponse(credentials.challenge, expandNtHash(ntHash(password)))) === hex(credentials.response));
  if (!right) return { outcome: 'reject', reason: 'wrong password' };
  return {
    outcome: 'accept',
    subject: {
      kind: 'user',
      id: 'user-anna',
      username: 'anna',
      userId: 'user-anna',
      groups: [],
      device: undefined,
      voucher: undefined,
    },
    attributes: [{ name: 'Filter-Id', value: 'anna', op: ':=' }],
    sessionTimeout: 3600,
  };
}
const slow: (() => void)[] = [];

describe('POST /connector/authenticate', () => {
  let at: Fixture;
  let token: string;
  let clientId: string;
  const ask = async (body: unknown, { as = token, from = '192.0.2.1', type = 'application/json' } = {}) => {
    const answer = await at.app.inject({
      method: 'POST',
      url: '/connector/authenticate',
      remoteAddress: from,
      headers: { 'content-type': type, ...(as && { authorization: `Bearer ${as}` }) },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };

  before(async () => {
    at = await startConnectors({
      inbound: {
        authenticate,
        ntHash: (login) => {
          const password = PASSWORDS.get(login);
          return password === undefined ? undefined : ntHash(password);
        },
      },
    });
    const made = await at.api('POST', '/connector-clients', { name: 'other server' });
    token = made.body.token;
    clientId = made.body.id;
  });
  after(() => at.close());

  const ACCEPT = {
    id: 'user-anna',
    valid_until: '2026/01/01 01:00:00 +0000',
    attributes: [{ name: 'Filter-Id', value: 'anna', op: ':=' }],
  };

  test('a password', async () => {
    const right = await ask({ login: 'anna', password: 'anna secret', auth_port: '11111', other: { a: 1 } });
    assert.deepEqual([right.status, right.body], [200, ACCEPT]);
    assert.equal(right.headers['cache-control'], 'no-store');
    const wrong = await ask({ login: 'anna', password: 'x' });
    assert.deepEqual([wrong.status, wrong.body], [422, { errors: ['Email/login or password incorrect.'] }]);
    const told = await ask({ login: 'told', password: 'x' });
    assert.deepEqual([told.status, told.body], [422, { errors: ['Not after ten.'] }]);
    const none = await ask({ login: 'nobody-knows', password: 'x' });
    assert.equal(none.status, 503, 'so that another is asked');
    assert.deepEqual(Object.keys(none.body), ['errors']);
  });

  test('MS-CHAP: 8 and 24 bytes, or the attributes whole; nt_key is the hash of the NT hash', async () => {
    const [auth, peer] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const hash = ntHash('anna secret');
    const response = ntResponse(auth, peer, 'anna', hash);
    const nt_key = hex(hashNtHash(hash));
    const short = { mschap_challenge: hex(challengeHash(peer, auth, 'anna')), mschap_response: hex(response) };
    assert.deepEqual((await ask({ login: 'anna', ...short })).body, { ...ACCEPT, nt_key });
    const attribute = Buffer.concat([Buffer.from([1, 0]), peer, Buffer.alloc(8), response]);
    const whole = { mschap_challenge: hex(auth).toUpperCase(), mschap_response: hex(attribute) };
    assert.deepEqual((await ask({ login: 'anna', ...whole })).body, { ...ACCEPT, nt_key });
    assert.equal((await ask({ login: 'DOM\\anna', ...whole })).body.nt_key, nt_key, 'hashed without the domain');
    const v1 = Buffer.concat([
      Buffer.from([1, 1]),
      Buffer.alloc(24),
      challengeResponse(auth.subarray(8), expandNtHash(hash)),
    ]);
    const first = { mschap_challenge: hex(auth.subarray(8)), mschap_response: hex(v1) };
    assert.equal((await ask({ login: 'anna', ...first })).body.nt_key, nt_key);
    const wrong = await ask({ login: 'anna', ...short, mschap_challenge: '0000000000000000' });
    assert.equal(wrong.status, 422);
    assert.equal(wrong.body.nt_key, undefined);
  });

  test('what cannot be asked is 422, 400, 413 or 415 in the same shape', async () => {
    for (const [body, status, message] of [
      [{ login: 'anna' }, 422, /^password, or mschap_challenge/],
      [{ login: 'anna', mschap_challenge: '00' }, 422, /belong together/],
      [{ login: 'anna', mschap_challenge: '99999999', mschap_response: '888888888888888888' }, 422, /of 8 bytes/],
      [{ login: 'anna', mschap_challenge: '0', mschap_response: '' }, 422, /^mschap_challenge must match/],
      [{ login: '', password: 'x' }, 422, /^login must NOT have fewer/],
      [{ login: 'x'.repeat(254), password: 'x' }, 422, /^login must NOT have more/],
      [{ login: 'x', password: 'x'.repeat(1025) }, 422, /^password must NOT have more/],
      [{ password: 'x' }, 422, /^login is required/],
      ['no json', 400, /not valid JSON/],
      [`{"login":"${'x'.repeat(20_000)}"}`, 413, /larger/],
    ] as const) {
      const answer = await ask(body);
      assert.equal(answer.status, status, JSON.stringify(body).slice(0, 80));
      assert.equal(answer.body.errors.length, 1);
      assert.match(answer.body.errors[0], message);
    }
    assert.equal((await ask('login=anna', { type: 'application/x-www-form-urlencoded' })).status, 415);
  });

  test('401 without a good token, and the address is slowed down; nobody else is', async () => {
    const from = '192.0.2.77';
    const body = { login: 'anna', password: 'anna secret' };
    for (let i = 0; i < FREE_FAILURES; i++) {
      const bad =
        ['', 'x', `${token}x`, token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')), 'wirety_00'][i] ?? '';
      const answer = await ask(body, { as: bad, from });
      assert.equal(answer.status, 401, bad);
      assert.deepEqual(Object.keys(answer.body), ['errors']);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
    const slowed = await ask(body, { from });
    assert.equal(slowed.status, 503, 'no answer, where 4xx is a reject');
    assert.equal(slowed.headers['retry-after'], '1');
    assert.equal((await ask(body)).status, 200, 'from elsewhere');
    at.clock.monotonic += 1000;
    assert.equal((await ask(body, { from })).status, 200);
  });

  test('a login that fails again and again is slowed down for who asks; others are not', async () => {
    const wrong = { login: 'Berta', password: 'x' };
    for (let i = 0; i < FREE_FAILURES; i++) assert.equal((await ask(wrong)).status, 422);
    const slowed = await ask({ ...wrong, login: 'BERTA' });
    assert.equal(slowed.status, 503);
    assert.ok(Number(slowed.headers['retry-after']) > 0);
    assert.match(slowed.body.errors[0], /too many failures/);
    assert.equal((await ask(wrong, { from: '192.0.2.9' })).status, 422);
    assert.equal((await ask({ login: 'anna', password: 'anna secret' })).status, 200);
  });

  test('only so many at once', async () => {
    const all = Array.from({ length: MAX_AT_ONCE }, () => ask({ login: 'slow', password: 'x' }));
    while (slow.length < MAX_AT_ONCE) await new Promise((resolve) => setTimeout(resolve, 1));
    const more = await ask({ login: 'anna', password: 'anna secret' });
    assert.deepEqual([more.status, more.body], [503, { errors: ['too many questions at once'] }]);
    for (const end of slow.splice(0)) end();
    for (const one of await Promise.all(all)) assert.equal(one.status, 503);
    assert.equal((await ask({ login: 'anna', password: 'anna secret' })).status, 200);
  });

  test('whatever is posted, the answer has the shape of the document', async () => {
    const field = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^([0-9a-f]{2}){8}$/), fc.anything());
    const body = fc.record(
      { login: field, password: field, mschap_challenge: field, mschap_response: field, auth_port: field },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(body, fc.ipV4(), async (value, from) => {
        const answer = await ask(JSON.stringify(value), { from });
        assert.ok([400, 422, 503].includes(answer.status), String(answer.status));
        assert.ok(Array.isArray(answer.body.errors));
      }),
      { numRuns: 200 },
    );
  });

  test('a connector of ours asks it', async () => {
    const url = `${await at.server.listen('127.0.0.1', 0)}/connector/authenticate`;
    const id = await at.connector({ url, token });
    const right = await at.connectors.authenticate([id], attemptOf('anna', 'anna secret'));
    assert.ok(right.outcome === 'accept');
    assert.equal(right.sessionTimeout, 3600);
    assert.deepEqual(right.attributes, ACCEPT.attributes);
    const authChallenge = Buffer.alloc(16, 7);
    const peerChallenge = Buffer.alloc(16, 8);
    const response = ntResponse(authChallenge, peerChallenge, 'anna', ntHash('anna secret'));
    const credentials = {
      kind: 'mschapv2',
      authChallenge,
      peerChallenge,
      response,
      userName: 'anna',
      ident: 1,
    } as const;
    const mschap = await at.connectors.authenticate([id], attemptOf('anna', credentials));
    assert.equal(mschap.outcome === 'accept' && mschap.mschapv2?.authenticatorResponse.length, 40);
    const wrong = await at.connectors.authenticate([id], attemptOf('anna', 'x'));
    assert.equal(wrong.outcome === 'reject' && wrong.message, 'Email/login or password incorrect.');
  });

  test('a deleted client is out at once', async () => {
    await at.api('DELETE', `/connector-clients/${clientId}`);
    assert.equal((await ask({ login: 'anna', password: 'anna secret' }, { from: '192.0.2.5' })).status, 401);
  });
});
