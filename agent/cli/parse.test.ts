import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMMANDS, findCommand } from './commands.ts';
import { UsageError } from './exit.ts';
import { distance, nearest } from './nearest.ts';
import { parse } from './parse.ts';

const words = COMMANDS.map(({ name }) => name);

test('what was probably meant', () => {
  for (const [typed, meant] of [
    ['staus', 'status'],
    ['statsu', 'status'],
    ['STATUS', 'status'],
    ['dwon', 'down'],
    ['prof', 'profiles'],
    ['doctr', 'doctor'],
    ['qqqqqq', undefined],
    ['', undefined],
    ['x'.repeat(33), undefined],
  ] as const) {
    assert.equal(nearest(typed, words), meant, typed);
  }
});

test('one slip of any command finds it again', () => {
  fc.assert(
    fc.property(fc.constantFrom(...words.filter((word) => word.length > 4)), fc.nat(), (word, at) => {
      const i = at % word.length;
      const exchanged = i + 1 < word.length ? word.slice(0, i) + word[i + 1] + word[i] + word.slice(i + 2) : word;
      for (const typed of [word.slice(0, i) + word.slice(i + 1), exchanged, `${word.slice(0, i)}q${word.slice(i)}`]) {
        assert.ok(distance(typed, word) <= 1, typed);
        assert.equal(nearest(typed, words), word, typed);
      }
    }),
  );
});

test('the names of other programs lead here, and to what there is', () => {
  const known = new Set<string>(words);
  const seen = new Set<string>();
  for (const { name, aka = [] } of COMMANDS) {
    for (const word of aka) {
      assert.ok(!known.has(word) && !seen.has(word), word);
      seen.add(word);
      assert.throws(() => parse([word]), { name: 'UsageError', hint: `Did you mean: gatehouse ${name}` });
    }
  }
});

test('each mistake has its own words and hint', () => {
  const cases: [argv: string[], message: RegExp, hint: string][] = [
    [[], /^a command is missing$/, 'See: gatehouse help'],
    [['--json', 'status'], /^a command goes first/, 'See: gatehouse help'],
    [['constructor'], /^there is no command 'constructor'$/, 'See: gatehouse help'],
    [['status', '--watc'], /^status has no option '--watc'$/, 'Did you mean: gatehouse status --watch'],
    [['status', '-x'], /^status has no option '-x'$/, 'See: gatehouse help status'],
    [['status', '--constructor'], /^status has no option '--constructor'$/, 'See: gatehouse help status'],
    [['status', '--json=1'], /^--json takes no value$/, 'See: gatehouse help status'],
    [['logs', '--lines'], /^a value is missing: --lines <n>$/, 'See: gatehouse help logs'],
    [['use'], /^use needs <profile>$/, 'See: gatehouse help use'],
    [['up', 'now'], /^up doesn't take 'now'$/, 'See: gatehouse help up'],
    [['directory', 'a', 'b'], /^directory doesn't take 'b'$/, 'See: gatehouse help directory'],
  ];
  for (const [argv, message, hint] of cases) assert.throws(() => parse(argv), { name: 'UsageError', message, hint });
  // A token that was taken for an option's value is not repeated.
  assert.throws(
    () => parse(['enroll', 'https://x', '--token', '-secret']),
    (error: Error) => !error.message.includes('secret'),
  );
  assert.equal(parse(['enroll', 'https://x', '--token=-secret']).values.token, '-secret');
  assert.equal(parse(['enroll', 'https://x', '--token', '-']).values.token, '-');
  assert.deepEqual(parse(['status', '-h']), { command: findCommand('help'), args: ['status'], values: {} });
});

test('whatever is typed is understood, or told in words', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(...words, '--json', '--watch', '--token', '--token=', '--', '-', '-h', '--lines', '5', '__proto__'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        const { command, args } = parse(argv);
        assert.ok(args.length <= command.args.length);
      } catch (error) {
        assert.ok(error instanceof UsageError && error.hint !== '', String(error));
      }
    }),
  );
});

test('every command that asks the agent speaks JSON', () => {
  const silent = new Set(['daemon', 'completion', 'help']);
  for (const { name, options } of COMMANDS) assert.equal('json' in options, !silent.has(name), name);
});
