import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FLAG, TRANSPORT } from '../record/types.ts';
import { LIMITS } from './limits.ts';
import { OTHERS, type ToSeal } from './messages.ts';
import { createPeer } from './peer.ts';
import { Queue } from './queue.ts';
import { messagesOf } from './testing.ts';

function setup(limits: Partial<typeof LIMITS> = {}) {
  const posted: ToSeal[] = [];
  const waits: boolean[] = [];
  let us = 0;
  const queue = new Queue({
    clock: { receiveUs: () => 1e15 + ++us, monotonicUs: () => us },
    limits: { ...LIMITS, ...limits },
    post: (message, transfer) => void posted.push(structuredClone(message, { transfer })),
    onWait: (value) => void waits.push(value),
  });
  const put = (text: string, peer = createPeer('192.0.2.1', 514), flags = 0): void => {
    queue.stamp();
    const at = queue.place(peer, TRANSPORT.udp, flags, text.length);
    queue.raw.write(text, at, 'latin1');
  };
  const kept = () => posted.flatMap((message) => (message.type === 'batch' ? messagesOf(message.batch) : []));
  const batches = () => posted.flatMap((message) => (message.type === 'batch' ? [message.batch] : []));
  return { queue, put, posted, waits, kept, batches };
}

describe('the queue', () => {
  test('messages keep their order, times, senders and bytes over batches', () => {
    const { queue, put, kept, batches } = setup({ batchMessages: 7 });
    const peers = [createPeer('192.0.2.1', 514), createPeer('2001:db8::1', 40_000)];
    for (let i = 0; i < 50; i++) put(`message ${i}`, peers[i % 2]);
    queue.flush();
    assert.equal(batches().length, 8);
    assert.deepEqual(
      kept().map(({ text, peer }) => [text, peer]),
      Array.from({ length: 50 }, (_, i) => [`message ${i}`, ['192.0.2.1:514', '[2001:db8::1]:40000'][i % 2]]),
    );
    const times = kept().map(({ receiveUs }) => receiveUs);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    for (const { peers: names } of batches()) assert.equal(new Set(names).size, names.length);
  });

  test('batches that are filled to the brim, and messages of any length', () => {
    const { queue, put, kept } = setup();
    const sent = Array.from({ length: 40 }, (_, i) => String(i % 10).repeat(i % 3 === 0 ? 65_535 : i + 1));
    for (const text of sent) put(text);
    queue.flush();
    assert.deepEqual(
      kept().map(({ text }) => text),
      sent,
    );
  });

  test('a clock that is not synchronised is told with each message', () => {
    const { queue, put, kept } = setup();
    put('a', undefined, FLAG.truncated);
    queue.synchronised = false;
    put('b', undefined, FLAG.truncated);
    queue.flush();
    assert.deepEqual(
      kept().map(({ flags }) => flags),
      [FLAG.truncated, FLAG.truncated | FLAG.unsynchronised],
    );
  });

  test('too much that is not acknowledged: waits, and goes on when a quarter is written', () => {
    const { queue, put, waits, batches } = setup({ waiting: 10_000, batchMessages: 10 });
    let placed = 0;
    while (queue.refuses === undefined) {
      put('x'.repeat(76));
      placed++;
    }
    assert.deepEqual([placed, queue.refuses, waits], [101, 'queue', [true]]);
    queue.flush();
    // By halves of a batch, as the sealing thread may take less than one.
    for (const { raw } of batches().slice(0, 2)) {
      queue.credit(raw.length / 2);
      queue.credit(raw.length / 2);
    }
    assert.deepEqual(waits, [true]);
    for (const { raw } of batches().slice(2)) queue.credit(raw.length);
    assert.deepEqual([queue.waiting, queue.refuses, waits], [0, undefined, [true, false]]);
  });

  test('many tiny messages count for what they cost', () => {
    const { queue, put } = setup({ waiting: 10_000 });
    let placed = 0;
    while (queue.refuses === undefined) {
      put('x');
      placed++;
    }
    assert.ok(placed < 500, String(placed));
  });

  test('a full disk is another reason, and is over only when it is said', () => {
    const { queue, waits } = setup();
    queue.pause(true);
    queue.credit(1_000_000);
    assert.equal(queue.refuses, 'disk');
    queue.pause(false);
    assert.deepEqual([queue.refuses, waits], [undefined, [true, false]]);
  });

  test('what is dropped is counted by reason and sender, told once, after what came before', () => {
    const { queue, put, posted } = setup({ dropSources: 2 });
    put('before');
    for (const address of ['a', 'b', 'c', 'd', 'a']) queue.drop('queue', address);
    queue.drop('kernel', OTHERS, 5);
    queue.tellDropped();
    queue.tellDropped();
    assert.deepEqual(
      posted.map((message) => (message.type === 'batch' ? 'batch' : [message.reason, message.bySource])),
      [
        'batch',
        [
          'queue',
          [
            ['a', 2],
            ['b', 1],
            [OTHERS, 2],
          ],
        ],
        ['kernel', [[OTHERS, 5]]],
      ],
    );
    const [, told] = posted;
    assert.ok(told?.type === 'dropped' && told.fromUs < told.atUs);
  });
});
