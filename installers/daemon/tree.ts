import { readFileSync } from 'node:fs';
import { chmod, mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { COMPLETIONS } from '../../agent/cli/completion.ts';
import { manPage } from './man.ts';

/** What all packages of one build have in common. */
export interface Build {
  version: string;
  /** Seconds since 1970 that files and archives bear (SOURCE_DATE_EPOCH): the same sources give the same bytes. */
  epoch: number;
  arch: 'x64' | 'arm64';
  /** The agent's program. */
  program: string;
  /** Folder for the results. */
  out: string;
  /** Of the deb's compression, 0 to 9: tests want it quick. */
  level?: number;
}

export interface Entry {
  /** Absolute, as installed. */
  path: string;
  mode: number;
  content: Buffer;
}

const file = (name: string): Buffer => readFileSync(new URL(`files/${name}`, import.meta.url));

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: gatehouse

Files: *
Copyright: the Gatehouse authors
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.

Files: usr/bin/gatehouse
Copyright: the Gatehouse authors; Node.js contributors
License: Apache-2.0 and MIT
Comment: the program holds Node.js and the libraries that it is built of; see NOTICE.gz beside this file.
`;

const gz = (text: string | Buffer): Buffer => gzipSync(text, { level: 9 });

/** The files of the packages, sorted; zsh looks for completions in another folder on Debian than elsewhere. */
export function packageFiles({ version, epoch, program }: Build, family: 'debian' | 'other', notice: string): Entry[] {
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const zsh = family === 'debian' ? 'vendor-completions' : 'site-functions';
  const completion = (shell: string): Buffer => Buffer.from(COMPLETIONS[shell]!());
  const files: Record<string, Buffer> = {
    '/usr/bin/gatehouse': readFileSync(program),
    '/usr/lib/NetworkManager/conf.d/gatehouse.conf': file('NetworkManager.conf'),
    '/usr/lib/systemd/network/10-gatehouse.network': file('gatehouse.network'),
    '/usr/lib/systemd/networkd.conf.d/10-gatehouse.conf': file('networkd.conf'),
    '/usr/lib/systemd/system/gatehouse-agent.service': file('gatehouse-agent.service'),
    '/usr/lib/sysusers.d/gatehouse-agent.conf': file('sysusers.conf'),
    '/usr/share/bash-completion/completions/gatehouse': completion('bash'),
    '/usr/share/doc/gatehouse-agent/NOTICE.gz': gz(notice),
    '/usr/share/doc/gatehouse-agent/copyright': Buffer.from(COPYRIGHT),
    '/usr/share/fish/vendor_completions.d/gatehouse.fish': completion('fish'),
    '/usr/share/man/man1/gatehouse.1.gz': gz(manPage(version, date)),
    [`/usr/share/zsh/${zsh}/_gatehouse`]: completion('zsh'),
  };
  return Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, content]) => ({ path: name, mode: name.startsWith('/usr/bin/') ? 0o755 : 0o644, content }));
}

/** Writes entries below `root`, folders 0755, all with the build's time. */
export async function stage(entries: readonly Entry[], root: string, epoch: number): Promise<void> {
  const folders = new Set([root]);
  for (const { path: name, mode, content } of entries) {
    const full = path.join(root, name);
    for (let folder = path.dirname(full); folder.length > root.length; folder = path.dirname(folder))
      folders.add(folder);
    await mkdir(path.dirname(full), { recursive: true });
    await writeFile(full, content);
    await chmod(full, mode);
    await utimes(full, epoch, epoch);
  }
  // The deepest first: what is written in a folder changes its time.
  for (const folder of [...folders].sort().toReversed()) {
    await chmod(folder, 0o755);
    await utimes(folder, epoch, epoch);
  }
}
