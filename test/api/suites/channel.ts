import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLOSE, SUBPROTOCOL } from '@gatehouse/protocol';
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
  SESSION_SHAPE,
  type Settings,
  sha256,
  telemetry,
  until,
  useAppliance,
} from '../support.ts';

/** `GET /ws` with the subprotocol gatehouse.v1. */
export const channel = (where: string, settings?: Settings) =>
  describe(`gatehouse.v1 (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { dns: ['9.9.9.9'] });
      const hub = await makePeer(admin, network.id, { name: 'hub', is_jump: true, endpoint: 'vpn.example' });
      const spoke = await makePeer(admin, network.id, { name: 'spoke' });
      const change = (body: object) => admin.put(`/api/v1/networks/${network.id}`, body);
      return { admin, network, hub, spoke, change, enrolled: await enroll(a.the, spoke) };
    };
    const url = () => a.the.url;

    test('hello brings the whole state; the peers as the other side knows them', async () => {
      const { network, hub, spoke, enrolled } = await scene();
      const device = await Device.start(a.the, enrolled);
      assert.equal(device.answer, 'state');
      assert.equal(device.position?.seq, 1);
      const { state } = device;
      assert.deepEqual(state?.peer, {
        id: spoke.id,
        name: 'spoke',
        networkId: network.id,
        networkName: network.name,
        role: 'spoke',
      });
      assert.deepEqual(state?.interface, {
        publicKey: enrolled.publicKey,
        addresses: [`${spoke.address}/32`],
        mtu: 1420,
      });
      assert.deepEqual(state?.routes, [network.cidr]);
      assert.deepEqual(state?.dns, { servers: [hub.address, '9.9.9.9'], search: ['internal'] });
      const [link, ...rest] = state?.peers ?? [];
      assert.deepEqual(rest, []);
      assert.match(link?.presharedKey ?? '', /^\S{44}$/);
      assert.deepEqual(
        { ...link, presharedKey: '' },
        {
          publicKey: hub.public_key,
          name: 'hub',
          hub: true,
          presharedKey: '',
          endpoint: 'vpn.example:51820',
          allowedIps: [network.cidr],
          keepalive: 25,
        },
      );
      assert.doesNotMatch(JSON.stringify(device.line.heard), /private/i);
      device.line.close();
    });

    test('changes arrive as numbered deltas, and lead to the state that a new device gets', async () => {
      const { admin, network, hub, enrolled, change } = await scene();
      const device = await Device.start(a.the, enrolled);
      const hubDevice = await Device.start(a.the, await enroll(a.the, hub));
      await device.takeUntil('the hub brought its key', ({ peers }) => peers[0]?.publicKey !== hub.public_key);
      await change({ dns: ['1.1.1.1', '8.8.8.8'], domain_suffix: 'corp' });
      await change({ mtu: 1400 });
      const third = await makePeer(admin, network.id, { name: 'third' });
      const hubRoute = `/api/v1/networks/${network.id}/peers/${hub.id}`;
      await admin.put(hubRoute, { additional_allowed_ips: ['192.168.44.0/24'], name: 'gate' });
      await device.takeUntil('everything arrived', ({ peers }) => peers[0]?.name === 'gate');
      const { state } = device;
      assert.deepEqual([state?.interface.mtu, state?.dns.servers], [1400, [hub.address, '1.1.1.1', '8.8.8.8']]);
      assert.deepEqual(state?.routes, [network.cidr, '192.168.44.0/24']);
      await hubDevice.takeUntil('the hub has three', ({ peers }) => peers.length === 2);
      await admin.delete(`/api/v1/networks/${network.id}/peers/${third.id}`);
      await hubDevice.takeUntil('one was removed', ({ peers }) => peers.length === 1);
      for (const [online, credential] of [[device, enrolled.credential] as const]) {
        const again = await (await Device.connect(url(), credential)).hello();
        assert.deepEqual(again.state, online.state);
        again.line.close();
      }
      hubDevice.line.close();
    });

    test('resume: nothing missed, some missed, unknown epoch, a number from the future', async () => {
      const { enrolled, change } = await scene();
      const first = await Device.start(a.the, enrolled);
      await change({ mtu: 1300 });
      await first.take();
      const { position, state } = first;
      assert.ok(position && state);
      first.line.close();
      const resume = async (from: { epoch: string; seq: number }) => {
        const device = await Device.connect(url(), enrolled.credential);
        return device.hello(from, state);
      };
      const same = await resume(position);
      assert.deepEqual([same.answer, same.position, same.line.unread], ['resumed', position, 0]);
      same.line.close();
      await change({ mtu: 1301 });
      await change({ dns: ['8.8.4.4'] });
      const missed = await resume(position);
      assert.equal(missed.answer, 'resumed');
      await missed.takeUntil('all that was missed', ({ dns }) => dns.servers.includes('8.8.4.4'));
      assert.equal(missed.state?.interface.mtu, 1301);
      const now = missed.position as { epoch: string; seq: number };
      missed.line.close();
      for (const from of [
        { ...now, epoch: 'unknown' },
        { ...now, seq: now.seq + 1 },
        { ...now, seq: 2 ** 40 },
      ]) {
        const device = await resume(from);
        assert.equal(device.answer, 'state');
        assert.deepEqual(device.state, missed.state);
        assert.deepEqual(device.position, now, 'one number is one state');
        device.line.close();
      }
    });

    test('a hello without resume on a connection that is up brings the whole state again', async () => {
      const { enrolled, change } = await scene();
      const device = await Device.start(a.the, enrolled);
      await change({ mtu: 1290 });
      await device.take();
      const { state, position } = device;
      await device.hello();
      assert.deepEqual([device.answer, device.state, device.position], ['state', state, position]);
      device.line.close();
    });

    test('never two states for one number, whatever comes and goes meanwhile', async () => {
      const { enrolled, change, network, admin } = await scene();
      const told = new Map<string, string>();
      let stop = false;
      const changing = (async () => {
        for (let mtu = 1300; !stop; mtu = 1300 + ((mtu + 1) % 100)) {
          await change({ mtu });
          await admin.put(`/api/v1/networks/${network.id}`, { dns: [`9.9.9.${mtu % 250}`] });
        }
      })();
      let last: { epoch: string; seq: number } | undefined;
      let state: Json;
      for (let round = 0; round < 25; round++) {
        const device = await Device.connect(url(), enrolled.credential);
        await device.hello(round % 3 === 0 ? undefined : last, state);
        for (let i = 0; i < 3; i++) {
          const key = JSON.stringify(device.position);
          const text = JSON.stringify(device.state);
          // A `resumed` brings no state: what the device kept must be what was told under that number.
          assert.equal(told.get(key) ?? text, text, key);
          told.set(key, text);
          await device.take();
        }
        last = device.position;
        state = device.state;
        device.line.close();
      }
      stop = true;
      await changing;
      assert.ok(told.size > 50);
    });

    test('a second connection takes over (4409), and hears every change though the first lingers', async () => {
      const { enrolled, change } = await scene();
      const first = await Device.start(a.the, enrolled);
      // The first is on a network that is gone: it doesn't answer the close, so its end is still open on our side.
      first.line.socket.pause();
      const second = await Device.start(a.the, enrolled);
      await change({ mtu: 1310 });
      await second.takeUntil('the change arrived', (state) => state.interface.mtu === 1310);
      first.line.socket.resume();
      assert.equal(await first.line.closed(), CLOSE.replaced);
      await change({ mtu: 1311 });
      await second.takeUntil('the next one too', (state) => state.interface.mtu === 1311);
      assert.equal(second.line.code, undefined);
      second.line.close();
    });

    test('a hello that was replaced while it was answered takes nothing from the one that took over', async () => {
      const { enrolled, change } = await scene();
      for (let round = 0; round < 10; round++) {
        const lines = await Promise.all([
          Device.connect(url(), enrolled.credential),
          Device.connect(url(), enrolled.credential),
        ]);
        const hellos = lines.map((device) => device.hello().catch(() => undefined));
        await change({ mtu: 1400 + round });
        await Promise.all(hellos);
        const alive = lines.find((device) => device.line.code === undefined && device.state);
        await alive?.takeUntil('the change arrived', (state) => state.interface.mtu === 1400 + round);
        for (const device of lines) device.line.close();
      }
    });

    test('a message that breaks the protocol is 4400', async () => {
      const { enrolled } = await scene();
      for (const bad of [
        'x',
        '',
        '[]',
        'null',
        '{"type":"hello"}',
        '{"type":"nope"}',
        { type: 'hello', agentVersion: 'x'.repeat(65) },
        { type: 'hello', agentVersion: 'x', resume: { epoch: '', seq: 1 } },
        { type: 'hello', agentVersion: 'x', resume: { epoch: 'e', seq: 0 } },
        { type: 'ack', epoch: 'e', seq: 1.5 },
        telemetry([{ publicKey: 'x', endpoint: null, handshakeAge: null, rx: 0, tx: 0 }]),
        telemetry([], { cpu: 2 }),
        telemetry([], { hostname: 'a\u0000b' }),
        telemetry([], { battery: undefined }),
        Buffer.from('{"type":"ack","epoch":"e","seq":1}'),
        '['.repeat(100_000),
      ]) {
        const line = await connect(url(), enrolled.credential, SUBPROTOCOL);
        if (Buffer.isBuffer(bad)) line.socket.send(bad);
        else line.send(bad);
        assert.equal(await line.closed(), CLOSE.badMessage, JSON.stringify(bad).slice(0, 80));
      }
    });

    test('the handshake is refused before the upgrade', async () => {
      const { enrolled, hub, spoke } = await scene();
      for (const [secret, protocol] of [
        ['nope', undefined],
        ['nope', SUBPROTOCOL],
        [`ghd_${'0'.repeat(64)}`, SUBPROTOCOL],
        [`ghe_${'0'.repeat(64)}`, undefined],
        [enrolled.credential, undefined],
        [enrolled.credential, 'other.v1'],
        [hub.token, SUBPROTOCOL],
        [spoke.token, undefined],
      ] as const) {
        const { status, body } = await refusal(url(), secret, protocol);
        assertError({ status, body: JSON.parse(body) }, 401);
      }
      const plain = await a.the.anonymous.get('/api/v1/ws', { authorization: `Bearer ${hub.token}` });
      assertError(plain, 426, /WebSocket/);
      assert.equal(plain.headers.get('upgrade'), 'websocket');
    });

    test('telemetry is the session; what the hub sees is the reported endpoint', async () => {
      const { admin, network, hub, spoke, enrolled } = await scene();
      const hubEnrolled = await enroll(a.the, hub);
      const hubDevice = await Device.start(a.the, hubEnrolled);
      const device = await Device.start(a.the, enrolled);
      const session = async (peer: Json) =>
        (await admin.get(`/api/v1/networks/${network.id}/peers/${peer.id}/session`)).body;
      const nothing = await session(spoke);
      assertShape(nothing, {
        peer_id: 'string',
        has_active_agent: 'boolean',
        current_session: 'object?',
        conflicting_sessions: 'objects',
        recent_endpoint_changes: 'objects',
        suspicious_activity: 'boolean',
        last_checked: 'string',
        telemetry: 'object?',
      });
      assert.deepEqual(
        { ...nothing, last_checked: '' },
        {
          peer_id: spoke.id,
          has_active_agent: false,
          current_session: null,
          conflicting_sessions: [],
          recent_endpoint_changes: [],
          suspicious_activity: false,
          last_checked: '',
          telemetry: null,
        },
      );
      const own = { publicKey: hubEnrolled.publicKey, endpoint: '203.0.113.1:51820', handshakeAge: 3, rx: 1, tx: 2 };
      const report = telemetry([own], { battery: { percent: 55.5, charging: true }, systemUptime: 2 ** 40 });
      device.line.send(report);
      await until('the session is there', async () => (await session(spoke)).has_active_agent);
      const seen = await session(spoke);
      assertShape(seen.current_session, SESSION_SHAPE);
      assertTimes(seen.current_session, 'first_seen', 'last_seen');
      assert.deepEqual(seen.telemetry, report.telemetry);
      assert.deepEqual(
        [seen.current_session.hostname, seen.current_session.wireguard_uptime, seen.current_session.reported_endpoint],
        ['laptop', 50, ''],
      );
      const sees = (endpoint: Json) =>
        hubDevice.line.send(
          telemetry([{ publicKey: enrolled.publicKey, endpoint, handshakeAge: 1, rx: 0, tx: 0 }], { hostname: 'gate' }),
        );
      const reported = async () => (await session(spoke)).current_session.reported_endpoint;
      sees('198.51.100.7:40000');
      await until('the endpoint is there', async () => (await reported()) === '198.51.100.7:40000');
      // Nonsense from a device is not what people are shown.
      for (const bad of ['<script>', 'host.example:1', '198.51.100.7', '1.2.3.4:0']) sees(bad);
      sees('[2001:db8::7]:40001');
      await until('the endpoint moved', async () => (await reported()) === '[2001:db8::7]:40001');
      const [change, ...others] = (await session(spoke)).recent_endpoint_changes;
      assert.deepEqual(others, []);
      assertShape(change, { old_endpoint: 'string', new_endpoint: 'string', changed_at: 'string' });
      assert.deepEqual([change.old_endpoint, change.new_endpoint], ['198.51.100.7:40000', '[2001:db8::7]:40001']);

      const all = (await admin.get(`/api/v1/networks/${network.id}/sessions`)).body;
      assert.deepEqual(all.map((one: Json) => one.peer_id).sort(), [hub.id, spoke.id].sort());
      for (const one of all) assertShape(one, SESSION_SHAPE);
      // The same device under another host name was renamed: that is no second one.
      device.line.send(telemetry([], { hostname: 'renamed' }));
      const renamed = await until('it has its new name', async () => {
        const now = await session(spoke);
        return now.current_session?.hostname === 'renamed' ? now : undefined;
      });
      assert.deepEqual([renamed.suspicious_activity, renamed.conflicting_sessions], [false, []]);
      device.line.close();
      hubDevice.line.close();
    });

    test('a device that was cut off is no longer listened to', async () => {
      const { admin, network, spoke, enrolled } = await scene();
      const device = await Device.start(a.the, enrolled);
      device.line.socket.pause();
      const peer = `/api/v1/networks/${network.id}/peers/${spoke.id}`;
      const { body } = await admin.post(`${peer}/token`);
      assert.equal((await admin.get(`${peer}/config`)).status, 200); // what the token set off is done
      device.line.send(telemetry([], { hostname: 'ghost' }));
      const credential = `ghd_${'cd'.repeat(32)}`;
      const values = { public_key: anyKey(), credential_hash: sha256(credential) };
      await a.the.anonymous.post('/api/v1/agent/register', values, { authorization: `Bearer ${body.token}` });
      const next = await Device.start(a.the, { peer: body, credential, publicKey: values.public_key });
      next.line.send(telemetry([], { hostname: 'new' }));
      const sessions = await until('the new device reported', async () => {
        const rows: Json = (await admin.get(`/api/v1/networks/${network.id}/sessions`)).body;
        return rows.some((one: Json) => one.hostname === 'new') ? rows : undefined;
      });
      assert.deepEqual(
        sessions.map((one: Json) => one.hostname),
        ['new'],
      );
      next.line.close();
      device.line.close();
    });

    test('a frame beyond the limit ends the connection, not the appliance', async () => {
      const { enrolled } = await scene();
      const device = await Device.start(a.the, enrolled);
      device.line.send(`"${'x'.repeat(9 * 1024 * 1024)}"`);
      assert.equal(await device.line.closed(), 1009);
      assert.equal((await a.the.anonymous.get('/api/v1/health')).status, 200);
    });
  });
