import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clean, cleanName } from './text.ts';

test('nothing that drives a terminal or turns a line around is left, and names stay as they are', () => {
  assert.equal(clean('a\u001b[31mb\r\n\u009b2J\u202ec\u200fd\u2066e\u061cf\u2028g\ud800'), 'a?[31mb???2J?c?d?e?f?g?');
  for (const name of ['Büro Grenoble', '事務所', 'مكتب', 'می‌خواهم', '👩‍💻 lab', 'a-b_c.d'])
    assert.equal(cleanName(name), name);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 280 }), (text, max) => {
      const cleaned = clean(text, max);
      assert.ok(cleaned.length <= max);
      assert.doesNotMatch(cleaned, /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/u);
      assert.equal(clean(cleaned, max), cleaned);
    }),
  );
});

test('a text without end is cut, no character in half', () => {
  assert.equal(cleanName('x'.repeat(1_000_000)).length, 253);
  assert.equal(clean('ab😀', 3), 'ab…');
  assert.equal(clean('a😀b', 3), 'a?…');
});
