import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitAdvice } from './doctor.ts';
import { Rarely } from './rarely.ts';
import { Shared } from './shared.ts';

test('what goes on is shared, and what differs is bounded', async () => {
  const shared = new Shared<number>(2);
  let ran = 0;
  let end: (() => void)[] = [];
  const work = () =>
    new Promise<number>((resolve) => {
      ran += 1;
      const mine = ran;
      end.push(() => resolve(mine));
    });
  const many = Array.from({ length: 256 }, () => shared.get('a', work));
  const other = shared.get('b', work);
  assert.throws(() => shared.get('c', work), { code: 'internal', message: /2 requests like this one/ });
  for (const resolve of end) resolve();
  end = [];
  assert.deepEqual(new Set(await Promise.all(many)), new Set([1]));
  assert.equal(await other, 2);
  const again = shared.get('a', work);
  end[0]?.();
  assert.equal(await again, 3);
  await assert.rejects(
    shared.get('a', () => Promise.reject(new Error('no'))),
    /no/,
  );
  await assert.rejects(
    shared.get('a', () => Promise.reject(new Error('not shared with the one before'))),
    /not shared/,
  );
});

test('said once a minute with a count, whatever comes: nothing uncounted, and the latest in the end', () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 70_000 }), say: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const lines: { at: number; text: string }[] = [];
      let now = 5;
      const rarely = new Rarely((text) => lines.push({ at: now, text }));
      let said = 0;
      for (const { wait, say } of steps) {
        now += wait;
        if (say) rarely.say(`state ${++said}`, now);
        else rarely.tick(now);
      }
      now += 60_000;
      rarely.tick(now);
      for (const [i, { at }] of lines.entries()) assert.ok(i === 0 || at - lines[i - 1]!.at >= 60_000);
      const counted = lines.map(({ text }) => Number(/the last of (\d+) within \d+ s/.exec(text)?.[1] ?? 1));
      assert.equal(
        counted.reduce((sum, count) => sum + count, 0),
        said,
      );
      if (said > 0) assert.ok(lines.at(-1)?.text.startsWith(`state ${said}`));
      lines.length = 0;
      rarely.tick(now + 600_000);
      assert.deepEqual(lines, []);
    }),
  );
});

test('what is wrong and what to do are told apart without losing or repeating a letter', () => {
  for (const [message, detail, advice] of [
    ["https://g can't be reached: check the port.", "https://g can't be reached", 'check the port.'],
    [
      'The certificate of https://g:1 is signed by nobody. Enroll with --ca.',
      'The certificate of https://g:1 is signed by nobody',
      'Enroll with --ca.',
    ],
    ['Port 53 is taken', 'Port 53 is taken', 'Look at gatehouse logs.'],
  ]) {
    assert.deepEqual(splitAdvice(message!), [detail, advice]);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab.: ') }), (message) => {
      const [detail, advice] = splitAdvice(message);
      const whole = [`${detail}: ${advice}`, `${detail}. ${advice}`];
      assert.ok(whole.includes(message) || (detail === message && advice === 'Look at gatehouse logs.'));
    }),
  );
});
