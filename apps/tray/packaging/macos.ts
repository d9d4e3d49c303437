import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeMacScripts } from '../../../installers/macos/scripts.ts';

/** Writes the scripts of the app's package: the daemon's own, with what puts the daemon into its place before them. */
export async function stageMac(folder: string): Promise<void> {
  await writeMacScripts(folder);
  const file = path.join(folder, 'postinstall');
  const [first = '', ...rest] = (await readFile(file, 'utf8')).split('\n');
  const own = readFileSync(path.join(import.meta.dirname, 'macos', 'app-install.sh'), 'utf8');
  await writeFile(file, [first, own, ...rest].join('\n'), { mode: 0o755 });
}
