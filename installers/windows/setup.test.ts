import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { buildService, buildSetup, defines, wireguardFolder } from './setup.ts';

describe('the setup for Windows', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-setup-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('compiles without a warning', requires('makensis', 'x86_64-w64-mingw32-gcc'), async () => {
    const program = path.join(folder, 'gatehouse.exe');
    writeFileSync(program, 'not a program');
    const service = path.join(folder, 'gatehouse-service.exe');
    await buildService(service);
    for (const arch of ['x64', 'arm64'] as const) {
      const setup = { version: '1.2.3-beta.1', arch, epoch: 1_000_000_000, program, service, out: folder };
      const file = await buildSetup(setup);
      assert.equal(path.basename(file), `gatehouse-agent-1.2.3-beta.1-${arch}-setup.exe`);
      assert.equal(readFileSync(file).subarray(0, 2).toString(), 'MZ');
    }
  });

  test('a version of other than three numbers, and a WireGuard folder without its files, are refused', () => {
    const setup = { version: '1.2', arch: 'x64' as const, epoch: 0, program: 'p', service: 's', out: 'o' };
    assert.throws(() => defines(setup, 'o'), /three numbers/);
    assert.throws(() => defines({ ...setup, version: '1.2.3' }, 'o', folder), /has no wireguard-go\.exe/);
    // What is for one processor isn't put beside a program for another.
    assert.deepEqual(
      [wireguardFolder('x64', folder), wireguardFolder('arm64', folder), wireguardFolder('x64', '')],
      [folder, undefined, undefined],
    );
    mkdirSync(path.join(folder, 'arm64'));
    assert.equal(wireguardFolder('arm64', folder), path.join(folder, 'arm64'));
  });

  test('runs programs by absolute paths only: of the 64-bit System32, and the remover that it wrote itself', () => {
    for (const name of ['service.nsh', 'daemon.nsi']) {
      const lines = readFileSync(new URL(name, import.meta.url), 'utf8').split('\n');
      const calls = lines.filter((line) => /insertmacro Gatehouse(Run|Must)/.test(line) && !line.includes('{Command}'));
      assert.ok(calls.length > 0 || name === 'daemon.nsi');
      for (const line of calls)
        assert.match(
          line,
          /'"(\$\{GH_SYSTEM32\}\\[\w\\.]+|\$\{GH_SERVER\}\\uninstall|\$\{Folder\}\\gatehouse-service)\.exe" /,
        );
      assert.ok(!lines.some((line) => /\b(ExecWait|ExecShell|Exec)\b/.test(line)));
    }
    // The agent gives its pipe to the group of this name.
    const pipe = readFileSync(new URL('../../agent/ipc/pipe.ts', import.meta.url), 'utf8');
    const group = /GH_GROUP "(.+)"/.exec(readFileSync(new URL('service.nsh', import.meta.url), 'utf8'))?.[1];
    assert.ok(group !== undefined && pipe.includes(`PIPE_GROUP = '${group}'`), group ?? '');
    assert.ok(statSync(new URL('path.ps1', import.meta.url)).size > 0);
  });
});
