import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { sourceDate } from './build.ts';

const main = (...args: string[]) =>
  spawnSync(process.execPath, [path.join(import.meta.dirname, 'main.ts'), ...args], { encoding: 'utf8' });

test('says what it takes, and what is wrong with what it was given', () => {
  const help = main('--help');
  assert.equal(help.status, 0);
  assert.match(help.stdout, /linux-x64, linux-arm64, win-x64, win-arm64, darwin-x64, darwin-arm64/);
  for (const [args, message] of [
    [['daemon', '--target', 'beos-x64'], /^installers: there is no target 'beos-x64': choose from linux-x64/],
    [['app'], /^installers: say what to build: daemon/],
    [['daemon', '--colour'], /^installers: Unknown option '--colour'/],
  ] as const) {
    const { status, stderr } = main(...args);
    assert.equal(status, 1);
    assert.match(stderr, message);
  }
});

test('SOURCE_DATE_EPOCH is whole seconds', () => {
  assert.equal(sourceDate({ SOURCE_DATE_EPOCH: '1000' }), 1000);
  for (const bad of ['', '-1', '1.5', '1e9', '99999999999'])
    assert.throws(() => sourceDate({ SOURCE_DATE_EPOCH: bad }));
  assert.ok(sourceDate({}) >= 0);
});
