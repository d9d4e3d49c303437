import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHubWatch, HUB_SILENCE_MS } from './hubs.ts';

const S = 1000;

/** Steps of a story: at a second, hubs are heard or all is checked; what a check answers. */
const STORIES: [string, [number, 'heard' | 'check', string[]?, string[]?][]][] = [
  [
    'a start moves nobody before a whole period of silence',
    [
      [100, 'check', [], []],
      [130, 'check', [], []],
      [130.001, 'check', ['hub'], []],
      [131, 'check', [], []],
    ],
  ],
  [
    'a hub that is heard stays',
    [
      [0, 'check', [], []],
      [29, 'heard'],
      [58, 'check', [], []],
      [59, 'check', [], []],
      [59.001, 'check', ['hub'], []],
    ],
  ],
  [
    'a hub that is back counts again after a whole period',
    [
      [0, 'check', [], []],
      [31, 'check', ['hub'], []],
      [40, 'heard'],
      [41, 'check', [], []],
      [55, 'heard'],
      [69.999, 'check', [], []],
      [70, 'check', [], ['hub']],
      [71, 'check', [], []],
    ],
  ],
  [
    'a flapping hub stays down: its time begins anew with each gap',
    [
      [0, 'check', [], []],
      [31, 'check', ['hub'], []],
      [40, 'heard'],
      [75, 'heard'],
      [76, 'check', [], []],
      [100, 'heard'],
      [104, 'check', [], []],
      [105, 'check', [], ['hub']],
    ],
  ],
  [
    'heard once and silent again is not back',
    [
      [0, 'check', [], []],
      [31, 'check', ['hub'], []],
      [40, 'heard'],
      [71, 'check', [], []],
      [200, 'check', [], []],
    ],
  ],
];

for (const [what, steps] of STORIES) {
  test(what, () => {
    const watch = createHubWatch();
    for (const [at, step, wentDown, cameBack] of steps) {
      if (step === 'heard') watch.heard('hub', at * S);
      else assert.deepEqual(watch.check(['hub'], at * S), { wentDown, cameBack }, `at ${at} s`);
    }
  });
}

test('what is no hub, or none any more, is not watched', () => {
  const watch = createHubWatch();
  watch.heard('spoke', 0);
  watch.check(['hub'], 0);
  assert.deepEqual(watch.check(['hub'], 31 * S).wentDown, ['hub']);
  assert.deepEqual([...watch.down], ['hub']);
  watch.check([], 32 * S);
  assert.deepEqual([...watch.down], []);
  // Watched anew, it gets its whole period again.
  assert.deepEqual(watch.check(['hub'], 33 * S).wentDown, []);
});

test('whatever happens: down and back take turns, and a hub heard within the period never goes down', () => {
  const steps = fc.array(fc.record({ after: fc.nat(40), heard: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      const watch = createHubWatch();
      let [now, last, down] = [0, 0, false];
      watch.check(['hub'], 0);
      for (const { after, heard } of all) {
        now += after * S;
        if (heard) {
          watch.heard('hub', now);
          last = now;
        }
        const { wentDown, cameBack } = watch.check(['hub'], now);
        if (wentDown.length > 0) assert.ok(!down && now - last > HUB_SILENCE_MS);
        if (cameBack.length > 0) assert.ok(down && now - last <= HUB_SILENCE_MS);
        down = wentDown.length > 0 || (down && cameBack.length === 0);
        assert.equal(watch.down.has('hub'), down);
        if (!down) assert.ok(now - last <= HUB_SILENCE_MS);
      }
    }),
  );
});
