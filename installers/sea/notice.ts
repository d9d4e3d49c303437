import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { run, tool } from '../tools.ts';
import type { Bundle } from './bundle.ts';
import { archiveOf } from './fetch.ts';
import { TARGETS } from './targets.ts';

/** What the program is built of, with the licence of each part: Node's own, which is one for all systems, then the bundle's. */
export async function notice(bundle: Bundle): Promise<string> {
  // From the package for Linux: that for Windows has none.
  const node = await run(tool('tar'), ['-xzOf', await archiveOf(TARGETS[0]!), 'package/LICENSE']);
  const parts = [`Node.js\n\n${node}`];
  for (const folder of bundle.packages) {
    const { name, version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as Record<
      string,
      string
    >;
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
    const text = file === undefined ? '' : `\n${await readFile(path.join(folder, file), 'utf8')}`;
    parts.push(`${name} ${version}: ${license}\n${text}`);
  }
  return parts.map((part) => part.trimEnd()).join(`\n\n${'-'.repeat(80)}\n\n`);
}
