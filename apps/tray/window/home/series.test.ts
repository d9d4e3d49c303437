import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ratesOf, rowsOf, totalOf } from './series.ts';

const start = '2026-05-12T09:00:00.000Z';

test('rates are bytes a second; times are seconds since the epoch', () => {
  const { times, rx, tx } = ratesOf({ start, step: 60, rx: [600, 0], tx: [60, 120] });
  assert.deepEqual(times, [Date.parse(start) / 1000, Date.parse(start) / 1000 + 60]);
  assert.deepEqual(
    [rx, tx],
    [
      [10, 0],
      [1, 2],
    ],
  );
});

test('the table says the same as the curve: no byte is lost, the newest first, never more rows than asked', () => {
  const values = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 30 }), (rx, rows) => {
      const series = { start, step: 1, rx, tx: rx };
      const table = rowsOf(series, rows);
      assert.ok(table.length <= rows);
      assert.equal(
        table.reduce((total, row) => total + row.rx, 0),
        totalOf(series).rx,
      );
      assert.deepEqual(
        table.map(({ at }) => at),
        table
          .map(({ at }) => at)
          .sort()
          .reverse(),
      );
      assert.equal(totalOf(series).txMax, Math.max(...rx));
    }),
  );
});
