import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { createPlatform } from './index.ts';
import { type RunError, systemCommands } from './run.ts';
import { withTempFiles, writeDurably } from './temp.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const commands = systemCommands('linux');

test('a program gets its arguments as they are, little of the environment, and its input from a file', async () => {
  process.env.GATEHOUSE_TEST_SECRET = 'secret';
  assert.equal(await commands.run('printf', ['%s|', '$HOME; id', '']), '$HOME; id||');
  assert.doesNotMatch(await commands.run('env', []), /SECRET/);
  assert.equal(await commands.run('cat', ['/dev/stdin'], 'line\n'), 'line\n');
});

test('failures say what the program said', async () => {
  await assert.rejects(
    commands.run('no-such-program', []),
    (error: RunError) => error.code === 'ENOENT' && /not installed/.test(error.message),
  );
  await assert.rejects(
    commands.run('sh', ['-c', 'echo oh >&2; exit 3']),
    (error: RunError) => error.code === 3 && error.stderr === 'oh\n',
  );
  assert.equal(commands.find('no-such-program'), null);
  assert.match(commands.find('cat')!, /^\/(usr\/)?bin\/cat$/);
});

test('temporary files go, whatever happens', async () => {
  let seen = '';
  await assert.rejects(
    withTempFiles(['a'], async ([file]) => {
      seen = file!;
      assert.equal(statSync(file!).mode & 0o777, 0o600);
      throw new Error('no');
    }),
  );
  assert.throws(() => statSync(path.dirname(seen)), { code: 'ENOENT' });
});

test('a durable write leaves the new content with its mode, and nothing else', async () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, 'old', { mode: 0o644 });
  await writeDurably(file, 'new', 0o600);
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('each system has its adapter; others are told', () => {
  const options = { stateDir: folder, log: () => undefined };
  for (const platform of ['linux', 'darwin', 'win32'] as const) assert.ok(createPlatform({ ...options, platform }));
  assert.throws(() => createPlatform({ ...options, platform: 'aix' }), { code: 'no-wireguard', message: /aix/ });
});
