import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { portalUrl } from '../../agent/controller/index.ts';
import { type Appliance, startAppliance } from '../../appliance/appliance.ts';
import { loadConfig } from '../../appliance/config/index.ts';
import { type Client, createClient, FREE_PORTS } from '../harness.ts';
import { Browser, CALLBACK, type Idp, SECRET, startIdp } from './idp.ts';
import {
  assertError,
  assertShape,
  assertTimes,
  connect,
  Device,
  enroll,
  type Json,
  type Line,
  makeNetwork,
  makePeer,
  type TestAppliance,
  telemetry,
  until,
  useAppliance,
} from './support.ts';

const TOKEN = '/api/v1/captive-portal/token';
/** The page as it is from outside: a redirect URI of the provider's. */
const PAGE = 'https://gatehouse.example/captive-portal';
const AUTHENTICATE = '/api/v1/captive-portal/authenticate';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('captive portal without OIDC', () => {
  const a = useAppliance();
  test('a network can not have it, and there are no tokens', async () => {
    const { admin, anonymous } = a.the;
    const network = await makeNetwork(admin, { captive_portal: false });
    const hub = await makePeer(admin, network.id, { is_jump: true });
    const route = `/api/v1/networks/${network.id}`;
    assertError(await admin.put(route, { captive_portal: true }), 400, /captive_portal needs OIDC/);
    assertError(
      await admin.post('/api/v1/networks', { name: 'x', cidr: '10.9.0.0/24', captive_portal: true }),
      400,
      /OIDC/,
    );
    assertError(await anonymous.post(TOKEN, { peer_ip: '10.0.0.5' }, bearer(hub.token)), 400, /OIDC/);
    assertError(await anonymous.post(TOKEN, { peer_ip: '10.0.0.5' }), 401);
    assertError(await anonymous.post(AUTHENTICATE, { captive_token: 'x' }), 401);
  });
});

