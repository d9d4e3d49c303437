import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLOSE, SUBPROTOCOL } from '@gatehouse/protocol';
import { pino } from 'pino';
import { startAppliance } from '../../appliance/appliance.ts';
import { TICKET_PREFIX } from '../../appliance/overlay/channel/tickets.ts';
import type { Client } from '../harness.ts';
import {
  assertError,
  assertShape,
  assertTimes,
  connect,
  enroll,
  type Json,
  makeNetwork,
  makePeer,
  makeUser,
  refusal,
  until,
  useAppliance,
} from './support.ts';

const refused = async (answer: Promise<{ status: number; body: string }>, status: number, about: RegExp) => {
  const { status: got, body } = await answer;
  assertError({ status: got, body: JSON.parse(body) }, status, about);
};

describe('following a configuration by WebSocket', () => {
  const a = useAppliance();
  const scene = async () => {
    const { admin, url } = a.the;
    const network = await makeNetwork(admin, { cidr_v6: null });
    const { client, id } = await makeUser(a.the, [network.id]);
    const peer = await makePeer(client, network.id, { name: 'laptop' });
    const watched = { network_id: network.id, peer_id: peer.id };
    const ticket = async (as: Client = client): Promise<string> => {
      const { status, body } = await as.post('/api/v1/ws/token', watched);
      assert.equal(status, 201, JSON.stringify(body));
      return body.token;
    };
    const address = `${url}/api/v1/ws/${network.id}/${peer.id}`;
    const route = `/api/v1/networks/${network.id}`;
    return { admin, url, network, client, id, peer, watched, ticket, address, route };
  };
  /** The header of a signed-in client. */
  const headersOf = async (client: Client): Promise<Record<string, string>> => {
    const { body } = await client.post('/api/v1/users/me/tokens', { name: 'watch' });
    return { authorization: `Bearer ${body.token}` };
  };

  test('a token opens one connection in the existing format, and is told every change', async () => {
    const { client, admin, url, peer, watched, route } = await scene();
    const { status, body, headers } = await client.post('/api/v1/ws/token', watched);
    assert.equal(status, 201);
    assertShape(body, { token: 'string', expires_at: 'string' });
    assertTimes(body, 'expires_at');
    assert.equal(headers.get('cache-control'), 'no-store');
    const line = await connect(`${url}/api/v1/ws?token=${body.token}`, {});
    const first = await line.next();
    assert.deepEqual([first.peer_id, first.peer_name, first.policy], [peer.id, 'laptop', null]);
    assert.equal(first.config, (await client.get(`${route}/peers/${peer.id}/config`)).body.config);
    assert.match(first.config, /^PrivateKey = /m);
    await admin.put(route, { dns: ['9.9.9.9'] });
    assert.deepEqual((await line.next()).dns.upstream_servers, ['9.9.9.9']);
    await refused(refusal(`${url}/api/v1/ws?token=${body.token}`, {}), 401, /unknown, used or over/);
    await refused(refusal(url, body.token), 401, /unknown, used or over/);
    line.close();
  });

  test('as Bearer too, once; not with our subprotocol', async () => {
    const { url, ticket, peer } = await scene();
    const token = await ticket();
    const line = await connect(url, token);
    assert.equal((await line.next()).peer_id, peer.id);
    await refused(refusal(url, token), 401, /unknown, used or over/);
    await refused(refusal(url, await ticket(), SUBPROTOCOL), 401, /without the subprotocol/);
    await refused(refusal(`${url}/api/v1/ws?token=`, {}), 401, /unknown, used or over/);
    await refused(refusal(`${url}/api/v1/ws?token=a&token=b`, {}), 401, /unknown, used or over/);
    await refused(refusal(`${url}/api/v1/ws?token=${TICKET_PREFIX}${'0'.repeat(64)}`, {}), 401, /unknown/);
    line.close();
  });

  test('an enrollment token is not taken from an address', async () => {
    const { url, peer } = await scene();
    await refused(refusal(`${url}/api/v1/ws?token=${peer.token}`, {}), 401, /unknown, used or over/);
  });

  test('a token is for those who may read the configuration', async () => {
    const { admin, network, watched } = await scene();
    const { anonymous } = a.the;
    const other = await makeUser(a.the, [network.id]);
    const outside = await makeUser(a.the);
    assertError(await anonymous.post('/api/v1/ws/token', watched), 401);
    assertError(await other.client.post('/api/v1/ws/token', watched), 403, /not yours/);
    assertError(await outside.client.post('/api/v1/ws/token', watched), 403, /no access/);
    assertError(await admin.post('/api/v1/ws/token', { ...watched, peer_id: 'none' }), 404, /peer/);
    assertError(await admin.post('/api/v1/ws/token', { ...watched, network_id: 'none' }), 404, /network/);
    assertError(await admin.post('/api/v1/ws/token', { network_id: network.id }), 400, /peer_id/);
    assertError(await admin.post('/api/v1/ws/token', { ...watched, peer_id: 5 }), 400, /peer_id/);
    assert.equal((await admin.post('/api/v1/ws/token', watched)).status, 201);
  });

  test('a token is worth no more than the right of whoever got it, when it is used', async () => {
    const { admin, url, id, ticket, client } = await scene();
    const [lost, ended] = [await ticket(), await ticket()];
    await admin.put(`/api/v1/users/${id}`, { authorized_networks: [] });
    await refused(refusal(url, lost), 403, /no access/);
    await client.post('/api/v1/auth/logout');
    await refused(refusal(url, ended), 401, /session/);
  });

  test('one person has at most 100 unused tokens', async () => {
    const { client, watched } = await scene();
    for (let i = 0; i < 100; i++) assert.equal((await client.post('/api/v1/ws/token', watched)).status, 201);
    const answer = await client.post('/api/v1/ws/token', watched);
    assertError(answer, 429, /unused/);
    assert.equal(answer.headers.get('retry-after'), '60');
  });

  test('by ids: refused before the upgrade with 401, 403, 404 and 426', async () => {
    const { admin, url, address, network, client, peer } = await scene();
    const other = await makeUser(a.the, [network.id]);
    await refused(refusal(address, {}), 401, /sign in/);
    await refused(refusal(address, { authorization: `Session ${'0'.repeat(64)}` }), 401, /session/);
    await refused(refusal(address, peer.token), 401, /sign in/);
    await refused(refusal(address, await headersOf(other.client)), 403, /not yours/);
    const mine = await headersOf(admin);
    await refused(refusal(`${url}/api/v1/ws/${network.id}/none`, mine), 404, /peer/);
    await refused(refusal(`${url}/api/v1/ws/none/${peer.id}`, mine), 404, /network/);
    assertError(await client.get(`/api/v1/ws/${network.id}/${peer.id}`), 426, /WebSocket/);
    const mixed = await makeNetwork(admin);
    await refused(refusal(`${url}/api/v1/ws/${mixed.id}/${peer.id}`, mine), 404, /peer/);
  });

  test('by ids: with a session, an API token, or the cookie from the same origin', async () => {
    const { url, address, client, id, peer, admin } = await scene();
    const { body: user } = await admin.get(`/api/v1/users/${id}`);
    const login = await a.the.anonymous.post('/api/v1/auth/login', {
      username: user.username,
      password: 'a-password-for-tests',
    });
    const cookie = `wirety_session=${login.body.session_hash}`;
    for (const headers of [
      { authorization: `Session ${login.body.session_hash}` },
      await headersOf(client),
      { cookie },
      { cookie, origin: url },
      { cookie, 'sec-fetch-site': 'same-origin', origin: url },
    ] as Record<string, string>[]) {
      const line = await connect(address, headers);
      assert.equal((await line.next()).peer_id, peer.id);
      line.close();
    }
    await refused(refusal(address, { cookie, origin: 'https://elsewhere.example' }), 403, /another site/);
    await refused(refusal(address, { cookie, 'sec-fetch-site': 'cross-site' }), 403, /another site/);
  });

  test('a watcher is not the device: no session, no takeover, nothing that it says counts', async () => {
    const { admin, address, client, peer, route, ticket, url } = await scene();
    const device = await connect(url, peer.token);
    await device.next();
    const line = await connect(address, await headersOf(client));
    const byTicket = await connect(url, await ticket());
    await Promise.all([line.next(), byTicket.next()]);
    for (const watcher of [line, byTicket]) {
      watcher.send({ hostname: 'watcher', system_uptime: 1, wireguard_uptime: 1 });
      watcher.send('x');
    }
    device.send({ hostname: 'device', system_uptime: 1, wireguard_uptime: 1 });
    // The watchers' messages were sent before: had they counted, they would be here by the time that this is.
    const sessions = async (): Promise<Json[]> => (await admin.get(`${route}/sessions`)).body;
    await until('the device has reported', async () => (await sessions()).length > 0);
    await admin.put(route, { dns: ['9.9.9.9'] });
    await Promise.all([line.next(), byTicket.next(), device.next()]);
    assert.deepEqual(
      (await sessions()).map(({ hostname }) => hostname),
      ['device'],
    );
    for (const each of [line, byTicket, device]) {
      assert.equal(each.code, undefined);
      each.close();
    }
  });

  test('a device of ours is not replaced by a watcher, and its key is in no configuration', async () => {
    const { address, client, peer } = await scene();
    const enrolled = await enroll(a.the, peer);
    const device = await connect(a.the.url, enrolled.credential, SUBPROTOCOL);
    const line = await connect(address, await headersOf(client));
    const { config } = await line.next();
    assert.doesNotMatch(config, /^PrivateKey/m);
    assert.equal(device.code, undefined);
    device.send({ type: 'hello', agentVersion: 'test' });
    assert.equal((await device.next()).type, 'state');
    assert.equal(line.code, undefined);
    line.close();
    device.close();
  });

  const endings: Record<string, (s: Awaited<ReturnType<typeof scene>>, mine: Client) => Promise<unknown>> = {
    'the user is deleted': ({ admin, id }) => admin.delete(`/api/v1/users/${id}`),
    'the network is taken from the user': ({ admin, id }) =>
      admin.put(`/api/v1/users/${id}`, { authorized_networks: [] }),
    'the peer changes its owner': async ({ admin, route, peer, network }) => {
      const other = await makeUser(a.the, [network.id]);
      return admin.put(`${route}/peers/${peer.id}`, { owner_id: other.id });
    },
    'the peer is deleted': ({ admin, route, peer }) => admin.delete(`${route}/peers/${peer.id}`),
    'the network is deleted': ({ admin, route }) => admin.delete(route),
    'the user signs out': (_, mine) => mine.post('/api/v1/auth/logout'),
    'the password is changed by an administrator': ({ admin, id }) =>
      admin.put(`/api/v1/users/${id}`, { password: 'another-password' }),
  };
  for (const [what, end] of Object.entries(endings)) {
    test(`the connection is closed when ${what}`, async () => {
      const s = await scene();
      const { body: user } = await s.admin.get(`/api/v1/users/${s.id}`);
      const mine = await a.the.login(user.username, 'a-password-for-tests');
      const login = await a.the.anonymous.post('/api/v1/auth/login', {
        username: user.username,
        password: 'a-password-for-tests',
      });
      const lines = [
        await connect(s.url, await s.ticket(mine)),
        // A session of its own, so that signing out ends one of them.
        await connect(s.address, { authorization: `Session ${login.body.session_hash}` }),
        // Whom it doesn't concern.
        await connect(s.address, await headersOf(s.admin)),
      ] as const;
      for (const line of lines) await line.next();
      await end(s, mine);
      assert.equal(await lines[0].closed(), CLOSE.revoked);
      if (what !== 'the user signs out') assert.equal(await lines[1].closed(), CLOSE.revoked);
      else assert.equal(lines[1].code, undefined);
      if (/deleted/.test(what) && !/user/.test(what)) assert.equal(await lines[2].closed(), CLOSE.revoked);
      for (const line of lines) line.close();
    });
  }

  test('the connection is closed when an administrator is none any more, and when an API token is deleted', async () => {
    const s = await scene();
    const second = await makeUser(a.the);
    await s.admin.put(`/api/v1/users/${second.id}`, { role: 'administrator' });
    const line = await connect(s.url, await s.ticket(second.client));
    await line.next();
    await s.admin.put(`/api/v1/users/${second.id}`, { role: 'user' });
    assert.equal(await line.closed(), CLOSE.revoked);

    const { body: made } = await s.client.post('/api/v1/users/me/tokens', { name: 'program' });
    const program = await connect(s.address, { authorization: `Bearer ${made.token}` });
    await program.next();
    await s.client.delete(`/api/v1/users/me/tokens/${made.id}`);
    assert.equal(await program.closed(), CLOSE.revoked);
  });

  test('one person follows at most 50 configurations at once', async () => {
    const s = await scene();
    const mine = await headersOf(s.client);
    const lines = await Promise.all(Array.from({ length: 50 }, () => connect(s.address, mine)));
    await refused(refusal(s.address, mine), 429, /50/);
    for (const line of lines) line.close();
  });

  test('a token in an address is in no log', async () => {
    const written: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void written.push(line) });
    const { config, dataDir } = a.the;
    const appliance = await startAppliance({ ...config, dataDir: `${dataDir}/logged` }, log);
    try {
      const token = `${TICKET_PREFIX}${'ab'.repeat(32)}`;
      assert.equal((await refusal(`${appliance.url}/api/v1/ws?token=${token}`, {})).status, 401);
      await fetch(`${appliance.url}/api/v1/ws?token=${token}`);
      await fetch(`${appliance.url}/api/v1/nothing?token=${token}`);
    } finally {
      await appliance.close();
    }
    const text = written.join('');
    assert.match(text, /"path":"\/api\/v1\/ws"/);
    assert.doesNotMatch(text, /abab/);
  });
});
