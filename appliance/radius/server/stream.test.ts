import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ATTRIBUTE, CODE, Secret } from '../codec/index.ts';
import type { Answer, Nas } from '../types.ts';
import { answer, checked, request, startServer, testNas } from './testing.ts';

const { accessAccept, accessReject, accessRequest, accountingRequest, accountingResponse, statusServer } = CODE;
const secret = new Secret('radsec');

async function connect(options: Parameters<typeof startServer>[0] = {}) {
  const a = await startServer({ batched: 'off', ...options });
  const nas = { current: testNas({ protocol: 'radsec', secret }) as Nas | undefined };
  const open = () => {
    const replies: Uint8Array[] = [];
    const stream = a.server.openStream({
      nas: () => nas.current,
      address: '10.0.0.1',
      authPort: 2083,
      send: (reply) => void replies.push(reply),
    });
    return { ...stream, replies };
  };
  return { ...a, nas, open };
}

describe('packets of a stream', () => {
  test('both kinds and Status-Server; TLS stands in for Message-Authenticator, but for EAP', async (t) => {
    const a = await connect();
    t.after(() => a.server.close());
    const { receive, replies } = a.open();
    const sent = [
      request(accessRequest, { id: 1, secret, signed: false, attributes: (w) => w.add(ATTRIBUTE.proxyState, 'x') }),
      request(accountingRequest, { id: 2, secret }),
      request(statusServer, { id: 3, secret }),
    ];
    for (const bytes of sent) assert.equal(receive(bytes), true);
    assert.deepEqual(
      replies.map((reply, i) => checked(reply, sent[i]!, secret).code),
      [accessAccept, accountingResponse, accessAccept],
    );
    const eap = request(accessRequest, { secret, signed: false, attributes: (w) => w.add(ATTRIBUTE.eapMessage, 'x') });
    assert.equal(receive(eap), true);
    assert.equal(replies.length, 3);
    assert.equal(a.server.stats().dropped['message-authenticator-missing'], 1);
  });

  test('what can not be trusted ends the connection; what is merely unwanted does not', async (t) => {
    const a = await connect();
    t.after(() => a.server.close());
    const { receive, replies } = a.open();
    const wrong = new Secret('another');
    const coa = request(accessRequest, { secret });
    coa[0] = CODE.coaRequest;
    assert.equal(receive(coa), true);
    assert.equal(receive(request(accessRequest, { secret: wrong })), false);
    assert.equal(receive(request(accountingRequest, { secret: wrong })), false);
    assert.equal(receive(new Uint8Array(3)), false);
    assert.equal(receive(request(accessRequest, { secret }).fill(0, 21, 22)), false);
    a.nas.current = undefined;
    assert.equal(receive(request(accessRequest, { secret })), false);
    assert.equal(replies.length, 0);
  });

  test('a retransmission is known in its own connection only', async (t) => {
    let calls = 0;
    const a = await connect({ onAccess: () => answer(accessAccept, `${++calls}`) });
    t.after(() => a.server.close());
    const [one, two] = [a.open(), a.open()];
    const sent = request(accessRequest, { secret });
    one.receive(sent);
    one.receive(sent);
    two.receive(sent);
    assert.deepEqual([calls, one.replies.length, two.replies.length], [2, 2, 1]);
    assert.ok(Buffer.from(one.replies[0]!).equals(one.replies[1]!));
  });

  test('later answers and rejects come in their time, unless the connection has gone', async (t) => {
    const given: ((answer: Answer) => void)[] = [];
    const a = await connect({
      onAccess: ({ packet }) =>
        packet.id === 1 ? answer(accessReject) : new Promise((resolve) => void given.push(resolve)),
      limits: { rejectDelayMs: 100 },
    });
    t.after(() => a.server.close());
    const [one, two] = [a.open(), a.open()];
    for (const { receive } of [one, two]) {
      receive(request(accessRequest, { id: 1, secret }));
      receive(request(accessRequest, { id: 2, secret }));
    }
    assert.deepEqual([one.replies.length, a.server.stats().working, a.server.stats().delayed], [0, 2, 2]);
    two.close();
    for (const give of given) give(answer(accessAccept));
    await sleep(300);
    assert.deepEqual([one.replies.map(([code]) => code), two.replies], [[accessAccept, accessReject], []]);
    assert.equal(a.server.stats().working, 0);
    assert.equal(two.receive(request(accessRequest, { secret })), false);
  });

  test('a connection whose send throws harms nobody', async (t) => {
    const a = await connect({ onAccess: async () => answer(accessAccept) });
    t.after(() => a.server.close());
    const stream = a.server.openStream({
      nas: () => a.nas.current,
      address: '10.0.0.1',
      authPort: 2083,
      send: () => {
        throw new Error('closed');
      },
    });
    assert.equal(stream.receive(request(accessRequest, { secret })), true);
    assert.equal(stream.receive(request(statusServer, { secret })), false);
    await sleep(10);
    assert.deepEqual([a.server.stats().working, a.server.stats().dropped.failed], [0, 1]);
  });
});
