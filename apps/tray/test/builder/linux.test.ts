import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { listPackage } from '@electron/asar';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { artifactBuildStarted } from '../../packaging/hooks.ts';
import { stageLinux } from '../../packaging/linux.ts';

import { pack } from './pack.ts';

const VALIDATE = '/usr/bin/desktop-file-validate';
const builder = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
const { LinuxTargetHelper } = builder('app-builder-lib/out/targets/LinuxTargetHelper.js');
const ON = '1'.charCodeAt(0);
const OFF = '0'.charCodeAt(0);
const RELEASE_KEY = Buffer.alloc(32, 7).toString('base64');

test('linux: what is packed, and how Electron is set', async (t) => {
  let entry = '';
  let icons: string[] = [];
  const folder = await pack(t, 'linux', 'dir', {
    afterExtract: async ({ packager }) => {
      const helper = new LinuxTargetHelper(packager);
      entry = await helper.computeDesktopEntry(packager.platformSpecificBuildOptions);
      icons = (await helper.icons).map(({ file }: { file: string }) => path.basename(file));
    },
  });
  assert.match(entry, /^Exec=\/opt\/Gatehouse\/gatehouse-app %U$/m);
  assert.match(entry, /^MimeType=x-scheme-handler\/gatehouse;$/m);
  assert.deepEqual(icons.includes('256x256.png') && icons.includes('16x16.png'), true, icons.join());
  const file = path.join(folder, 'gatehouse-app.desktop');
  writeFileSync(file, entry);
  if (existsSync(VALIDATE)) execFileSync(VALIDATE, ['--no-hints', file]);
  const files = listPackage(path.join(folder, 'resources', 'app.asar'), { isPack: false });
  assert.deepEqual(files.filter((name) => /\.\w+$/.test(name)).sort(), [
    ...['/dist/icon.png', '/dist/main.js', '/dist/preload.cjs', '/dist/tray/connected.png'],
    ...['/dist/window/assets/index.js', '/dist/window/index.html', '/package.json'],
  ]);
  assert.ok(!files.some((name) => /node_modules|fake|\.map$|\.env|\.pem|\.ts$/.test(name)));
  assert.ok(!existsSync(path.join(folder, 'resources', 'app')));
  assert.ok(!existsSync(path.join(folder, 'resources', 'daemon')));

  // What lies there packed isn't made a package by another run either.
  const started = { file: path.join(folder, '..', 'a.deb'), targetPresentableName: 'deb', arch: null };
  await assert.rejects(artifactBuildStarted(started), /no deb of a placeholder/);

  const wire = await getCurrentFuseWire(path.join(folder, 'gatehouse-app'));
  assert.deepEqual(
    {
      run: wire[FuseV1Options.RunAsNode],
      cookies: wire[FuseV1Options.EnableCookieEncryption],
      options: wire[FuseV1Options.EnableNodeOptionsEnvironmentVariable],
      inspect: wire[FuseV1Options.EnableNodeCliInspectArguments],
      integrity: wire[FuseV1Options.EnableEmbeddedAsarIntegrityValidation],
      asar: wire[FuseV1Options.OnlyLoadAppFromAsar],
      snapshot: wire[FuseV1Options.LoadBrowserProcessSpecificV8Snapshot],
      file: wire[FuseV1Options.GrantFileProtocolExtraPrivileges],
    },
    { run: OFF, cookies: ON, options: OFF, inspect: OFF, integrity: ON, asar: ON, snapshot: OFF, file: OFF },
  );
});

test('of a placeholder no package is made, and nothing is published', async (t) => {
  for (const target of ['deb', 'rpm', 'AppImage']) {
    await assert.rejects(pack(t, 'linux', target), /placeholder for Electron: no (deb|rpm|appimage)/i);
  }
  await assert.rejects(pack(t, 'linux', 'dir', { publish: 'always' }), /nothing of it is published/);
});

