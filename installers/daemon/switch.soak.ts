import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { debianTree } from '../testing/machine.ts';
import { buildDeb } from './deb.ts';
import { packageFiles } from './tree.ts';

// The agent's own package and the app's, which holds the agent too, by the dpkg of a clean Debian: what they share
// outlives a change from one to the other. What the scripts ask of systemd is written down, not done.
describe('a change between gatehouse-agent and gatehouse', requires('root', 'mmdebstrap', 'dpkg-deb'), () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-switch-'));
  const state = '/var/lib/gatehouse-agent/identity.json';
  const wants = 'etc/systemd/system/multi-user.target.wants/gatehouse-agent.service';
  let root: string;
  const at = (name: string): string => path.join(root, name);

  before(async () => {
    root = await debianTree([]);
    const program = path.join(folder, 'gatehouse');
    writeFileSync(program, '#!/bin/sh\n');
    const build = { version: '1.0.0', epoch: 0, arch: 'x64' as const, program, out: folder, level: 0 };
    const deb = await buildDeb(build, packageFiles(build, 'debian', ''));
    // The app's package has these files and scripts, under a name of its own and with these fields (packaging/linux.ts).
    const app = path.join(folder, 'app');
    execFileSync('dpkg-deb', ['-R', deb, app]);
    const control = readFileSync(path.join(app, 'DEBIAN/control'), 'utf8');
    const fields = ['Provides: gatehouse-agent (= 1.0.0)', 'Conflicts: gatehouse-agent', 'Replaces: gatehouse-agent'];
    const text = control.replace(/^Package: .*$/m, ['Package: gatehouse', ...fields].join('\n'));
    writeFileSync(path.join(app, 'DEBIAN/control'), text);
    execFileSync('dpkg-deb', ['--root-owner-group', '-z0', '-b', app, at('root/gatehouse.deb')]);
    writeFileSync(at('root/gatehouse-agent.deb'), readFileSync(deb));
    mkdirSync(at('run/systemd/system'), { recursive: true });
    renameSync(at('usr/bin/systemctl'), at('usr/bin/systemctl.real'));
    // What only writes links is done.
    const stub = `#!/bin/sh
echo "$*" >>/calls
case "$*" in
  *--root=*) exec /usr/bin/systemctl.real "$@" ;;
  *is-enabled*) echo enabled ;;
  *is-active*) exit 3 ;;
  show*) cat /pid ;;
esac
`;
    writeFileSync(at('usr/bin/systemctl'), stub, { mode: 0o755 });
    writeFileSync(at('pid'), '0\n');
  });
  after(() => {
    rmSync(root, { recursive: true, force: true });
    rmSync(folder, { recursive: true });
  });

  /** The calls of systemctl meanwhile. */
  function dpkg(...args: string[]): string {
    writeFileSync(at('calls'), '');
    execFileSync('chroot', [root, 'dpkg', '--force-depends', ...args], { stdio: 'pipe' });
    return readFileSync(at('calls'), 'utf8');
  }
  const install = (name: string): string => dpkg('-i', `/root/${name}.deb`);
  const shared = (): boolean[] => [
    existsSync(at(state)),
    /^gatehouse:/m.test(readFileSync(at('etc/group'), 'utf8')),
    // A link that leads into the tree's own root.
    lstatSync(at(wants), { throwIfNoEntry: false }) !== undefined,
  ];

  test('the daemon is handed over, and a purge of either leaves the other its state, group and service', () => {
    assert.match(install('gatehouse-agent'), /start /m);
    mkdirSync(path.dirname(at(state)), { recursive: true });
    writeFileSync(at(state), '{}');
    assert.deepEqual(shared(), [true, true, true]);
    // Runs, and is none of the installed program.
    writeFileSync(at('pid'), '12345\n');
    const calls = install('gatehouse');
    assert.doesNotMatch(calls, /stop /m);
    assert.match(calls, /^restart gatehouse-agent\.service$/m);
    dpkg('--purge', 'gatehouse-agent');
    assert.deepEqual(shared(), [true, true, true]);
    assert.ok(existsSync(at('usr/bin/gatehouse')));

    assert.match(dpkg('--remove', 'gatehouse'), /stop /m);
    assert.match(install('gatehouse-agent'), /start /m);
    dpkg('--purge', 'gatehouse');
    assert.deepEqual(shared(), [true, true, true]);

    dpkg('--purge', 'gatehouse-agent');
    assert.deepEqual(shared(), [false, false, false]);
  });
});
