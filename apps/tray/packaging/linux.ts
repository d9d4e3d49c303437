import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { script, scriptBody } from '../../../installers/daemon/script.ts';
import { type Build, type Entry, packageFiles, stage } from '../../../installers/daemon/tree.ts';
import { parseKeys } from '../app/updates/release.ts';

const own = (name: string): string => readFileSync(path.join(import.meta.dirname, 'linux', name), 'utf8');

/** What the app needs of the system beside what electron-builder packs: how it installs its updates, and whose. */
const appFiles = (updateKeys: string): Entry[] => [
  { path: '/usr/lib/gatehouse/install-update', mode: 0o755, content: Buffer.from(own('install-update.sh')) },
  {
    path: '/usr/share/polkit-1/actions/org.gatehouse.update.policy',
    mode: 0o644,
    content: Buffer.from(own('org.gatehouse.update.policy')),
  },
  ...parseKeys(updateKeys).map((key, i) => ({
    path: `/usr/lib/gatehouse/update-keys/${i + 1}.pem`,
    mode: 0o644,
    content: Buffer.from(key.export({ type: 'spki', format: 'pem' })),
  })),
];

/** The daemon's own script with the app's part before it. */
const joined = (part: string, name: string, version: string): string =>
  `#!/bin/sh\n${own(part)}\n${scriptBody(name, version)}`;

/** fpm's option → the script, for either format. rpm's numbers in `$1` are told apart in the scripts themselves. */
function scripts(format: 'deb' | 'rpm', version: string): Record<string, string> {
  if (format === 'deb') {
    return {
      'before-install': script('preinst', version),
      'after-install': joined('app-install.sh', 'postinst', version),
      'before-remove': script('prerm', version),
      'after-remove': joined('app-remove.sh', 'postrm', version),
    };
  }
  const all = {
    'before-install': script('rpm-pre', version),
    'after-install': joined('app-install.sh', 'rpm-post', version),
    'before-remove': script('rpm-preun', version),
    'after-remove': joined('app-remove.sh', 'rpm-postun', version),
    'rpm-posttrans': script('rpm-posttrans', version),
  };
  // In a scriptlet rpm expands macros.
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, text.replaceAll('%', '%%')]));
}

/**
 * Lays the daemon's files and the scripts of a package into a folder, and gives the arguments by which fpm takes them:
 * the app's package is the daemon's too, and takes the place of the daemon's own. `updateKeys` as they are built into the app.
 */
export async function stageLinux(
  format: 'deb' | 'rpm',
  build: Build,
  notice: string,
  folder: string,
  updateKeys: string,
) {
  const root = path.join(folder, 'root');
  const daemon = packageFiles(build, format === 'deb' ? 'debian' : 'other', notice);
  await stage([...daemon, ...appFiles(updateKeys)], root, build.epoch);
  const args: string[] = [];
  await mkdir(path.join(folder, 'scripts'), { recursive: true });
  for (const [option, text] of Object.entries(scripts(format, build.version))) {
    const file = path.join(folder, 'scripts', option);
    await writeFile(file, text, { mode: 0o755 });
    args.push(`--${option}`, file);
  }
  args.push('--provides', `gatehouse-agent = ${build.version.replaceAll('-', '~')}`, '--conflicts', 'gatehouse-agent');
  args.push('--replaces', 'gatehouse-agent', `${root}/=/`);
  return args;
}
