import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ATTRIBUTE, CODE, type Packet } from '../codec/index.ts';
import { answer, checked, openClient, request, startServer, testNas } from './testing.ts';

const DATAGRAMS = 100_000;
/** What is on its way at once, so that a small receive buffer of the system loses none. */
const BURST = 32;

/** Numbers that look random and are the same for the same seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A good packet with some of its bytes, its length or its size changed; or noise. */
function mutate(good: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
  if (random(10) === 0) return Uint8Array.from({ length: random(200) }, () => random(256));
  const bytes = good[random(good.length)]!.slice();
  for (let changes = random(4); changes > 0; changes--) bytes[random(bytes.length)] = random(256);
  if (random(8) === 0) return bytes.subarray(0, random(bytes.length));
  if (random(8) === 0) return Uint8Array.from([...bytes, ...bytes.subarray(0, random(40))]);
  return bytes;
}

/** Reads all that a packet gives. */
function read(packet: Packet): void {
  for (const { type } of packet) {
    packet.text(type);
    packet.number(type);
    packet.joined(type);
    packet.vendorAll(311, type);
  }
  packet.extendeds();
}

for (const batched of ['off', 'auto'] as const) {
  describe(`100,000 datagrams of nonsense, ${batched === 'off' ? 'one by one' : 'in batches'}`, () => {
    test('leave it answering', { timeout: 120_000 }, async (t) => {
      const seed = randomBytes(4).readInt32LE();
      t.diagnostic(`seed ${seed}`);
      const random = randomOf(seed);
      let served = 0;
      const a = await startServer({
        batched,
        clients: () => testNas({ requireMessageAuthenticator: random(2) === 0 }),
        onAccess: ({ packet }) => {
          served++;
          read(packet);
          return random(2) === 0 ? answer(CODE.accessAccept) : Promise.resolve(answer(CODE.accessReject));
        },
        onAccounting: ({ packet }) => {
          served++;
          read(packet);
          return answer(CODE.accountingResponse);
        },
      });
      t.after(() => a.server.close());
      const client = await openClient();
      t.after(() => client.close());
      const good = [
        request(CODE.accessRequest),
        request(CODE.accessRequest, { signed: false, attributes: (w) => w.add(ATTRIBUTE.proxyState, 'x') }),
        request(CODE.accessRequest, { attributes: (w) => w.long(ATTRIBUTE.eapMessage, new Uint8Array(600)) }),
        request(CODE.accessRequest, { attributes: (w) => w.vendor(311, 11, new Uint8Array(16)).extended(245, 1, 'x') }),
        request(CODE.accountingRequest, { attributes: (w) => w.add(ATTRIBUTE.acctStatusType, 1) }),
        request(CODE.statusServer),
      ];
      let last = -1;
      for (let sent = 0; sent < DATAGRAMS; sent += BURST) {
        for (let i = 0; i < BURST; i++) client.send(mutate(good, random), random(2) === 0 ? a.authPort : a.acctPort);
        last = (last + 1) & 0xff;
        const fence = request(CODE.statusServer, { id: last });
        client.send(fence, a.authPort);
        // What was sent before it may have been answered before it.
        for (;;) {
          const reply = await client.next();
          if (reply[1] === last && Buffer.from(reply).length === 38 && isReplyTo(reply, fence)) break;
        }
      }
      const { working, delayed } = a.server.stats();
      assert.deepEqual([working, delayed], [0, 0]);
      assert.ok(served > 0);
      assert.equal(a.lines.filter(({ level }) => level === 'error').length, 0, JSON.stringify(a.lines[0]));
    });
  });
}

function isReplyTo(reply: Uint8Array, fence: Uint8Array): boolean {
  try {
    checked(reply, fence);
    return true;
  } catch {
    return false;
  }
}

test('whatever bytes come: a reply that is signed right, or none', async (t) => {
  const a = await startServer({ batched: 'off' });
  t.after(() => a.server.close());
  const nas = testNas();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, asCode) => {
      const replies: Uint8Array[] = [];
      const stream = a.server.openStream({
        nas: () => nas,
        address: '10.0.0.1',
        authPort: 2083,
        send: (reply) => void replies.push(reply),
      });
      if (asCode && bytes.length >= 20) {
        bytes[0] = 1;
        bytes[2] = bytes.length >> 8;
        bytes[3] = bytes.length & 255;
      }
      stream.receive(bytes);
      for (const reply of replies) checked(reply, bytes);
    }),
    { numRuns: 5_000 },
  );
});
