import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { Client } from '../harness.ts';
import { Browser, CALLBACK, SECRET, startIdp } from './idp.ts';
import { person, start, the, usual } from './oidc-support.ts';
import { assertError, assertShape, type Json, until } from './support.ts';

const pkce = () => {
  const verifier = randomBytes(32).toString('base64url');
  const code_challenge = createHash('sha256').update(verifier).digest('base64url');
  return { verifier, parameters: { code_challenge, code_challenge_method: 'S256' } };
};

describe('sign-in by OpenID Connect', () => {
  test('the whole way: PKCE, state and nonce; session, cookie and user', async (t) => {
    const a = await usual(t);
    const config = (await a.anonymous.get('/api/v1/auth/config')).body;
    assert.deepEqual(config, {
      enabled: true,
      issuer_url: the.idp.issuer,
      client_id: 'gatehouse',
      simple_auth: false,
      authorization_endpoint: `${the.idp.issuer}/auth`,
      scope: 'openid profile email',
    });
    assertError(await a.anonymous.post('/api/v1/auth/login', { username: 'admin', password: 'x' }), 400, /provider/);

    const browser = new Browser();
    const { started, body } = await a.begin(browser, person('alice', { name: 'Alice' }));
    assertShape(started, { authorization_url: 'string', state: 'string', expires_in: 'number' });
    const { searchParams: asked } = new URL(started.authorization_url);
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.match(asked.get('code_challenge') ?? '', /^[\w-]{43}$/);
    assert.match(asked.get('nonce') ?? '', /^[\w-]{43}$/);
    assert.match(asked.get('state') ?? '', /^[\w-]{43}$/);

    const answer = await a.trade(browser, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assertShape(answer.body, { session_hash: 'string', expires_in: 'number' });
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('wirety_session='));
    assert.match(cookie ?? '', /HttpOnly/);
    assert.match(cookie ?? '', /SameSite=Lax/);
    const byCookie = await browser.fetch(`${a.api}/users/me`);
    const user = await a.me(a.anonymous.as(`Session ${answer.body.session_hash}`));
    assert.deepEqual(await byCookie.json(), user);
    assert.match(user.id, /^oidc-[0-9a-f]{40}$/);
    assert.deepEqual([user.username, user.email, user.name], ['alice', 'alice@example.com', 'Alice']);
    assert.notEqual(user.last_login_at, null);

    person('alice', { name: 'Alice Smith', email: 'smith@example.com' });
    const again = await a.me(await a.session('alice'));
    assert.deepEqual([again.id, again.name, again.email], [user.id, 'Alice Smith', 'smith@example.com']);
    assert.ok(again.last_login_at > user.last_login_at);

    const log = a.logged.join('');
    for (const secret of [SECRET, body.code, body.state, answer.body.session_hash]) assert.ok(!log.includes(secret));
  });

  test('a browser that comes itself is sent to the provider', async (t) => {
    const a = await usual(t);
    const browser = new Browser();
    the.idp.who = person('alice');
    const address = `${a.api}/auth/start?redirect_uri=${encodeURIComponent(CALLBACK)}`;
    const answer = await browser.fetch(address, { headers: { accept: 'text/html,*/*' } });
    assert.equal(answer.status, 302);
    const cookie = answer.headers.getSetCookie().join();
    assert.match(cookie, /^gatehouse_signin=[\w-]{43};.*Path=\/api\/v1\/auth; HttpOnly; SameSite=Lax/);
    const back = await browser.signIn(answer.headers.get('location') ?? '');
    const body = { code: back.get('code'), redirect_uri: CALLBACK, state: back.get('state') };
    assert.equal((await a.trade(browser, body)).status, 200);
  });

  test('a state is good once, for its browser, for its redirect_uri, for ten minutes', async (t) => {
    const second = 'https://gatehouse.example/callback';
    const a = await start(t, { redirect_uris: [CALLBACK, second] });
    person('alice');
    const browser = new Browser();
    const { body } = await a.begin(browser, 'alice');
    const stranger = new Browser();
    assertError(await a.trade(stranger, body), 403, /another browser/);
    await a.begin(stranger, 'alice');
    assertError(await a.trade(stranger, body), 403, /another browser/);
    assert.equal((await a.trade(browser, body)).status, 200, 'what strangers try takes nothing from its owner');
    assertError(await a.trade(browser, body), 400, /unknown/);

    const other = (await a.begin(browser, 'alice')).body;
    assertError(await a.trade(browser, { ...other, redirect_uri: second }), 400, /redirect_uri/);
    assertError(await a.trade(browser, { ...other, state: 'invented' }), 400, /unknown/);
    assertError(await a.trade(browser, { ...other, state: '' }), 400, /unknown/);

    // Two tabs of one browser.
    const [one, two] = [await a.begin(browser, 'alice'), await a.begin(browser, 'alice')];
    assert.equal((await a.trade(browser, two.body)).status, 200);
    assert.equal((await a.trade(browser, one.body)).status, 200);

    const late = (await a.begin(browser, 'alice')).body;
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 601_000 });
    assertError(await a.trade(browser, late), 400, /unknown/);
    t.mock.timers.reset();
  });

  test('a code is good once', async (t) => {
    const a = await usual(t);
    const code = await a.own(person('alice'));
    const body = { code, redirect_uri: CALLBACK };
    assert.equal((await a.trade(new Browser(), body)).status, 200);
    assertError(await a.trade(new Browser(), body), 401, /refused the code/);
    assertError(await a.trade(new Browser(), { ...body, code: 'invented' }), 401, /refused the code/);
  });

  test("the document's two fields, for a client with a secret; checks that come along are made", async (t) => {
    const a = await usual(t);
    const redirect_uri = CALLBACK;
    const trade = (body: Record<string, unknown>) => a.trade(new Browser(), { redirect_uri, ...body });
    person('alice');
    assert.equal((await trade({ code: await a.own('alice') })).status, 200);
    assert.equal((await trade({ code: await a.own('alice', { nonce: 'abc', state: 'its-own' }) })).status, 200);
    assert.equal((await trade({ code: await a.own('alice', { nonce: 'abc' }), nonce: 'abc' })).status, 200);
    assertError(await trade({ code: await a.own('alice', { nonce: 'abc' }), nonce: 'abd' }), 401, /nonce/);
    assertError(await trade({ code: await a.own('alice'), nonce: 'abc' }), 401, /nonce/);
    const { verifier, parameters } = pkce();
    assert.equal((await trade({ code: await a.own('alice', parameters), code_verifier: verifier })).status, 200);
    assertError(await trade({ code: await a.own('alice', parameters), code_verifier: pkce().verifier }), 401);
    assertError(await trade({ code: await a.own('alice', parameters) }), 401, /refused the code/);
    assertError(await trade({ code: await a.own('alice'), code_verifier: 'short' }), 400, /code_verifier/);
    // What was begun at /auth/start can't be finished without its state: the provider asks for the verifier.
    const { body } = await a.begin(new Browser(), 'alice');
    assertError(await trade({ code: body.code }), 401, /refused the code/);
    assertError(await trade({}), 400, /code/);
    assertError(await a.trade(new Browser(), { code: 'x' }), 400, /redirect_uri/);
  });

  test('a client without a secret needs PKCE', async (t) => {
    const a = await start(t, { client_id: 'public', client_secret: undefined });
    person('alice');
    const browser = new Browser();
    assert.equal((await a.trade(browser, (await a.begin(browser, 'alice')).body)).status, 200);
    const { verifier, parameters } = pkce();
    const code = await a.own('alice', { ...parameters, nonce: 'abc' }, 'public');
    const body = { code, redirect_uri: CALLBACK };
    assertError(await a.trade(browser, body), 400, /code_verifier is required/);
    assertError(await a.trade(browser, { ...body, nonce: 'abc' }), 400, /code_verifier is required/);
    assert.equal((await a.trade(browser, { ...body, code_verifier: verifier })).status, 200);
  });

  test('an ID token that fails a check is 401', async (t) => {
    const a = await usual(t);
    person('alice');
    const now = Math.floor(Date.now() / 1000);
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const cases: Record<string, [(claims: Json) => Json, RegExp]> = {
      'another audience': [(claims) => ({ ...claims, aud: 'other' }), /aud/],
      'another party, of several audiences': [
        (claims) => ({ ...claims, aud: ['gatehouse', 'other'], azp: 'other' }),
        /azp/,
      ],
      'several audiences, and no party': [(claims) => ({ ...claims, aud: ['gatehouse', 'other'] }), /aud/],
      'another party': [(claims) => ({ ...claims, azp: 'other' }), /azp/],
      'another issuer': [(claims) => ({ ...claims, iss: 'https://elsewhere.example' }), /iss/],
      'another nonce': [(claims) => ({ ...claims, nonce: 'other' }), /nonce/],
      'no nonce': [({ nonce: _, ...claims }) => claims, /nonce/],
      'it is over': [(claims) => ({ ...claims, exp: now - 3600 }), /exp/],
      'no end': [({ exp: _, ...claims }) => claims, /exp/],
      'another key': [(claims) => the.idp.signed(claims, stranger), /signature/],
      'changed after signing': [
        (claims) => {
          const [header, , signature] = the.idp.signed(claims).split('.');
          const body = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url');
          return [header, body, signature].join('.');
        },
        /signature/,
      ],
      'no signature': [
        (claims) => {
          const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
          return `${part({ alg: 'none' })}.${part(claims)}.`;
        },
        /./,
      ],
      'no token': [() => 'x', /./],
    };
    for (const [what, [tamper, about]] of Object.entries(cases)) {
      the.idp.tamper = tamper;
      const answer = await a.signIn('alice');
      assertError(answer, 401, about);
      assert.match(answer.body.error, /sign in again/, what);
    }
    the.idp.tamper = () => undefined;
    assertError(await a.signIn('alice'), 401, /id_token/);
    assertError(await a.trade(new Browser(), { code: await a.own('alice'), redirect_uri: CALLBACK }), 502, /ID token/);
    the.idp.tamper = (claims) => ({ ...claims, aud: ['gatehouse'], azp: 'gatehouse' });
    assert.equal((await a.signIn('alice')).status, 200);
    // The documented two fields leave the nonce out, and nothing else.
    for (const what of ['another audience', 'another issuer', 'it is over', 'another key', 'another party']) {
      the.idp.tamper = cases[what]?.[0];
      const body = { code: await a.own('alice', { nonce: 'abc' }), redirect_uri: CALLBACK };
      assertError(await a.trade(new Browser(), body), 401, cases[what]?.[1]);
    }
  });

  test('redirect_uri: on the own origin, or in the list', async (t) => {
    const listed = await usual(t);
    const ours = await start(t, { redirect_uris: undefined });
    const answer = (a: { anonymous: Client }, uri: string) =>
      a.anonymous.get(`/api/v1/auth/start?redirect_uri=${encodeURIComponent(uri)}`);
    assertError(await listed.anonymous.get('/api/v1/auth/start'), 400, /redirect_uri/);
    assertError(await answer(listed, `${listed.url}/callback`), 400, /auth.redirect_uris/);
    assertError(await answer(listed, `${CALLBACK}/more`), 400, /auth.redirect_uris/);
    const { host } = new URL(ours.url);
    for (const good of [`${ours.url}/callback`, `https://${host}/callback`]) {
      assert.equal((await answer(ours, good)).status, 200, good);
    }
    for (const bad of [
      'https://elsewhere.example/callback',
      `http://127.0.0.1:1/callback`,
      `${ours.url}/callback?x=1`,
      `${ours.url}/callback#x`,
      ours.url,
      `javascript://${host}/%0aalert(1)`,
      `http://user@${host}/callback`,
      'callback',
      '',
    ]) {
      assertError(await answer(ours, bad), 400, /redirect_uri/);
      assertError(await ours.trade(new Browser(), { code: 'x', redirect_uri: bad }), 400, /redirect_uri/);
    }
    const proxied = { host: 'gatehouse.example' };
    const request = (uri: string) => ours.anonymous.get(`/api/v1/auth/start?redirect_uri=${uri}`, proxied);
    assertError(await request('http://gatehouse.example/callback'), 400, /must be https/);
  });

  test('another site can neither trade a code nor hide behind a cookie', async (t) => {
    const a = await usual(t);
    const { body } = await a.begin(new Browser(), person('alice'));
    const evil = { origin: 'https://elsewhere.example' };
    assertError(await a.trade(new Browser(), body, evil), 403, /another site/);
    assertError(await a.trade(new Browser(), body, { 'sec-fetch-site': 'cross-site' }), 403, /another site/);
  });

  test('a provider that is away is 502, and nothing more, until it is back', async (t) => {
    const mine = await startIdp();
    const a = await start(t, { issuer: mine.issuer });
    mine.people.set('alice', { name: 'Alice', email: 'alice@example.com' });
    the.idp.people.set('alice', {});
    const started = `/api/v1/auth/start?redirect_uri=${encodeURIComponent(CALLBACK)}`;
    const browser = new Browser();
    const { body } = await a.begin(browser, 'alice');
    await mine.close();
    assertError(await a.trade(browser, body), 502, /can't be used now/);

    const b = await start(t, { issuer: mine.issuer });
    assertError(await b.anonymous.get(started), 502, new RegExp(`${mine.issuer} can't be used now: .*ECONNREFUSED`));
    assertError(await b.trade(browser, { code: 'x', redirect_uri: CALLBACK }), 502, /can't be used now/);
    const config = await b.anonymous.get('/api/v1/auth/config');
    assert.deepEqual([config.status, config.body.enabled, config.body.authorization_endpoint], [200, true, '']);
    const back = await startIdp(Number(new URL(mine.issuer).port));
    t.after(() => back.close());
    back.people.set('alice', { name: 'Alice', email: 'alice@example.com' });
    await until('it is asked again', async () => (await b.anonymous.get(started)).status === 200);
    assert.equal((await b.signIn('alice')).status, 200);
    const asked = () => back.seen.filter((one) => one.startsWith('/.well-known')).length;
    assert.equal(asked(), 1, 'what it says of itself is kept');
  });

  test('a provider that is none, answers nonsense, or not at all', async (t) => {
    let answer: (path: string) => { status: number; body: string } | undefined = () => undefined;
    const server = createServer(({ url }, response) => {
      const given = answer(url ?? '');
      if (given) response.writeHead(given.status, { 'content-type': 'application/json' }).end(given.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const a = await start(t, { issuer });
    const started = () => a.anonymous.get(`/api/v1/auth/start?redirect_uri=${encodeURIComponent(CALLBACK)}`);
    assertError(await started(), 502, /no answer within 5 s/);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    for (const [status, body, about] of [
      [404, '{}', /./],
      [500, '{}', /./],
      [200, 'no JSON', /./],
      [200, '[]', /./],
      [200, JSON.stringify({ issuer: 'https://elsewhere.example' }), /issuer/],
      [200, JSON.stringify({ issuer }), /lack/],
    ] as const) {
      answer = () => ({ status, body });
      // A provider that has failed is asked again after two seconds.
      t.mock.timers.tick(2_001);
      assertError(await started(), 502, about);
    }
  });

  test('wrong credentials of the appliance are 502 that names the settings', async (t) => {
    const a = await start(t, { client_secret: 'wrong' });
    assertError(await a.signIn(person('alice')), 502, /auth\.client_secret/);
    const b = await start(t, { client_id: 'nobody' });
    assertError(await b.trade(new Browser(), { code: 'x', redirect_uri: CALLBACK }), 502, /auth\.client_id/);
  });

  test('settings from the environment', async (t) => {
    const a = await start(
      t,
      { issuer: 'https://elsewhere.example', client_id: 'x', client_secret: 'y' },
      {
        GATEHOUSE_AUTH_ISSUER: the.idp.issuer,
        GATEHOUSE_AUTH_CLIENT_ID: 'gatehouse',
        GATEHOUSE_AUTH_CLIENT_SECRET: SECRET,
      },
    );
    assert.equal((await a.signIn(person('alice'))).status, 200);
  });
});
