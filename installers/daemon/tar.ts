import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { run, tool } from '../tools.ts';
import { script } from './script.ts';
import { type Build, type Entry, stage } from './tree.ts';

/** Makes gatehouse-agent-<version>-linux-<arch>.tar.gz, with an install.sh, for systems without deb and rpm. */
export async function buildTar(build: Build, files: readonly Entry[]): Promise<string> {
  const name = `gatehouse-agent-${build.version}-linux-${build.arch}`;
  const scripts = ['install.sh', 'uninstall.sh'].map((file) => ({
    path: `/${name}/${file}`,
    mode: 0o755,
    content: Buffer.from(script(file, build.version)),
  }));
  const entries = [...files.map((entry) => ({ ...entry, path: `/${name}/files${entry.path}` })), ...scripts];
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-tar-'));
  try {
    await stage(entries, path.join(folder, 'root'), build.epoch);
    const archive = path.join(folder, 'agent.tar');
    const order = [
      '--sort=name',
      '--format=ustar',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      `--mtime=@${build.epoch}`,
    ];
    await run(tool('tar'), ['-cf', archive, ...order, '-C', path.join(folder, 'root'), name]);
    await mkdir(build.out, { recursive: true });
    const out = path.join(build.out, `${name}.tar.gz`);
    // By zlib and not by tar, whose gzip notes the time.
    await writeFile(out, gzipSync(await readFile(archive), { level: 9 }));
    return out;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
