import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { type Offer, parseOffer } from '../../../apps/tray/core/index.ts';
import {
  anyKey,
  assertError,
  assertShape,
  assertTimes,
  connect,
  Device,
  enroll,
  type Json,
  makeNetwork,
  makePeer,
  refusal,
  type Settings,
  sha256,
  until,
  useAppliance,
} from '../support.ts';

const DAY = 24 * 3600 * 1000;

/** A way into the database beside the appliance: reads and edits rows as a backup or a thief would see them. */
export interface Rows {
  query(sql: string): Promise<Json[]>;
  close(): Promise<void>;
}
export type OpenRows = (a: { dataDir: string; config: { database: string | undefined } }) => Promise<Rows>;

/** Asks by another host than the one that it goes to: `fetch` can't. */
const asked = (url: string, host: string, authorization = ''): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    http.get(url, { headers: { host, authorization }, agent: false }, resolve).on('error', reject);
  });

export const enrollment = (where: string, openRows: OpenRows, settings?: Settings) =>
  describe(`enrollment (${where})`, () => {
    const a = useAppliance(settings);
    const withRows = async <T>(use: (rows: Rows) => Promise<T>): Promise<T> => {
      const rows = await openRows(a.the);
      return use(rows).finally(() => rows.close());
    };
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    const resolve = (token: string) => a.the.anonymous.get('/api/v1/agent/resolve', bearer(token));
    const register = (token: string, body: object) =>
      a.the.anonymous.post('/api/v1/agent/register', body, bearer(token));
    const scene = async () => {
      const network = await makeNetwork(a.the.admin);
      const hub = await makePeer(a.the.admin, network.id, { is_jump: true, endpoint: '192.0.2.1' });
      const peer = await makePeer(a.the.admin, network.id);
      const route = `/api/v1/networks/${network.id}/peers/${peer.id}`;
      const get = async () => (await a.the.admin.get(route)).body;
      const config = async (): Promise<string> => (await a.the.admin.get(`${route}/config`)).body.config;
      return { network, hub, peer, route, get, config };
    };

    test('resolve tells who the token is for, as often as it is asked', async () => {
      const { network, peer, config } = await scene();
      for (let i = 0; i < 2; i++) {
        const answer = await resolve(peer.token);
        assert.deepEqual([answer.status, answer.headers.get('cache-control')], [200, 'no-store']);
        assertShape(answer.body, { network_id: 'string', peer_id: 'string', peer_name: 'string', config: 'string' });
        const expected = { network_id: network.id, peer_id: peer.id, peer_name: peer.name, config: await config() };
        assert.deepEqual(answer.body, expected);
        assert.match(answer.body.config, /^PrivateKey = \S{44}$/m);
      }
      for (const token of ['x', `ghe_${'0'.repeat(64)}`, peer.token.toUpperCase(), `${peer.token}0`]) {
        assertError(await resolve(token), 404, /token/);
      }
      for (const authorization of ['Bearer', 'Bearer ', 'Basic eA==', `Bearer ${'x'.repeat(600)}`, peer.token]) {
        assertError(await a.the.anonymous.get('/api/v1/agent/resolve', { authorization }), 401);
      }
    });

    test('an invitation is a link that the tray app reads, and its QR code; spent with the token', async () => {
      const { peer, route } = await scene();
      const answer = await asked(`${a.the.url}${route}/invitation`, 'gate.example.org', a.the.admin.authorization);
      assert.deepEqual([answer.statusCode, answer.headers['cache-control']], [200, 'no-store']);
      const body = (await json(answer)) as Json;
      assertShape(body, { url: 'string', link: 'string', qr: 'string', pin: 'string?', expires: 'string' });
      assert.equal(body.url, 'http://gate.example.org');
      const { url, token } = parseOffer(body.link) as Offer;
      assert.deepEqual({ url, token }, { url: 'http://gate.example.org', token: peer.token });
      assert.match(body.qr, /^(<\?xml[^>]*>)?\s*<svg /);
      assertError(await a.the.admin.get(`${route}/invitation`), 409, /127\.0\.0\.1:\d+, .*set GATEHOUSE_PUBLIC_URL/);
      await enroll(a.the, peer);
      assertError(await a.the.admin.get(`${route}/invitation`), 409, /issue a new one/);
      assertError(await a.the.anonymous.get(`${route}/invitation`), 401);
    });

    test('register takes the key of the device, spends the token and gives the private key away to nobody', async () => {
      const { network, peer, get, config } = await scene();
      const made = /^PrivateKey = (\S+)$/m.exec(await config())?.[1] as string;
      const credential = `ghd_${'ab'.repeat(32)}${peer.id}`;
      const body = { public_key: anyKey(), credential_hash: sha256(credential) };
      const answer = await register(peer.token, body);
      assert.equal(answer.status, 200);
      const expected = { network_id: network.id, peer_id: peer.id, peer_name: peer.name };
      assert.deepEqual(answer.body, expected);

      const after = await get();
      assert.deepEqual([after.token, after.token_expires_at, after.public_key], ['', null, body.public_key]);
      assertTimes(after, 'enrolled_at');
      assert.doesNotMatch(await config(), /^PrivateKey/m);
      assert.ok(!(await config()).includes(made));
      assertError(await resolve(peer.token), 404);
      assert.equal((await refusal(a.the.url, peer.token)).status, 401);

      // A lost answer costs nothing; a copied token is worth nothing.
      assert.deepEqual((await register(peer.token, body)).body, expected);
      assertError(await register(peer.token, { ...body, public_key: anyKey() }), 404, /token/);
      assertError(await register(peer.token, { ...body, credential_hash: sha256('other') }), 404, /token/);
      assertError(await register(`ghe_${'1'.repeat(64)}`, body), 404);
      assert.deepEqual(await get(), after);

      const row = await withRows(async (rows) => (await rows.query(`SELECT * FROM peers WHERE id = '${peer.id}'`))[0]);
      assert.deepEqual([row.private_key, row.token, row.token_hash], [null, null, null]);
    });

    test('what is malformed is 400; a key that another peer has is 409', async () => {
      const { peer } = await scene();
      const good = { public_key: anyKey(), credential_hash: sha256('x') };
      for (const [change, about] of [
        [{ public_key: undefined }, /^public_key is required/],
        [{ public_key: 'x' }, /^public_key/],
        [{ public_key: `${'A'.repeat(42)}B=` }, /^public_key/],
        [{ public_key: `${good.public_key}\n` }, /^public_key/],
        [{ public_key: 1 }, /^public_key/],
        [{ credential_hash: sha256('x').toUpperCase() }, /^credential_hash/],
        [{ credential_hash: 'ab' }, /^credential_hash/],
        [{ credential_hash: undefined }, /^credential_hash is required/],
      ] as const) {
        assertError(await register(peer.token, { ...good, ...change }), 400, about);
      }
      const other = await enroll(a.the, (await scene()).peer);
      assertError(await register(peer.token, { ...good, public_key: other.publicKey }), 409, /key/);
      assertError(await register(peer.token, { ...good, credential_hash: sha256(other.credential) }), 409);
      assert.equal((await resolve(peer.token)).status, 200, 'a refused registration spends nothing');
    });

    test('of two devices that register one token at once, one wins', async () => {
      const { peer, get } = await scene();
      const bodies = Array.from({ length: 6 }, (_, i) => ({ public_key: anyKey(), credential_hash: sha256(`${i}`) }));
      const answers = await Promise.all(
        bodies.map((body, i) => register(peer.token, { ...body, credential_hash: sha256(`${peer.id}${i}`) })),
      );
      const winners = answers.flatMap(({ status }, i) => (status === 200 ? [bodies[i]?.public_key] : []));
      assert.deepEqual(winners, [(await get()).public_key]);
      assert.equal(answers.filter(({ status }) => status === 404).length, 5);
    });

    test('an unused token expires; one that a foreign agent uses does not', async () => {
      const unused = await scene();
      const used = await scene();
      const line = await connect(a.the.url, used.peer.token);
      await line.next();
      assert.equal((await used.get()).token, used.peer.token, 'a foreign agent goes on using it');
      const past = new Date(Date.now() - DAY).toISOString();
      await withRows((rows) => rows.query(`UPDATE peers SET token_expires_at = '${past}'`));
      const row = await unused.get();
      assert.deepEqual([row.token, row.token_expires_at], ['', null]);
      assertError(await resolve(unused.peer.token), 404, /expired/);
      assertError(await register(unused.peer.token, { public_key: anyKey(), credential_hash: sha256('e') }), 404);
      assert.equal((await refusal(a.the.url, unused.peer.token)).status, 401);
      assert.equal((await resolve(used.peer.token)).status, 200);
      line.close();
      const again = await connect(a.the.url, used.peer.token);
      await again.next();
      again.close();
      const fresh = await a.the.admin.post(`${unused.route}/token`);
      assert.equal((await resolve(fresh.body.token)).status, 200);
    });

    test('a new token cuts off the device: 4401, its credential void, its key changed', async () => {
      const { peer, route, get, hub } = await scene();
      const device = await enroll(a.the, peer);
      const online = await Device.start(a.the, device);
      const hubOnline = await Device.start(a.the, await enroll(a.the, hub));
      const answer = await a.the.admin.post(`${route}/token`);
      assert.equal(answer.status, 201);
      assert.deepEqual(answer.body, await get());
      assert.match(answer.body.token, /^ghe_/);
      assert.notEqual(answer.body.token, peer.token);
      assert.equal(answer.body.enrolled_at, null);
      assert.notEqual(answer.body.public_key, device.publicKey);
      assert.equal(await online.line.closed(), 4401);
      assert.equal((await refusal(a.the.url, device.credential, 'gatehouse.v1')).status, 401);
      assertError(await register(peer.token, { public_key: device.publicKey, credential_hash: sha256('x') }), 404);
      // The hub drops the old key: the device is out of the network, not only of the controller.
      await hubOnline.takeUntil('the hub has the new key', (state) => {
        const keys = state.peers.map(({ publicKey }) => publicKey);
        return keys.includes(answer.body.public_key) && !keys.includes(device.publicKey);
      });
      hubOnline.line.close();
      await enroll(a.the, answer.body);
    });

    test('a new token cuts off a foreign agent, which is never sent the new key', async () => {
      const { peer, network, route, config } = await scene();
      const line = await connect(a.the.url, peer.token);
      await line.next();
      // The other end is told of a change while the new token is committed and its news is still on the way.
      const [issued] = await Promise.all([
        a.the.admin.post(`${route}/token`),
        a.the.admin.put(`/api/v1/networks/${network.id}`, { dns: ['9.9.9.9'] }),
      ]);
      assert.equal(await line.closed(), 4401);
      const made = /^PrivateKey = (\S+)$/m.exec(await config())?.[1] as string;
      assert.ok(!JSON.stringify(line.heard).includes(made));
      assert.equal((await refusal(a.the.url, peer.token)).status, 401);
      assert.equal((await resolve(issued.body.token)).status, 200);
    });

    test('a foreign agent is told nothing once its token was replaced, before the news of that arrives', async () => {
      const { peer, network, config } = await scene();
      const line = await connect(a.the.url, peer.token);
      const before = await line.next();
      // As if a new token had just been committed: the row has changed, the event isn't delivered yet.
      await withRows((rows) => rows.query(`UPDATE peers SET token_hash = 'replaced' WHERE id = '${peer.id}'`));
      await a.the.admin.put(`/api/v1/networks/${network.id}`, { dns: ['9.9.9.9'] });
      assert.match(await config(), /^DNS = \S+, 9\.9\.9\.9/m); // the change was delivered
      await until('the connection had its turn', async () => {
        line.socket.ping();
        return new Promise((done) => line.socket.once('pong', () => done(true)));
      });
      assert.deepEqual(line.heard, [before]);
      line.close();
    });

    test('a peer that is deleted is cut off', async () => {
      for (const end of ['peer', 'network'] as const) {
        const { peer, network, route } = await scene();
        const device = await enroll(a.the, peer);
        const online = await Device.start(a.the, device);
        await a.the.admin.delete(end === 'peer' ? route : `/api/v1/networks/${network.id}`);
        assert.equal(await online.line.closed(), 4401);
        assert.equal((await refusal(a.the.url, device.credential, 'gatehouse.v1')).status, 401);
      }
    });

    test('no secret lies in the data folder or the database in clear', async () => {
      const { admin, dataDir } = a.the;
      const { peer, config } = await scene();
      const text = await config();
      const keys = [...text.matchAll(/^(?:PrivateKey|PresharedKey) = (\S+)$/gm)].map(([, key]) => key as string);
      assert.equal(keys.length, 2);
      const apiToken = (await admin.post('/api/v1/users/me/tokens', { name: 'ci' })).body.token;
      const login = await a.the.anonymous.post('/api/v1/auth/login', {
        username: 'admin',
        password: 'a-password-for-tests',
      });
      const device = await enroll(a.the, (await scene()).peer);
      const secrets = [
        peer.token,
        ...keys,
        apiToken,
        login.body.session_hash,
        device.credential,
        'a-password-for-tests',
      ];
      const raw = keys.map((key) => Buffer.from(key, 'base64'));
      const hex = secrets.map((secret) => /[0-9a-f]{64}$/.exec(secret)?.[0]).filter((one) => one !== undefined);
      const wanted = [...secrets, ...hex].map((secret) => Buffer.from(secret)).concat(raw);
      const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
      assert.ok(files.length >= 2);
      for (const file of files) {
        const bytes = readFileSync(path.join(file.parentPath, file.name));
        for (const secret of wanted) assert.ok(!bytes.includes(secret), `a secret lies in ${file.name}`);
      }
      await withRows(async (rows) => {
        for (const table of ['peers', 'networks', 'users', 'user_sessions', 'api_tokens', 'outbox', 'agent_sessions']) {
          const all = JSON.stringify(await rows.query(`SELECT * FROM ${table}`));
          for (const secret of [...secrets, ...hex]) assert.ok(!all.includes(secret), `a secret lies in ${table}`);
        }
      });
    });
  });