describe('captive portal', () => {
  let idp: Idp;
  let appliance: Appliance;
  let the: TestAppliance;
  let admin: Client;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-portal-'));
  const browsers = new Map<string, { browser: Browser; client: Client; id: string }>();

  /** A person's browser, signed in at the provider; the first one is the administrator. */
  async function person(who: string) {
    const known = browsers.get(who);
    if (known) return known;
    idp.people.set(who, { name: who, preferred_username: who, email: `${who}@example.com` });
    idp.who = who;
    const browser = new Browser();
    const api = `${appliance.url}/api/v1`;
    const started = await browser.fetch(`${api}/auth/start?redirect_uri=${encodeURIComponent(CALLBACK)}`);
    const back = await browser.signIn(((await started.json()) as Json).authorization_url);
    const body = JSON.stringify({ code: back.get('code'), state: back.get('state'), redirect_uri: CALLBACK });
    const headers = { 'content-type': 'application/json' };
    const session = (await (
      await browser.fetch(`${api}/auth/token`, { method: 'POST', headers, body })
    ).json()) as Json;
    const client = createClient(appliance.url, `Session ${session.session_hash}`);
    const made = { browser, client, id: (await client.get('/api/v1/users/me')).body.id };
    browsers.set(who, made);
    return made;
  }
  async function authenticate(who: string, token: string, more: Record<string, string> = {}) {
    const { browser } = await person(who);
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...more } };
    const body = JSON.stringify({ captive_token: token });
    const answer = await browser.fetch(appliance.url + AUTHENTICATE, { ...init, body });
    return { status: answer.status, body: (await answer.json()) as Json };
  }
  const database = (sql: string, ...values: string[]): unknown[] => {
    const db = new DatabaseSync(path.join(dataDir, 'gatehouse.db'), { timeout: 5000 });
    const rows = db.prepare(sql).all(...values);
    db.close();
    return rows;
  };

  before(async () => {
    idp = await startIdp();
    const auth = { issuer: idp.issuer, client_id: 'gatehouse', client_secret: SECRET, redirect_uris: [CALLBACK, PAGE] };
    writeFileSync(path.join(dataDir, 'gatehouse.yaml'), JSON.stringify({ auth }));
    const config = loadConfig({ GATEHOUSE_DATA: dataDir, ...FREE_PORTS });
    appliance = await startAppliance(config, pino({ level: 'silent' }));
    admin = (await person('root')).client;
    the = { url: appliance.url, anonymous: createClient(appliance.url), admin } as TestAppliance;
  });
  after(async () => {
    await appliance.close();
    await idp.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** A network with the portal on, an existing agent's hub, a phone of `owner` and one who has an agent. */
  async function scene(owner = 'bob') {
    const network = await makeNetwork(admin, { captive_portal: true });
    assert.equal(network.captive_portal, true);
    const route = `/api/v1/networks/${network.id}`;
    const { id: ownerId } = await person(owner);
    const granted = await admin.put(`/api/v1/users/${ownerId}`, { authorized_networks: [network.id] });
    assert.equal(granted.status, 200);
    const hub = await makePeer(admin, network.id, { is_jump: true, endpoint: '192.0.2.1' });
    const phone = await makePeer(admin, network.id, { use_agent: false });
    await admin.put(`${route}/peers/${phone.id}`, { owner_id: ownerId });
    const laptop = await makePeer(admin, network.id);
    const line = await connect(appliance.url, hub.token);
    const captiveToken = async (): Promise<string> => {
      const answer = await the.anonymous.post(TOKEN, { peer_ip: phone.address }, bearer(hub.token));
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      return answer.body.captive_token;
    };
    let uptime = 0;
    /** The hub reports where the phone is; resolves once that is taken in. */
    const seen = async (endpoint: string): Promise<void> => {
      const report = { hostname: 'hub', system_uptime: ++uptime, wireguard_uptime: uptime };
      line.send({ ...report, peer_endpoints: { [phone.public_key]: endpoint } });
      await reported(route, hub, uptime);
    };
    return { network, route, ownerId, hub, phone, laptop, line, captiveToken, seen };
  }
  const reported = (route: string, hub: Json, uptime: number) =>
    until('a report is taken in', async () => {
      const { body } = await admin.get(`${route}/sessions`);
      return body.some((session: Json) => session.peer_id === hub.id && session.system_uptime === uptime);
    });
  const whitelist = async (line: Line, what: (list: string[]) => boolean): Promise<Json> => {
    for (;;) {
      const message = await line.next();
      if (what(message.whitelist)) return message;
    }
  };

  test('a jump peer gets tokens for peers without an agent of its own network', async () => {
    const { network, route, hub, phone, laptop, line } = await scene();
    const ask = (peer_ip: unknown, token = hub.token) => the.anonymous.post(TOKEN, { peer_ip }, bearer(token));
    const answer = await ask(phone.address);
    assert.equal(answer.status, 201);
    assertShape(answer.body, {
      captive_token: 'string',
      peer_ip: 'string',
      network_id: 'string',
      expires_at: 'string',
      portal_url: 'string',
    });
    assertTimes(answer.body, 'expires_at');
    assert.equal(answer.body.portal_url, `${PAGE}?token=${answer.body.captive_token}`);
    assert.deepEqual([answer.body.peer_ip, answer.body.network_id], [phone.address, network.id]);
    assertError(await ask('nonsense'), 400, /peer_ip/);
    assertError(await ask(undefined), 400, /peer_ip is required/);
    assertError(await ask('203.0.113.7'), 404);
    assertError(await ask(laptop.address), 409, /agent/);
    assertError(await ask(hub.address), 409, /jump peer/);
    assertError(await ask(phone.address, laptop.token), 403, /jump peer/);
    assertError(await ask(phone.address, 'ghe_nonsense'), 401);
    const other = await scene();
    assertError(await ask(phone.address, other.hub.token), 404);
    other.line.close();
    for (let i = 0; i < 20; i++) await ask(phone.address);
    assert.equal(database('select hash from portal_tokens where peer_id = ?', phone.id).length, 16);
    await admin.put(route, { captive_portal: false });
    assertError(await ask(phone.address), 409, /off/);
    line.close();
  });

  test('only the owner, in a browser of theirs, lets a peer in; once for each token', async () => {
    const { network, route, phone, line, captiveToken, ownerId } = await scene();
    const token = await captiveToken();
    const { client } = await person('bob');
    await person('eve');
    assertError(await client.post(AUTHENTICATE, { captive_token: token }), 401, /cookie/);
    assertError(await authenticate('eve', token), 403, /not yours/);
    assertError(await authenticate('root', token), 403, /not yours/);
    assertError(await authenticate('bob', token, { origin: 'https://evil.example' }), 403, /another site/);
    assertError(await authenticate('bob', 'ghc_nonsense'), 404);
    assertError(await authenticate('bob', ''), 400);
    await admin.put(`/api/v1/users/${ownerId}`, { authorized_networks: [] });
    assertError(await authenticate('bob', token), 403, /no access/);
    await admin.put(`/api/v1/users/${ownerId}`, { authorized_networks: [network.id] });
    const answer = await authenticate('bob', token);
    assert.deepEqual(answer, {
      status: 200,
      body: { peer_ip: phone.address, network_id: network.id, whitelisted: true },
    });
    assertError(await authenticate('bob', token), 410, /used/);
    const late = await captiveToken();
    database("update portal_tokens set expires_at = '2020-01-01T00:00:00.000Z' where used_at is null");
    assertError(await authenticate('bob', late), 410, /10 minutes/);
    await admin.put(`${route}/peers/${phone.id}`, { owner_id: '' });
    const third = await captiveToken();
    assertError(await authenticate('bob', third), 403);
    assert.equal((await authenticate('root', third)).status, 200);
    line.close();
  });

  test('until then it reaches nobody; from then on, from where it was', async () => {
    const { network, phone, laptop, line, seen, route } = await scene();
    const ours = await enroll(the, await makePeer(admin, network.id, { is_jump: true }));
    const device = await Device.start(the, ours);
    const rightsOf = (peer: Json): Json => {
      const { state } = device;
      const id = state?.peers.find(({ publicKey }) => publicKey === peer.public_key)?.class;
      return state?.firewall?.classes.find((one) => one.id === id);
    };
    const { id: held, ...rights } = rightsOf(phone);
    assert.deepEqual(rights, { allow: [], cidrs: [], captive: true });
    assert.ok(!rightsOf(laptop).allow.includes(held) && rightsOf(laptop).captive === undefined);
    const reach = async () =>
      (await admin.get(`${route}/peers/${phone.id}/reachability`)).body.peer_access.find(
        ({ peer_id }: Json) => peer_id === laptop.id,
      );
    assert.deepEqual([(await reach()).allowed, (await reach()).reason], [false, 'blocked']);
    const { whitelist: listed } = await whitelist(line, (list) => list.includes(laptop.address));
    assert.ok(!listed.includes(phone.address));

    // Our hub may ask with its device credential.
    const hub = { url: appliance.url, credential: ours.credential };
    const token = new URL(await portalUrl(hub, phone.address)).searchParams.get('token') as string;
    await assert.rejects(portalUrl(hub, laptop.address), /HTTP 409\): this peer has an agent/);
    let uptime = 0;
    const seenByOurs = async (endpoint: string): Promise<void> => {
      const peer = { publicKey: phone.public_key, endpoint, handshakeAge: 1, rx: 0, tx: 0 };
      device.line.send(telemetry([peer], { systemUptime: ++uptime }));
      await reported(route, ours.peer, uptime);
    };
    await seen('198.51.100.7:1000');
    await seenByOurs('[2001:db8::9]:1000');
    assert.equal((await authenticate('bob', token)).status, 200);
    const entry = `${phone.address}@198.51.100.7`;
    await whitelist(line, (list) => list.includes(entry));
    await device.takeUntil('the phone is let in', () => rightsOf(phone).captive === undefined);
    assert.ok(rightsOf(laptop).allow.includes(rightsOf(phone).id));
    assert.equal((await reach()).allowed, true);

    // Each hub has a view of its own, and a NAT may change the port.
    await seen('198.51.100.7:2000');
    await seenByOurs('[2001:db8::9]:2222');
    const state = `/captive-portal/api?token=${token}`;
    assert.equal((await the.anonymous.get(state)).body.captive, false);
    await seenByOurs('[2001:db8::a]:2222');
    await whitelist(line, (list) => !list.some((one) => one.startsWith(phone.address)));
    await device.takeUntil('the phone is held up', () => rightsOf(phone).captive === true);
    device.line.close();
    line.close();
  });

  test('it ends with the day, the owner, the right and the person', async () => {
    const { route, ownerId, phone, line, captiveToken } = await scene('dan');
    const isIn = () => whitelist(line, (list) => list.includes(phone.address));
    const isOut = () => whitelist(line, (list) => !list.includes(phone.address));
    const letIn = async (who = 'dan') => {
      const answer = await authenticate(who, await captiveToken());
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      await isIn();
    };
    await letIn();
    // Asked for again, it is renewed.
    assert.equal((await authenticate('dan', await captiveToken())).status, 200);
    database("update portal_whitelist set expires_at = '2020-01-01T00:00:00.000Z' where peer_id = ?", phone.id);
    await isOut();

    await letIn();
    const { id: other } = await person('eve');
    await admin.put(`${route}/peers/${phone.id}`, { owner_id: other });
    await isOut();
    await admin.put(`${route}/peers/${phone.id}`, { owner_id: ownerId });

    await letIn();
    await admin.put(`/api/v1/users/${ownerId}`, { authorized_networks: [] });
    await isOut();

    // An ownerless peer stays when the administrator who let it in is gone.
    await admin.put(`${route}/peers/${phone.id}`, { owner_id: '' });
    await admin.put(`/api/v1/users/${ownerId}`, { role: 'administrator' });
    await letIn();
    await admin.delete(`/api/v1/users/${ownerId}`);
    await isOut();
    assert.deepEqual(database('select * from portal_whitelist where peer_id = ?', phone.id), []);

    await letIn('root');
    await admin.delete(`${route}/peers/${phone.id}`);
    await isOut();
    assert.deepEqual(database('select * from portal_whitelist where peer_id = ?', phone.id), []);
    line.close();
  });

  test('with the portal off, everybody is in', async () => {
    const { route, phone, line } = await scene();
    await admin.put(route, { captive_portal: false });
    await whitelist(line, (list) => list.includes(phone.address));
    line.close();
  });

  test('the page and the state (RFC 8908)', async () => {
    const { captiveToken, line, phone } = await scene();
    const token = await captiveToken();
    const state = async (one = token) => the.anonymous.get(`/captive-portal/api?token=${one}`);
    const captive = await state();
    assert.match(captive.headers.get('content-type') ?? '', /^application\/captive\+json/);
    assert.equal(captive.headers.get('cache-control'), 'private, no-store');
    assert.deepEqual(captive.body, {
      captive: true,
      'user-portal-url': `${PAGE}?token=${token}`,
    });
    assertError(await state('nonsense'), 404);
    const page = await the.anonymous.get(`/captive-portal?token=${token}`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self';/);
    assert.doesNotMatch(page.headers.get('content-security-policy') ?? '', /unsafe/);
    assert.doesNotMatch(page.body, new RegExp(`${token}|<script>|style=|onclick`));
    for (const [file, type] of [
      ['portal.js', /^text\/javascript/],
      ['portal.css', /^text\/css/],
    ] as const) {
      assert.ok(page.body.includes(`/captive-portal/${file}`));
      const answer = await the.anonymous.get(`/captive-portal/${file}`);
      assert.match(answer.headers.get('content-type') ?? '', type);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    }
    assert.equal((await authenticate('bob', token)).status, 200);
    const free = (await state()).body;
    assert.equal(free.captive, false);
    assert.ok(free['seconds-remaining'] > 86_000 && free['seconds-remaining'] <= 86_400);
    database('delete from portal_whitelist where peer_id = ?', phone.id);
    assert.deepEqual((await state()).body, { captive: true });
    line.close();
  });
});
