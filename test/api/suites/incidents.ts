import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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
  makeUser,
  type Settings,
  telemetry,
  until,
  useAppliance,
} from '../support.ts';

const INCIDENT = {
  id: 'string',
  peer_id: 'string',
  peer_name: 'string',
  network_id: 'string',
  network_name: 'string',
  incident_type: 'string',
  detected_at: 'string',
  public_key: 'string',
  endpoints: 'strings',
  details: 'string',
  resolved: 'boolean',
  resolved_at: 'string?',
  resolved_by: 'string?',
} as const;

const CONFIG = {
  id: 'string',
  network_id: 'string',
  enabled: 'boolean',
  session_conflict_threshold_minutes: 'number',
  endpoint_change_threshold_minutes: 'number',
  max_endpoint_changes_per_day: 'number',
  port_change_threshold_minutes: 'number',
  max_port_changes_per_window: 'number',
  created_at: 'string',
  updated_at: 'string',
} as const;

const [HOME, AWAY] = ['203.0.113.5:51820', '198.51.100.1:51820'];

/** Security incidents: what raises them, what they do to a peer, and who may see and resolve them. */
export const incidents = (where: string, settings?: Settings) =>
  describe(`incidents (${where})`, () => {
    const a = useAppliance(settings);

    /** A network with a hub that is connected, a user's peer and another peer. */
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { cidr_v6: null });
      const owner = await makeUser(a.the, [network.id]);
      const hub = await makePeer(admin, network.id, { name: 'hub', is_jump: true, endpoint: '192.0.2.1' });
      const laptop = await makePeer(owner.client, network.id, { name: 'laptop' });
      const other = await makePeer(admin, network.id, { name: 'other' });
      const gate = await Device.start(a.the, await enroll(a.the, hub));
      const route = `/api/v1/networks/${network.id}`;
      /** The hub sees a peer at these endpoints, one after another. */
      const sees = (peer: Json, ...endpoints: string[]) => {
        for (const endpoint of endpoints) {
          const seen = { publicKey: peer.public_key, endpoint, handshakeAge: 1, rx: 0, tx: 0 };
          gate.line.send(telemetry([seen], { hostname: 'gate' }));
        }
      };
      const listed = async (query = ''): Promise<Json[]> =>
        (await admin.get(`${route}/security/incidents${query}`)).body;
      const raised = (count = 1): Promise<Json[]> =>
        until('the incident is there', async () => {
          const all = await listed();
          return all.length >= count ? all : undefined;
        });
      const session = async (peer: Json): Promise<Json> => (await admin.get(`${route}/peers/${peer.id}/session`)).body;
      const resolve = (incident: Json) => admin.post(`/api/v1/security/incidents/${incident.id}/resolve`);
      return { admin, network, owner, hub, laptop, other, gate, route, sees, listed, raised, session, resolve };
    };

    /** What the hub lets a peer open connections to, as its state says. */
    const reach = ({ state }: Device, peer: Json): { classes: number[]; others: number } => {
      const id = state?.peers.find((one) => one.publicKey === peer.public_key)?.class;
      const rights = state?.firewall?.classes ?? [];
      return {
        classes: rights.find((one) => one.id === id)?.allow ?? [],
        others: rights.filter(({ allow }) => id !== undefined && allow.includes(id)).length,
      };
    };

    const heartbeat = (hostname: string, uptime: number, endpoints: Json = null) => ({
      hostname,
      system_uptime: uptime,
      wireguard_uptime: uptime,
      peer_endpoints: endpoints,
    });

    /** Two agents with one token, that report in turns: each word is taken in before the next is said. */
    const takeTurns = async (session: () => Promise<Json>, lines: [Line, string, number][], round: number) => {
      for (const [line, hostname, uptime] of lines) {
        line.send(heartbeat(hostname, uptime + round));
        await until(
          'the report is in',
          async () => (await session()).current_session?.system_uptime === uptime + round,
        );
      }
    };

    test('two agents with one token raise session_conflict; the peer is in quarantine until it is resolved', async () => {
      const { laptop, network, gate, sees, raised, listed, session, resolve, owner } = await scene();
      sees(laptop, HOME);
      const before = reach(gate, laptop);
      assert.ok(before.classes.length > 0 && before.others > 0);
      const one = await connect(a.the.url, laptop.token);
      const two = await connect(a.the.url, laptop.token);
      const lines: [Line, string, number][] = [
        [one, 'laptop-alice', 86_400],
        [two, 'copy', 500],
      ];
      await takeTurns(() => session(laptop), lines, 1);
      assert.deepEqual((await session(laptop)).conflicting_sessions, []);
      assert.deepEqual(await listed(), []);
      await takeTurns(() => session(laptop), lines, 2);

      const [incident, ...more] = await raised();
      assert.deepEqual(more, []);
      assertShape(incident, INCIDENT);
      assertTimes(incident, 'detected_at');
      assert.deepEqual(
        { ...incident, id: '', detected_at: '' },
        {
          id: '',
          peer_id: laptop.id,
          peer_name: 'laptop',
          network_id: network.id,
          network_name: network.name,
          incident_type: 'session_conflict',
          detected_at: '',
          public_key: laptop.public_key,
          endpoints: [HOME],
          details: 'Multiple active agents detected for the same peer: copy, laptop-alice',
          resolved: false,
          resolved_at: null,
          resolved_by: null,
        },
      );
      const now = await session(laptop);
      assert.equal(now.suspicious_activity, true);
      assert.deepEqual(
        [now.current_session.hostname, ...now.conflicting_sessions.map((other: Json) => other.hostname)],
        ['copy', 'laptop-alice'],
      );
      assertShape(now.conflicting_sessions[0], {
        peer_id: 'string',
        hostname: 'string',
        system_uptime: 'number',
        wireguard_uptime: 'number',
        reported_endpoint: 'string',
        last_seen: 'string',
        first_seen: 'string',
        session_id: 'string',
      });

      await gate.takeUntil('the peer is blocked', () => reach(gate, laptop).classes.length === 0);
      assert.deepEqual(reach(gate, laptop), { classes: [], others: 0 });
      for (const line of [one, two]) line.close();
      const answer = await resolve(incident);
      assert.deepEqual([answer.status, answer.body], [200, { message: 'Incident resolved successfully' }]);
      await gate.takeUntil('the peer is free', () => reach(gate, laptop).classes.length > 0);
      assert.deepEqual(reach(gate, laptop), before);
      const after = await session(laptop);
      assert.deepEqual([after.suspicious_activity, after.conflicting_sessions], [false, []]);
      const [resolved] = await listed();
      assertTimes(resolved, 'resolved_at');
      assert.equal(resolved?.resolved, true);
      const me = (await a.the.admin.get('/api/v1/users/me')).body;
      assert.equal(resolved?.resolved_by, me.id);
      assert.deepEqual((await resolve(incident)).body, answer.body, 'again, it is resolved');
      assert.deepEqual(await listed(), [resolved]);
      assert.equal((await owner.client.get(`/api/v1/security/incidents/${incident.id}`)).status, 200);
      gate.line.close();
    });

    test('a hub that sees one key in two places by turns raises shared_config; a moving laptop does not', async () => {
      const { laptop, other, gate, sees, raised, listed, session, resolve } = await scene();
      sees(laptop, HOME, AWAY, HOME);
      // Two addresses of one host, whatever their order.
      sees(other, HOME, '[2001:db8::5]:51820', HOME, '[2001:db8::5]:51820', HOME);
      const changes = async (peer: Json) => (await session(peer)).recent_endpoint_changes.length;
      await until('the hub was heard', async () => (await changes(laptop)) === 2 && (await changes(other)) === 4);
      assert.deepEqual([(await session(laptop)).suspicious_activity, await listed()], [false, []]);
      sees(laptop, AWAY);
      const [incident, ...more] = await raised();
      assert.deepEqual(more, []);
      assert.deepEqual(
        [incident?.incident_type, incident?.peer_id, incident?.endpoints],
        ['shared_config', laptop.id, [AWAY, HOME]],
      );
      await gate.takeUntil('the peer is blocked', () => reach(gate, laptop).classes.length === 0);
      assert.ok(reach(gate, other).classes.length > 0, 'others are not');
      assert.equal((await session(laptop)).suspicious_activity, true);
      await resolve(incident);
      await gate.takeUntil('the peer is free', () => reach(gate, laptop).classes.length > 0);
      // What was seen before counts no more.
      sees(laptop, HOME);
      await until('the hub was heard', async () => (await changes(laptop)) === 4);
      assert.deepEqual([(await session(laptop)).suspicious_activity, await listed('?resolved=false')], [false, []]);
      gate.line.close();
    });

    test('an existing hub reports by heartbeats, and is told to keep the peer out', async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin);
      const hub = await makePeer(admin, network.id, { is_jump: true, endpoint: '192.0.2.1' });
      const laptop = await makePeer(admin, network.id, { name: 'laptop' });
      const line = await connect(a.the.url, hub.token);
      const told = async (admitted: boolean) => {
        while ((await line.next()).whitelist.includes(laptop.address) !== admitted);
      };
      await told(true);
      for (let port = 1; port <= 7; port++) {
        line.send(heartbeat('gate', port, { [laptop.public_key]: `203.0.113.5:${40_000 + port}` }));
      }
      const route = `/api/v1/networks/${network.id}/security/incidents`;
      const [incident] = await until('the incident is there', async () => {
        const { body } = await admin.get(route);
        return body.length > 0 ? body : undefined;
      });
      assert.deepEqual(
        [incident.incident_type, incident.details],
        ['suspicious_activity', 'Rapid endpoint changes detected: more than 5 port changes in 5 minutes'],
      );
      await told(false);
      await admin.post(`/api/v1/security/incidents/${incident.id}/resolve`);
      await told(true);
      line.close();
    });

    test('administrators see all, users those of peers that are or were theirs, where a network is open to them', async () => {
      const { admin, network, owner, laptop, other, gate, route, sees, raised, resolve } = await scene();
      const [stranger, shut] = [await makeUser(a.the, [network.id]), await makeUser(a.the)];
      sees(laptop, HOME, AWAY, HOME, AWAY);
      await raised();
      sees(other, HOME, AWAY, HOME, AWAY);
      const all = await raised(2);
      assert.deepEqual(
        all.map((one) => one.peer_name),
        ['other', 'laptop'],
        'newest first',
      );
      const [theirs, mine] = all as [Json, Json];
      const everywhere = (await admin.get('/api/v1/security/incidents?resolved=false')).body;
      for (const one of all) assert.ok(everywhere.some((entry: Json) => entry.id === one.id));
      for (const path of ['/api/v1/security/incidents', `${route}/security/incidents`]) {
        assert.deepEqual((await owner.client.get(path)).body, [mine]);
        assert.deepEqual((await stranger.client.get(path)).body, []);
      }
      const get = (client: Json, incident: Json) => client.get(`/api/v1/security/incidents/${incident.id}`);
      assert.deepEqual((await get(owner.client, mine)).body, mine);
      assert.deepEqual((await get(admin, theirs)).body, theirs);
      for (const [client, one] of [
        [owner.client, theirs],
        [stranger.client, mine],
        [shut.client, mine],
      ]) {
        assertError(await get(client, one), 403, /not yours/);
      }
      assertError(await get(admin, { id: 'none' }), 404, /incident not found/);
      assertError(await get(owner.client, { id: 'none' }), 404, /incident not found/);
      assert.deepEqual((await shut.client.get('/api/v1/security/incidents')).body, []);
      assertError(await shut.client.get(`${route}/security/incidents`), 403, /no access/);
      assertError(await admin.get('/api/v1/networks/none/security/incidents'), 404, /network not found/);
      assertError(await owner.client.post(`/api/v1/security/incidents/${mine.id}/resolve`), 403, /administrator/);
      assertError(await resolve({ id: 'none' }), 404, /incident not found/);

      // The peer's next owner sees what happened to it, and so does the one at the time.
      await admin.put(`${route}/peers/${laptop.id}`, { owner_id: stranger.id });
      for (const { client } of [owner, stranger]) assert.deepEqual((await get(client, mine)).body, mine);

      await resolve(theirs);
      const filtered = async (query: string) =>
        (await admin.get(`${route}/security/incidents${query}`)).body.map((one: Json) => one.id);
      assert.deepEqual(await filtered('?resolved=true'), [theirs.id]);
      assert.deepEqual(await filtered('?resolved=false'), [mine.id]);
      assert.deepEqual(await filtered(''), [theirs.id, mine.id]);
      assertError(await admin.get('/api/v1/security/incidents?resolved=perhaps'), 400, /resolved/);

      // On record when the peer, and then the network, is gone.
      await admin.delete(`${route}/peers/${laptop.id}`);
      assert.deepEqual((await get(admin, mine)).body, mine);
      await gate.takeUntil('the peer is gone', ({ peers }) =>
        peers.every(({ publicKey }) => publicKey !== laptop.public_key),
      );
      gate.line.close();
      await admin.delete(route);
      assert.deepEqual((await get(admin, mine)).body, mine);
      assert.equal((await resolve(mine)).status, 200);
      assert.equal((await get(admin, mine)).body.resolved, true);
    });

    test('the security config: its defaults, its limits, and what it switches off', async () => {
      const { admin, network, owner, laptop, gate, route, sees, listed, session } = await scene();
      const url = `${route}/security/config`;
      const first = await admin.get(url);
      assert.equal(first.status, 200);
      assertShape(first.body, CONFIG);
      assertTimes(first.body, 'created_at', 'updated_at');
      const defaults = {
        enabled: true,
        session_conflict_threshold_minutes: 5,
        endpoint_change_threshold_minutes: 5,
        max_endpoint_changes_per_day: 10,
        port_change_threshold_minutes: 5,
        max_port_changes_per_window: 5,
      };
      const { id, network_id, created_at, updated_at, ...values } = first.body;
      assert.deepEqual([network_id, values], [network.id, defaults]);
      assert.deepEqual((await admin.get(url)).body, first.body);

      for (const field of Object.keys(defaults).slice(1)) {
        for (const wrong of [0, -1, 1.5, '5', null, true, 2 ** 40]) {
          assertError(await admin.put(url, { [field]: wrong }), 400, new RegExp(field));
        }
        const most = field.startsWith('max_') ? 1000 : 100_000;
        for (const good of [1, most]) assert.equal((await admin.put(url, { [field]: good })).body[field], good);
        if (field.startsWith('max_')) assertError(await admin.put(url, { [field]: 1001 }), 400, new RegExp(field));
        await admin.put(url, { [field]: defaults[field as keyof typeof defaults] });
      }
      for (const wrong of ['yes', 1, null]) assertError(await admin.put(url, { enabled: wrong }), 400, /enabled/);
      for (const wrong of [[], 'x', null]) assertError(await admin.put(url, JSON.stringify(wrong)), 400);
      const same = await admin.put(url, {});
      assert.deepEqual({ ...same.body, updated_at }, first.body);

      assertError(await owner.client.get(url), 403, /administrator/);
      assertError(await owner.client.put(url, { enabled: false }), 403, /administrator/);
      assertError(await admin.get('/api/v1/networks/none/security/config'), 404, /network not found/);
      assertError(await admin.put('/api/v1/networks/none/security/config', {}), 404, /network not found/);

      const off = await admin.put(url, { enabled: false });
      assert.deepEqual([off.status, off.body.enabled, off.body.id, off.body.created_at], [200, false, id, created_at]);
      assert.deepEqual((await admin.get(url)).body, off.body);
      sees(laptop, HOME, AWAY, HOME, AWAY, HOME, AWAY);
      const changes = async () => (await session(laptop)).recent_endpoint_changes.length;
      await until('the hub was heard', async () => (await changes()) === 5);
      assert.deepEqual([(await session(laptop)).suspicious_activity, await listed()], [false, []]);
      gate.line.close();
    });
  });
