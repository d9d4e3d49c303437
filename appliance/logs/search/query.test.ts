import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { QueryFault } from '../backend.ts';
import { MAX_QUERY, parseQuery } from './query.ts';

const word = (text: string, rest = {}) => ({ type: 'word', text, start: false, not: false, ...rest });

test('words, phrases, fields, not and or', () => {
  assert.deepEqual(parseQuery('  deny  -"log in" ali* '), [
    [word('deny')],
    [{ type: 'phrase', text: 'log in', start: false, not: true }],
    [word('ali', { start: true })],
  ]);
  assert.deepEqual(parseQuery('a OR b c'), [[word('a'), word('b')], [word('c')]]);
  assert.deepEqual(parseQuery('"say \\"hi\\""')[0]![0], { type: 'phrase', text: 'say "hi"', start: false, not: false });
  assert.deepEqual(parseQuery('user:"Ann Bee"')[0], [
    { type: 'text', name: 'user', text: 'ann bee', start: false, not: false },
  ]);
  assert.deepEqual(parseQuery('mac:AA-BB-CC-00-11-22')[0]![0], {
    ...{ type: 'text', name: 'mac', text: 'aa:bb:cc:00:11:22', start: false, not: false },
  });
  for (const kind of ['time-sync', 'time_sync', 'timeSync']) {
    assert.deepEqual(parseQuery(`kind:${kind}`)[0], [{ type: 'set', name: 'kind', values: [4], not: false }]);
  }
});

test('what has a colon and is no field is a word', () => {
  for (const text of ['aa:bb:cc:dd:ee:ff', 'fe80::1', 'https://example.com/x', '12:30:00', 'error:']) {
    assert.deepEqual(parseQuery(text), [[word(text)]]);
  }
});

test('numbers compare', () => {
  const range = (text: string) => {
    const [[term] = []] = parseQuery(text);
    return term?.type === 'number' && [term.least, term.most];
  };
  assert.deepEqual(range('bytes:>1000'), [1001, Number.MAX_SAFE_INTEGER]);
  assert.deepEqual(range('bytes:<=7'), [0, 7]);
  assert.deepEqual(range('dstport:22-80'), [22, 80]);
  assert.deepEqual(range('dstport:22'), [22, 22]);
});

test('a fault says where it is and what to do', () => {
  for (const [q, position, says] of [
    ['a "b', 2, /closing quote/],
    ['a scrip:10.0.0.1', 2, /no field scrip.*srcip/],
    ['srcip:10.0.0.300', 6, /address or a net/],
    ['srcip:10.0.0.0/33', 6, /address or a net/],
    ['x dstport:ssh', 10, /takes a number/],
    ['OR a', 0, /between two/],
    ['a OR', 2, /missing/],
    ['a OR OR b', 5, /between two/],
    ['a ***', 2, /quotes/],
    ['kind:nothing', 5, /one of log, audit/],
    ['""', 0, /nothing/],
    ['a '.repeat(33), 64, /32 terms/],
    ['a'.repeat(MAX_QUERY + 1), MAX_QUERY, /1024/],
  ] as const) {
    assert.throws(
      () => parseQuery(q),
      (error) => error instanceof QueryFault && error.position === position && says.test(error.message),
      q.slice(0, 40),
    );
  }
});

test('whatever is typed is understood or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (q) => {
      try {
        parseQuery(q);
      } catch (error) {
        assert.ok(error instanceof QueryFault && error.position! >= 0 && error.position! <= q.length);
      }
    }),
  );
});
