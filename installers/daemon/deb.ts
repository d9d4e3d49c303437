import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, tool } from '../tools.ts';
import { script } from './script.ts';
import { type Build, type Entry, stage } from './tree.ts';

/** As Debian names processors. */
const ARCH = { x64: 'amd64', arm64: 'arm64' } as const;

const DESCRIPTION = `this device's end of a Gatehouse overlay network
 The agent enrolls with a token, keeps a WireGuard tunnel as its controller
 says, and on a hub enforces what is allowed with nftables. One program holds
 the daemon and the command line.
 .
 Members of the group gatehouse may use it without being root.`;

/** Node's own: glibc 2.28 and GCC's libraries. WireGuard in the kernel is configured with wg(8). */
export const DEPENDS: readonly string[] = [
  'libc6 (>= 2.28)',
  'libstdc++6 (>= 8)',
  'libgcc-s1 | libgcc1',
  'libatomic1',
  'init-system-helpers (>= 1.54~)',
  'passwd',
  'iproute2',
  'nftables',
  'wireguard-tools | wireguard-go',
];

/** DEBIAN/control; `installedKb` is the size of the files in KiB (Debian Policy 5.6.20). */
export function control({ version, arch }: Pick<Build, 'version' | 'arch'>, installedKb: number): string {
  const fields: [string, string][] = [
    ['Package', 'gatehouse-agent'],
    ['Version', version],
    ['Architecture', ARCH[arch]],
    ['Maintainer', 'Gatehouse <maintainers@gatehouse.invalid>'],
    ['Installed-Size', String(installedKb)],
    ['Depends', DEPENDS.join(', ')],
    // Where the kernel has no WireGuard.
    ['Recommends', 'wireguard-go, wireguard-tools'],
    ['Section', 'net'],
    ['Priority', 'optional'],
    ['Description', DESCRIPTION],
  ];
  return fields.map(([name, value]) => `${name}: ${value}\n`).join('');
}

/** Makes gatehouse-agent_<version>_<arch>.deb and gives its path. */
export async function buildDeb(build: Build, files: readonly Entry[]): Promise<string> {
  const kb = files.reduce((sum, { content }) => sum + Math.ceil(content.length / 1024), 0);
  const md5 = ({ path: name, content }: Entry): string =>
    `${createHash('md5').update(content).digest('hex')}  ${name.slice(1)}\n`;
  const meta: [name: string, mode: number, text: string][] = [
    ['control', 0o644, control(build, kb)],
    ['md5sums', 0o644, files.map(md5).join('')],
    ...['preinst', 'postinst', 'prerm', 'postrm'].map((name): [string, number, string] => [
      name,
      0o755,
      script(name, build.version),
    ]),
  ];
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-deb-'));
  try {
    const root = path.join(folder, 'root');
    const debian = meta.map(([name, mode, text]) => ({ path: `/DEBIAN/${name}`, mode, content: Buffer.from(text) }));
    await stage([...files, ...debian], root, build.epoch);
    await mkdir(build.out, { recursive: true });
    const out = path.join(build.out, `gatehouse-agent_${build.version}_${ARCH[build.arch]}.deb`);
    const args = ['--root-owner-group', '-Zxz', `-z${build.level ?? 6}`, '--build', root, path.resolve(out)];
    await run(tool('dpkg-deb'), args, { env: { SOURCE_DATE_EPOCH: String(build.epoch) } });
    return out;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
