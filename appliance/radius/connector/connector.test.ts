import assert from 'node:assert/strict';
import net from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { requires } from '../../../test/requires.ts';
import { authenticatorResponse, challengeHash, hashNtHash, ntHash, ntResponse, ntResponseV1 } from '../mschap/index.ts';
import type { Attempt, Credentials, Verdict } from '../types.ts';
import { MAX_ANSWER_BYTES, MAX_WAITING } from './backend.ts';
import { CIRCUIT_MS } from './source.ts';
import {
  attemptOf,
  type BackendStandIn,
  type Fixture,
  makeCertificates,
  startBackend,
  startConnectors,
} from './testing.ts';

/** The example of RFC 2759, section 9.2. */
const V2 = {
  userName: 'User',
  password: 'clientPass',
  authChallenge: Buffer.from('5B5D7C7D7B3F2F3E3C2C602132262628', 'hex'),
  peerChallenge: Buffer.from('21402324255E262A28295F2B3A337C7E', 'hex'),
  challenge: 'd02e4386bce91226',
  response: '82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df',
  ntHash: '44ebba8d5312b8d611474411f56989ae',
  ntHashHash: '41c00c584bd2d91c4017a2a12fa59f3f',
  authenticatorResponse: '407A5589115FD0D6209F510FE9C04566932CDA56',
};
const mschapv2 = (password = V2.password): Credentials => {
  const { authChallenge, peerChallenge, userName } = V2;
  const response = ntResponse(authChallenge, peerChallenge, userName, ntHash(password));
  return { kind: 'mschapv2', authChallenge, peerChallenge, userName, response, ident: 1 };
};

