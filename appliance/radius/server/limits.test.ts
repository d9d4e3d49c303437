import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DelayQueue } from './delay.ts';
import { createOnce, createRate } from './limits.ts';

describe('what is said once', () => {
  test('again after its time, and about no more than so many', () => {
    const once = createOnce(3, 60_000);
    assert.deepEqual(
      [once('a', 0), once('a', 59_999), once('a', 60_000), once('a', 60_001)],
      [true, false, true, false],
    );
    assert.deepEqual([once('b', 60_001), once('c', 60_001), once('d', 60_001)], [true, true, false]);
    assert.equal(once('d', 120_000), true, 'the oldest is forgotten when its time is over');
    assert.equal(once('b', 120_000), false);
  });
});

describe('rate', () => {
  test('as many a second as given, for each key', () => {
    const rate = createRate(10, 100);
    const passed = (key: string, now: number, tries: number) =>
      Array.from({ length: tries }, () => rate(key, now)).filter(Boolean).length;
    assert.equal(passed('a', 0, 50), 10);
    assert.equal(passed('b', 0, 50), 10);
    assert.equal(passed('a', 500, 50), 5);
    assert.equal(passed('a', 60_000, 50), 10);
  });
});

describe('delay', () => {
  test('each waits its time, in order; beyond the limit nothing is taken', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let now = 0;
    const released: [number, number][] = [];
    const queue = new DelayQueue<number>(
      1_000,
      3,
      () => now,
      (item) => void released.push([item, now]),
    );
    const pass = (ms: number) => {
      for (let i = 0; i < ms; i++) {
        now++;
        t.mock.timers.tick(1);
      }
    };
    assert.ok(queue.add(1, now));
    pass(300);
    assert.ok(queue.add(2, now));
    assert.ok(queue.add(3, now));
    assert.equal(queue.add(4, now), false);
    pass(699);
    assert.deepEqual(released, []);
    pass(1);
    assert.deepEqual(released, [[1, 1_000]]);
    assert.ok(queue.add(4, now));
    pass(300);
    assert.deepEqual(released.slice(1), [
      [2, 1_300],
      [3, 1_300],
    ]);
    queue.clear();
    pass(5_000);
    assert.equal(released.length, 3);
    assert.equal(queue.size, 0);
  });

  test('thousands pass through, and the queue does not grow with them', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let now = 0;
    let count = 0;
    const queue = new DelayQueue<number>(
      10,
      10_000,
      () => now,
      () => void count++,
    );
    for (; now < 5_000; now++) {
      for (let k = 0; k < 4; k++) assert.ok(queue.add(k, now));
      assert.ok(queue.size <= 60);
      t.mock.timers.tick(1);
    }
    assert.ok(count > 19_900);
  });
});
