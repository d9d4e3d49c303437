import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { STATE_FORMAT } from '../../agent/daemon/format.ts';
import { requires } from '../../test/requires.ts';
import { buildDeb, control } from './deb.ts';
import { manPage } from './man.ts';
import { buildRpm, spec } from './rpm.ts';
import { script } from './script.ts';
import { buildTar } from './tar.ts';
import { type Build, packageFiles } from './tree.ts';

const SCRIPTS = ['preinst', 'postinst', 'prerm', 'postrm', 'install.sh', 'uninstall.sh'];
const SCRIPTLETS = ['rpm-pre', 'rpm-post', 'rpm-preun', 'rpm-postun', 'rpm-posttrans'];
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });

describe('the packages', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-packages-'));
  const program = path.join(folder, 'gatehouse');
  const build: Build = { version: '1.2.3', epoch: 1_000_000_000, arch: 'x64', program, out: folder };
  before(() => writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 }));
  after(() => rmSync(folder, { recursive: true }));
  const again = (): Build => ({ ...build, out: path.join(folder, 'again') });

  test('scripts parse and carry version and format', () => {
    for (const name of [...SCRIPTS, ...SCRIPTLETS]) {
      const text = script(name, '1.2.3');
      execFileSync('/bin/sh', ['-n', '-c', text]);
      assert.ok(!/@[A-Z]+@/.test(text), name);
    }
    assert.ok(script('preinst', '1.2.3').includes(`-gt ${STATE_FORMAT} ]`));
  });

  test('preinst refuses state of a newer format, and takes any other note', () => {
    const state = path.join(folder, 'state');
    mkdirSync(state);
    const text = script('preinst', '1.2.3').replace('/var/lib/gatehouse-agent', state);
    const status = (note: string): number => {
      writeFileSync(path.join(state, 'format'), note);
      try {
        execFileSync('/bin/sh', ['-c', text, 'preinst', 'upgrade', '9'], { stdio: 'pipe' });
        return 0;
      } catch (error) {
        assert.match(String((error as { stderr: Buffer }).stderr), /newer version wrote.*\nNothing was changed/);
        return (error as { status: number }).status;
      }
    };
    assert.deepEqual([`${STATE_FORMAT}\n`, '', 'x\n', `${STATE_FORMAT + 1}\n`].map(status), [0, 0, 0, 1]);
  });

  test('an upgrade stops nothing: deb’s prerm and rpm’s old scriptlets act on a removal only', () => {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin);
    for (const name of ['systemctl', 'deb-systemd-invoke', 'deb-systemd-helper', 'groupdel', 'rm']) {
      writeFileSync(path.join(bin, name), `#!/bin/sh\necho "${name} $*" >>"${folder}/calls"\n`);
      chmodSync(path.join(bin, name), 0o755);
    }
    const [starting, units] = [path.join(folder, 'starting'), path.join(folder, 'units')];
    mkdirSync(units);
    const calls = (name: string, ...args: string[]): string => {
      writeFileSync(path.join(folder, 'calls'), '');
      const text = script(name, '1')
        .replace('[ -d /run/systemd/system ]', 'true')
        .replace('/run/gatehouse-agent.install', starting)
        .replaceAll('/usr/lib/systemd/system', units);
      const env = { PATH: `${bin}:/usr/bin:/bin` };
      execFileSync('/bin/sh', ['-c', text, name, ...args], { env, stdio: 'pipe' });
      return readFileSync(path.join(folder, 'calls'), 'utf8');
    };
    assert.equal(calls('prerm', 'upgrade'), '');
    assert.equal(calls('postrm', 'upgrade'), '');
    assert.equal(calls('rpm-preun', '1'), '');
    assert.equal(calls('rpm-postun', '1'), '');
    assert.match(calls('prerm', 'remove'), /deb-systemd-invoke stop gatehouse-agent\.service/);
    assert.match(calls('rpm-preun', '0'), /systemctl stop gatehouse-agent\.service/);
    assert.ok(!calls('postrm', 'remove').includes('rm -rf'), 'a removal keeps the state');
    assert.match(calls('postrm', 'purge'), /rm -rf \/var\/lib\/gatehouse-agent /);

    // The app's package takes the place of this one, or this one of the app's: nothing that they share is touched.
    assert.equal(calls('prerm', 'remove', 'in-favour', 'gatehouse', '2'), '');
    writeFileSync(starting, '');
    assert.equal(calls('rpm-preun', '0'), '');
    writeFileSync(path.join(units, 'gatehouse-agent.service'), '');
    assert.equal(calls('postrm', 'remove'), '');
    assert.equal(calls('postrm', 'purge'), '');
  });

  test('systemd takes the unit', requires('systemd-analyze'), () => {
    const unit = readFileSync(new URL('files/gatehouse-agent.service', import.meta.url), 'utf8');
    // systemd looks for what it would run and for the manual.
    const text = unit.replace('/usr/bin/gatehouse', '/bin/true').replace(/^Documentation=.*\n/m, '');
    const file = path.join(folder, 'gatehouse-agent.service');
    writeFileSync(file, text);
    const said = execFileSync('/bin/sh', ['-c', 'systemd-analyze verify "$0" 2>&1', file], { encoding: 'utf8' });
    assert.ok(!said.includes('gatehouse-agent.service'), said);
    assert.match(unit, /^KillMode=process$/m);
    assert.match(unit, /^RestartKillSignal=SIGUSR2$/m);
  });

  test('systemd counts little that the service could do wrong', requires('systemd-analyze'), () => {
    const unit = readFileSync(new URL('files/gatehouse-agent.service', import.meta.url), 'utf8');
    const file = path.join(folder, 'gatehouse-agent.service');
    const exposure = (text: string): number => {
      writeFileSync(file, text.replace('/usr/bin/gatehouse', '/bin/true'));
      const args = ['security', '--offline=true', '--no-pager', file];
      const { stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1] ?? assert.fail(stderr));
    };
    const own = exposure(unit);
    // Of 10; each release of systemd counts a little differently.
    assert.ok(own <= 3, String(own));
    for (const line of [
      'ProtectSystem=strict',
      'CapabilityBoundingSet=.*',
      'SystemCallFilter=~.*',
      'NoNewPrivileges=yes',
    ])
      assert.ok(exposure(unit.replace(new RegExp(`^${line}$`, 'm'), '')) > own, line);
  });

  test('the control file has what Debian asks for', () => {
    const text = control({ version: '1.2.3', arch: 'arm64' }, 7);
    for (const line of ['Package: gatehouse-agent', 'Version: 1.2.3', 'Architecture: arm64', 'Installed-Size: 7'])
      assert.ok(text.includes(`${line}\n`), line);
    for (const name of ['Maintainer', 'Depends', 'Recommends', 'Section', 'Priority', 'Description'])
      assert.match(text, new RegExp(`^${name}: \\S`, 'm'));
  });

  test(
    'the deb holds the files as root’s, with their sums, and is the same each time',
    requires('dpkg-deb'),
    async () => {
      const files = packageFiles(build, 'debian', 'notice');
      const deb = await buildDeb(build, files);
      assert.ok(readFileSync(deb).equals(readFileSync(await buildDeb(again(), files))));
      const listing = run('dpkg-deb', '-c', deb);
      for (const { path: name } of files) assert.ok(listing.includes(` .${name}\n`), name);
      assert.match(listing, /^-rwxr-xr-x root\/root .* 2001-09-09 .*\.\/usr\/bin\/gatehouse$/m);
      assert.equal(run('dpkg-deb', '-f', deb, 'Version').trim(), '1.2.3');
      assert.equal(run('dpkg-deb', '--ctrl-tarfile', deb).includes('conffiles'), false);
    },
  );

  test('the rpm has its scriptlets and is the same each time', requires('rpmbuild'), async () => {
    const files = packageFiles(build, 'other', 'notice');
    assert.match(spec('1.0.0-beta', files, '/x'), /^Version: 1\.0\.0~beta$/m);
    const rpm = await buildRpm(build, files);
    assert.ok(readFileSync(rpm).equals(readFileSync(await buildRpm(again(), files))));
    const scripts = run('rpm', '-qp', '--scripts', rpm);
    for (const name of ['preinstall', 'postinstall', 'preuninstall', 'postuninstall', 'posttrans'])
      assert.ok(scripts.includes(`${name} scriptlet`), name);
    assert.ok(!scripts.includes('%%'));
    assert.match(run('rpm', '-qlvp', rpm), /^-rwxr-xr-x .* root +root .*\/usr\/bin\/gatehouse$/m);
  });

  test(
    'the archive has an installer that says what it would do, and is the same each time',
    requires('tar'),
    async () => {
      const files = packageFiles(build, 'other', 'notice');
      const archive = await buildTar(build, files);
      assert.ok(readFileSync(archive).equals(readFileSync(await buildTar(again(), files))));
      run('tar', '-xzf', archive, '-C', folder);
      const said = run(path.join(folder, 'gatehouse-agent-1.2.3-linux-x64', 'install.sh'), '--dry-run');
      assert.match(said, /^\+ mv -f \/usr\/bin\/gatehouse\.new \/usr\/bin\/gatehouse$/m);
    },
  );

  test('the manual has every command, and roff reads its hyphens as hyphens', () => {
    const text = manPage('1.2.3', '2026-01-31');
    for (const name of ['enroll', 'status', 'daemon']) assert.ok(text.includes(`\\fB${name}\\fR`), name);
    assert.ok(text.includes('\\-\\-token'));
  });
});
