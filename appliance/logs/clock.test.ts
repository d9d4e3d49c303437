import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createClock } from './clock.ts';

test('times stay within the millisecond that the system says, and go forward as long as it does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 50, noNaN: true })),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, phase) => {
        let sinceStart = 1000;
        const clock = createClock({ now: () => Math.floor(1.7e12 + phase + sinceStart), monotonic: () => sinceStart });
        let last = 0;
        for (const step of steps) {
          sinceStart += step;
          const us = clock.receiveUs();
          assert.ok(Number.isInteger(us) && us >= last);
          assert.equal(Math.floor(us / 1000), Math.floor(1.7e12 + phase + sinceStart));
          last = us;
        }
      },
    ),
  );
});

test('a system’s clock that is set is followed at once, to and fro', () => {
  let now = 1.7e12;
  let sinceStart = 0;
  const clock = createClock({ now: () => now, monotonic: () => sinceStart });
  for (const step of [0, 86_400_000, -172_800_000, 1]) {
    now += step;
    sinceStart += 0.25;
    assert.equal(Math.floor(clock.receiveUs() / 1000), now);
  }
  assert.equal(clock.monotonicUs(), 1000);
});
