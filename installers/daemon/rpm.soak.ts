import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { debianTree } from '../testing/machine.ts';
import { buildRpm } from './rpm.ts';
import { packageFiles } from './tree.ts';

// In a Debian tree with a database of rpm's own: what the scriptlets ask of systemd is written down, not done.
describe('gatehouse-agent.rpm', requires('root', 'mmdebstrap', 'rpmbuild'), () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-rpm-life-'));
  const rpms = new Map<string, string>();
  let root: string;
  before(async () => {
    root = await debianTree([]);
    for (const version of ['1.0.0', '2.0.0']) {
      const program = path.join(folder, `gatehouse-${version}`);
      writeFileSync(program, `#!/bin/sh\necho ${version}\n`);
      const build = { version, epoch: 0, arch: 'x64' as const, program, out: folder };
      rpms.set(version, await buildRpm(build, packageFiles(build, 'other', '')));
    }
    mkdirSync(path.join(root, 'run/systemd/system'), { recursive: true });
    rmSync(path.join(root, 'usr/bin/systemctl'), { force: true });
    const stub = '#!/bin/sh\necho "$*" >>/calls\n[ "$1" != show ] || cat /pid\n';
    writeFileSync(path.join(root, 'usr/bin/systemctl'), stub, { mode: 0o755 });
    writeFileSync(path.join(root, 'pid'), '0\n');
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
    rmSync(folder, { recursive: true });
  });

  /** The calls of systemctl meanwhile. */
  function rpm(...args: string[]): string[] {
    writeFileSync(path.join(root, 'calls'), '');
    execFileSync('rpm', ['--root', root, '--nodeps', ...args], { stdio: 'pipe' });
    return readFileSync(path.join(root, 'calls'), 'utf8').trim().split('\n');
  }
  const UNIT = 'gatehouse-agent.service';

  test('install, again, upgrade, refused downgrade, removal', () => {
    assert.deepEqual(rpm('-i', '--ignorearch', rpms.get('1.0.0')!), [
      'daemon-reload',
      `enable ${UNIT}`,
      `start ${UNIT}`,
      `show --property MainPID --value ${UNIT}`,
    ]);
    // The same again starts, stops and enables nothing.
    assert.deepEqual(rpm('-U', '--replacepkgs', '--ignorearch', rpms.get('1.0.0')!), [
      'daemon-reload',
      `show --property MainPID --value ${UNIT}`,
    ]);
    writeFileSync(path.join(root, 'pid'), '12345\n');
    assert.match(readFileSync(path.join(root, 'etc/group'), 'utf8'), /^gatehouse:/m);
    // The old version's %preun and %postun run after the new one's %post, and undo nothing; the restart comes last.
    assert.deepEqual(rpm('-U', '--ignorearch', rpms.get('2.0.0')!), [
      'daemon-reload',
      `show --property MainPID --value ${UNIT}`,
      `restart ${UNIT}`,
    ]);
    assert.match(readFileSync(path.join(root, 'usr/bin/gatehouse'), 'utf8'), /2\.0\.0/);
    const state = path.join(root, 'var/lib/gatehouse-agent');
    mkdirSync(state);
    writeFileSync(path.join(state, 'format'), '999\n');
    assert.throws(() => rpm('-U', '--ignorearch', '--oldpackage', rpms.get('1.0.0')!), /newer version wrote/);
    assert.match(readFileSync(path.join(root, 'usr/bin/gatehouse'), 'utf8'), /2\.0\.0/);
    assert.deepEqual(rpm('-e', 'gatehouse-agent'), [`stop ${UNIT}`, `disable ${UNIT}`, 'daemon-reload']);
    assert.equal(readFileSync(path.join(state, 'format'), 'utf8'), '999\n', 'a removal keeps the state');
  });
});
