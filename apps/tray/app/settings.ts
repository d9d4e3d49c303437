import { randomUUID } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { Compile } from 'typebox/compile';
import { SettingsPatch } from '../core/ipc/table.ts';
import { DEFAULT_SETTINGS, type Settings } from '../core/types.ts';

/** What `electron-store` is to us: an object in a file, written whole and atomically. */
export interface Drawer {
  store: Record<string, unknown>;
}
/** Opens `<folder>/<name>.json`; throws a SyntaxError where it holds no JSON. */
export type OpenDrawer = (options: { cwd: string; name: string; clearInvalidConfig: false }) => Drawer;

export interface SettingsStore {
  read(): Settings;
  /** Keeps the rest as it is; throws when the file can't be written. */
  change(patch: SettingsPatch): Settings;
}

const NAME = 'settings';
const patchSchema = Compile(SettingsPatch);

const merge = (settings: Settings, patch: SettingsPatch): Settings => ({
  ...settings,
  ...patch,
  notifications: { ...settings.notifications, ...patch.notifications },
});

/**
 * Opens the settings in `folder`. A file that isn't JSON is put aside as `settings.damaged-….json` and the defaults
 * apply; of a file of another version each setting that is understood is kept.
 */
export function openSettings(folder: string, open: OpenDrawer, log: (message: string) => void): SettingsStore {
  let drawer: Drawer;
  try {
    drawer = open({ cwd: folder, name: NAME, clearInvalidConfig: false });
  } catch (error) {
    const file = path.join(folder, `${NAME}.json`);
    if (!existsSync(file)) throw error;
    const aside = path.join(folder, `${NAME}.damaged-${randomUUID().slice(0, 8)}.json`);
    renameSync(file, aside);
    log(`settings: ${file} could not be read and is kept as ${aside}; the defaults apply`);
    drawer = open({ cwd: folder, name: NAME, clearInvalidConfig: false });
  }
  let settings = understand(drawer.store);
  return {
    read: () => settings,
    change: (patch) => {
      const next = merge(settings, patch);
      drawer.store = { ...next };
      settings = next;
      return settings;
    },
  };
}

/** Each setting that is understood; the default for each other. */
export function understand(kept: unknown): Settings {
  let settings = DEFAULT_SETTINGS;
  const take = (patch: unknown): void => {
    if (patchSchema.Check(patch)) settings = merge(settings, patch);
  };
  const entries = (value: unknown) => (typeof value === 'object' && value !== null ? Object.entries(value) : []);
  for (const [name, value] of entries(kept)) {
    if (!Object.hasOwn(DEFAULT_SETTINGS, name)) continue;
    if (name !== 'notifications') take({ [name]: value });
    else for (const [kind, on] of entries(value)) take({ notifications: { [kind]: on } });
  }
  return settings;
}
