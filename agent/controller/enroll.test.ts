import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { AgentError } from '../errors.ts';
import { type EnrollStore, enroll, finishPending, type Identity, type Pending } from './enroll.ts';
import { newPrivateKey, publicKeyOf } from './keys.ts';
import { selfSigned } from './testing/certificates.ts';
import { type FakeController, startFakeController } from './testing/fake-controller.ts';
import { controllerUrl } from './url.ts';

/** Keeps what enrollment writes, and the order of it. */
class MemoryStore implements EnrollStore {
  pending: Pending | null = null;
  identity: Identity | null = null;
  readonly order: string[] = [];
  /** Stands for a crash: the write of this name doesn't return. */
  crashAt: 'pending' | 'commit' | null = null;

  async readPending() {
    return this.pending;
  }
  async writePending(pending: Pending | null) {
    this.order.push(pending ? 'pending' : 'drop');
    this.pending = pending;
    if (this.crashAt === 'pending') throw new Error('killed');
  }
  async commit(identity: Identity) {
    this.order.push('commit');
    if (this.crashAt === 'commit') throw new Error('killed');
    this.identity = identity;
    this.pending = null;
  }
}

describe('enroll', () => {
  let controller: FakeController;
  let store: MemoryStore;
  before(async () => {
    controller = await startFakeController({});
  });
  after(() => controller.close());
  beforeEach(() => {
    store = new MemoryStore();
    controller.answer = null;
    controller.calls.length = 0;
    controller.tokens.clear();
    controller.tokens.set('good', null);
  });
  const request = (token = 'good', url = controller.url) => ({ url, token, allowHttp: false });
  const fails = (promise: Promise<unknown>, code: string, message: RegExp) =>
    assert.rejects(promise, (error: unknown) => {
      assert.ok(error instanceof AgentError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });

  test('trades a token for an identity whose secrets the controller never sees', async () => {
    const identity = await enroll(request(), store);
    assert.deepEqual(controller.calls, ['GET /api/v1/agent/resolve', 'POST /api/v1/agent/register']);
    assert.deepEqual(store.order, ['pending', 'commit']);
    assert.match(identity.credential, /^ghd_[0-9a-f]{64}$/);
    const registered = controller.tokens.get('good');
    assert.equal(registered?.public_key, publicKeyOf(identity.privateKey));
    assert.equal(registered?.credential_hash, createHash('sha256').update(identity.credential).digest('hex'));
    assert.deepEqual([identity.networkId, identity.peerId, identity.peerName], ['net-1', 'peer-1', 'laptop']);
  });

  test('keys are X25519 keys as WireGuard writes them', () => {
    const key = newPrivateKey();
    assert.match(key, /^[A-Za-z0-9+/]{43}=$/);
    assert.match(publicKeyOf(key), /^[A-Za-z0-9+/]{43}=$/);
    const raw = Buffer.from(key, 'base64');
    assert.deepEqual([raw.length, raw[0]! & 7, raw[31]! & 192], [32, 0, 64]);
    // As `wg pubkey` answers.
    assert.equal(
      publicKeyOf('dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqwXf7pR25LCo='),
      'KVPpfcoSKfl8YAvsLBf+6qs1zkvt9msdQvFqRJ3FwF8=',
    );
  });

  test('a crash after either write is made good with the same secrets', async () => {
    store.crashAt = 'commit';
    await assert.rejects(enroll(request(), store), /killed/);
    const { pending } = store;
    assert.ok(pending);
    store.crashAt = null;
    // The token is spent now: `resolve` would answer 404.
    const identity = await enroll(request(), store);
    assert.deepEqual([identity.privateKey, identity.credential], [pending.privateKey, pending.credential]);
    assert.deepEqual(controller.calls.slice(2), ['POST /api/v1/agent/register']);

    const other = new MemoryStore();
    controller.tokens.set('second', null);
    other.crashAt = 'pending';
    await assert.rejects(enroll(request('second'), other), /killed/);
    other.crashAt = null;
    assert.ok(other.pending);
    const finished = await finishPending(other.pending, other);
    assert.equal(controller.tokens.get('second')?.public_key, publicKeyOf(finished.privateKey));
  });

  test('a lost answer leaves the pending enrollment; a refusal ends it', async () => {
    controller.answer = (incoming, response) => {
      if (incoming.method !== 'POST') return false;
      response.destroy();
      return true;
    };
    await fails(enroll(request(), store), 'controller-unreachable', /connection was cut/);
    assert.ok(store.pending);
    controller.answer = null;
    controller.tokens.clear();
    await fails(enroll(request(), store), 'token-invalid', /Ask an administrator/);
    assert.equal(store.pending, null);
  });

  test('a bad or expired token', () => fails(enroll(request('bad'), store), 'token-invalid', /expired .* new one/));

  const reply = (status: number, body: string, headers: Record<string, string> = {}) => {
    controller.answer = (_request, response) => {
      response.writeHead(status, headers);
      response.end(body);
      return true;
    };
  };

  test('an error of the controller', async () => {
    reply(500, 'oops');
    await fails(enroll(request(), store), 'controller-error', /HTTP 500.*controller's log/);
  });

  test('something else that answers', async () => {
    const cases: [number, string][] = [
      [200, '<html>Welcome</html>'],
      [404, '<html>Not found</html>'],
      [404, '{"detail":"nothing here"}'],
      [200, '{"peer_id":1}'],
      [200, 'null'],
    ];
    for (const [status, body] of cases) {
      reply(status, body);
      await fails(enroll(request(), store), 'controller-error', /not a Gatehouse controller .* check the URL/);
    }
  });

  test('a path that the controller has not is no bad token, and costs no pending enrollment', async () => {
    const missing = (body: object, headers: Record<string, string> = {}) => {
      controller.answer = (incoming, response) => {
        if (incoming.method !== 'POST') return false;
        response.writeHead(404, headers);
        response.end(JSON.stringify(body));
        return true;
      };
    };
    for (const [text, headers] of [
      ['there is nothing', { 'x-gatehouse-error': 'no-route' }],
      ['there is no POST /office/api/v1/agent/register', {}],
    ] as const) {
      missing({ error: text }, headers);
      await fails(enroll(request(), store), 'controller-error', /check the path in the URL/);
      assert.ok(store.pending);
    }
    missing({ error: { a: 1 } });
    await fails(enroll(request(), store), 'controller-error', /not that of a Gatehouse/);
    assert.ok(store.pending);
    assert.equal(controllerUrl('https://gate.example/api/v1/', false), 'https://gate.example');
    assert.equal(controllerUrl('https://gate.example/office/api/v1', false), 'https://gate.example/office');
  });

  test('a redirect is not followed: the token goes nowhere else', async () => {
    const elsewhere: string[] = [];
    const other = http.createServer((incoming, response) => {
      elsewhere.push(String(incoming.headers.authorization));
      response.end('{}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    reply(302, '', { location: `http://127.0.0.1:${port}/` });
    await fails(
      enroll(request(), store),
      'controller-error',
      new RegExp(`sends this device on to http://127.0.0.1:${port}`),
    );
    assert.deepEqual(elsewhere, []);
    other.close();
  });

  test('an answer without end is cut off', async () => {
    controller.answer = (_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65536)));
      };
      response.on('drain', more);
      more();
      return true;
    };
    await fails(enroll(request(), store), 'controller-error', /larger than 1048576 bytes/);
  });

  test('nothing listens, the name does not exist, TLS is not spoken', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => probe.once('listening', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    await fails(
      enroll(request('good', `http://127.0.0.1:${port}`), store),
      'controller-unreachable',
      /nothing listens/,
    );
    await fails(
      enroll(request('good', 'https://gate.invalid'), store),
      'controller-unreachable',
      /name can't be resolved/,
    );
    const https = controller.url.replace('http:', 'https:');
    await fails(enroll(request('good', https), store), 'controller-error', /doesn't speak TLS.*http:\/\//);
  });

  test('certificates: unknown, for another name, expired; and one that --ca makes good', async () => {
    const cases: [string, number, number, RegExp][] = [
      ['localhost', -1, 30, /--ca <file>/],
      ['other.example', -1, 30, /another name/],
      ['localhost', -30, -1, /expired/],
      ['localhost', 1, 30, /not valid yet/],
    ];
    for (const [name, from, to, message] of cases) {
      const tls = selfSigned(name, from, to);
      const secure = await startFakeController({ tls });
      secure.tokens.set('good', null);
      const trusted = message.source.startsWith('--ca') ? {} : { ca: tls.cert };
      try {
        await fails(enroll({ ...request('good', secure.url), ...trusted }, store), 'certificate', message);
        assert.equal(store.pending, null);
        if (name !== 'localhost' || from !== -1) continue;
        const identity = await enroll({ ...request('good', secure.url), ca: tls.cert }, store);
        assert.equal(identity.ca, tls.cert);
      } finally {
        await secure.close();
      }
    }
  });
});

describe('the URL of a controller', () => {
  test('plain HTTP is for loopback, or where it is allowed', () => {
    for (const url of ['http://127.0.0.1:8080', 'http://localhost', 'http://[::1]:80/', 'http://127.1.2.3']) {
      assert.equal(
        controllerUrl(url, false),
        url.replace(/\/$/, '').replace(':80', url.includes(':8080') ? ':80' : ''),
      );
    }
    for (const url of [
      'http://gate.example',
      'http://192.0.2.1',
      'http://127.0.0.1.example',
      'http://localhost.example',
    ]) {
      assert.throws(() => controllerUrl(url, false), { code: 'plain-http', message: /--allow-http/ });
      assert.equal(controllerUrl(url, true), url);
    }
  });

  test('is taken with a path, and refused with anything that is none', () => {
    assert.equal(controllerUrl('HTTPS://Gate.example/base/?x=1#y', false), 'https://gate.example/base');
    for (const url of [
      '',
      'gate.example',
      'gate.example:8080',
      'ftp://gate.example',
      'https://',
      'https://a b/',
      'https://u:p@gate',
    ]) {
      assert.throws(() => controllerUrl(url, false), { code: 'bad-request' }, url);
    }
  });
});
