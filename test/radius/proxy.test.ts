import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  encodeReply,
  encodeRequest,
  type Packet,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import { type LocalPolicy, MAX_OWN_PROXY_STATES } from '../../appliance/radius/proxy/index.ts';
import {
  accept,
  accessRequest,
  type Behaviour,
  nasOf,
  QUICK,
  replyTo,
  type StandIn,
  startProxy,
  startStandIn,
  UPSTREAM_SECRET,
  upstreamOf,
} from './proxy-support.ts';

const ends: (() => unknown)[] = [];
after(() => {
  for (const end of ends) end();
});
const standIn = async (behaviour: Behaviour = accept()): Promise<StandIn> => {
  const made = await startStandIn(behaviour);
  ends.push(made.close);
  return made;
};
const proxyOver = (...[upstreams, more]: Parameters<typeof startProxy>) => {
  const made = startProxy(upstreams, more);
  ends.push(made.close);
  return made;
};
const silent: Behaviour = () => undefined;
const until = async (what: string, check: () => boolean): Promise<void> => {
  for (let i = 0; !check(); i++) {
    assert.ok(i < 1000, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const reply = (code: number, attributes: AttributeWriter = new AttributeWriter()): Behaviour => {
  const encoded = attributes.done();
  return (request) => encodeReply(code, request, UPSTREAM_SECRET, encoded);
};

describe('forwarding', () => {
  test('a request goes to the server and its answer comes back', async () => {
    const server = await standIn(accept(new AttributeWriter().add(ATTRIBUTE.class, 'c').done()));
    const proxy = proxyOver([upstreamOf('a', server.port)]);
    const request = accessRequest((w) => w.add(1, 'alice@example.com').add(ATTRIBUTE.proxyState, 'of the NAS'));
    const answer = await proxy.proxyAccess(['a'], request, { login: 'alice' });
    assert.equal(answer?.code, CODE.accessAccept);
    const [asked] = server.requests as [Packet];
    assert.equal(checkMessageAuthenticator(asked, UPSTREAM_SECRET), 'valid');
    assert.equal([...asked][0]?.type, ATTRIBUTE.messageAuthenticator);
    assert.equal(asked.text(1), 'alice');
    assert.equal(asked.all(ATTRIBUTE.proxyState).length, 2);
    const shown = replyTo(request, answer);
    assert.deepEqual(shown.all(ATTRIBUTE.proxyState).map(String), [String(Buffer.from('of the NAS'))]);
    assert.equal(shown.text(ATTRIBUTE.class), 'c');
  });

  test('accounting goes to its port', async () => {
    const [auth, acct] = [await standIn(), await standIn()];
    const proxy = proxyOver([{ ...upstreamOf('a', auth.port), acctPort: acct.port }]);
    const nas = nasOf();
    const attributes = new AttributeWriter().add(ATTRIBUTE.acctSessionId, 's1').add(ATTRIBUTE.acctStatusType, 1).done();
    const packet = parsePacket(encodeRequest(CODE.accountingRequest, 5, nas.secret, attributes)) as Packet;
    const answer = await proxy.proxyAccounting(['a'], { packet, nas, address: '127.0.0.1' });
    assert.deepEqual([answer?.code, auth.requests.length, acct.requests.length], [CODE.accountingResponse, 0, 1]);
    assert.equal(acct.requests[0]?.text(ATTRIBUTE.acctSessionId), 's1');
  });

  test('a reject is a reject, and comes from the first server', async () => {
    const message = new AttributeWriter().add(ATTRIBUTE.replyMessage, 'no');
    const [first, second] = [await standIn(reply(CODE.accessReject, message)), await standIn()];
    const proxy = proxyOver([upstreamOf('a', first.port), upstreamOf('b', second.port)]);
    const answer = await proxy.proxyAccess(['a', 'b'], accessRequest());
    assert.deepEqual([answer?.code, second.requests.length], [CODE.accessReject, 0]);
  });

  test('more than 256 at once: another port, and an answer for each', async () => {
    const server = await standIn(silent);
    const proxy = proxyOver([upstreamOf('a', server.port, { timeoutMs: 60_000 })]);
    const answers: Promise<unknown>[] = [];
    const marks = () =>
      new Set(server.requests.map((one) => Buffer.from(one.first(ATTRIBUTE.proxyState) ?? []).toString('hex')));
    while (answers.length < 600) {
      // By fifties: a socket buffer doesn't hold them all.
      for (let i = 0; i < 50; i++) answers.push(proxy.proxyAccess(['a'], accessRequest()));
      await until('they have arrived, each with a Proxy-State of its own', () => marks().size === answers.length);
    }
    assert.equal(server.ports.size, 3);
    proxy.close();
    assert.ok(
      (await Promise.all(answers)).every((answer) => answer === undefined),
      'at the end nobody is left waiting',
    );
    assert.equal(proxy.stats().underWay, 0);
  });

  test('what the NAS sends again goes to the same server again, and has the same answer', async () => {
    const server = await standIn((request, count) => (count < 3 ? undefined : accept()(request, count)));
    const other = await standIn();
    const proxy = proxyOver([upstreamOf('a', server.port, { timeoutMs: 20_000 }), upstreamOf('b', other.port)]);
    const request = accessRequest();
    const answers = [proxy.proxyAccess(['a', 'b'], request)];
    await until('it is there', () => server.requests.length === 1);
    answers.push(proxy.proxyAccess(['a', 'b'], request), proxy.proxyAccess(['a', 'b'], request));
    assert.deepEqual(
      (await Promise.all(answers)).map((answer) => answer?.code),
      [2, 2, 2],
    );
    const [first, second] = server.requests;
    assert.deepEqual(second?.bytes, first?.bytes, 'the same bytes (RFC 5080, section 2.2.1)');
    assert.equal(other.requests.length, 0);
  });

  test('local policy: attributes of ours, or a reject; a fault of it is no answer', async () => {
    const server = await standIn(accept(new AttributeWriter().add(ATTRIBUTE.sessionTimeout, 60).done()));
    let own: () => LocalPolicy = () => 'deny';
    const proxy = proxyOver([upstreamOf('a', server.port)], {
      onAccept: async ({ packet, upstream, realm }) => {
        assert.deepEqual([packet.number(ATTRIBUTE.sessionTimeout), upstream.id, realm], [60, 'a', 'example.com']);
        return own();
      },
    });
    const ask = () => proxy.proxyAccess(['a'], accessRequest(), { realm: 'example.com' });
    assert.deepEqual(await ask(), { code: CODE.accessReject, attributes: new Uint8Array(0) });
    const message = new AttributeWriter().add(ATTRIBUTE.replyMessage, 'not today').done();
    own = () => ({ deny: message });
    assert.deepEqual(await ask(), { code: CODE.accessReject, attributes: message });
    own = () => new AttributeWriter().add(ATTRIBUTE.sessionTimeout, 5).done();
    const request = accessRequest();
    const answer = await proxy.proxyAccess(['a'], request, { realm: 'example.com' });
    assert.deepEqual(
      replyTo(request, answer!)
        .all(ATTRIBUTE.sessionTimeout)
        .map((v) => v[3]),
      [5],
    );
    own = () => {
      throw new Error('broken');
    };
    assert.equal(await ask(), undefined);
    own = () => new AttributeWriter().long(ATTRIBUTE.replyMessage, randomBytes(3900)).done();
    const long = accessRequest((w) => w.long(ATTRIBUTE.proxyState, randomBytes(400)));
    assert.equal(
      await proxy.proxyAccess(['a'], long, { realm: 'example.com' }),
      undefined,
      'too long with Proxy-State',
    );
  });

  test('a loop ends', async () => {
    const server = await standIn();
    const proxy = proxyOver([upstreamOf('a', server.port)]);
    let request = accessRequest();
    for (let turns = 1; ; turns++) {
      const answer = await proxy.proxyAccess(['a'], request);
      if (!answer) {
        assert.equal(turns, MAX_OWN_PROXY_STATES + 2);
        break;
      }
      // As if the server had sent it back to us.
      const states = server.requests.at(-1)!.all(ATTRIBUTE.proxyState);
      request = accessRequest((w) =>
        states.reduce((all, state) => all.add(ATTRIBUTE.proxyState, state), w.add(1, 'a')),
      );
    }
    assert.equal(proxy.stats().loops, 1);
  });

  test('no more under way than may be', async () => {
    const server = await standIn(silent);
    const proxy = proxyOver([upstreamOf('a', server.port, { timeoutMs: 20_000 })], { limits: { exchanges: 10 } });
    const first = Array.from({ length: 10 }, () => proxy.proxyAccess(['a'], accessRequest()));
    assert.equal(await proxy.proxyAccess(['a'], accessRequest()), undefined);
    assert.deepEqual([proxy.stats().underWay, proxy.stats().overflows], [10, 1]);
    proxy.close();
    await Promise.all(first);
  });

  test('unknown upstreams, and none at all, are no answer', async () => {
    const proxy = proxyOver([]);
    assert.equal(await proxy.proxyAccess(['nobody'], accessRequest()), undefined);
    assert.equal(await proxy.proxyAccess([], accessRequest()), undefined);
  });

  test('a host name is looked up; one that is not found is as a server that is not there', async () => {
    const server = await standIn();
    const names: string[] = [];
    const proxy = proxyOver(
      [upstreamOf('a', server.port, { address: 'gone.test' }), upstreamOf('b', server.port, { address: 'here.test' })],
      {
        async lookup(host) {
          names.push(host);
          if (host === 'gone.test') throw new Error('ENOTFOUND');
          return { address: '127.0.0.1' };
        },
      },
    );
    assert.equal((await proxy.proxyAccess(['a', 'b'], accessRequest()))?.code, CODE.accessAccept);
    assert.deepEqual(new Set(names), new Set(['gone.test', 'here.test']));
  });
});

describe('conversations', () => {
  test('the next request with State goes to the server that gave it, and to no other', async () => {
    const challenge = (state: string) => reply(CODE.accessChallenge, new AttributeWriter().add(ATTRIBUTE.state, state));
    const [first, second] = [await standIn(silent), await standIn(challenge('of the second'))];
    const proxy = proxyOver([upstreamOf('a', first.port, QUICK), upstreamOf('b', second.port, { timeoutMs: 1000 })]);
    const answer = await proxy.proxyAccess(['a', 'b'], accessRequest());
    assert.equal(answer?.code, CODE.accessChallenge);
    first.behaviour = accept();
    const before = first.requests.length;
    const withState = (nas = nasOf()) =>
      accessRequest((w) => w.add(1, 'alice').add(ATTRIBUTE.state, 'of the second'), nas);
    second.behaviour = accept();
    assert.equal((await proxy.proxyAccess(['a', 'b'], withState()))?.code, CODE.accessAccept);
    assert.equal(first.requests.length, before);
    assert.equal(second.requests.at(-1)?.text(ATTRIBUTE.state), 'of the second');
    second.behaviour = silent;
    assert.equal(await proxy.proxyAccess(['a', 'b'], withState()), undefined, 'another would not know it');
    assert.equal(first.requests.length, before);
    await proxy.proxyAccess(['a', 'b'], withState(nasOf({ id: 'nas-2' })));
    assert.equal(first.requests.length, before + 1, "another NAS's State is another");
    assert.equal((await proxy.proxyAccess(['a'], withState()))?.code, 2, 'the realm has other servers by now');
  });

  test('conversations are kept up to a number', async () => {
    let n = 0;
    const server = await standIn((request, count) =>
      reply(CODE.accessChallenge, new AttributeWriter().add(ATTRIBUTE.state, `state ${n++}`))(request, count),
    );
    const proxy = proxyOver([upstreamOf('a', server.port)], { limits: { conversations: 5 } });
    for (let i = 0; i < 20; i++) await proxy.proxyAccess(['a'], accessRequest());
    assert.equal(proxy.stats().conversations, 5);
  });
});

describe('failover', () => {
  test('a silent server: tried again, then the next; dead when it stays silent', async () => {
    const [first, second] = [await standIn(silent), await standIn()];
    const proxy = proxyOver([upstreamOf('a', first.port, QUICK), upstreamOf('b', second.port)]);
    assert.equal((await proxy.proxyAccess(['a', 'b'], accessRequest()))?.code, CODE.accessAccept);
    assert.equal(first.requests.length, 2);
    assert.deepEqual(first.requests[0]?.bytes, first.requests[1]?.bytes);
    await proxy.proxyAccess(['a', 'b'], accessRequest());
    assert.equal(proxy.stat('a')?.state, 'dead');
    const before = first.requests.length;
    assert.equal(before, 3, 'nobody waits for a second try of one that is dead');
    for (let i = 0; i < 5; i++) assert.equal((await proxy.proxyAccess(['a', 'b'], accessRequest()))?.code, 2);
    assert.equal(first.requests.length, before);
    const metrics = await proxy.registry.metrics();
    assert.match(metrics, /gatehouse_radius_upstream_state\{upstream="a",port="auth"\} 0/);
    assert.match(metrics, /gatehouse_radius_upstream_timeouts_total\{upstream="a",port="auth"\} 3/);
    assert.match(metrics, /gatehouse_radius_upstream_answers_total\{upstream="b",port="auth"\} 7/);
  });

  test('all dead: no answer, at once, and never a reject', async () => {
    const server = await standIn(silent);
    const proxy = proxyOver([upstreamOf('a', server.port, QUICK)]);
    for (let i = 0; i < 2; i++) assert.equal(await proxy.proxyAccess(['a'], accessRequest()), undefined);
    const before = server.requests.length;
    assert.equal(await proxy.proxyAccess(['a'], accessRequest()), undefined);
    assert.equal(server.requests.length, before);
    assert.equal(proxy.stat('a')?.state, 'dead');
  });

  test('a port where nobody listens is left at once', async () => {
    const gone = await startStandIn(silent);
    gone.close();
    const server = await standIn();
    const proxy = proxyOver([upstreamOf('a', gone.port, { timeoutMs: 20_000 }), upstreamOf('b', server.port)]);
    assert.equal((await proxy.proxyAccess(['a', 'b'], accessRequest()))?.code, CODE.accessAccept);
  });

  test('whoever was asked first may still answer', async () => {
    const asked = Promise.withResolvers<void>();
    const first = await standIn(async (request, count) => {
      await asked.promise;
      return accept()(request, count) as Uint8Array;
    });
    const second = await standIn(() => void asked.resolve());
    const proxy = proxyOver([
      upstreamOf('a', first.port, { ...QUICK, retries: 0 }),
      upstreamOf('b', second.port, { retries: 0, timeoutMs: 20_000 }),
    ]);
    assert.equal((await proxy.proxyAccess(['a', 'b'], accessRequest()))?.code, CODE.accessAccept);
    assert.deepEqual([first.requests.length, second.requests.length], [1, 1]);
  });

  test('Status-Server: one that leaves requests unanswered and is there stays; one that is gone is dead, and comes back', async () => {
    const ALIVE: Behaviour = (request, count) =>
      request.code === CODE.statusServer ? accept()(request, count) : undefined;
    const [first, second] = [await standIn(ALIVE), await standIn()];
    const status = { statusServer: true, retries: 0, timeoutMs: 200 };
    const proxy = proxyOver(
      [upstreamOf('a', first.port, status), upstreamOf('b', second.port, { statusServer: true })],
      {
        limits: { probeEveryMs: 20 },
      },
    );
    const ask = async () => assert.equal((await proxy.proxyAccess(['a', 'b'], accessRequest()))?.code, 2);
    for (let i = 0; i < 3; i++) await ask();
    await until('it was asked', () => first.requests.some(({ code }) => code === CODE.statusServer));
    await until('it is alive', () => proxy.stat('a')?.state === 'alive');
    const probe = first.requests.find(({ code }) => code === CODE.statusServer)!;
    assert.equal(checkMessageAuthenticator(probe, UPSTREAM_SECRET), 'valid');
    first.behaviour = silent;
    for (let i = 0; i < 3; i++) await ask();
    await until('it is dead', () => proxy.stat('a')?.state === 'dead');
    first.behaviour = accept();
    await until('it is alive again', () => proxy.stat('a')?.state === 'alive');
    const before = second.requests.length;
    await ask();
    assert.equal(second.requests.length, before);
  });

  test('a changed upstream is used as it is now; a deleted one no more', async () => {
    const [first, second] = [await standIn(silent), await standIn()];
    const proxy = proxyOver([upstreamOf('a', first.port, { timeoutMs: 20_000 })]);
    const waiting = proxy.proxyAccess(['a'], accessRequest());
    await until('it is there', () => first.requests.length === 1);
    proxy.set(upstreamOf('a', second.port));
    assert.equal(await waiting, undefined, 'the old way is gone');
    assert.equal((await proxy.proxyAccess(['a'], accessRequest()))?.code, CODE.accessAccept);
    proxy.set(undefined, 'a');
    assert.equal(await proxy.proxyAccess(['a'], accessRequest()), undefined);
    assert.deepEqual(proxy.stats().upstreams, []);
  });
});

describe('answers that are none', () => {
  test('forged, changed and foreign packets are counted, and the real answer is taken', async () => {
    const forger = new Secret('not the secret');
    const bad: Behaviour[] = [
      (request) => encodeReply(CODE.accessAccept, request, forger, new Uint8Array(0)),
      (request) =>
        encodeReply(CODE.accessAccept, request, UPSTREAM_SECRET, new Uint8Array(0), { messageAuthenticator: false }),
      (request) => encodeReply(CODE.accountingResponse, request, UPSTREAM_SECRET, new Uint8Array(0)),
      () => randomBytes(30),
      () => new Uint8Array(0),
      (request) =>
        Uint8Array.from(encodeReply(CODE.accessAccept, request, UPSTREAM_SECRET, new Uint8Array(0)), (b, i) =>
          i === 1 ? b ^ 1 : b,
        ),
    ];
    const server = await standIn((request, count) => (bad[count - 1] ?? reply(CODE.accessReject))(request, count));
    const proxy = proxyOver([upstreamOf('a', server.port, { retries: 10, timeoutMs: 200 })]);
    assert.equal((await proxy.proxyAccess(['a'], accessRequest()))?.code, CODE.accessReject);
    assert.equal(proxy.stat('a')?.invalid, bad.length);
    assert.equal(server.requests.length, bad.length + 1);
  });

  test('answers without Message-Authenticator are dropped, and somebody is told what to do', async () => {
    const server = await standIn((request) =>
      encodeReply(CODE.accessAccept, request, UPSTREAM_SECRET, new Uint8Array(0), { messageAuthenticator: false }),
    );
    const warnings: string[] = [];
    const log = { info() {}, error() {}, warn: (_: object, message: string) => void warnings.push(message) };
    const proxy = proxyOver([upstreamOf('a', server.port, QUICK)], { log });
    for (let i = 0; i < 2; i++) assert.equal(await proxy.proxyAccess(['a'], accessRequest()), undefined);
    assert.equal(warnings.filter((message) => /require_message_authenticator/.test(message)).length, 1);
  });

  test('a mutated reject never becomes an accept', async () => {
    const mutation = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
    let changes: [number, number][] = [];
    const server = await standIn((request) => {
      const bytes = encodeReply(CODE.accessReject, request, UPSTREAM_SECRET, new Uint8Array(12).fill(6));
      for (const [at, value] of changes) bytes[at % bytes.length]! ^= value;
      return bytes;
    });
    // Without the demand for Message-Authenticator: the Response Authenticator alone must hold.
    const proxy = proxyOver([
      upstreamOf('a', server.port, { retries: 0, timeoutMs: 30, deadSeconds: 0, requireMessageAuthenticator: false }),
    ]);
    for (changes of fc.sample(mutation, 60)) {
      const answer = await proxy.proxyAccess(['a'], accessRequest());
      assert.notEqual(answer?.code, CODE.accessAccept);
    }
  });
});
