import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError, findTool, run, tool } from '../tools.ts';
import { nodeVersion, type Target } from './targets.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What was fetched stays here, named by its content. */
export const CACHE = path.join(ROOT, 'node_modules', '.cache', 'gatehouse');

const missing = (error: NodeJS.ErrnoException): null => {
  if (error.code === 'ENOENT') return null;
  throw error;
};

/** Throws BuildError when `archive` isn't what `integrity` (`sha512-…`, Subresource Integrity) says. */
export function verify(archive: Buffer, integrity: string, name: string): void {
  const found = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  if (found === integrity) return;
  throw new BuildError(`${name} is not what it should be: ${found}, pinned is ${integrity}. Nothing was built of it.`);
}

/** npm as the person who builds has set it up. */
function npm(args: string[], cwd: string): Promise<string> {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.c?js$/.test(script)) return run(process.execPath, [script, ...args], { cwd });
  const found = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'npm'));
  return run(found.find((file) => existsSync(file)) ?? 'npm', args, { cwd });
}

/** The path of the archive of a target's Node package: from the cache, or by `npm pack`. Checked each time. */
export async function archiveOf(target: Target): Promise<string> {
  const { node } = target;
  const spec = `${node.package}@${nodeVersion(target)}`;
  const file = path.join(CACHE, `${node.package}-${nodeVersion(target)}.tgz`);
  const cached = await readFile(file).catch(missing);
  if (cached) {
    verify(cached, node.integrity, file);
    return file;
  }
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(path.join(CACHE, 'fetch-'));
  try {
    await npm(['pack', spec, '--ignore-scripts', '--pack-destination', folder, '--loglevel=error'], folder);
    const [name] = (await readdir(folder)).filter((entry) => entry.endsWith('.tgz'));
    if (name === undefined) throw new BuildError(`npm pack ${spec} brought no archive`);
    const archive = await readFile(path.join(folder, name));
    verify(archive, node.integrity, spec);
    await rename(path.join(folder, name), file);
    return file;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Path of a target's Node, stripped where that is possible, and whether it was. */
export async function fetchNode(target: Target): Promise<{ file: string; strippedBy: string | null }> {
  const { node } = target;
  const strip = target.strip.map((name) => ({ name, file: findTool(name) })).find(({ file }) => file !== null);
  if (target.strip.length > 0 && !strip) tool(target.strip[0]!);
  // By content, so that another version of the package can never be taken for this one.
  const id = node.integrity.slice(7, 23).replace(/[^A-Za-z0-9]/g, '_');
  const file = path.join(CACHE, `${node.package}-${nodeVersion(target)}-${id}${strip ? '-stripped' : ''}`);
  const strippedBy = strip?.name ?? null;
  if (await readFile(`${file}.sha512`, 'utf8').catch(missing)) {
    verify(await readFile(file), await readFile(`${file}.sha512`, 'utf8'), file);
    return { file, strippedBy };
  }
  const archive = await archiveOf(target);
  const folder = await mkdtemp(path.join(CACHE, 'unpack-'));
  try {
    await run(tool('tar'), ['-xzf', archive, '-C', folder, `package/${node.file}`]);
    const fresh = path.join(folder, 'package', node.file);
    await chmod(fresh, 0o755);
    if (strip) await run(strip.file!, [fresh]);
    const digest = createHash('sha512')
      .update(await readFile(fresh))
      .digest('base64');
    await rename(fresh, file);
    await writeFile(`${file}.sha512`, `sha512-${digest}`);
    return { file, strippedBy };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
