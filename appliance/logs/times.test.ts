import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMicroseconds, rfc3339 } from './times.ts';

test('times with their zone are read to the microsecond', () => {
  const noon = Date.UTC(2026, 4, 31, 12) * 1000;
  for (const [text, expected] of [
    ['2026-05-31T12:00:00Z', noon],
    ['2026-05-31t12:00:00z', noon],
    ['2026-05-31T12:00Z', noon],
    ['2026-05-31 14:00:00+02:00', noon],
    ['2026-05-31T14:00:00 02:00', noon],
    ['2026-05-31T12:00:00.000001Z', noon + 1],
    ['2026-05-31T12:00:00.123456789Z', noon + 123_456],
    ['2026-05-31T12:00:00.123456789012Z', noon + 123_456],
    ['1969-12-31T23:59:59Z', 0],
    ['9999-12-31T23:59:59Z', Number.MAX_SAFE_INTEGER],
  ] as const) {
    assert.equal(parseMicroseconds(text), expected, text);
  }
  for (const text of [
    '',
    'now',
    '2026-05-31',
    '2026-05-31T12:00:00',
    '2026-02-30T12:00:00Z',
    '2026-05-31T25:00:00Z',
    '2026-05-31T12:00:00+99:00',
    '1780228800',
    '2026-05-31T12:00:00Z[Europe/Rome]',
    '+275760-09-13T00:00:00Z',
  ]) {
    assert.equal(parseMicroseconds(text), undefined, text);
  }
});

test('what is written is read again', () => {
  assert.equal(rfc3339(1), '1970-01-01T00:00:00.000001Z');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (us) => parseMicroseconds(rfc3339(us)) === us),
  );
});
