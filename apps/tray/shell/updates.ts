import path from 'node:path';
import process from 'node:process';
import { app, net } from 'electron';
import { ElectronAppAdapter } from 'electron-updater/out/ElectronAppAdapter.js';
import type { Log } from '../app/log.ts';
import {
  createUpdater,
  fileMemory,
  packageKind,
  RELEASE_FEED,
  RELEASE_KEYS,
  type Request,
  type Updater,
} from '../app/updates/index.ts';
import type { Update } from '../core/index.ts';

interface Parts {
  /** `/updates` of the controller; null while there is none. */
  feed(): string | null;
  channel(): 'stable' | 'beta';
  log: Log;
  onChange(update: Update): void;
}

/** Updates by electron-updater, where this copy came as one of our packages. */
export function electronUpdater({ feed, channel, log, onChange }: Parts): Updater {
  const updater = createUpdater({
    app: new ElectronAppAdapter(app),
    platform: process.platform,
    arch: process.arch,
    kind: app.isPackaged ? packageKind(process.platform, process.resourcesPath, process.env) : null,
    keys: RELEASE_KEYS,
    feed: () => RELEASE_FEED || feed(),
    channel,
    memory: fileMemory(path.join(app.getPath('userData'), 'releases.json')),
    log: { info: log, warn: log, error: log },
    onChange,
    now: () => new Date(),
    request: net.request as unknown as Request,
  });
  return {
    ...updater,
    install: async () => {
      // An AppImage's new copy starts while this one quits.
      app.releaseSingleInstanceLock();
      await updater.install();
      if (updater.state().kind === 'failed') app.requestSingleInstanceLock();
    },
  };
}
