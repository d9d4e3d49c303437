import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeRelease, releaseKey, signatureOf } from '../../app/updates/testing.ts';

const SOURCES = path.join(import.meta.dirname, '../../packaging/linux');

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const { privateKey: MAKER } = releaseKey();
const { privateKey: STRANGER } = releaseKey();
const RELEASE = describeRelease('1.2.0', {
  'Gatehouse-1.2.0-linux-amd64.deb': Buffer.from('the package'),
  'Gatehouse-1.2.0-linux-x86_64.rpm': Buffer.from('the other package'),
});
/** A description and what signs it, as the script is given them. */
const proof = (text = RELEASE, signature = signatureOf(text, MAKER)): string[] => [base64(text), base64(signature)];

/** The script with its own tools, but for those that install: they write down what they were given. */
function setUp(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-install-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => path.join(folder, name);
  for (const name of ['bin', 'copies', 'keys']) mkdirSync(at(name));
  for (const [i, key] of [releaseKey().privateKey, MAKER].entries()) {
    writeFileSync(at(`keys/${i + 1}.pem`), createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  }
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
    .replace('/usr/lib/gatehouse/update-keys', at('keys'))
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

for (const [kind, call] of [
  ['deb', /^apt-get -y .*--force-confold install \S+\/gatehouse\.deb\n/],
  ['rpm', /^rpm -U \S+\/gatehouse\.rpm\n/],
] as const) {
  test(`${kind}: what was checked is what is installed, whatever becomes of the user's file`, (t) => {
    const { file, run } = setUp(t);
    writeFileSync(file, 'the package');
    const { status, calls, left, stderr } = run([kind, file, ...proof()]);
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
    [['deb', at('link'), ...proof()], /not of the release that was signed: nothing was installed/],
    [['deb', at('gone'), ...proof()], /is no file/],
    [['deb', '/dev/zero', ...proof()], /is no file/],
    [['deb', at('copies'), ...proof()], /is no file/],
    [['deb', 'Gatehouse-1.2.0-linux-amd64.deb', ...proof()], /with its whole path/],
    [['deb', '--allow-downgrades', ...proof()], /with its whole path/],
    [['AppImage', file, ...proof()], /deb or rpm/],
    [['deb', file, proof()[0]!], /usage/],
    [['deb', file, ...proof(), 'x'], /usage/],
  ] as const) {
    const { status, stderr, calls, left } = run([...args]);
    assert.deepEqual([status, calls, left], [2, '', []], args.join(' '));
    assert.match(stderr, message);
  }
});

test('whatever the caller says of a file, its maker has to have signed it', (t) => {
  const { file, run, at } = setUp(t);
  writeFileSync(file, 'evil');
  writeFileSync(at('keys/9.pem'), 'damaged');
  const evil = describeRelease('9.9.9', { 'Gatehouse-9.9.9-linux-amd64.deb': Buffer.from('evil') });
  const longer = Array.from({ length: 4 }, () => signatureOf(evil, STRANGER)).join('');
  for (const [words, message] of [
    [proof(evil, signatureOf(evil, STRANGER)), /not signed by the maker/],
    // A signature of something else, none, and too many.
    [proof(evil, signatureOf(RELEASE, MAKER)), /not signed by the maker/],
    [proof(evil, ''), /not signed by the maker/],
    [proof(evil, '*\n'), /not signed by the maker/],
    [proof(evil, longer + signatureOf(evil, MAKER)), /not signed by the maker/],
    [proof(RELEASE.replace('1.2.0', '1.2.1'), signatureOf(RELEASE, MAKER)), /not signed by the maker/],
    [[base64(RELEASE), '***'], /no base64/],
    [['***', base64(signatureOf(RELEASE, MAKER))], /no base64/],
    // What was signed is another file.
    [proof(), /not of the release that was signed/],
  ] as const) {
    const { status, stderr, calls, left } = run(['deb', file, ...words]);
    assert.deepEqual([status, calls, left], [2, '', []], stderr);
    assert.match(stderr, message);
  }
  // By two keys, of which one is known here; the last line without its end.
  writeFileSync(file, 'the package');
  const both = signatureOf(RELEASE, STRANGER) + signatureOf(RELEASE, MAKER).trim();
  assert.equal(run(['deb', file, ...proof(RELEASE, both)]).status, 0);
  rmSync(at('keys'), { recursive: true });
  writeFileSync(file, 'the package');
  assert.match(run(['deb', file, ...proof()]).stderr, /not signed by the maker/);
});

test('what the installer says of itself is handed on, and the environment is not heeded', (t) => {
  const { file, run, at } = setUp(t);
  writeFileSync(file, 'the package');
  writeFileSync(at('openssl'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  const { status, left } = run(['rpm', file, ...proof()], { STUB_EXIT: '7' });
  assert.deepEqual([status, left], [7, []]);
  writeFileSync(file, 'another');
  assert.equal(run(['rpm', file, ...proof()], { PATH: at('.') }).status, 2);
});

test('the policy asks for an administrator each time, and is for this program only', () => {
  const policy = readFileSync(path.join(SOURCES, 'org.gatehouse.update.policy'), 'utf8');
  assert.equal(policy.match(/<allow_\w+>auth_admin<\/allow_\w+>/g)?.length, 3);
  assert.match(policy, /policykit\.exec\.path">\/usr\/lib\/gatehouse\/install-update</);
  assert.doesNotMatch(policy, /allow_gui|_keep|>yes</);
  for (const locale of ['de', 'es', 'fr', 'tr']) assert.ok(policy.includes(`<message xml:lang="${locale}">`), locale);
});
