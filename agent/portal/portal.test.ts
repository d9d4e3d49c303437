import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { PortalServer } from './server.ts';
import { KEEP, Tickets } from './tickets.ts';

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');
const [FREE, HELD] = [2, 3];
const HUB = '127.0.0.1';

/** A hub on loopback: the whole of 127.0.0.0/8 is this machine's, so peers can have addresses of their own. */
function state(classes: Record<string, number>): PeerState {
  const peers = Object.entries(classes).map(
    ([address, id], i): WgPeer => ({
      publicKey: key(i + 2),
      name: address,
      hub: false,
      allowedIps: [`${address}/32`],
      keepalive: 0,
      class: id,
    }),
  );
  return {
    peer: { id: 'hub', name: 'hub', networkId: 'n', networkName: 'net', role: 'hub' },
    interface: { publicKey: key(1), addresses: [`${HUB}/8`], mtu: 1420 },
    routes: [],
    dns: { servers: [], search: [] },
    firewall: {
      own: 1,
      classes: [
        { id: FREE, allow: [FREE], cidrs: [] },
        { id: HELD, allow: [], cidrs: [], captive: true },
      ],
      masquerade: [],
    },
    peers,
  };
}

async function start(t: TestContext, portalUrl: (peer: string) => Promise<string>) {
  const log: string[] = [];
  const server = new PortalServer({ log: (line) => log.push(line), portalUrl, port: 0 });
  t.after(() => server.close());
  return { server, log, port: () => server.portOf(HUB) as number };
}

interface Probe {
  method?: string;
  path: string;
  headers: Record<string, string>;
}
const PROBES: Record<string, Probe> = {
  'Apple, iOS and macOS': {
    path: '/hotspot-detect.html',
    headers: {
      host: 'captive.apple.com',
      'user-agent': 'CaptiveNetworkSupport-443.120.1 wispr',
      accept: '*/*',
      'accept-language': 'en-US,en;q=0.9',
      connection: 'close',
    },
  },
  'Windows 10 and 11': {
    path: '/connecttest.txt',
    headers: { host: 'www.msftconnecttest.com', 'user-agent': 'Microsoft NCSI', connection: 'Close' },
  },
  'Windows 7 and 8': {
    path: '/ncsi.txt',
    headers: { host: 'www.msftncsi.com', 'user-agent': 'Microsoft NCSI', connection: 'Close' },
  },
  Android: {
    path: '/generate_204',
    headers: {
      host: 'connectivitycheck.gstatic.com',
      'user-agent':
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.32 Safari/537.36',
      connection: 'close',
      'accept-encoding': 'gzip',
    },
  },
  Firefox: {
    path: '/success.txt?ipv4',
    headers: {
      host: 'detectportal.firefox.com',
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
      accept: '*/*',
      'cache-control': 'no-cache',
      pragma: 'no-cache',
    },
  },
  'Firefox, the page': {
    path: '/canonical.html',
    headers: { host: 'detectportal.firefox.com', 'user-agent': 'Mozilla/5.0', accept: '*/*' },
  },
  'GNOME, NetworkManager': {
    path: '/check_network_status.txt',
    headers: { host: 'nmcheck.gnome.org', accept: '*/*', connection: 'close' },
  },
  'a person': { path: '/news?a=b', headers: { host: 'example.com', accept: 'text/html' } },
  'a form': { method: 'POST', path: '/search', headers: { host: 'example.com', 'content-length': '5' } },
  HEAD: { method: 'HEAD', path: '/', headers: { host: 'example.com' } },
};

async function ask(port: number, from: string, { method = 'GET', path, headers }: Probe) {
  const outgoing = request({ host: HUB, port, localAddress: from, method, path, headers, agent: false });
  outgoing.end(headers['content-length'] ? 'hello' : undefined);
  const [response] = await once(outgoing, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode as number, headers: response.headers, body };
}

