import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { listPackage } from '@electron/asar';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { Arch } from 'electron-builder';
import { requires } from '../../../../test/requires.ts';
import { describe, programs } from '../../packaging/hooks.ts';
import { stageMac } from '../../packaging/macos.ts';
import { pack, projectDir } from './pack.ts';

const OFF = '0'.charCodeAt(0);

test('windows: the daemon lies beside the app, and Electron is set', async (t) => {
  const folder = await pack(t, 'win32');
  assert.equal(
    readFileSync(path.join(folder, 'resources/daemon/gatehouse.exe'), 'utf8'),
    'the daemon for win-x64/gatehouse.exe',
  );
  for (const name of ['gatehouse-service.exe', 'NOTICE', 'path.ps1'])
    assert.ok(existsSync(path.join(folder, 'resources/daemon', name)), name);
  assert.ok(
    !listPackage(path.join(folder, 'resources/app.asar'), { isPack: false }).some((name) =>
      /node_modules|\.map$/.test(name),
    ),
  );
  const program = path.join(folder, 'Gatehouse.exe');
  assert.equal((await getCurrentFuseWire(program))[FuseV1Options.RunAsNode], OFF);
  // The hash of app.asar is in the program's resources, and its name and icon.
  const text = readFileSync(program).toString('latin1');
  assert.match(text, /"file":"resources\\\\app\.asar"|app\.asar/);
  await assert.rejects(pack(t, 'win32', 'nsis'), /placeholder for Electron: no nsis/);
});

test('windows: each processor has its own daemon', async (t) => {
  const folder = await pack(t, 'win32', 'dir', { arch: Arch.arm64 });
  const daemon = path.join(folder, 'resources/daemon');
  assert.equal(readFileSync(path.join(daemon, 'gatehouse.exe'), 'utf8'), 'the daemon for win-arm64/gatehouse.exe');
  assert.ok(existsSync(path.join(daemon, 'gatehouse-service.exe')));
  // Built before, or the build says which command makes them.
  assert.deepEqual(programs('win32', 'arm64'), [
    'win-arm64/gatehouse.exe',
    'win-arm64/gatehouse-service.exe',
    'win-arm64/NOTICE',
  ]);
});

test('macOS: links, helpers, daemon for both processors, and Electron is set', async (t) => {
  const folder = await pack(t, 'darwin');
  const contents = path.join(folder, 'Gatehouse.app/Contents');
  const info = readFileSync(path.join(contents, 'Info.plist'), 'utf8');
  assert.match(info, /<key>CFBundleURLSchemes<\/key>\s*<array>\s*<string>gatehouse<\/string>/);
  assert.match(info, /<key>CFBundleIdentifier<\/key>\s*<string>org\.gatehouse\.tray<\/string>/);
  assert.match(info, /<key>LSUIElement<\/key>\s*<true\/>/);
  assert.match(info, /<key>ElectronAsarIntegrity<\/key>/);
  for (const name of ['x64', 'arm64'])
    assert.ok(existsSync(path.join(contents, 'Resources/daemon', name, 'gatehouse')));
  assert.ok(existsSync(path.join(contents, 'Frameworks/Gatehouse Helper.app')));
  const wire = await getCurrentFuseWire(path.join(folder, 'Gatehouse.app'));
  assert.equal(wire[FuseV1Options.OnlyLoadAppFromAsar], '1'.charCodeAt(0));
  await assert.rejects(pack(t, 'darwin', 'pkg'), /placeholder for Electron: no pkg/);
});

test('macOS: the package puts the daemon into its place, then does what the daemon wants', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-mac-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await stageMac(folder);
  for (const name of ['preinstall', 'postinstall']) execFileSync('/bin/sh', ['-n', path.join(folder, name)]);
  const text = readFileSync(path.join(folder, 'postinstall'), 'utf8');
  assert.match(text, /^#!\/bin\/sh\n[\s\S]*hw\.optional\.arm64[\s\S]*launchctl bootstrap/);
  assert.doesNotMatch(text, /@FORMAT@/);
});

test("windows: the include compiles with the daemon's macros", requires('makensis'), (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-nsis-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const windows = path.join(projectDir, '../../installers/windows');
  mkdirSync(path.join(folder, 'dist-packages/staged'), { recursive: true });
  writeFileSync(
    path.join(folder, 'dist-packages/staged/gatehouse.nsh'),
    `!define GATEHOUSE_FORMAT 1\n!define GATEHOUSE_WINDOWS "${windows}"\n`,
  );
  const script = [
    'Unicode true',
    '!include LogicLib.nsh',
    `!define isUpdated '"1" == "0"'`,
    `!define PROJECT_DIR "${folder}"`,
    `!include "${path.join(projectDir, 'packaging/windows/installer.nsh')}"`,
    `OutFile "${path.join(folder, 'Gatehouse-test.exe')}"`,
    'Function .onInit\n!insertmacro customInit\nFunctionEnd',
    'Section\nWriteUninstaller "$TEMP\\Remove.exe"\n!insertmacro customInstall\nSectionEnd',
    'Section un.x\n!insertmacro customUnInstall\nSectionEnd',
  ];
  writeFileSync(path.join(folder, 'setup.nsi'), `${script.join('\n')}\n`);
  execFileSync('/usr/bin/makensis', ['-V2', '-WX', path.join(folder, 'setup.nsi')]);
});

test('the description of a package for macOS has the form that electron-builder gives the others', () => {
  const text = describe('1.2.0', 'Gatehouse-1.2.0-mac-universal.pkg', Buffer.from('x'), new Date(0));
  assert.match(
    text,
    /^version: 1\.2\.0\nfiles:\n {2}- url: Gatehouse-1\.2\.0-mac-universal\.pkg\n {4}sha512: .{86}==\n {4}size: 1\n/,
  );
});
