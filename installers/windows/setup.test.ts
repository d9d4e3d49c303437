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

  test('the service starts last of all, restarts after failures, and only SYSTEM and Administrators reach the state', () => {
    const text = readFileSync(new URL('service.nsh', import.meta.url), 'utf8');
    const macro = (name: string): string =>
      new RegExp(`^!macro ${name}\\b[\\s\\S]*?^!macroend$`, 'm').exec(text)?.[0] ?? assert.fail(name);
    const install = macro('GatehouseInstallService');
    const steps = [
      'GatehouseProtectState',
      'GatehouseGroup',
      'sc.exe" create',
      'sc.exe" failure ',
      'sc.exe" failureflag',
    ];
    const places = [...steps, 'sc.exe" start'].map((step) => install.indexOf(step));
    assert.ok(places[0]! > 0);
    assert.deepEqual(
      places.toSorted((a, b) => a - b),
      places,
    );
    assert.match(install, /reset= 86400 actions= restart\/1000\/restart\/5000\/restart\/30000'/);
    // Quoted within its quotes: "C:\Program Files\…" is never read as C:\Program.exe.
    for (const path of install.matchAll(/binPath= (\S+)/g))
      assert.match(path[1]!, /^"\\"\$\{Folder\}\\gatehouse-service\.exe\\""$/);
    assert.match(
      macro('GatehouseProtectState'),
      /protect "\$APPDATA\\Gatehouse"[\s\S]*\/inheritance:r \/grant:r \$\{GH_SYSTEM\}:\(OI\)\(CI\)F/,
    );
    assert.equal(macro('GatehouseProtectState').match(/\/grant/g)?.length, 2);
    assert.match(macro('GatehousePurge'), /"\/PURGE"[\s\S]*RMDir \/r "\$APPDATA\\Gatehouse"/);
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
