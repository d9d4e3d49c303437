import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { globMatcher } from './glob.ts';
import { canonicalMac, isGroupMac, isLocalMac } from './mac.ts';
import { parseDuration, parseRate, parseSize, showDuration } from './units.ts';

test('rates, sizes and durations are read with their units', () => {
  for (const [text, value] of [
    ['10mbps', 10_000_000],
    ['1.5 Gbps', 1_500_000_000],
    ['512kbps', 512_000],
    [9600, 9600],
  ] as const) {
    assert.equal(parseRate(text), value);
  }
  for (const [text, value] of [
    ['10GB', 10_000_000_000],
    ['1GiB', 2 ** 30],
    ['500 mb', 500_000_000],
    ['7B', 7],
  ] as const) {
    assert.equal(parseSize(text), value);
  }
  for (const [text, value] of [
    ['8h', 28_800],
    ['1h30m', 5400],
    ['7d', 604_800],
    ['1w', 604_800],
    [90, 90],
  ] as const) {
    assert.equal(parseDuration(text), value);
  }
});

test('what is no quantity is answered with how to write one', () => {
  for (const text of ['', '10', 'fast', '10mb', '-1mbps', '0mbps', '1e9bps', '2000gbps']) {
    assert.equal(typeof parseRate(text), 'string', text);
  }
  for (const text of ['10', '1.5', 'GB', '2000TB']) assert.equal(typeof parseSize(text), 'string', text);
  for (const text of ['10', 'h', '1h 2', '400d', '-1h', '1.5h'])
    assert.equal(typeof parseDuration(text), 'string', text);
  for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const parse of [parseRate, parseSize, parseDuration]) assert.equal(typeof parse(value), 'string');
  }
});

test('a duration reads back as it is shown', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 31_000_000 }), (seconds) => {
      assert.equal(parseDuration(showDuration(seconds)), seconds);
    }),
  );
});

test('a glob matches as the regular expression of it does', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '.', '*', '?'), maxLength: 12 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 }), (glob, text) => {
      const source = glob.replace(/[.]/g, '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      assert.equal(globMatcher(glob)(text), new RegExp(`^${source}$`, 'i').test(text));
    }),
    { numRuns: 2000 },
  );
});

test('a glob of many stars takes steps by its length times the text, not by powers of it', () => {
  assert.equal(globMatcher(`${'*a'.repeat(100)}b`)('a'.repeat(20_000)), false);
});

test('MAC addresses are read in any notation', () => {
  for (const text of [
    '020000112233',
    '02-00-00-11-22-33',
    '02:00:00:11:22:33',
    '0200.0011.2233',
    ' 02:00:00:11:22:33 ',
  ]) {
    assert.equal(canonicalMac(text), '02:00:00:11:22:33', text);
  }
  assert.equal(canonicalMac('AA-BB-CC-DD-EE-FF'), 'aa:bb:cc:dd:ee:ff');
  for (const text of [
    '',
    'alice',
    '02:00:00:11:22',
    '02:00:00:11:22:33:44',
    '02:00-00:11:22:33',
    '0200:0011.2233',
    'gg0000112233',
  ]) {
    assert.equal(canonicalMac(text), undefined, text);
  }
  assert.equal(isLocalMac('02:00:00:11:22:33'), true);
  assert.equal(isLocalMac('00:17:f2:11:22:33'), false);
  assert.equal(isGroupMac('ff:ff:ff:ff:ff:ff'), true);
  assert.equal(isGroupMac('02:00:00:11:22:33'), false);
});
