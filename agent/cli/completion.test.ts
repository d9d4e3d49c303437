import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { COMMANDS } from './commands.ts';
import { COMPLETIONS } from './completion.ts';

const scripts = Object.entries(COMPLETIONS).map(([shell, script]) => [shell, script()] as const);

test('each command and option is in each script', () => {
  assert.deepEqual(Object.keys(COMPLETIONS), COMMANDS.find(({ name }) => name === 'completion')?.choices);
  for (const [shell, script] of scripts) {
    for (const { name, options } of COMMANDS) {
      assert.match(script, new RegExp(`(?<![\\w-])${name}(?![\\w-])`), `${shell}: ${name}`);
      for (const option of Object.keys(options)) {
        const line = shell === 'fish' ? `from ${name}' -l ${option} ` : `--${option}(?![\\w-])`;
        const own = shell === 'fish' ? script : (new RegExp(`^ +${name}\\) .*$`, 'm').exec(script)?.[0] ?? '');
        assert.match(own, new RegExp(line), `${shell}: ${name} --${option}`);
      }
    }
  }
});

test('bash completes each command, its options and the values that it knows', requires('bash'), () => {
  const complete = (...words: string[]): string[] => {
    const script = `${COMPLETIONS.bash!()}
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gatehouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script, 'bash', 'gatehouse', ...words], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
  };
  assert.deepEqual(
    complete(''),
    COMMANDS.map(({ name }) => name),
  );
  for (const { name, options } of COMMANDS) {
    assert.ok(complete(name).includes(name));
    if (name === 'help') continue;
    assert.deepEqual(
      complete(name, '--'),
      [...Object.keys(options), 'help'].map((option) => `--${option}`),
      name,
    );
  }
  assert.deepEqual(complete('completion', 'f'), ['fish']);
  assert.deepEqual(complete('help', 'tra'), ['traffic']);
  assert.deepEqual(complete('enroll', 'https://x', '--token', ''), []);
  assert.ok(complete('enroll', '--ca', `${import.meta.dirname}/compl`).some((file) => file.endsWith('completion.ts')));
});

for (const shell of ['bash', 'zsh', 'fish']) {
  test(`${shell} reads its script without a complaint`, requires(shell), (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-completion-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'script');
    writeFileSync(file, COMPLETIONS[shell]!());
    execFileSync(shell, ['-n', file], { stdio: 'pipe' });
  });
}
