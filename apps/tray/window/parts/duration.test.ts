import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration } from './duration.ts';

test('a duration is told in its two largest units', () => {
  const minutes = (count: number) => duration('en', count * 60_000);
  assert.equal(minutes(0), '0 min');
  assert.equal(minutes(-5), '0 min');
  assert.equal(minutes(59), '59 min');
  assert.equal(minutes(60), '1 hr');
  assert.equal(minutes(131), '2 hr 11 min');
  assert.equal(minutes(1440 * 3 + 30), '3 days');
  assert.equal(minutes(1440 * 3 + 90), '3 days 1 hr');
});
