import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'vite';
import { buildShell } from '../../apps/tray/build.ts';

const TRAY = path.resolve(import.meta.dirname, '../../apps/tray');

/** The whole app as it is shipped, built into a folder of its own; `remove` takes it away. */
export async function buildApp(): Promise<{ folder: string; userData: string; remove(): void }> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-desktop-'));
  const folder = path.join(root, 'app');
  await buildShell(folder);
  const outDir = path.join(folder, 'window');
  await build({
    configFile: path.join(TRAY, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true },
  });
  return { folder, userData: path.join(root, 'data'), remove: () => rmSync(root, { recursive: true, force: true }) };
}
