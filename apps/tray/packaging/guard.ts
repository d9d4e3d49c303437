import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Lies in a folder that stands in for Electron in tests; what is made of it isn't an app. */
export const PLACEHOLDER = 'PLACEHOLDER-NOT-FOR-RELEASE';

/** Refuses anything but an unpacked folder of a placeholder: no package of it, and nothing published. */
export function refusePlaceholder(folders: readonly string[], targets: readonly string[], publish: unknown): void {
  const found = folders.find((folder) => holdsPlaceholder(folder));
  if (found === undefined) return;
  const packages = targets.filter((name) => name !== 'dir');
  if (packages.length > 0) throw new Error(`${found} is a placeholder for Electron: no ${packages.join(', ')} of it`);
  if (publish !== undefined && publish !== null && publish !== 'never') {
    throw new Error(`${found} is a placeholder for Electron: nothing of it is published`);
  }
}

/** In the folder itself, in an unpacked app's or a Mac bundle's resources. */
export function holdsPlaceholder(folder: string): boolean {
  const inside = ['', 'resources', 'Contents/Resources'];
  if (inside.some((part) => existsSync(path.join(folder, part, PLACEHOLDER)))) return true;
  const apps = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.app')) : [];
  return apps.some((name) => existsSync(path.join(folder, name, 'Contents', 'Resources', PLACEHOLDER)));
}
