import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';

const SOURCES = path.join(import.meta.dirname, '../../packaging/linux');

/** The script with its own tools, but for those that install: they write down what they were given. */
function setUp(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-install-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => path.join(folder, name);
  for (const name of ['bin', 'copies']) mkdirSync(at(name));
  const file = at('Gatehouse-1.2.0-linux-amd64.deb');
  // Meanwhile the user's file becomes another: what was checked is what is installed.
  const stub = `#!/bin/sh
echo evil >"${file}"
for last in "$@"; do :; done
{ echo "$(basename "$0") $*"; stat -c '%a' "$last" "$(dirname "$last")"; cat "$last"; umask; } >>"${at('calls')}"
exit "\${STUB_EXIT:-0}"
`;
  for (const name of ['apt-get', 'rpm']) writeFileSync(at(`bin/${name}`), stub, { mode: 0o755 });
  const script = readFileSync(path.join(SOURCES, 'install-update.sh'), 'utf8')
    .replace('set -eu\n', 'set -eu\numask 022\n')
    .replace(/^PATH=/m, `PATH=${at('bin')}:`)
    .replace('/var/tmp/', `${at('copies')}/`);
  const run = (args: string[], env: Record<string, string> = {}) => {
    rmSync(at('calls'), { force: true });
    const { status, stderr } = spawnSync('/bin/sh', ['-c', script, 'install-update', ...args], {
      encoding: 'utf8',
      env,
      timeout: 60_000,
    });
    const calls = spawnSync('/bin/cat', [at('calls')], { encoding: 'utf8' }).stdout;
    return { status, stderr, calls, left: readdirSync(at('copies')) };
  };
  return { file, run, at };
}
const digest = hash('sha512', 'the package');

for (const [kind, call] of [
  ['deb', /^apt-get -y .*--force-confold install \S+\/gatehouse\.deb\n/],
  ['rpm', /^rpm -U \S+\/gatehouse\.rpm\n/],
] as const) {
  test(`${kind}: what was checked is what is installed, whatever becomes of the user's file`, (t) => {
    const { file, run } = setUp(t);
    writeFileSync(file, 'the package');
    const { status, calls, left, stderr } = run([kind, file, digest]);
    assert.equal(status, 0, stderr);
    assert.match(calls, call);
    // A copy in a folder of its own, for root alone; what the package's scripts write is as readable as ever.
    assert.match(calls, /\n600\n700\nthe package0*22\n$/);
    assert.deepEqual(left, []);
    assert.equal(readFileSync(file, 'utf8'), 'evil\n');
  });
}

test('another file is not installed, and nothing of the copy stays', (t) => {
  const { file, run, at } = setUp(t);
  writeFileSync(file, 'the package');
  symlinkSync('/etc/hostname', at('link'));
  for (const [args, message] of [
    [['deb', file, hash('sha512', 'another')], /not the package that was checked: nothing was installed/],
    [['deb', at('link'), digest], /not the package that was checked/],
    [['deb', at('gone'), digest], /is no file/],
    [['deb', '/dev/zero', digest], /is no file/],
    [['deb', at('copies'), digest], /is no file/],
    [['deb', 'Gatehouse-1.2.0-linux-amd64.deb', digest], /with its whole path/],
    [['deb', '--allow-downgrades', digest], /with its whole path/],
    [['AppImage', file, digest], /deb or rpm/],
    [['deb', file, digest.slice(1)], /128 hexadecimal/],
    [['deb', file, `${digest.slice(1)}g`], /128 hexadecimal/],
    [['deb', file, `${digest.slice(2)}\n*`], /128 hexadecimal/],
    [['deb', file], /usage/],
    [['deb', file, digest, 'x'], /usage/],
  ] as const) {
    const { status, stderr, calls, left } = run([...args]);
    assert.deepEqual([status, calls, left], [2, '', []], args.join(' '));
    assert.match(stderr, message);
  }
});

test('what the installer says of itself is handed on, and the environment is not heeded', (t) => {
  const { file, run, at } = setUp(t);
  writeFileSync(file, 'the package');
  writeFileSync(at('sha512sum'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  const { status, left } = run(['rpm', file, digest], { STUB_EXIT: '7' });
  assert.deepEqual([status, left], [7, []]);
  writeFileSync(file, 'another');
  assert.equal(run(['rpm', file, digest], { PATH: at('.') }).status, 2);
});

test('the policy asks for an administrator each time, and is for this program only', () => {
  const policy = readFileSync(path.join(SOURCES, 'org.gatehouse.update.policy'), 'utf8');
  assert.equal(policy.match(/<allow_\w+>auth_admin<\/allow_\w+>/g)?.length, 3);
  assert.match(policy, /policykit\.exec\.path">\/usr\/lib\/gatehouse\/install-update</);
  assert.doesNotMatch(policy, /allow_gui|_keep|>yes</);
  for (const locale of ['de', 'es', 'fr', 'tr']) assert.ok(policy.includes(`<message xml:lang="${locale}">`), locale);
});
