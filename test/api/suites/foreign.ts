import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertShape,
  connect,
  type Json,
  type Line,
  makeNetwork,
  makePeer,
  type Settings,
  until,
  useAppliance,
} from '../support.ts';

const MESSAGE = ['config', 'dns', 'peer_id', 'peer_name', 'policy', 'whitelist'];

/** `GET /ws` as existing agents of this API speak it. */
export const foreign = (where: string, settings?: Settings) =>
  describe(`existing agents' WebSocket (${where})`, () => {
    const a = useAppliance(settings);
    const scene = async () => {
      const { admin } = a.the;
      const network = await makeNetwork(admin, { dns: ['1.1.1.1'], cidr_v6: null });
      const hub = await makePeer(admin, network.id, { name: 'Hub One', is_jump: true, endpoint: '192.0.2.1' });
      const spoke = await makePeer(admin, network.id, { name: 'Laptop A' });
      const route = `/api/v1/networks/${network.id}`;
      return { admin, network, hub, spoke, route };
    };
    const nextWith = async (line: Line, done: (message: Json) => boolean): Promise<Json> => {
      for (;;) {
        const message = await line.next();
        if (done(message)) return message;
      }
    };

    test('on connect it is sent everything, in every key', async () => {
      const { admin, network, hub, spoke, route } = await scene();
      const line = await connect(a.the.url, spoke.token);
      const message = await line.next();
      assert.deepEqual(Object.keys(message).sort(), MESSAGE);
      assertShape(message.dns, { ip: 'string', domain: 'string', peers: 'objects', upstream_servers: 'strings' });
      assert.deepEqual(message, {
        config: (await admin.get(`${route}/peers/${spoke.id}/config`)).body.config,
        dns: { ip: hub.address, domain: 'internal', peers: [], upstream_servers: ['1.1.1.1'] },
        policy: null,
        peer_id: spoke.id,
        peer_name: 'Laptop A',
        whitelist: [],
      });
      assert.match(message.config, /^PrivateKey = /m);
      const hubLine = await connect(a.the.url, hub.token);
      const forHub = await hubLine.next();
      assert.deepEqual(Object.keys(forHub).sort(), MESSAGE);
      assert.deepEqual(forHub.dns, {
        ip: hub.address,
        domain: 'internal',
        peers: [
          { name: 'hub-one', ip: hub.address },
          { name: 'laptop-a', ip: spoke.address },
        ],
        upstream_servers: ['1.1.1.1'],
      });
      assert.deepEqual(forHub.policy, {
        ip: hub.address,
        iptables_rules: [
          `iptables -A FORWARD -s ${spoke.address} -d ${network.cidr} -j ACCEPT`,
          'iptables -A FORWARD -j DROP',
          'ip6tables -A FORWARD -j DROP',
        ],
        peers: [{ name: 'Laptop A', ip: spoke.address }],
      });
      assert.deepEqual(forHub.whitelist, [spoke.address]);
      line.close();
      hubLine.close();
    });

    test('a change is sent to those whom it concerns, in every key', async () => {
      const { admin, network, hub, spoke, route } = await scene();
      const [line, hubLine] = [await connect(a.the.url, spoke.token), await connect(a.the.url, hub.token)];
      const before = await line.next();
      await hubLine.next();
      await admin.put(route, { dns: ['9.9.9.9'], domain_suffix: 'corp' });
      const changed = await line.next();
      assert.deepEqual(Object.keys(changed).sort(), MESSAGE);
      assert.deepEqual([changed.dns.domain, changed.dns.upstream_servers], ['corp', ['9.9.9.9']]);
      assert.match(changed.config, /^DNS = \S+, 9\.9\.9\.9, corp$/m);
      const third = await makePeer(admin, network.id, { name: 'third' });
      const forHub = await nextWith(hubLine, ({ whitelist }) => whitelist.includes(third.address));
      assert.ok(forHub.config.includes(third.public_key));
      await admin.put(`${route}/peers/${hub.id}`, { additional_allowed_ips: ['192.168.9.0/24'] });
      const routed = await line.next();
      assert.match(routed.config, /AllowedIPs = .*192\.168\.9\.0\/24/);
      assert.equal(line.heard.length, 3, 'the third peer was no news for the other spoke');
      assert.notEqual(before.config, routed.config);
      line.close();
      hubLine.close();
    });

    test('a heartbeat is a session; the hub tells where a peer is', async () => {
      const { admin, hub, spoke, route } = await scene();
      const [line, hubLine] = [await connect(a.the.url, spoke.token), await connect(a.the.url, hub.token)];
      const sessions = async (): Promise<Json[]> => (await admin.get(`${route}/sessions`)).body;
      // What isn't a heartbeat is left alone: newer agents may say more.
      for (const other of ['x', '{}', { hostname: 5 }, { type: 'news' }, { hostname: 'x', system_uptime: -1 }]) {
        line.send(other);
      }
      line.socket.send(Buffer.from([1, 2, 3]));
      line.send({ hostname: 'laptop-a', system_uptime: 86400, wireguard_uptime: 3600, peer_endpoints: null });
      const [session] = await until('the session is there', async () => {
        const all = await sessions();
        return all.length > 0 ? all : undefined;
      });
      assert.deepEqual(
        { ...session, first_seen: '', last_seen: '', session_id: '' },
        {
          peer_id: spoke.id,
          hostname: 'laptop-a',
          system_uptime: 86400,
          wireguard_uptime: 3600,
          reported_endpoint: '',
          first_seen: '',
          last_seen: '',
          session_id: '',
        },
      );
      hubLine.send({
        hostname: 'hub',
        system_uptime: 1e300,
        wireguard_uptime: 1,
        peer_endpoints: { [spoke.public_key]: '203.0.113.9:1234', nonsense: '1.2.3.4:5', [hub.public_key]: 'x' },
      });
      const reported = async () => (await sessions()).find(({ peer_id }) => peer_id === spoke.id)?.reported_endpoint;
      await until('the endpoint is there', async () => (await reported()) === '203.0.113.9:1234');
      line.send({ hostname: 'laptop-a', system_uptime: 86430, wireguard_uptime: 3630 });
      const again = await until('the next heartbeat is in', async () => {
        const mine = (await sessions()).find(({ peer_id }) => peer_id === spoke.id);
        return mine?.system_uptime === 86430 ? mine : undefined;
      });
      assert.deepEqual([again.session_id, again.first_seen], [session?.session_id, session?.first_seen]);
      assert.equal(line.code, undefined);
      const peer = (await admin.get(`${route}/peers/${spoke.id}/session`)).body;
      assert.deepEqual(
        [peer.has_active_agent, peer.telemetry, peer.current_session.hostname],
        [true, null, 'laptop-a'],
      );
      line.close();
      hubLine.close();
    });
  });