describe('asking a REST connector', () => {
  let at: Fixture;
  let backend: BackendStandIn;
  let other: BackendStandIn;
  const ask = (ids: string | string[], attempt: Attempt): Promise<Verdict> =>
    at.connectors.authenticate([ids].flat(), attempt);
  const outcome = async (ids: string | string[], attempt: Attempt = attemptOf('user1', 'secret')) =>
    (await ask(ids, attempt)).outcome;

  before(async () => {
    at = await startConnectors();
  });
  after(() => at.close());
  beforeEach(async () => {
    backend = await startBackend();
    other = await startBackend();
    // Past every circuit of the test before.
    at.clock.monotonic += 2 * CIRCUIT_MS;
    at.logged.length = 0;
  });
  afterEach(async () => {
    await backend.close();
    await other.close();
  });

  test('PAP: what is posted is what the document says', async () => {
    const id = await at.connector({ url: backend.url });
    const request = { authPort: 11111 } as Attempt['request'];
    assert.equal(await outcome(id, { ...attemptOf('user1', 'pässword'), request }), 'accept');
    const [seen] = backend.seen;
    assert.deepEqual(JSON.parse(seen?.body ?? ''), { login: 'user1', password: 'pässword', auth_port: '11111' });
    assert.equal(seen?.method, 'POST');
    assert.equal(seen?.headers.authorization, 'Bearer the-token');
    assert.equal(seen?.headers['content-type'], 'application/json');
    await ask(id, attemptOf('user1', { kind: 'mab', mac: '02:00:00:11:22:33' }));
    assert.deepEqual(JSON.parse(backend.seen[1]?.body ?? ''), { login: 'user1', password: 'user1' });
  });

  test('MS-CHAPv2: the 8-byte hash of the challenges and the 24-byte response, as FreeRADIUS gives them', async () => {
    const id = await at.connector({ url: backend.url });
    backend.answer(200, { nt_key: V2.ntHashHash.toUpperCase() });
    const verdict = await ask(id, attemptOf('User', mschapv2()));
    assert.deepEqual(JSON.parse(backend.seen[0]?.body ?? ''), {
      login: 'User',
      mschap_challenge: V2.challenge,
      mschap_response: V2.response,
    });
    assert.equal(verdict.outcome, 'accept');
    assert.equal(verdict.outcome === 'accept' && verdict.mschapv2?.authenticatorResponse, V2.authenticatorResponse);
    assert.equal(
      Buffer.from((verdict.outcome === 'accept' && verdict.mschapv2?.ntHashHash) || []).toString('hex'),
      V2.ntHashHash,
    );
  });

  test('MS-CHAPv2 without a key of use: no answer, and the log says why', async () => {
    const id = await at.connector({ url: backend.url });
    for (const nt_key of [undefined, 'abcd12345']) {
      at.clock.monotonic += 2 * CIRCUIT_MS;
      backend.answer(200, { nt_key });
      assert.equal(await outcome(id, attemptOf('User', mschapv2())), 'none');
      assert.match(JSON.stringify(at.logged.at(-1)), /nt_key of 32 hexadecimal digits, which MS-CHAPv2 needs/);
    }
    assert.equal(await outcome(id), 'accept', 'PAP needs none');
  });

  test('nt_hash: the response is checked here', async () => {
    const id = await at.connector({ url: backend.url, nt_key: 'nt_hash' });
    backend.answer(200, { nt_key: V2.ntHash });
    const right = await ask(id, attemptOf('User', mschapv2()));
    assert.equal(right.outcome === 'accept' && right.mschapv2?.authenticatorResponse, V2.authenticatorResponse);
    assert.equal(await outcome(id, attemptOf('User', mschapv2('wrong'))), 'reject');
    backend.answer(200, {});
    assert.equal(await outcome(id, attemptOf('User', mschapv2())), 'none');
  });

  test('MS-CHAP version 1', async () => {
    const challenge = Buffer.from('0102030405060708', 'hex');
    const v1 = (password: string): Credentials => ({
      kind: 'mschap',
      challenge,
      response: ntResponseV1(challenge, ntHash(password)),
    });
    const trusting = await at.connector({ url: backend.url });
    assert.equal(await outcome(trusting, attemptOf('User', v1('clientPass'))), 'accept', 'no proof of ours is needed');
    assert.equal(JSON.parse(backend.seen[0]?.body ?? '').mschap_challenge, '0102030405060708');
    const checking = await at.connector({ url: backend.url, nt_key: 'nt_hash' });
    backend.answer(200, { nt_key: V2.ntHash });
    assert.equal(await outcome(checking, attemptOf('User', v1('clientPass'))), 'accept');
    assert.equal(await outcome(checking, attemptOf('User', v1('wrong'))), 'reject');
  });

  test('what the document has no field for is refused without asking', async () => {
    const id = await at.connector({ url: backend.url });
    const chap: Credentials = { kind: 'chap', id: 1, response: Buffer.alloc(16), challenge: Buffer.alloc(16) };
    assert.equal(await outcome(id, attemptOf('x', chap)), 'reject');
    assert.equal(await outcome(id, attemptOf('x', { kind: 'pap', password: Buffer.from([0xff]) })), 'reject');
    assert.equal(backend.seen.length, 0);
  });

  test('2xx: subject, attributes and the end of the session', async () => {
    const id = await at.connector({ url: backend.url });
    backend.answer(201, {
      valid_from: '2025/12/31 00:00:00 +0000',
      valid_until: '2026/01/01 01:00:00 +0000',
      return_url: 'https://x.org/',
      attributes: [
        { name: 'Tunnel-Private-Group-Id', value: '101', op: ':=' },
        { name: 'Nonsense', value: '1', op: ':=' },
      ],
    });
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await ask(id, attemptOf('user1', 'secret')), {
        outcome: 'accept',
        subject: {
          kind: 'external',
          id,
          username: 'user1',
          userId: undefined,
          groups: [],
          device: undefined,
          voucher: undefined,
        },
        mschapv2: undefined,
        attributes: [
          { name: 'Tunnel-Private-Group-Id', value: '101', op: ':=' },
          { name: 'WISPr-Redirection-URL', value: 'https://x.org/', op: '=' },
        ],
        sessionTimeout: 3600,
      });
    }
    assert.equal(at.logged.filter(({ details }) => /Nonsense/.test(JSON.stringify(details))).length, 1, 'logged once');
  });

  test('what is wrong is logged under what it is', async () => {
    const id = await at.connector({ url: backend.url });
    backend.answer(200, { attributes: [{ name: 'Nonsense', value: '1' }] });
    await ask(id, attemptOf('user1', 'secret'));
    backend.answer(401, {});
    for (let i = 0; i < 2; i++) await ask(id, attemptOf('user1', 'secret'));
    assert.deepEqual(
      at.logged.map(({ message }) => message),
      [
        "something of a REST connector's answer is left out",
        'a REST connector rejects: where nobody gets in, its address or its token may be wrong',
      ],
    );
  });

  test('4xx rejects with what errors says, whatever comes after it in the list', async () => {
    const [id, next] = [await at.connector({ url: backend.url }), await at.connector({ url: other.url })];
    backend.answer(422, { errors: ['Email/login or password incorrect.', 'Try\nagain.'] });
    const verdict = await ask([id, next], attemptOf('user1', 'secret'));
    assert.equal(verdict.outcome === 'reject' && verdict.message, 'Email/login or password incorrect. Try again.');
    assert.equal(other.seen.length, 0);
    backend.answer(401, 'nothing');
    assert.deepEqual(await ask(id, attemptOf('user1', 'secret')), {
      outcome: 'reject',
      reason: 'the backend answered 401',
      message: undefined,
    });
    backend.answer(200, { valid_until: '2025/12/31 00:00:00 +0000' });
    assert.equal(await outcome(id), 'reject', 'its time is over');
  });

  const FAILURES: [string, (backend: BackendStandIn) => unknown][] = [
    ['500', (b) => b.answer(500, { errors: ['no'] })],
    ['503', (b) => b.answer(503, '')],
    ['a redirect, which is not followed', (b) => b.answer(302, {}, { location: 'http://127.0.0.1:1/' })],
    ['307', (b) => b.answer(307, {}, { location: b.url })],
    ['no JSON', (b) => b.answer(200, '<html>welcome</html>')],
    ['a list', (b) => b.answer(200, '[]')],
    ['an empty 200', (b) => b.answer(200, '')],
    ['gzip, which was not asked for', (b) => b.answer(200, '\u001f\u008b\b', { 'content-encoding': 'gzip' })],
    ['too large an answer', (b) => b.answer(200, `${' '.repeat(MAX_ANSWER_BYTES)}{}`)],
    [
      'an endless answer',
      (b) =>
        (b.respond = (_, response) => {
          response.writeHead(200);
          const timer = setInterval(() => response.write('x'.repeat(16_384)), 1);
          response.on('close', () => clearInterval(timer));
        }),
    ],
    ['silence', (b) => (b.respond = () => undefined)],
    [
      'half an answer, then silence',
      (b) =>
        (b.respond = (_, response) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('{"id":');
        }),
    ],
    [
      'half an answer, then the end',
      (b) =>
        (b.respond = (_, response) => {
          response.writeHead(200, { 'content-length': '100' });
          response.write('{}');
          setImmediate(() => response.socket?.destroy());
        }),
    ],
    ['the end without an answer', (b) => (b.respond = (_, response) => response.socket?.destroy())],
    ['what is no HTTP', (b) => (b.respond = (_, response) => response.socket?.end('SSH-2.0-x\r\n'))],
    ['nobody there', (b) => b.close()],
  ];
  for (const [what, fail] of FAILURES) {
    test(`${what}: the next connector is asked, else there is no answer`, async () => {
      const id = await at.connector({ url: backend.url, timeout_ms: 300, connect_timeout_ms: 200 });
      const next = await at.connector({ url: other.url });
      await fail(backend);
      assert.equal(await outcome([id, next]), 'accept');
      assert.equal(other.seen.length, 1);
      assert.equal(await outcome(id), 'none');
      assert.match(JSON.stringify(at.logged), /could not decide/);
      assert.doesNotMatch(JSON.stringify(at.logged), /secret|the-token/);
      other.answer(422, {});
      assert.equal(await outcome([id, next]), 'reject');
    });
  }

  test('a backend that has failed is asked last for 5 s, and first again when it answers', async () => {
    const [id, next] = [await at.connector({ url: backend.url }), await at.connector({ url: other.url })];
    const asked = () => [backend.seen.length, other.seen.length];
    backend.answer(500, {});
    await outcome([id, next]);
    assert.deepEqual(asked(), [1, 1]);
    await outcome([id, next]);
    assert.deepEqual(asked(), [1, 2], 'left alone');
    other.answer(500, {});
    assert.equal(await outcome([id, next]), 'none');
    assert.deepEqual(asked(), [2, 3], 'asked last');
    at.clock.monotonic += CIRCUIT_MS;
    backend.answer(200, {});
    assert.equal(await outcome([id, next]), 'accept');
    assert.deepEqual(asked(), [3, 3], 'first again');
  });

  test('one request finds out whether a backend is well again; the others do not wait for it', async () => {
    const [id, next] = [await at.connector({ url: backend.url }), await at.connector({ url: other.url })];
    backend.answer(500, {});
    await outcome([id, next]);
    at.clock.monotonic += CIRCUIT_MS;
    let end = () => {};
    backend.respond = (_, response) => (end = () => response.end('{}'));
    const first = outcome([id, next]);
    while (backend.seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    for (let i = 0; i < 5; i++) assert.equal(await outcome([id, next]), 'accept');
    assert.equal(backend.seen.length, 2);
    end();
    assert.equal(await first, 'accept');
    backend.answer(200, {});
    await outcome([id, next]);
    assert.equal(backend.seen.length, 3, 'first again');
  });

  test('nobody to ask', async () => {
    assert.equal(await outcome([]), 'none');
    assert.equal(await outcome(['gone']), 'none');
  });

  test('a former accept is repeated while nobody answers, where that is allowed, and for so long', async () => {
    const id = await at.connector({ url: backend.url, cache: { seconds: 60 } });
    const without = await at.connector({ url: backend.url });
    backend.answer(200, { valid_until: '2026/01/01 00:00:30 +0000', attributes: [{ name: 'Filter-Id', value: 'x' }] });
    for (const one of [id, without]) assert.equal(await outcome(one), 'accept');
    backend.answer(500, {});
    at.clock.ms += 10_000;
    const repeated = await ask(id, attemptOf('user1', 'secret'));
    assert.ok(repeated.outcome === 'accept');
    assert.deepEqual(repeated.attributes, [{ name: 'Filter-Id', value: 'x', op: ':=' }]);
    assert.equal(repeated.sessionTimeout, 20, 'the end has not moved');
    assert.equal(await outcome(id, attemptOf('user1', 'Secret')), 'none', 'another password');
    assert.equal(await outcome(id, attemptOf('user2', 'secret')), 'none', 'another login');
    assert.equal(await outcome(without), 'none');
    at.clock.ms += 20_000;
    assert.equal(await outcome(id), 'none', 'it is not valid any more');
    backend.answer(200, {});
    assert.equal(await outcome(id), 'accept');
    backend.answer(422, {});
    assert.equal(await outcome(id), 'reject');
    backend.answer(500, {});
    assert.equal(await outcome(id), 'none', 'a reject takes it back');
    backend.answer(200, {});
    await outcome(id);
    at.clock.ms += 60_000;
    backend.answer(500, {});
    assert.equal(await outcome(id), 'none', 'its time is over');
    at.clock.ms = Date.UTC(2026, 0, 1);
  });

  test('MS-CHAP is repeated only where the response can be checked here', async () => {
    const trusting = await at.connector({ url: backend.url, cache: { seconds: 60 } });
    const checking = await at.connector({ url: backend.url, cache: { seconds: 60 }, nt_key: 'nt_hash' });
    backend.answer(200, { nt_key: V2.ntHashHash });
    assert.equal(await outcome(trusting, attemptOf('User', mschapv2())), 'accept');
    backend.answer(200, { nt_key: V2.ntHash });
    assert.equal(await outcome(checking, attemptOf('User', mschapv2())), 'accept');
    backend.answer(500, {});
    assert.equal(await outcome(trusting, attemptOf('User', mschapv2())), 'none');
    const again = await ask(checking, attemptOf('User', mschapv2()));
    assert.equal(again.outcome === 'accept' && again.mschapv2?.authenticatorResponse, V2.authenticatorResponse);
    assert.equal(await outcome(checking, attemptOf('User', mschapv2('wrong'))), 'none');
    assert.equal(await outcome(checking, attemptOf('User', 'clientPass')), 'none', 'PAP was never accepted');
  });

  test('connections are kept and bounded', async () => {
    const id = await at.connector({ url: backend.url, max_connections: 2 });
    const all = await Promise.all(Array.from({ length: 20 }, () => outcome(id)));
    assert.ok(all.every((one) => one === 'accept'));
    assert.equal(backend.connections, 2);
    for (let i = 0; i < 5; i++) await outcome(id);
    assert.equal(backend.connections, 2);
    backend.dropIdle();
    assert.equal(await outcome(id), 'accept', 'a connection that the backend has closed costs nobody the answer');
  });

  test('a kept connection that ends under a request is no failure: a fresh one is tried, once', async () => {
    const id = await at.connector({ url: backend.url });
    const used = new Set<number>();
    backend.respond = ({ connection }, response) => {
      if (used.has(connection)) response.socket?.destroy();
      else response.end('{}');
      used.add(connection);
    };
    assert.equal(await outcome(id), 'accept');
    assert.equal(await outcome(id), 'accept');
    assert.deepEqual(
      backend.seen.map(({ connection }) => connection),
      [1, 1, 2],
    );
    backend.respond = (_, response) => response.socket?.destroy();
    assert.equal(await outcome(id), 'none');
    assert.equal(backend.seen.length, 4, 'a fresh one is not tried again');
  });

  test('more than may wait are not sent', async () => {
    const id = await at.connector({ url: backend.url, max_connections: 1, timeout_ms: 1000 });
    backend.respond = () => undefined;
    const all = await Promise.all(Array.from({ length: MAX_WAITING + 10 }, () => outcome(id)));
    assert.ok(all.every((one) => one === 'none'));
    assert.ok(backend.seen.length <= MAX_WAITING + 1);
    assert.match(JSON.stringify(at.logged), /too many requests are waiting/);
  });

  test('a connection that is never made ends after the time for it', async (t) => {
    // Listens, and takes nobody: the kernel answers the first few only.
    const server = net.createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 0 });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    t.after(() => server.close());
    const id = await at.connector({ url: `https://127.0.0.1:${port}/`, connect_timeout_ms: 100, timeout_ms: 30_000 });
    assert.equal(await outcome(id), 'none');
    assert.match(JSON.stringify(at.logged.at(-1)), /did not answer in time \((secureConnect|connect)\)/);
  });
});