describe('the portal of a hub', () => {
  test('sends every probe to the controller’s page, never to be kept', async (t) => {
    const asked: string[] = [];
    const { server, port } = await start(t, async (peer) => {
      asked.push(peer);
      return `https://gatehouse.example/captive-portal?token=${peer}&x="`;
    });
    await server.update(state({ '127.0.0.9': HELD, '127.0.0.8': FREE }));
    for (const [who, probe] of Object.entries(PROBES)) {
      const { status, headers, body } = await ask(port(), '127.0.0.9', probe);
      assert.equal(status, 302, who);
      assert.equal(headers.location, 'https://gatehouse.example/captive-portal?token=127.0.0.9&x="', who);
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers.connection, 'close');
      assert.equal(body.includes('token=127.0.0.9&amp;x=&quot;'), who !== 'HEAD', who);
    }
    assert.deepEqual(asked, ['127.0.0.9'], 'one token for all of them');
    assert.equal((await ask(port(), '127.0.0.8', PROBES.Android as Probe)).status, 403);
    assert.equal((await ask(port(), '127.0.0.7', PROBES.Android as Probe)).status, 403);
  });

  test('tells RFC 8908 to who asks for it', async (t) => {
    const { server, port } = await start(t, async () => 'https://gatehouse.example/captive-portal?token=x');
    await server.update(state({ '127.0.0.9': HELD }));
    const headers = { host: 'example.com', accept: 'application/captive+json' };
    const answer = await ask(port(), '127.0.0.9', { path: '/', headers });
    assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/captive+json']);
    assert.deepEqual(JSON.parse(answer.body), {
      captive: true,
      'user-portal-url': 'https://gatehouse.example/captive-portal?token=x',
    });
  });

  test('a controller that gives no token is not asked again at once', async (t) => {
    let calls = 0;
    const { server, port, log } = await start(t, async () => {
      calls += 1;
      throw new Error('it is down');
    });
    await server.update(state({ '127.0.0.9': HELD }));
    for (let i = 0; i < 5; i++) {
      const { status, headers } = await ask(port(), '127.0.0.9', PROBES.Android as Probe);
      assert.deepEqual([status, headers['retry-after'], headers['cache-control']], [503, '10', 'no-store']);
    }
    assert.equal(calls, 1);
    assert.equal(log.filter((line) => line === 'captive portal: it is down').length, 1);
  });

  test('is there while there are devices to hold up; one that comes back gets a new token', async (t) => {
    let calls = 0;
    const { server, port } = await start(t, async () => `http://gatehouse.example/${++calls}`);
    await server.update(state({ '127.0.0.9': FREE }));
    assert.equal(server.portOf(HUB), undefined);
    for (const expected of ['http://gatehouse.example/1', 'http://gatehouse.example/2']) {
      await server.update(state({ '127.0.0.9': HELD }));
      assert.equal((await ask(port(), '127.0.0.9', PROBES.Android as Probe)).headers.location, expected);
      await server.update(state({ '127.0.0.9': FREE }));
      assert.equal(server.portOf(HUB), undefined);
    }
    await server.update(state({ '127.0.0.9': HELD }));
    await server.update(null);
    assert.equal(server.portOf(HUB), undefined);
    assert.deepEqual(server.problems, []);
  });

  test('is bounded: headers, connections of one device, and who goes away', async (t) => {
    const { server, port } = await start(t, async () => 'http://gatehouse.example/');
    await server.update(state({ '127.0.0.9': HELD, '127.0.0.8': HELD }));
    const large = { path: '/', headers: { host: 'example.com', cookie: 'x'.repeat(9000) } };
    assert.equal((await ask(port(), '127.0.0.9', large)).status, 431);
    const open = [];
    for (let i = 0; i < 16; i++) {
      const socket = connect({ host: HUB, port: port(), localAddress: '127.0.0.9' });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\n');
      open.push(socket);
    }
    const refused = await ask(port(), '127.0.0.9', PROBES.Android as Probe).catch((error) => error);
    assert.ok(refused instanceof Error);
    assert.equal((await ask(port(), '127.0.0.8', PROBES.Android as Probe)).status, 302);
    for (const socket of open) socket.destroy();
    let again: unknown;
    do again = await ask(port(), '127.0.0.9', PROBES.Android as Probe).catch((error) => error);
    while (again instanceof Error);
    assert.equal((again as { status: number }).status, 302);
  });
});

test('a peer’s address is kept for a minute; no more than 8 are asked for at once', async () => {
  let now = 0;
  const waiting: ((url: string) => void)[] = [];
  const tickets = new Tickets(
    () => new Promise((resolve) => waiting.push(resolve)),
    () => now,
  );
  const first = tickets.get('a');
  assert.equal(tickets.get('a'), first);
  const others = [...'bcdefgh'].map((peer) => tickets.get(peer));
  await assert.rejects(tickets.get('i'), /at once/);
  for (const resolve of waiting.splice(0)) resolve('x');
  await Promise.all([first, ...others]);
  now = KEEP - 1;
  assert.equal(tickets.get('a'), first);
  now = KEEP;
  assert.notEqual(tickets.get('a'), first);
  tickets.retain(new Set());
  void tickets.get('a');
  assert.equal(waiting.length, 2);
});
