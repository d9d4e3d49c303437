import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, tool } from '../tools.ts';
import { scriptBody } from './script.ts';
import { type Build, type Entry, stage } from './tree.ts';

/** As rpm names processors. */
const ARCH = { x64: 'x86_64', arm64: 'aarch64' } as const;

/** The spec file: nothing is compiled, the files lie ready in `root`. */
export function spec(version: string, files: readonly Entry[], root: string): string {
  // In a scriptlet rpm expands macros: a percent sign of the shell's own is doubled.
  const body = (name: string): string => scriptBody(name, version).replaceAll('%', '%%');
  return `Name: gatehouse-agent
Version: ${version.replaceAll('-', '~')}
Release: 1
Summary: This device's end of a Gatehouse overlay network
License: Apache-2.0 AND MIT
AutoReqProv: no
Requires: glibc >= 2.28, libstdc++, libatomic, diffutils, shadow-utils, nftables, (iproute or iproute2)
Requires: (wireguard-tools or wireguard-go)

%description
The agent enrolls with a token, keeps a WireGuard tunnel as its controller says, and on a hub enforces what is allowed
with nftables. One program holds the daemon and the command line. Members of the group gatehouse may use it without
being root.

%install
cp -a '${root}/.' "%{buildroot}/"

%files
${files.map(({ path: name, mode }) => `%attr(${mode.toString(8).padStart(4, '0')}, root, root) ${name}`).join('\n')}

%pre
${body('rpm-pre')}
%post
${body('rpm-post')}
%preun
${body('rpm-preun')}
%postun
${body('rpm-postun')}
%posttrans
${body('rpm-posttrans')}`;
}

/** What makes rpmbuild leave the files as they are, and the result the same wherever it is built. */
const DEFINES: Record<string, string> = {
  _build_id_links: 'none',
  __os_install_post: '%{nil}',
  debug_package: '%{nil}',
  _buildhost: 'reproducible',
  use_source_date_epoch_as_buildtime: '1',
  clamp_mtime_to_source_date_epoch: '1',
  source_date_epoch_from_changelog: '0',
  // Read by rpm 4.14 and later (RHEL 8), and much quicker to make than xz.
  _binary_payload: 'w10.zstdio',
  vendor: '%{nil}',
  packager: '%{nil}',
};

/** Makes gatehouse-agent-<version>-1.<arch>.rpm and gives its path. */
export async function buildRpm(build: Build, files: readonly Entry[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-rpm-'));
  try {
    const root = path.join(folder, 'root');
    await stage(files, root, build.epoch);
    const specFile = path.join(folder, 'gatehouse-agent.spec');
    await writeFile(specFile, spec(build.version, files, root));
    const defines = { _topdir: folder, _tmppath: folder, _dbpath: path.join(folder, 'db'), ...DEFINES };
    const args = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    const arch = ARCH[build.arch];
    const env = { SOURCE_DATE_EPOCH: String(build.epoch), HOME: folder };
    await run(tool('rpmbuild'), ['-bb', '--target', `${arch}-linux`, ...args, specFile], { env });
    await mkdir(build.out, { recursive: true });
    const name = `gatehouse-agent-${build.version.replaceAll('-', '~')}-1.${arch}.rpm`;
    const out = path.join(build.out, name);
    await copyFile(path.join(folder, 'RPMS', arch, name), out);
    return out;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
