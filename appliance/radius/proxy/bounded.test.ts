import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedMap } from './bounded.ts';

test('entries end with their time', () => {
  let now = 0;
  const map = new BoundedMap<number>({ max: 10, ms: 100, monotonic: () => now });
  map.set('a', 1);
  now = 99;
  map.set('b', 2);
  assert.deepEqual([map.get('a'), map.get('b')], [1, 2]);
  now = 100;
  assert.deepEqual([map.get('a'), map.get('b')], [undefined, 2]);
  map.set('c', 3);
  assert.equal(map.size, 2, 'the old one is gone');
});

test('never more than its most; the newest stay', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(30))), (steps) => {
      let now = 0;
      const map = new BoundedMap<number>({ max: 5, ms: 50, monotonic: () => now });
      for (const [key, passed] of steps) {
        now += passed;
        map.set(String(key), now);
        assert.ok(map.size <= 5);
        assert.equal(map.get(String(key)), now);
      }
    }),
  );
});
