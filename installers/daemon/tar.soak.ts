import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { debianTree } from '../testing/machine.ts';
import { buildTar } from './tar.ts';
import { packageFiles } from './tree.ts';

// In a Debian tree: what the scripts ask of systemd is written down, not done.
describe('gatehouse-agent.tar.gz', requires('root', 'mmdebstrap', 'tar'), () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-tar-life-'));
  const UNIT = 'gatehouse-agent.service';
  let root: string;
  const at = (name: string): string => path.join(root, name);

  before(async () => {
    root = await debianTree([]);
    for (const version of ['1.0.0', '2.0.0']) {
      const program = path.join(folder, `gatehouse-${version}`);
      writeFileSync(program, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
      const build = { version, epoch: 0, arch: 'x64' as const, program, out: folder };
      const archive = await buildTar(build, packageFiles(build, 'other', ''));
      execFileSync('tar', ['-xzf', archive, '-C', at('root')]);
    }
    mkdirSync(at('run/systemd/system'), { recursive: true });
    rmSync(at('usr/bin/systemctl'), { force: true });
    const stub = '#!/bin/sh\necho "$*" >>/calls\n[ "$1" != show ] || cat /pid\n';
    writeFileSync(at('usr/bin/systemctl'), stub, { mode: 0o755 });
    writeFileSync(at('pid'), '0\n');
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
    rmSync(folder, { recursive: true });
  });

  /** What a script of a version says, and the calls of systemctl meanwhile. */
  function run(version: string, script: string, ...args: string[]): { said: string; calls: string[] } {
    writeFileSync(at('calls'), '');
    const name = `/root/gatehouse-agent-${version}-linux-x64/${script}`;
    const said = execFileSync('chroot', [root, name, ...args], { encoding: 'utf8', stdio: 'pipe' });
    return { said, calls: readFileSync(at('calls'), 'utf8').trim().split('\n') };
  }

  test('install, again, upgrade, refused downgrade, removal, purge', () => {
    // Says what it would do, and does nothing.
    assert.match(run('1.0.0', 'install.sh', '--dry-run').said, /^\+ install -m 755 .*usr\/bin\/gatehouse\.new$/m);
    assert.ok(!existsSync(at('usr/bin/gatehouse')));

    assert.deepEqual(run('1.0.0', 'install.sh').calls, ['daemon-reload', `enable --now ${UNIT}`]);
    assert.match(readFileSync(at('etc/group'), 'utf8'), /^gatehouse:/m);
    assert.equal(statSync(at('usr/bin/gatehouse')).mode & 0o7777, 0o755);
    const unit = statSync(at(`usr/lib/systemd/system/${UNIT}`));
    assert.deepEqual([unit.mode & 0o7777, unit.uid], [0o644, 0]);

    // The same again: no file is written, and what runs is left alone.
    const again = run('1.0.0', 'install.sh');
    assert.doesNotMatch(again.said, /\+ (install|mv|mkdir)/);
    assert.deepEqual(again.calls, ['daemon-reload', `show --property MainPID --value ${UNIT}`]);

    const state = at('var/lib/gatehouse-agent');
    mkdirSync(state);
    writeFileSync(path.join(state, 'identity.json'), '{}');
    // Runs, and is none of the installed program.
    writeFileSync(at('pid'), '12345\n');
    const upgrade = run('2.0.0', 'install.sh').calls;
    assert.deepEqual(upgrade.slice(-2), [`show --property MainPID --value ${UNIT}`, `restart ${UNIT}`]);
    assert.match(readFileSync(at('usr/bin/gatehouse'), 'utf8'), /2\.0\.0/);
    assert.ok(!existsSync(at('usr/bin/gatehouse.new')));

    writeFileSync(path.join(state, 'format'), '999\n');
    assert.throws(() => run('1.0.0', 'install.sh'), /newer version wrote/);
    assert.match(readFileSync(at('usr/bin/gatehouse'), 'utf8'), /2\.0\.0/);

    assert.deepEqual(run('2.0.0', 'uninstall.sh').calls, [`disable --now ${UNIT}`, 'daemon-reload']);
    assert.ok(!existsSync(at('usr/bin/gatehouse')) && !existsSync(at(`usr/lib/systemd/system/${UNIT}`)));
    assert.ok(existsSync(path.join(state, 'identity.json')), 'a removal keeps the state');
    run('2.0.0', 'uninstall.sh', '--purge');
    assert.ok(!existsSync(state));
    assert.doesNotMatch(readFileSync(at('etc/group'), 'utf8'), /^gatehouse:/m);
  });
});
