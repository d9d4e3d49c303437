import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { assertError, freshCidr, freshName, type Json, makeNetwork, makePeer, useAppliance } from './support.ts';

const KEY = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';

describe('malformed requests', () => {
  const a = useAppliance();
  /** Sends bytes as they are; answers what came back when the other end has closed or answered one request. */
  const raw = (bytes: string | Buffer): Promise<{ status: number; type: string; body: string; text: string }> =>
    new Promise((resolve) => {
      const socket = net.connect(Number(new URL(a.the.url).port), '127.0.0.1');
      let text = '';
      const finish = () => {
        socket.destroy();
        const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
        const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? '';
        resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), type, body, text });
      };
      socket.on('data', (data) => {
        text += data;
        const length = /^content-length: (\d+)\r$/im.exec(text)?.[1];
        const head = text.indexOf('\r\n\r\n');
        if (length !== undefined && head >= 0 && text.length >= head + 4 + Number(length)) finish();
        if (text.startsWith('HTTP/1.1 101')) finish();
      });
      socket.on('error', () => undefined);
      socket.on('close', finish);
      socket.write(bytes);
    });
  /** What comes back until the other end closes. */
  const closing = (bytes: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = net.connect(Number(new URL(a.the.url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('close', () => resolve(text));
      socket.write(bytes);
    });
  const request = (line: string, headers = '', body = '') =>
    raw(`${line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n${headers}\r\n${body}`);
  const assertJson = (answer: { status: number; type: string; body: string }, status: number) => {
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.type, /^application\/json/);
    assertError({ status: answer.status, body: JSON.parse(answer.body) }, status);
  };

  test('bodies: not JSON, no object, poisoned, too large, of another type', async () => {
    const { admin } = a.the;
    const post = (body: string, type = 'application/json') =>
      admin.call('POST', '/api/v1/networks', body, { 'content-type': type });
    for (const body of ['x', '{', '{"a":1,}', "{'a':1}", '[', '"', '\u0000', '{"name":NaN}', '['.repeat(500_000)]) {
      assertError(await post(body), 400, /not valid JSON|body/);
    }
    for (const body of ['', 'null', '1', '"x"', '[]', 'true', '['.repeat(1000) + ']'.repeat(1000)]) {
      assertError(await post(body), 400, /body must be object/);
    }
    for (const body of ['{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}']) {
      assertError(await post(body), 400);
    }
    assert.equal(({} as Json).x, undefined);
    assertError(await post(`{"name":"a\\u0000b","cidr":"${freshCidr()}"}`), 400, /null character/);
    assertError(await post(`{"name":"${'x'.repeat(1024 * 1024)}"}`), 413, /1 MiB/);
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/xml',
      'x',
    ]) {
      assertError(await post('{}', type), 415, /Content-Type: application\/json/);
    }
    const deep = `{"name":"${freshName('deep')}","cidr":"${freshCidr()}","extra":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
    assert.equal((await post(deep)).status, 201, 'unknown fields are left alone, however deep');
    const chunked = `200000\r\n${'a'.repeat(0x200000)}\r\n0\r\n\r\n`;
    const headers = 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n';
    assertJson(await request('POST /api/v1/auth/login', headers, chunked), 413);
    assertJson(
      await request('POST /api/v1/auth/login', 'Content-Type: application/json\r\nContent-Length: 9999999\r\n'),
      413,
    );
  });

  test('addresses: bad percent-encoding, null bytes, too long, unknown routes and methods', async () => {
    const { admin, anonymous } = a.the;
    for (const path of ['%', '%zz', '%ff%fe', '%c0%80', 'a%', '%00', 'x%00y']) {
      assertJson(await request(`GET /api/v1/networks/${path}`), 400);
    }
    assertError(await admin.get('/api/v1/networks?filter=%00'), 400, /null/);
    assert.equal((await admin.get('/api/v1/networks?filter=%ff%fe%')).status, 200);
    assert.equal((await request(`GET /api/v1/networks/${'x'.repeat(300)}`)).status, 414);
    assertError(await admin.get(`/api/v1/networks/${'x'.repeat(65)}`), 400);
    for (const path of [
      '/api/v1',
      '/api/v1/',
      '/api/v1/nope',
      '/api/v1/networks/x/nope',
      '/api/v2/networks',
      '/nope',
    ]) {
      assertError(await anonymous.get(path), 404, /no GET/);
    }
    for (const path of ['/../etc/passwd', '/api/v1/../../x', '//api/v1/health', 'http://other/api/v1/nope']) {
      assertJson(await request(`GET ${path}`), 404);
    }
    for (const method of ['PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'POST', 'PUT', 'DELETE']) {
      const answer = await request(`${method} /api/v1/health`);
      assert.equal(answer.status, 404, method);
      assert.match(answer.body, /^\{"error":/);
    }
    assertError(await admin.post('/api/v1/networks/x/peers/y', {}), 404);
    assert.equal((await admin.get('/api/v1/networks/')).status, 200, 'a slash at the end is forgiven');
    assert.equal((await admin.get('/api/v1/networks?__proto__[x]=1&constructor=2&page=1')).status, 200);
  });

  test('what is no HTTP is 400, and the appliance goes on', async () => {
    for (const bytes of [
      '\u0016\u0003\u0001\u0002\u0000hello\r\n\r\n',
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'FOO /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /api/v1/health HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n',
      'GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 7919) % 256)),
    ]) {
      assertJson(await raw(bytes), 400);
    }
    assertJson(await request('GET /api/v1/health', `X: ${'a'.repeat(20_000)}\r\n`), 431);
    assert.ok((await raw('GET /api/v1/health HTTP/1.1\r\n\r\n')).status === 400, 'no Host');
    assert.equal((await a.the.anonymous.get('/api/v1/health')).status, 200);
  });

  test('upgrades: only a whole WebSocket handshake is one', async () => {
    const { admin } = a.the;
    const network = await makeNetwork(admin);
    const { token } = await makePeer(admin, network.id);
    const bearer = `Authorization: Bearer ${token}\r\n`;
    const send = (line: string, headers: string) => raw(`${line} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    // A client that would like HTTP/2, as Java's does for each request, is served as any other.
    const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    const served = await send('GET /api/v1/health', h2c);
    assert.deepEqual([served.status, served.body], [200, '{"status":"ok"}']);
    assertJson(await send('GET /api/v1/ws', `${h2c}${bearer}`), 426);
    assert.equal((await send('GET /api/v1/ws', `${UPGRADE}${KEY}${bearer}`)).status, 101);
    for (const headers of [
      UPGRADE,
      `${UPGRADE}Sec-WebSocket-Version: 13\r\n`,
      `${UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n`,
      `${UPGRADE}Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`,
      `${UPGRADE}${KEY}Sec-WebSocket-Protocol: a,,b\r\n`,
    ]) {
      assertJson(await send('GET /api/v1/ws', headers + bearer), 426);
      assertJson(await send('GET /api/v1/ws', headers), 401);
    }
    assertJson(await send('GET /api/v1/nope', UPGRADE + KEY), 404);
    assertJson(await send('GET /api/v1/networks', UPGRADE + KEY), 401);
    assertJson(await send('POST /api/v1/auth/login', `${UPGRADE}${KEY}Content-Length: 0\r\n`), 400);
    // A socket whose handshake is refused is closed from this side, at whatever stage: none may be left open.
    const refusals: [string, number][] = [
      ['GET /api/v1/ws', 401],
      ['GET /api/v1/ws?x=%00', 400],
      ['GET /api/v1/ws/', 401],
    ];
    for (const [line, status] of refusals) {
      for (const extra of ['', 'Cookie: wirety_session=x\r\n']) {
        const text = await closing(`${line} HTTP/1.1\r\nHost: x\r\n${UPGRADE}${KEY}${extra}\r\n`);
        assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
      }
    }
    const foreign = `${UPGRADE}${KEY}Cookie: wirety_session=x\r\nOrigin: http://evil.example\r\n`;
    assert.match(await closing(`GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n${foreign}\r\n`), /^HTTP\/1\.1 403 /);
  });

  test("another site's page can change nothing with the cookie", async () => {
    const { admin, anonymous } = a.the;
    const login = await anonymous.post('/api/v1/auth/login', { username: 'admin', password: 'a-password-for-tests' });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] as string;
    assert.match(login.headers.get('set-cookie') ?? '', /HttpOnly.*SameSite=Lax/i);
    const create = (headers: Record<string, string>) =>
      anonymous.call(
        'POST',
        '/api/v1/networks',
        { name: freshName('csrf'), cidr: freshCidr() },
        { cookie, ...headers },
      );
    const { host } = new URL(a.the.url);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://${host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: `http://${host}` },
    ]) {
      assertError(await create(headers as Record<string, string>), 403, /another site/);
    }
    for (const headers of [{}, { origin: `http://${host}` }, { 'sec-fetch-site': 'same-origin' }]) {
      assert.equal((await create(headers as Record<string, string>)).status, 201);
    }
    assert.equal((await anonymous.get('/api/v1/networks', { cookie, origin: 'https://evil.example' })).status, 200);
    const answer = await anonymous.call('POST', '/api/v1/auth/login', undefined, { origin: 'https://evil.example' });
    assert.ok(answer.status === 403 || answer.status === 400);
    assert.equal((await admin.get('/api/v1/networks?filter=csrf')).body.total, 3);
  });
});
