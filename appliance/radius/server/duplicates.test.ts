import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DuplicateCache } from './duplicates.ts';

const request = (authenticator: number, code = 1): Uint8Array => {
  const bytes = new Uint8Array(20);
  bytes[0] = code;
  new DataView(bytes.buffer).setUint32(16, authenticator);
  return bytes;
};
const reply = (length: number, seed: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed) & 255));
const WIDE = { duplicateMs: 5_000, duplicateEntries: 4_096, duplicateBytes: 1024 * 1024 };

describe('answers kept for retransmissions', () => {
  test('are found for the very request, and no longer than their time', () => {
    const cache = new DuplicateCache(WIDE);
    cache.store(1, 7, request(1), reply(30, 1), 0);
    assert.deepEqual(cache.find(1, 7, request(1), 4_999), reply(30, 1));
    assert.equal(cache.find(1, 7, request(1), 5_000), undefined);
    assert.equal(cache.find(1, 7, request(2), 10), undefined, 'another authenticator');
    assert.equal(cache.find(1, 7, request(1, 4), 10), undefined, 'another code');
    assert.equal(cache.find(2, 7, request(1), 10), undefined, 'another sender');
    assert.equal(cache.find(1, 8, request(1), 10), undefined, 'another port or identifier');
    cache.store(1, 7, request(2), reply(40, 2), 20);
    assert.deepEqual(cache.find(1, 7, request(2), 21), reply(40, 2));
    assert.equal(cache.find(1, 7, request(1), 21), undefined, 'replaced');
    cache.store(1, 9, request(3), reply(4096, 3), 20);
    assert.deepEqual(cache.find(1, 9, request(3), 21), reply(4096, 3));
  });

  test('as a map with times would keep them', () => {
    const step = fc.record({
      peer: fc.integer({ min: 1, max: 3 }),
      place: fc.nat(15),
      authenticator: fc.nat(2),
      length: fc.oneof(fc.integer({ min: 20, max: 200 }), fc.integer({ min: 3000, max: 4096 })),
      wait: fc.oneof(fc.nat(10), fc.nat(3000)),
      store: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
        const cache = new DuplicateCache(WIDE);
        const model = new Map<string, { authenticator: number; reply: Buffer; at: number }>();
        let now = 0;
        for (const [seed, { peer, place, authenticator, length, wait, store }] of steps.entries()) {
          now += wait;
          const key = `${peer} ${place}`;
          const known = model.get(key);
          const expected =
            known && now - known.at < 5_000 && known.authenticator === authenticator ? known.reply : undefined;
          assert.deepEqual(cache.find(peer, place, request(authenticator), now), expected);
          if (!store) continue;
          const bytes = reply(length, seed);
          cache.store(peer, place, request(authenticator), bytes, now);
          model.set(key, { authenticator, reply: bytes, at: now });
        }
      }),
    );
  });

  test('beyond a limit the oldest go first, and what is found is right', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 20, max: 300 }), fc.constant(4096)), { minLength: 100, maxLength: 400 }),
        (lengths) => {
          const limits = { duplicateMs: 5_000, duplicateEntries: 64, duplicateBytes: 16 * 1024 };
          const cache = new DuplicateCache(limits);
          for (const [i, length] of lengths.entries()) {
            cache.store(1, i, request(i), reply(length, i), 0);
            assert.ok(cache.size <= 64);
            assert.deepEqual(cache.find(1, i, request(i), 0), reply(length, i), 'the newest is always kept');
            let missing = false;
            for (let k = i; k >= 0 && k > i - 70; k--) {
              const found = cache.find(1, k, request(k), 0);
              if (found) assert.deepEqual(found, reply(lengths[k]!, k));
              assert.ok(!(missing && found), 'no older one outlives a newer');
              missing ||= found === undefined;
            }
          }
          assert.ok(cache.memory < 64 * 1024);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('grow with the load to their limit, and memory stays there', () => {
    const cache = new DuplicateCache({ duplicateMs: 5_000, duplicateEntries: 8_192, duplicateBytes: 1024 * 1024 });
    const first = cache.memory;
    for (let i = 0; i < 5_000; i++) cache.store(1, i, request(i), reply(60, i), i);
    for (let i = 4_999; i >= 0; i--) assert.deepEqual(cache.find(1, i, request(i), 4_999), reply(60, i));
    assert.ok(cache.memory > first);
    for (let i = 0; i < 100_000; i++) cache.store(1, i & 0xffffff, request(i), reply(60, i), 5_000);
    const full = cache.memory;
    for (let i = 0; i < 100_000; i++) cache.store(2, i & 0xffffff, request(i), reply(60, i), 5_000);
    assert.equal(cache.memory, full);
    assert.equal(cache.size, 8_192);
  });

  test('an answer that is larger than all may be is not kept', () => {
    const cache = new DuplicateCache({ duplicateMs: 5_000, duplicateEntries: 8, duplicateBytes: 1_000 });
    cache.store(1, 1, request(1), reply(1_001, 1), 0);
    assert.equal(cache.find(1, 1, request(1), 0), undefined);
  });
});
