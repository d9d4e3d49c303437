import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { judge, probeUrl } from './judge.ts';
import { ask, CaptiveWatch } from './watch.ts';

test('whom to ask: the controller alone, by plain HTTP', () => {
  assert.equal(probeUrl('https://gate.example').href, 'http://gate.example/api/v1/health');
  assert.equal(probeUrl('https://gate.example:8443/base').href, 'http://gate.example/base/api/v1/health');
  assert.equal(probeUrl('http://10.0.0.1:8080').href, 'http://10.0.0.1:8080/api/v1/health');
  assert.equal(probeUrl('https://[2001:db8::1]:8443').href, 'http://[2001:db8::1]/api/v1/health');
});

describe('what an answer means', () => {
  const asked = new URL('http://gate.example/api/v1/health');
  const redirect = (location: string, status = 302) => judge(asked, { status, location });

  test('the way to another host, a web page and RFC 6585 are portals', () => {
    assert.equal(redirect('https://login.wifi.example/?next=x'), 'https://login.wifi.example/?next=x');
    assert.equal(redirect('//login.wifi.example/a', 307), 'http://login.wifi.example/a');
    assert.equal(judge(asked, { status: 200, contentType: 'Text/HTML; charset=utf-8' }), asked.href);
    assert.equal(judge(asked, { status: 511 }), asked.href);
  });

  test("the controller's own answers are not", () => {
    for (const location of ['https://gate.example/', '/login', 'https://GATE.example:8443/x']) {
      assert.equal(redirect(location), null, location);
    }
    assert.equal(judge(asked, { status: 200, contentType: 'application/json' }), null);
    assert.equal(judge(asked, { status: 502, contentType: 'text/html' }), null);
    assert.equal(judge(asked, { status: 302 }), null);
  });

  test('a way that is no plain URL of the Web is not kept', () => {
    for (const location of [
      'javascript:alert(1)',
      'file:///etc/passwd',
      'gatehouse://enroll?url=https://evil.example',
      'https://gate.example@login.example/',
      `https://login.example/${'x'.repeat(2048)}`,
      'http://[bad',
    ]) {
      assert.equal(redirect(location), asked.href, location);
    }
    fc.assert(
      fc.property(
        fc.oneof(fc.webUrl(), fc.string({ unit: 'binary' })),
        fc.integer({ min: 300, max: 399 }),
        (to, status) => {
          const found = redirect(to, status);
          if (found === null) return;
          assert.match(found, /^https?:\/\//);
          assert.ok(found.length <= 2048);
        },
      ),
    );
  });
});

const listening = async <S extends net.Server>(server: S): Promise<{ server: S; url: string }> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

describe('asking', () => {
  test('once, without credentials, following nothing', async () => {
    const seen: http.IncomingMessage[] = [];
    const { server, url } = await listening(
      http.createServer((request, response) => {
        seen.push(request);
        response.writeHead(302, { location: '/elsewhere' });
        // A portal that goes on for ever.
        response.write('x'.repeat(100_000));
      }),
    );
    assert.deepEqual(await ask(probeUrl(url)), { status: 302, location: '/elsewhere', contentType: undefined });
    assert.deepEqual(
      seen.map(({ url, method }) => `${method} ${url}`),
      ['GET /api/v1/health'],
    );
    assert.deepEqual([seen[0]?.headers.authorization, seen[0]?.headers.cookie], [undefined, undefined]);
    server.closeAllConnections();
    server.close();
  });

  const PORTAL = 'Location: http://portal.example/\r\n';
  const REDIRECT = `HTTP/1.1 302 Found\r\n${PORTAL}Content-Length: 0\r\n\r\n`;
  const answered = { status: 302, location: 'http://portal.example/', contentType: undefined };
  const odd: [what: string, said: string | string[], answer: object | null][] = [
    [
      'a switch to another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhi',
      null,
    ],
    ['a switch to none', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', null],
    ['early hints, then the way to the portal', `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${REDIRECT}`, answered],
    ['"go on", then the way to the portal', `HTTP/1.1 100 Continue\r\n\r\n${REDIRECT}`, answered],
    ['"go on" for ever', Array<string>(10_000).fill('HTTP/1.1 100 Continue\r\n\r\n'), null],
    ['"processing" for ever', Array<string>(10_000).fill('HTTP/1.1 102 Processing\r\n\r\n'), null],
    [
      'trailers',
      `HTTP/1.1 302 Found\r\n${PORTAL}Transfer-Encoding: chunked\r\nTrailer: Location\r\n\r\n0\r\nLocation: http://x/\r\n\r\n`,
      answered,
    ],
    ['a second answer', REDIRECT + REDIRECT.replace('portal', 'other'), answered],
    [
      'huge headers',
      [`HTTP/1.1 302 Found\r\n${PORTAL}`, ...Array<string>(1_000).fill(`X: ${'x'.repeat(1_000)}\r\n`)],
      null,
    ],
    ['one huge header', `HTTP/1.1 302 Found\r\nLocation: http://x/${'x'.repeat(1_000_000)}`, null],
    ['two lengths', `HTTP/1.1 302 Found\r\n${PORTAL}Content-Length: 0\r\nContent-Length: 1\r\n\r\n`, null],
    ['a status of nine digits', 'HTTP/1.1 302000000 Found\r\n\r\n', null],
    ['HTTP/2', '\0\0\u0012\u0004\0\0\0\0\0', null],
    ['half a header, and then nothing', 'HTTP/1.1 302 Fo', null],
    ['nothing', '', null],
  ];
  for (const [what, said, answer] of odd) {
    test(`${what}: settled, and hung up`, async () => {
      const gone = Promise.withResolvers<void>();
      const { server, url } = await listening(
        net.createServer((socket) => {
          socket.on('error', () => undefined);
          socket.on('close', () => gone.resolve());
          socket.resume();
          for (const part of [said].flat()) if (part !== '') socket.write(part, 'latin1');
        }),
      );
      assert.deepEqual(await ask(new URL(url), answer ? 60_000 : 500), answer);
      await gone.promise;
      server.close();
    });
  }

  test('a byte at a time, for ever: settled at the deadline, and hung up', async () => {
    const gone = Promise.withResolvers<void>();
    const { server, url } = await listening(
      net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.resume().write('HTTP/1.1 302 Found\r\nX: ');
        const drip = setInterval(() => socket.write('x'), 5);
        socket.on('close', () => {
          clearInterval(drip);
          gone.resolve();
        });
      }),
    );
    assert.equal(await ask(new URL(url), 300), null);
    await gone.promise;
    server.close();
  });

  test('nobody, or somebody who speaks no HTTP: no answer', async () => {
    const { server, url } = await listening(net.createServer((socket) => socket.resume().end('220 mail\r\n')));
    assert.equal(await ask(new URL(url)), null);
    server.close();
    await once(server, 'close');
    assert.equal(await ask(new URL(url)), null);
  });
});

