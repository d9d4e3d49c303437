import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { createServer } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { AgentError } from '../errors.ts';
import { type EnrollStore, enroll, type Identity, type Pending } from './enroll.ts';
import { request } from './http.ts';
import { authority, selfSigned, signedBy } from './testing/certificates.ts';
import { type FakeController, startFakeController } from './testing/fake-controller.ts';

const der = (pem: string) => new X509Certificate(pem).raw;
const pinTo = (pem: string) => `sha256:${createHash('sha256').update(der(pem)).digest('base64url')}`;
const memory = () => {
  const kept: { pending: Pending | null; identity: Identity | null } = { pending: null, identity: null };
  const store: EnrollStore = {
    readPending: async () => kept.pending,
    writePending: async (pending) => {
      kept.pending = pending;
    },
    commit: async (identity) => {
      kept.identity = identity;
    },
  };
  return { kept, store };
};

describe('a pin', () => {
  let controller: FakeController | undefined;
  afterEach(() => controller?.close());
  /** A controller that serves TLS so, and an enrollment with it. */
  const serving = async (tls: { key: string; cert: string }) => {
    controller = await startFakeController({ tls });
    controller.tokens.set('good', null);
    const { kept, store } = memory();
    const { url, calls } = controller;
    const join = (pin: string, more = {}) => enroll({ url, token: 'good', allowHttp: false, pin, ...more }, store);
    return { kept, calls, url, join };
  };
  const refused = async (promise: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
    await assert.rejects(promise, (error: unknown) => {
      assert.ok(error instanceof AgentError, String(error));
      assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
      return true;
    });
  };

  test('of a certificate that signed itself: it is trusted from then on, and nothing else was needed', async () => {
    const own = selfSigned('localhost');
    const { kept, url, join } = await serving(own);
    const identity = await join(pinTo(own.cert));
    assert.equal(kept.identity, identity);
    assert.deepEqual(der(identity.ca ?? ''), der(own.cert));
    assert.ok(!('pinned' in identity), 'what the administrator gets from a public authority later is as good');
    assert.equal(kept.pending?.pinned, true);
    const timeout = { connect: 10_000, request: 10_000 };
    const ask = (ca: string | undefined) =>
      request(`${url}/api/v1/health`, { method: 'GET', ca, timeout, limit: 1000 });
    assert.equal((await ask(identity.ca)).statusCode, 200);
    await assert.rejects(ask(undefined), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });

  test('of an authority, or of the one certificate that is served below one that is not', async () => {
    const ca = authority('Office CA');
    const leaf = signedBy(ca, 'localhost');
    const chain = await serving({ key: leaf.key, cert: leaf.cert + ca.cert });
    assert.deepEqual(der((await chain.join(pinTo(ca.cert))).ca ?? ''), der(ca.cert));
    await controller?.close();
    const alone = await serving(leaf);
    assert.deepEqual(der((await alone.join(pinTo(leaf.cert))).ca ?? ''), der(leaf.cert));
    alone.calls.length = 0;
    await refused(alone.join(pinTo(ca.cert)), 'certificate', /not the one that the invitation names/);
  });

  test('that names no certificate there: the controller is told nothing, and people are told what it may mean', async () => {
    const own = selfSigned('localhost');
    const { kept, calls, join } = await serving(own);
    const other = pinTo(selfSigned('localhost').cert);
    await refused(join(other), 'certificate', /Somebody may be in between; or the link is from before/);
    // Of the key, not of the certificate.
    const key = new X509Certificate(own.cert).publicKey.export({ type: 'spki', format: 'der' });
    await refused(join(`sha256:${createHash('sha256').update(key).digest('base64url')}`), 'certificate', /not the one/);
    assert.deepEqual([calls, kept], [[], { pending: null, identity: null }]);
  });

  test('of a certificate that somebody else serves along with a chain of theirs', async () => {
    const ca = authority('Office CA');
    const mallory = authority('Office CA');
    const leaf = signedBy(mallory, 'localhost');
    const { calls, join } = await serving({ key: leaf.key, cert: leaf.cert + ca.cert });
    await refused(join(pinTo(ca.cert)), 'certificate', /Somebody may be in between/);
    const self = selfSigned('localhost');
    await controller?.close();
    const along = await serving({ key: self.key, cert: self.cert + ca.cert });
    await refused(along.join(pinTo(ca.cert)), 'certificate', /Somebody may be in between/);
    // A certificate of the office that may sign nothing has signed this one.
    const clerk = { name: 'clerk', ...signedBy(ca, 'clerk') };
    const forged = signedBy(clerk, 'localhost');
    await controller?.close();
    const below = await serving({ key: forged.key, cert: forged.cert + clerk.cert + ca.cert });
    await refused(below.join(pinTo(ca.cert)), 'certificate', /Somebody may be in between/);
    assert.deepEqual([calls, along.calls, below.calls], [[], [], []]);
  });

  test('makes no certificate good that is over, not yet good, or for another name', async () => {
    const ca = authority('Office CA');
    for (const [name, from, to, message] of [
      ['other.example', -1, 30, /another name/],
      ['localhost', -30, -1, /expired/],
      ['localhost', 1, 30, /not valid yet/],
    ] as const) {
      const leaf = signedBy(ca, name, from, to);
      for (const [tls, pinned] of [
        [{ key: leaf.key, cert: leaf.cert + ca.cert }, ca.cert],
        [leaf, leaf.cert],
      ] as const) {
        const { calls, join } = await serving(tls);
        await refused(join(pinTo(pinned)), 'certificate', message);
        assert.deepEqual(calls, []);
        await controller?.close();
      }
    }
  });

  test('that is none, comes with plain HTTP, or with --ca as well', async () => {
    const { calls, url, join } = await serving(selfSigned('localhost'));
    const good = pinTo(rootCertificates[0] as string);
    for (const bad of [
      '',
      'sha256:',
      good.slice(0, -1),
      `${good}A`,
      good.replace('256', '1'),
      `${good}\n`,
      good.slice(7),
    ]) {
      await refused(join(bad), 'bad-request', /not of the form sha256:/);
    }
    await refused(join(good, { url: url.replace('https', 'http'), allowHttp: true }), 'bad-request', /plain HTTP/);
    await refused(join(good, { ca: 'x' }), 'bad-request', /give one of them/);
    assert.deepEqual(calls, []);
  });

  test('an enrollment that was begun goes on by the pin that is given then', async () => {
    const own = selfSigned('localhost');
    const { kept, calls, join } = await serving(own);
    const fake = controller as FakeController;
    fake.answer = (incoming, response) => incoming.method === 'POST' && Boolean(response.destroy());
    await refused(join(pinTo(own.cert)), 'controller-unreachable', /cut/);
    fake.answer = null;
    calls.length = 0;
    await refused(join(pinTo(selfSigned('localhost').cert)), 'certificate', /not the one/);
    assert.deepEqual(calls, []);
    const secret = kept.pending?.credential;
    assert.equal((await join(pinTo(own.cert))).credential, secret);
  });

  test('what answers is no TLS, or hangs up', async () => {
    for (const answer of ['HTTP/1.1 400 Bad Request\r\n\r\n', '']) {
      const server = createServer((socket) => socket.on('error', () => undefined).end(answer));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const { store } = memory();
      const url = `https://127.0.0.1:${port}`;
      const pin = pinTo(rootCertificates[0] as string);
      await assert.rejects(enroll({ url, token: 'good', allowHttp: false, pin }, store), (error: AgentError) =>
        ['controller-error', 'controller-unreachable'].includes(error.code),
      );
      server.close();
    }
  });
});
