import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCalls } from '../../ffi/index.ts';
import { ATTRIBUTE, AttributeWriter, CODE, Secret } from '../codec/index.ts';
import type { Answer } from '../types.ts';
import type { AccountingRequest } from './index.ts';
import { answer, type Client, checked, openClient, request, SECRET, startServer, testNas } from './testing.ts';

const { accessAccept, accessChallenge, accessReject, accessRequest, accountingRequest, accountingResponse } = CODE;
const { statusServer } = CODE;

/** An answer that is given when the test says so. */
function deferred() {
  const waiting: ((given: Answer | undefined) => void)[] = [];
  return {
    calls: () => waiting.length,
    handle: () => new Promise<Answer | undefined>((resolve) => void waiting.push(resolve)),
    give: (i: number, given: Answer | undefined) => waiting[i]!(given),
  };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; !condition() && i < 500; i++) await sleep(10);
  assert.ok(condition(), 'it has not come about in 5 s');
}

test('batches work here, or say why not', async () => {
  const calls = await loadCalls();
  if (process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)) assert.notEqual(typeof calls, 'string');
  else assert.equal(typeof calls, 'string');
});

for (const batched of ['off', 'auto'] as const) {
  describe(`server, ${batched === 'off' ? 'one by one' : 'in batches'}`, () => {
    let client: Client;
    before(async () => {
      client = await openClient();
    });
    after(() => client.close());

    /** Starts a server for one test. */
    const start = async (
      t: { after: (fn: () => Promise<void>) => void },
      options: Parameters<typeof startServer>[0],
    ) => {
      const a = await startServer({ batched, ...options });
      t.after(() => a.server.close());
      const dropped = (): Record<string, number> =>
        Object.fromEntries(Object.entries(a.server.stats().dropped).filter(([, count]) => count > 0));
      /** What was sent before is dealt with, as a Status-Server behind it is answered. */
      const settle = async (port = a.authPort): Promise<void> => {
        const fence = request(statusServer, { id: 255 });
        client.send(fence, port);
        checked(await client.next(), fence, a.nas.current?.secret ?? SECRET);
      };
      return { ...a, dropped, settle };
    };

    test('answers what belongs to a port, signed, Message-Authenticator first, Proxy-States in order', async (t) => {
      const seen: unknown[] = [];
      const a = await start(t, {
        onAccess: ({ packet, nas, address, authPort, at }) => {
          seen.push([packet.text(ATTRIBUTE.userName), nas.id, address, authPort]);
          assert.ok(Math.abs(at - Date.now()) < 60_000);
          return answer(packet.has(ATTRIBUTE.state) ? accessChallenge : accessAccept, 'welcome');
        },
      });
      const sent = request(accessRequest, {
        attributes: (w) =>
          w.add(ATTRIBUTE.proxyState, 'one').add(ATTRIBUTE.nasPort, 1).add(ATTRIBUTE.proxyState, 'two'),
      });
      client.send(sent, a.authPort);
      const reply = checked(await client.next(), sent);
      assert.equal(reply.code, accessAccept);
      assert.deepEqual(
        [...reply].map(({ type, value }) => [type, type === 80 ? value.length : Buffer.from(value).toString()]),
        [
          [ATTRIBUTE.messageAuthenticator, 16],
          [ATTRIBUTE.replyMessage, 'welcome'],
          [ATTRIBUTE.proxyState, 'one'],
          [ATTRIBUTE.proxyState, 'two'],
        ],
      );
      assert.deepEqual(seen, [['alice', 'nas-1', '127.0.0.1', a.authPort]]);
      const more = request(accessRequest, { id: 2, attributes: (w) => w.add(ATTRIBUTE.state, 'x') });
      client.send(more, a.authPort);
      assert.equal(checked(await client.next(), more).code, accessChallenge);

      const accounting = request(accountingRequest, { attributes: (w) => w.add(ATTRIBUTE.proxyState, 'p') });
      client.send(accounting, a.acctPort);
      const response = checked(await client.next(), accounting);
      assert.deepEqual([response.code, [...response].map(({ type }) => type)], [5, [ATTRIBUTE.proxyState]]);
      const signed = request(accountingRequest, { id: 2, signed: true });
      client.send(signed, a.acctPort);
      assert.equal([...checked(await client.next(), signed)][0]?.type, ATTRIBUTE.messageAuthenticator);

      for (const [port, code] of [
        [a.authPort, accessAccept],
        [a.acctPort, accountingResponse],
      ] as const) {
        const status = request(statusServer, { id: 3 });
        client.send(status, port);
        const alive = checked(await client.next(), status);
        assert.deepEqual([alive.code, [...alive].map(({ type }) => type)], [code, [ATTRIBUTE.messageAuthenticator]]);
      }
      assert.deepEqual(a.dropped(), {});
      const text = await a.registry.metrics();
      assert.match(text, /gatehouse_radius_requests_total\{code="access-request"\} 2/);
      assert.match(text, /gatehouse_radius_requests_total\{code="status-server"\} 2/);
      assert.match(text, /gatehouse_radius_replies_total\{code="access-challenge"\} 1/);
      assert.match(text, /gatehouse_radius_dropped_total\{reason="unknown-client"\} 0/);
    });

    test('what does not belong to a port is dropped and counted', async (t) => {
      const a = await start(t, {});
      client.send(request(accountingRequest), a.authPort);
      client.send(request(accessRequest), a.acctPort);
      for (const code of [2, 3, 5, 11, CODE.coaRequest, CODE.disconnectRequest, 0, 255]) {
        const bytes = request(accessRequest);
        bytes[0] = code;
        client.send(bytes, a.authPort);
      }
      await a.settle();
      await a.settle(a.acctPort);
      assert.deepEqual(a.dropped(), { code: 10 });
    });

    test('what is no packet is dropped and counted, and what is too long', async (t) => {
      const a = await start(t, {});
      const good = request(accessRequest);
      const bad = [good.subarray(0, 19), new Uint8Array(0), good.subarray(0, good.length - 1)];
      const long = new Uint8Array(5_000);
      long.set(good);
      const attribute = good.slice();
      attribute[21] = 0;
      for (const bytes of [...bad, long, attribute]) client.send(bytes, a.authPort);
      await a.settle();
      assert.deepEqual(a.dropped(), { malformed: 5 });
      const padded = new Uint8Array(4_096);
      padded.set(good);
      client.send(padded, a.authPort);
      assert.equal(checked(await client.next(), good).code, accessAccept, 'padding is left out');
      assert.equal(a.lines.filter(({ message }) => message.includes('malformed')).length, 1);
    });

    test('who is unknown gets nothing, and a line a minute', async (t) => {
      const a = await start(t, {});
      a.nas.current = undefined;
      for (let i = 0; i < 5; i++) client.send(request(accessRequest, { id: i }), a.authPort);
      await until(() => a.server.stats().dropped['unknown-client'] === 5);
      a.clock.skipped += 60_000;
      client.send(request(accessRequest), a.authPort);
      await until(() => a.server.stats().dropped['unknown-client'] === 6);
      const said = a.lines.filter(({ message }) => message.includes('no NAS'));
      assert.deepEqual(
        said.map(({ details }) => details),
        [
          { address: '127.0.0.1', port: a.authPort },
          { address: '127.0.0.1', port: a.authPort },
        ],
      );
    });

    test('Message-Authenticator: missing or wrong is dropped, for EAP and Status-Server always', async (t) => {
      const a = await start(t, {});
      client.send(request(accessRequest, { signed: false }), a.authPort);
      await a.settle();
      assert.deepEqual(a.dropped(), { 'message-authenticator-missing': 1 });
      client.send(request(accessRequest, { secret: new Secret('another secret') }), a.authPort);
      const changed = request(accessRequest);
      changed[changed.length - 1]! ^= 1;
      client.send(changed, a.authPort);
      client.send(request(accountingRequest, { secret: new Secret('another secret') }), a.acctPort);
      await a.settle();
      await a.settle(a.acctPort);
      assert.equal(a.server.stats().dropped['message-authenticator-invalid'], 2);
      assert.equal(a.server.stats().dropped['authenticator-invalid'], 1);
      a.nas.current = testNas({ requireMessageAuthenticator: false });
      const eap = request(accessRequest, { signed: false, attributes: (w) => w.add(ATTRIBUTE.eapMessage, 'x') });
      client.send(eap, a.authPort);
      client.send(request(statusServer, { signed: false }), a.authPort);
      client.send(request(accessRequest, { secret: new Secret('another secret') }), a.authPort);
      await a.settle();
      assert.equal(a.server.stats().dropped['message-authenticator-missing'], 3);
      assert.equal(a.server.stats().dropped['message-authenticator-invalid'], 3);
      const lines = JSON.stringify(a.lines);
      assert.doesNotMatch(lines, /a-secret-of-tests/);
      assert.match(lines, /same secret/);
    });

    test('an excused NAS: without both it is taken, with Proxy-State it is not', async (t) => {
      const a = await start(t, {});
      a.nas.current = testNas({ requireMessageAuthenticator: false });
      const plain = request(accessRequest, { signed: false });
      client.send(plain, a.authPort);
      const reply = checked(await client.next(), plain);
      assert.equal([...reply][0]?.type, ATTRIBUTE.messageAuthenticator, 'the reply has it all the same');
      const proxied = (w: AttributeWriter) => w.add(ATTRIBUTE.proxyState, 'x');
      client.send(request(accessRequest, { id: 2, signed: false, attributes: proxied }), a.authPort);
      await a.settle();
      assert.deepEqual(a.dropped(), { 'proxy-state': 1 });
      const signed = request(accessRequest, { id: 3, attributes: proxied });
      client.send(signed, a.authPort);
      checked(await client.next(), signed);
      const again = request(accessRequest, { id: 4, signed: false });
      client.send(again, a.authPort);
      checked(await client.next(), again);
      assert.equal(a.lines.filter(({ message }) => message.includes('can be forged')).length, 1);
      assert.equal(a.lines.filter(({ message }) => message.includes('BlastRADIUS')).length, 1);
    });

    test('a retransmission is answered from what was kept for 5 s, and then anew', async (t) => {
      let calls = 0;
      const a = await start(t, { onAccess: () => answer(accessAccept, `call ${++calls}`) });
      const sent = request(accessRequest);
      const texts: (string | undefined)[] = [];
      const ask = async (bytes: Uint8Array, from = client) => {
        from.send(bytes, a.authPort);
        texts.push(checked(await from.next(), bytes).text(ATTRIBUTE.replyMessage));
      };
      await ask(sent);
      await ask(sent);
      a.clock.skipped += 4_000;
      await ask(sent);
      assert.deepEqual(texts, ['call 1', 'call 1', 'call 1']);
      const other = request(accessRequest, { authenticator: new Uint8Array(16).fill(9) });
      await ask(other);
      await ask(other);
      assert.deepEqual(texts.slice(3), ['call 2', 'call 2'], 'another authenticator is another request');
      a.clock.skipped += 5_000;
      await ask(other);
      assert.deepEqual(texts.slice(5), ['call 3']);
      const second = await openClient();
      await ask(other, second);
      await second.close();
      assert.deepEqual(texts.slice(6), ['call 4'], 'another port is another sender');
      assert.equal(a.server.stats().replayed, 3);
    });

    test('the auth and the accounting port know nothing of one another', async (t) => {
      let calls = 0;
      const a = await start(t, { onAccounting: () => answer(accountingResponse, `${++calls}`) });
      const bytes = request(accountingRequest, { id: 9 });
      const access = request(accessRequest, { id: 9 });
      client.send(access, a.authPort);
      checked(await client.next(), access);
      for (let i = 0; i < 3; i++) {
        client.send(bytes, a.acctPort);
        assert.equal(checked(await client.next(), bytes).code, accountingResponse);
      }
      assert.equal(calls, 1);
    });

    test('a retransmission while the answer is worked out is swallowed; there is one answer', async (t) => {
      const handler = deferred();
      const a = await start(t, { onAccess: handler.handle, onAccounting: handler.handle });
      const sent = request(accessRequest);
      for (let i = 0; i < 4; i++) client.send(sent, a.authPort);
      await a.settle();
      assert.deepEqual([handler.calls(), a.server.stats().working, a.server.stats().swallowed], [1, 1, 3]);
      a.clock.skipped += 20_000;
      client.send(sent, a.authPort);
      await a.settle();
      assert.equal(handler.calls(), 1, 'however long it takes');
      handler.give(0, answer(accessAccept));
      checked(await client.next(), sent);
      client.send(sent, a.authPort);
      checked(await client.next(), sent);
      await a.settle();
      assert.deepEqual([handler.calls(), a.server.stats().working, client.waiting()], [1, 0, 0]);
    });

    test('a new request in the place of one in work: the old one gets no answer', async (t) => {
      const handler = deferred();
      const a = await start(t, { onAccess: handler.handle });
      const [first, second] = [request(accessRequest), request(accessRequest)];
      client.send(first, a.authPort);
      client.send(second, a.authPort);
      await a.settle();
      assert.equal(handler.calls(), 2);
      handler.give(0, answer(accessAccept, 'first'));
      handler.give(1, answer(accessAccept, 'second'));
      assert.equal(checked(await client.next(), second).text(ATTRIBUTE.replyMessage), 'second');
      await a.settle();
      assert.deepEqual([client.waiting(), a.server.stats().working], [0, 0]);
    });

    test('many answers that come at once, later and out of order, go where they belong', async (t) => {
      const handler = deferred();
      const a = await start(t, { onAccounting: handler.handle });
      const clients = [client, await openClient(), await openClient()];
      const sent = clients.map(() =>
        Array.from({ length: 100 }, (_, id) =>
          request(accountingRequest, { id, attributes: (w) => w.add(ATTRIBUTE.acctSessionId, `s${id}`) }),
        ),
      );
      for (let id = 0; id < 100; id++) clients.forEach((one, k) => void one.send(sent[k]![id]!, a.acctPort));
      await until(() => handler.calls() === 300);
      for (let i = 299; i >= 0; i--) handler.give(i, answer(accountingResponse));
      for (const [k, one] of clients.entries()) {
        const replies = await Promise.all(Array.from({ length: 100 }, () => one.next()));
        assert.equal(new Set(replies.map((bytes) => bytes[1])).size, 100);
        for (const reply of replies) checked(reply, sent[k]![reply[1]!]!);
      }
      await Promise.all(clients.slice(1).map((one) => one.close()));
      assert.deepEqual(a.dropped(), {});
    });

    test('packets and replies of 4096 bytes, sent and replayed', async (t) => {
      let seen = 0;
      const big = new Uint8Array(200).fill(7);
      const fill = (w: AttributeWriter, count: number, rest: number) => {
        for (let i = 0; i < count; i++) w.add(ATTRIBUTE.class, big);
        return w.add(ATTRIBUTE.class, big.subarray(0, rest));
      };
      const attributes = fill(new AttributeWriter(), 20, 16).done();
      const a = await start(t, {
        onAccess: ({ packet }) => {
          seen = packet.bytes.length;
          return { code: accessAccept, attributes };
        },
      });
      const sent = request(accessRequest, {
        attributes: (w) => fill(w, 19, 200).add(ATTRIBUTE.state, big.subarray(0, 9)),
      });
      assert.equal(sent.length, 4_096);
      for (let i = 0; i < 2; i++) {
        client.send(sent, a.authPort);
        const reply = await client.next();
        assert.deepEqual([reply.length, seen], [4_096, 4_096]);
        checked(reply, sent);
      }
      const more = request(accessRequest, { id: 2, attributes: (w) => w.add(ATTRIBUTE.proxyState, 'x') });
      client.send(more, a.authPort);
      await a.settle();
      assert.deepEqual(a.dropped(), { failed: 1 }, 'Proxy-States that do not fit');
    });

    test('a reject waits; retransmissions meanwhile are swallowed; an accept does not wait', async (t) => {
      let calls = 0;
      const reject = ({ packet }: { packet: { id: number } }) => {
        calls++;
        return answer(packet.id === 1 ? accessReject : accessAccept);
      };
      for (const onAccess of [reject, async (r: { packet: { id: number } }) => reject(r)]) {
        calls = 0;
        const a = await start(t, { onAccess, limits: { rejectDelayMs: 300 } });
        const [bad, good] = [request(accessRequest, { id: 1 }), request(accessRequest, { id: 2 })];
        const at = performance.now();
        client.send(bad, a.authPort);
        client.send(bad, a.authPort);
        client.send(good, a.authPort);
        assert.equal(checked(await client.next(), good).code, accessAccept);
        await a.settle();
        assert.deepEqual([a.server.stats().delayed, a.server.stats().working, calls], [1, 0, 2]);
        assert.equal(checked(await client.next(), bad).code, accessReject);
        assert.ok(performance.now() - at >= 299);
        client.send(bad, a.authPort);
        assert.equal(checked(await client.next(), bad).code, accessReject);
        assert.deepEqual([calls, client.waiting()], [2, 0]);
      }
    });

    test('rejects beyond what may wait are dropped, not sent early', async (t) => {
      const a = await start(t, {
        onAccess: () => answer(accessReject),
        limits: { rejectDelayMs: 200, delayed: 5 },
      });
      const sent = Array.from({ length: 8 }, (_, id) => request(accessRequest, { id }));
      for (const bytes of sent) client.send(bytes, a.authPort);
      await a.settle();
      assert.deepEqual(a.dropped(), { 'reject-queue': 3 });
      for (let i = 0; i < 5; i++) {
        const reply = await client.next();
        assert.equal(checked(reply, sent[reply[1]!]!).code, accessReject);
      }
      await a.settle();
      assert.equal(client.waiting(), 0);
    });

    test('no more in work than a NAS may have, nor altogether', async (t) => {
      const handler = deferred();
      const a = await start(t, { onAccess: handler.handle, limits: { workingPerClient: 3, working: 5 } });
      const send = async (id: number, nas: string) => {
        a.nas.current = testNas({ id: nas });
        client.send(request(accessRequest, { id }), a.authPort);
        await until(() => {
          const { working, dropped } = a.server.stats();
          return working + dropped['client-busy'] + dropped.busy === id;
        });
      };
      for (const id of [1, 2, 3, 4]) await send(id, 'one');
      assert.deepEqual([handler.calls(), a.dropped()], [3, { 'client-busy': 1 }]);
      for (const id of [5, 6, 7]) await send(id, 'two');
      assert.deepEqual([handler.calls(), a.dropped()], [5, { 'client-busy': 1, busy: 1 }]);
      for (let i = 0; i < 5; i++) handler.give(i, answer(accessAccept));
      for (let i = 0; i < 5; i++) await client.next();
      assert.equal(a.server.stats().working, 0);
      a.nas.current = testNas({ id: 'one' });
      client.send(request(accessRequest, { id: 9 }), a.authPort);
      await until(() => handler.calls() === 6);
      handler.give(5, answer(accessAccept));
      await client.next();
    });

    test('a rate, where one is set', async (t) => {
      const a = await start(t, { limits: { requestsPerSecond: 5 } });
      for (let id = 0; id < 8; id++) client.send(request(accessRequest, { id }), a.authPort);
      await until(() => a.server.stats().dropped.rate === 3);
      for (let i = 0; i < 5; i++) await client.next();
    });

    test('a handler that throws, rejects, gives nothing or nonsense: counted, no answer, and on it goes', async (t) => {
      const ways: (() => Answer | undefined | Promise<Answer | undefined>)[] = [
        () => {
          throw new Error('thrown');
        },
        async () => {
          throw new Error('rejected');
        },
        () => undefined,
        async () => undefined,
        () => ({ code: accessAccept, attributes: new Uint8Array(5_000) }),
        async () => ({ code: accessAccept, attributes: new Uint8Array(5_000) }),
        () => 5 as never,
        async () => 5 as never,
      ];
      const a = await start(t, { onAccess: ({ packet }) => ways[packet.id]!() });
      for (const id of ways.keys()) client.send(request(accessRequest, { id }), a.authPort);
      await a.settle();
      await until(() => a.server.stats().working === 0);
      await a.settle();
      assert.deepEqual([a.dropped(), client.waiting()], [{ failed: 6, 'no-answer': 2 }, 0]);
      assert.equal(a.lines.filter(({ level }) => level === 'error').length, 1, 'one line a minute for each NAS');
      client.send(request(accessRequest, { id: 2 }), a.authPort);
      await a.settle();
      assert.equal(a.dropped()['no-answer'], 3, 'asked again, it is worked out again');
    });

    test('an answer that takes too long is given up, and its slot is free', async (t) => {
      const handler = deferred();
      const a = await start(t, { onAccess: handler.handle, limits: { workMs: 30_000 } });
      const sent = request(accessRequest);
      client.send(sent, a.authPort);
      await until(() => handler.calls() === 1);
      a.clock.skipped += 30_000;
      await until(() => a.server.stats().working === 0);
      handler.give(0, answer(accessAccept));
      await a.settle();
      assert.deepEqual([client.waiting(), a.dropped()], [0, { timeout: 1 }]);
      client.send(sent, a.authPort);
      await until(() => handler.calls() === 2);
      handler.give(1, answer(accessAccept));
      checked(await client.next(), sent);
    });

    test('the end: nothing new, what is in work is answered', async (t) => {
      const handler = deferred();
      const a = await start(t, {
        onAccess: ({ packet }) => (packet.id === 2 ? answer(accessReject) : handler.handle()),
        limits: { rejectDelayMs: 200 },
      });
      const [sent, bad, late] = [1, 2, 3].map((id) => request(accessRequest, { id })) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      client.send(sent, a.authPort);
      client.send(bad, a.authPort);
      await until(() => handler.calls() === 1 && a.server.stats().delayed === 1);
      const closed = a.server.close();
      client.send(late, a.authPort);
      await sleep(50);
      handler.give(0, answer(accessAccept));
      assert.equal(checked(await client.next(), sent).code, accessAccept);
      assert.equal(checked(await client.next(), bad).code, accessReject);
      await closed;
      assert.deepEqual([client.waiting(), handler.calls()], [0, 1]);
    });

    test('the end does not wait for ever', async (t) => {
      const a = await start(t, { onAccess: () => new Promise(() => undefined), limits: { closeMs: 100 } });
      client.send(request(accessRequest), a.authPort);
      await until(() => a.server.stats().working === 1);
      await a.server.close();
      const again = await startServer({ batched });
      await again.server.listenAuth('127.0.0.1', a.authPort);
      await again.server.close();
    });

    test('a port that is taken is an error with its reason', async (t) => {
      const a = await start(t, {});
      await assert.rejects(a.server.listenAuth('127.0.0.1', a.authPort), { code: 'EADDRINUSE' });
      await assert.rejects(a.server.listenAuth('192.0.2.1', 0), { code: 'EADDRNOTAVAIL' });
    });

    test('IPv6, and IPv4 by a socket of both', async (t) => {
      const six = await openClient('::1');
      t.after(() => six.close());
      const addresses: string[] = [];
      const clients = (address: string) => {
        addresses.push(address);
        return testNas();
      };
      const handler = deferred();
      for (const host of ['::1', '::']) {
        const a = await start(t, { host, clients, onAccounting: handler.handle });
        const froms = host === '::' ? [six, client] : [six];
        for (const from of froms) {
          for (let id = 0; id < 3; id++) {
            const bytes = request(accessRequest, { id });
            from.send(bytes, a.authPort);
            checked(await from.next(), bytes);
          }
          const accounting = [0, 1, 2].map((id) => request(accountingRequest, { id }));
          for (const bytes of accounting) from.send(bytes, a.acctPort);
          await until(() => a.server.stats().working === 3);
          for (let i = handler.calls() - 3; i < handler.calls(); i++) handler.give(i, answer(accountingResponse));
          for (let i = 0; i < 3; i++) {
            const reply = await from.next();
            checked(reply, accounting[reply[1]!]!);
          }
        }
      }
      assert.deepEqual(new Set(addresses), new Set(['::1', '127.0.0.1']));
    });

    test('a burst larger than a batch is answered whole', async (t) => {
      let calls = 0;
      const a = await start(t, { onAccess: () => answer(accessAccept, `${++calls}`) });
      const sent = Array.from({ length: 256 }, (_, id) => request(accessRequest, { id }));
      for (const bytes of sent) client.send(bytes, a.authPort);
      const replies = await Promise.all(sent.map(() => client.next()));
      for (const reply of replies) checked(reply, sent[reply[1]!]!);
      assert.equal(new Set(replies.map((bytes) => bytes[1])).size, 256);
      assert.equal(calls, 256);
    });

    test('a packet is the handler’s to keep', async (t) => {
      const kept: AccountingRequest[] = [];
      const a = await start(t, {
        onAccounting: (one) => {
          kept.push(one);
          return answer(accountingResponse);
        },
      });
      const sent = Array.from({ length: 200 }, (_, id) =>
        request(accountingRequest, { id, attributes: (w) => w.add(ATTRIBUTE.acctSessionId, `session-${id}`) }),
      );
      for (const bytes of sent) client.send(bytes, a.acctPort);
      await Promise.all(sent.map(() => client.next()));
      for (const { packet } of kept) {
        assert.ok(Buffer.from(sent[packet.id]!).equals(packet.bytes));
        assert.equal(packet.text(ATTRIBUTE.acctSessionId), `session-${packet.id}`);
      }
    });
  });
}
