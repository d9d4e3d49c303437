import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { DelayQueue } from './delay.ts';

describe('the reject delay', () => {
  test('counts from the arrival, and what took long is put in where it belongs', (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    let now = 0;
    const released: [string, number][] = [];
    const queue = new DelayQueue<string>(
      1000,
      3,
      () => now,
      (item) => void released.push([item, now]),
    );
    const pass = (ms: number): void => {
      for (let i = 0; i < ms; i += 10) {
        now += 10;
        mock.timers.tick(10);
      }
    };
    pass(100);
    assert.ok(queue.add('b', 100));
    pass(50);
    // Arrived before b, and 150 ms were spent on it.
    assert.ok(queue.add('a', 0));
    assert.ok(queue.add('c', 150));
    assert.equal(queue.add('d', 150), false);
    pass(2000);
    assert.deepEqual(released, [
      ['a', 1000],
      ['b', 1100],
      ['c', 1150],
    ]);
    // What took longer than the delay doesn't wait any more.
    queue.add('late', now - 5000);
    const at = now;
    pass(10);
    assert.deepEqual(released.at(-1), ['late', at + 10]);
    assert.equal(queue.size, 0);
  });
});
