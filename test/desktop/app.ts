import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildTray } from '../../apps/tray/build.ts';

/** The whole app as it is shipped, built into a folder of its own; `remove` takes it away. */
export async function buildApp(): Promise<{ folder: string; userData: string; remove(): void }> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-desktop-'));
  const folder = await buildTray(path.join(root, 'app'));
  return { folder, userData: path.join(root, 'data'), remove: () => rmSync(root, { recursive: true, force: true }) };
}