test('the watch: only while the controller is away, after 3 s, every 15 s, and forgotten with the network', async () => {
  const asked: string[] = [];
  let answer: { status: number; location?: string } | null = { status: 302, location: 'http://portal.example/' };
  const watch = new CaptiveWatch(async (url) => {
    asked.push(url.href);
    return answer;
  });
  const at = async (mono: number, controller: string | null = 'https://gate.example') => {
    watch.tick(controller, mono);
    await new Promise((resolve) => setImmediate(resolve));
    return watch.url;
  };
  assert.equal(await at(0, null), null);
  assert.equal(await at(1_000), null);
  assert.equal(await at(3_999), null);
  assert.equal(asked.length, 0);
  assert.equal(await at(4_000), 'http://portal.example/');
  assert.equal(await at(18_999), 'http://portal.example/');
  assert.equal(asked.length, 1);
  answer = null;
  assert.equal(await at(19_000), null);
  answer = { status: 511 };
  assert.equal(await at(34_000), 'http://gate.example/api/v1/health');
  watch.reset(35_000);
  assert.equal(watch.url, null);
  assert.equal(await at(37_000), null);
  assert.equal(await at(38_000), 'http://gate.example/api/v1/health');
  assert.equal(await at(39_000, null), null);
  assert.equal(await at(60_000, null), null);
  assert.equal(asked.length, 4);
});
