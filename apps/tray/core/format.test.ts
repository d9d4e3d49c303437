import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatAgo, formatBytes, formatLatency, formatRate, formatTime } from './format.ts';
import { ago, NOW } from './testing.ts';
import { clean, cutUnits, sentence } from './text.ts';
import { LOCALES } from './types.ts';

/** Intl puts narrow and no-break spaces between number and unit. */
const plain = (text: string): string => text.replace(/\s/gu, ' ');

describe('numbers as people read them', () => {
  const table: [string, string][] = [
    [formatBytes('en', 0), '0 byte'],
    [formatBytes('en', 999), '999 byte'],
    [formatBytes('en', 999.6), '1 kB'],
    [formatBytes('en', 1_234_567), '1.2 MB'],
    [formatBytes('en', 999_600_000), '1 GB'],
    [formatBytes('de', 1_234_567), '1,2 MB'],
    [formatBytes('fr', 1_234_567), '1,2 Mo'],
    [formatBytes('en', 1e30), formatBytes('en', 1e30)],
    [formatBytes('en', Number.NaN), '0 byte'],
    [formatBytes('en', -5), '0 byte'],
    [formatRate('en', 1500), '1.5 kB/s'],
    [formatRate('de', 25_000_000), '25 MB/s'],
    [formatLatency('en', 0.94), '0.9 ms'],
    [formatLatency('de', 9.49), '9,5 ms'],
    [formatLatency('en', 12.3), '12 ms'],
    [formatLatency('en', null), '–'],
    [formatLatency('en', Number.NaN), '–'],
    [formatAgo('en', ago(0), NOW), 'now'],
    [formatAgo('en', ago(-600), NOW), 'now'],
    [formatAgo('en', ago(59), NOW), '59 sec. ago'],
    [formatAgo('en', ago(3 * 60 + 59), NOW), '3 min. ago'],
    [formatAgo('de', ago(2 * 3600), NOW), 'vor 2 Std.'],
    [formatAgo('en', ago(86_400), NOW), 'yesterday'],
    [formatAgo('en', null, NOW), '–'],
    [formatAgo('en', 'soon', NOW), '–'],
    [formatTime('en', null), '–'],
  ];
  table.forEach(([got, wanted], i) => {
    test(`${i}: ${wanted}`, () => assert.equal(plain(got), wanted));
  });
  test('the day is told unless it is today', () => {
    assert.doesNotMatch(formatTime('en', ago(1), NOW), /2026/);
    assert.match(formatTime('en', ago(3 * 86_400), NOW), /2025/);
    assert.match(formatTime('en', ago(1)), /2026/);
  });
  test('whatever comes gives a text', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LOCALES), fc.double(), (locale, n) => {
        for (const text of [formatBytes(locale, n), formatRate(locale, n), formatLatency(locale, n)]) {
          assert.doesNotMatch(text, /NaN|∞|-/);
          assert.ok(text.length < 60);
        }
      }),
    );
  });
});

describe('text from outside', () => {
  const table: [string, string][] = [
    ['office', 'office'],
    ['  two\r\n\twords ', 'two words'],
    ['a\u0000b\u001b[31mc', 'a b [31mc'],
    ['\u202egpj.exe', 'gpj.exe'],
    ['zero\u200bwidth\ufeff', 'zerowidth'],
    ['half \ud83d', 'half'],
    ['\u200b\u202e', ''],
    ['Büro Zürich 北京 🚪', 'Büro Zürich 北京 🚪'],
    ['x'.repeat(60), `${'x'.repeat(47)}…`],
    ['🚪'.repeat(60), `${'🚪'.repeat(47)}…`],
  ];
  for (const [text, wanted] of table) test(JSON.stringify(text).slice(0, 40), () => assert.equal(clean(text), wanted));
  test('whatever comes: one line, bounded, well formed, and clean stays clean', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 60 }), (text, max) => {
        const once = clean(text, max);
        assert.ok([...once].length <= max && once.isWellFormed());
        assert.doesNotMatch(once, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.equal(clean(once, max), once);
        assert.ok(cutUnits(once, max).length <= Math.max(1, max) && cutUnits(once, max).isWellFormed());
      }),
    );
  });
  test('a sentence has one end', () => {
    assert.deepEqual(['a', 'a.', 'a!', 'a…'].map(sentence), ['a.', 'a.', 'a!', 'a…']);
  });
});