for (const format of ['deb', 'rpm'] as const) {
  test(`${format}: the daemon's files and scripts come with the app`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-stage-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const program = path.join(folder, 'program');
    writeFileSync(program, 'the daemon');
    const build = { version: '1.2.0', epoch: 0, arch: 'x64', program, out: folder } as const;
    const args = await stageLinux(format, build, 'licences', folder, `${RELEASE_KEY},${RELEASE_KEY}`);
    const files = readdirSync(path.join(folder, 'root'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(path.join(folder, 'root'), path.join(entry.parentPath, entry.name)));
    for (const name of [
      'gatehouse-agent.service',
      'networkd.conf.d',
      'sysusers.d',
      'bash-completion',
      'usr/bin/gatehouse',
      'usr/share/polkit-1/actions/org.gatehouse.update.policy',
    ]) {
      assert.ok(
        files.some((file) => file.includes(name)),
        name,
      );
    }
    assert.equal(statSync(path.join(folder, 'root/usr/bin/gatehouse')).mode & 0o777, 0o755);
    assert.equal(statSync(path.join(folder, 'root/usr/lib/gatehouse/install-update')).mode & 0o7777, 0o755);
    // The keys of the app, as `install-update` reads them.
    const keys = path.join(folder, 'root/usr/lib/gatehouse/update-keys');
    assert.deepEqual(readdirSync(keys).sort(), ['1.pem', '2.pem']);
    const { x } = createPublicKey(readFileSync(path.join(keys, '2.pem'))).export({ format: 'jwk' });
    assert.equal(Buffer.from(x!, 'base64url').toString('base64'), RELEASE_KEY);
    assert.equal(args.at(-1), `${path.join(folder, 'root')}/=/`);
    assert.ok(args.join(' ').includes('--replaces gatehouse-agent'));
    for (const name of readdirSync(path.join(folder, 'scripts'))) {
      execFileSync('/bin/sh', ['-n', path.join(folder, 'scripts', name)]);
      assert.ok(args.includes(`--${name}`));
    }
    assert.match(
      readFileSync(path.join(folder, 'scripts', 'after-install'), 'utf8'),
      /apparmor_parser[\s\S]*make_group/,
    );
  });
}

test("only a removal takes the app's traces away: rpm runs the old script after the new one's", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-remove-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profile = path.join(folder, 'gatehouse-app');
  const source = readFileSync(path.join(import.meta.dirname, '../../packaging/linux/app-remove.sh'), 'utf8');
  const script = source.replaceAll('/etc/apparmor.d/gatehouse-app', profile).replaceAll('apparmor_parser', 'true');
  const left = (word: string): boolean => {
    writeFileSync(profile, '');
    execFileSync('/bin/sh', ['-c', script.replace('update-desktop-database', 'nothing-there'), 'postrm', word]);
    return existsSync(profile);
  };
  for (const word of ['upgrade', '1', '2', 'failed-upgrade', 'abort-install']) assert.equal(left(word), true, word);
  for (const word of ['remove', 'purge', '0']) assert.equal(left(word), false, word);
});

test('the profile for AppArmor is put in place where its parser takes it, and loaded where a kernel has it', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-apparmor-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => path.join(folder, name);
  for (const name of ['app/resources', 'apparmor.d', 'bin', 'kernel', 'booted'])
    mkdirSync(at(name), { recursive: true });
  const template = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
  const shipped = path.join(path.dirname(template.resolve('app-builder-lib/package.json')), 'templates/linux');
  // AppArmor 4's rules: Debian 12's parser (3.0) refuses them, and needs none; Ubuntu 24.04's takes them.
  assert.match(
    readFileSync(path.join(shipped, 'apparmor-profile.tpl'), 'utf8'),
    /^abi <abi\/4\.0>,[\s\S]*^ {2}userns,$/m,
  );
  writeFileSync(at('app/resources/apparmor-profile'), 'abi <abi/4.0>,');
  writeFileSync(at('app/chrome-sandbox'), '');
  const source = readFileSync(path.join(import.meta.dirname, '../../packaging/linux/app-install.sh'), 'utf8');
  const script = source
    .replace('app=/opt/Gatehouse', `app=${at('app')}`)
    .replaceAll('/etc/apparmor.d', at('apparmor.d'))
    .replaceAll('/sys/kernel/security/apparmor', at('kernel'))
    .replaceAll('/run/systemd/system', at('booted'));
  const installed = (parser: string | undefined, kernel: boolean): { file: boolean; calls: string } => {
    for (const name of ['apparmor.d/gatehouse-app', 'calls', 'bin/apparmor_parser', 'kernel'])
      rmSync(at(name), { recursive: true, force: true });
    if (kernel) mkdirSync(at('kernel'));
    writeFileSync(at('calls'), '');
    if (parser !== undefined)
      writeFileSync(at('bin/apparmor_parser'), `#!/bin/sh\necho "$1" >>${at('calls')}\n${parser}\n`, { mode: 0o755 });
    for (const name of ['chmod', 'cp'])
      if (!existsSync(at(`bin/${name}`))) symlinkSync(`/bin/${name}`, at(`bin/${name}`));
    execFileSync('/bin/sh', ['-e', '-c', script], { env: { PATH: at('bin') }, stdio: 'pipe' });
    return { file: existsSync(at('apparmor.d/gatehouse-app')), calls: readFileSync(at('calls'), 'utf8') };
  };
  assert.deepEqual(installed(undefined, true), { file: false, calls: '' });
  assert.deepEqual(installed('exit 1', true), { file: false, calls: '--skip-kernel-load\n' });
  assert.deepEqual(installed('exit 0', false), { file: true, calls: '--skip-kernel-load\n' });
  assert.deepEqual(installed('exit 0', true), { file: true, calls: '--skip-kernel-load\n--replace\n' });
});
