import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { STATE_FORMAT } from '../../agent/daemon/format.ts';

/** `preinstall`, `postinstall` or `uninstall.sh` of the macOS package. */
export const macScript = (name: string): string =>
  readFileSync(new URL(name, import.meta.url), 'utf8').replaceAll('@FORMAT@', String(STATE_FORMAT));

/** Writes the package's scripts to `folder`, as pkgbuild and electron-builder take them. */
export async function writeMacScripts(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ['preinstall', 'postinstall']) {
    await writeFile(path.join(folder, name), macScript(name));
    await chmod(path.join(folder, name), 0o755);
  }
}
