import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { listPackage } from '@electron/asar';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { describe } from '../../packaging/hooks.ts';
import { pack } from './pack.ts';

const OFF = '0'.charCodeAt(0);

test('windows: the daemon lies beside the app, and Electron is set', async (t) => {
  const folder = await pack(t, 'win32');
  assert.equal(
    readFileSync(path.join(folder, 'resources/daemon/gatehouse.exe'), 'utf8'),
    'the daemon for win-x64/gatehouse.exe',
  );
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

test('the description of a package for macOS has the form that electron-builder gives the others', () => {
  const text = describe('1.2.0', 'Gatehouse-1.2.0-mac-universal.pkg', Buffer.from('x'), new Date(0));
  assert.match(
    text,
    /^version: 1\.2\.0\nfiles:\n {2}- url: Gatehouse-1\.2\.0-mac-universal\.pkg\n {4}sha512: .{86}==\n {4}size: 1\n/,
  );
});
