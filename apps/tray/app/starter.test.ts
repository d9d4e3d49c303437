import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Platform } from '../core/index.ts';
import { Problem } from './problem.ts';
import { type Ended, type Run, runProgram, startCommand, startDaemon } from './starter.ts';

const env = { SystemRoot: 'D:\\Win' };
const outcome = async (platform: Platform, ended: Ended | NodeJS.ErrnoException): Promise<string> => {
  const run: Run = async () => {
    if (ended instanceof Error) throw ended;
    return ended;
  };
  try {
    await startDaemon(platform, env, run);
    return 'started';
  } catch (error) {
    assert.ok(error instanceof Problem);
    return [error.key, ...Object.values(error.params)].join(' ');
  }
};
const ended = (code: number | null, stderr = ''): Ended => ({ code, stderr });

describe('starting the daemon', () => {
  test('by the system’s own programs, each by its absolute path, without a shell', () => {
    assert.deepEqual(startCommand('linux', {}).args, ['/usr/bin/systemctl', 'start', 'gatehouse-agent.service']);
    assert.equal(startCommand('linux', {}).file, '/usr/bin/pkexec');
    const mac = startCommand('darwin', {});
    assert.equal(mac.file, '/usr/bin/osascript');
    assert.match(
      mac.args[1] ?? '',
      /^do shell script "\/bin\/launchctl kickstart system\/org\.gatehouse\.agent" with adm/,
    );
    const windows = startCommand('win32', env);
    assert.equal(windows.file, 'D:\\Win\\System32\\WindowsPowerShell\\v1.0\\powershell.exe');
    assert.match(
      windows.args.at(-1) ?? '',
      /-FilePath 'D:\\Win\\System32\\sc\.exe' .*'start','GatehouseAgent' -Verb RunAs/,
    );
  });

  test('a SystemRoot that is no folder of Windows is not believed', () => {
    for (const SystemRoot of ["C:\\x'; calc; '", '\\\\server\\share', 'C:\\a\\b', 'Windows', '', 'C:\\..\\..\\x']) {
      assert.throws(() => startCommand('win32', { SystemRoot }), Problem, SystemRoot);
    }
    assert.match(startCommand('win32', {}).file, /^C:\\Windows\\System32\\/);
  });

  const cases: [Platform, Ended | NodeJS.ErrnoException, string][] = [
    ['linux', ended(0), 'started'],
    ['linux', ended(126), 'start-cancelled'],
    [
      'linux',
      ended(127, 'Error executing command as another user: Not authorized\n'),
      'start-failed Error executing command as another user: Not authorized',
    ],
    [
      'linux',
      ended(5, 'Failed to start gatehouse-agent.service: Unit not found.\n'),
      'start-failed Failed to start gatehouse-agent.service: Unit not found.',
    ],
    ['linux', ended(null), 'start-slow'],
    ['linux', Object.assign(new Error('spawn'), { code: 'ENOENT' }), 'start-missing /usr/bin/pkexec'],
    ['linux', Object.assign(new Error('spawn EACCES'), { code: 'EACCES' }), 'start-failed spawn EACCES'],
    ['darwin', ended(0), 'started'],
    ['darwin', ended(1, '0:92: execution error: User canceled. (-128)\n'), 'start-cancelled'],
    [
      'darwin',
      ended(1, '0:92: execution error: Could not find service. (3)\n'),
      'start-failed 0:92: execution error: Could not find service. (3)',
    ],
    ['win32', ended(0), 'started'],
    ['win32', ended(1056), 'started'],
    ['win32', ended(1223), 'start-cancelled'],
    ['win32', ended(1060), 'start-failed 1060'],
  ];
  for (const [platform, what, expected] of cases) {
    test(`${platform}: ${expected}`, async () => assert.equal(await outcome(platform, what), expected));
  }

  test('a program’s exit code, its words and its absence are told apart', async () => {
    const code = 'process.stderr.write("no"); process.exit(7)';
    assert.deepEqual(await runProgram(process.execPath, ['-e', code]), { code: 7, stderr: 'no' });
    await assert.rejects(runProgram('/nowhere/at/all', []), { code: 'ENOENT' });
  });
});