describe('TLS of a REST connector', requires('openssl'), () => {
  test('the authority is its own, the system’s, or none', async (t) => {
    const at = await startConnectors();
    const { ca, key, cert } = makeCertificates();
    const backend = await startBackend({ key, cert });
    t.after(async () => {
      await at.close();
      await backend.close();
    });
    const outcome = async (id: string) => (await at.connectors.authenticate([id], attemptOf('u', 'p'))).outcome;
    const unknown = await at.connector({ url: backend.url });
    assert.equal(await outcome(unknown), 'none');
    assert.match(JSON.stringify(at.logged), /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED/);
    assert.equal(backend.seen.length, 0, 'nothing was sent');
    assert.equal(await outcome(await at.connector({ url: backend.url, ca_pem: ca })), 'accept');
    const foreign = await at.connector({ url: backend.url, ca_pem: makeCertificates().ca });
    assert.equal(await outcome(foreign), 'none');
    assert.equal(await outcome(await at.connector({ url: backend.url, verify_tls: false })), 'accept');
    const name = await at.connector({ url: backend.url.replace('127.0.0.1', 'localhost'), ca_pem: ca });
    assert.equal(await outcome(name), 'none', 'the certificate is for another name');
    await at.api('PUT', `/connectors/${unknown}`, { ca_pem: ca });
    assert.equal(await outcome(unknown), 'accept', 'a change holds for the next request');
  });
});

test('the example of RFC 2759 is what this file says', () => {
  assert.equal(
    Buffer.from(challengeHash(V2.peerChallenge, V2.authChallenge, V2.userName)).toString('hex'),
    V2.challenge,
  );
  const hash = ntHash(V2.password);
  assert.equal(Buffer.from(hash).toString('hex'), V2.ntHash);
  assert.equal(Buffer.from(hashNtHash(hash)).toString('hex'), V2.ntHashHash);
  assert.equal(
    authenticatorResponse(hashNtHash(hash), Buffer.from(V2.response, 'hex'), Buffer.from(V2.challenge, 'hex')),
    V2.authenticatorResponse,
  );
});
