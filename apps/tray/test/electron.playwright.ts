import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildTray } from '../build.ts';
import { type Driver, electronDriver, type Running, type Start } from './electron/driver.ts';
import { ENROLLED, type FakeDaemon, fakeDaemon } from './electron/fake-daemon.ts';
import { SCENARIOS, STARTS } from './electron/scenarios.ts';
import { type FakeTray, fakeTray } from './electron/status-notifier.ts';

const BINARIES: Readonly<Record<string, string>> = {
  linux: 'electron',
  win32: 'electron.exe',
  darwin: 'Electron.app/Contents/MacOS/Electron',
};

/** Electron's binary, where there is one: its own folder in `node_modules`, or `ELECTRON_OVERRIDE_DIST_PATH`. */
function findElectron(): string | null {
  const own = path.join(path.dirname(createRequire(import.meta.url).resolve('electron/package.json')), 'dist');
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? own;
  const file = path.join(folder, BINARIES[process.platform] ?? 'electron');
  return existsSync(file) ? file : null;
}

/** Why the suite can't run here; null: it can. */
function obstacle(binary: string | null): string | null {
  if (!binary) return 'there is no Electron binary (node_modules/electron/dist, or ELECTRON_OVERRIDE_DIST_PATH)';
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
    return 'there is no display (run it under xvfb-run)';
  }
  return null;
}

const binary = findElectron();
const missing = obstacle(binary);
if (missing !== null || binary === null) {
  process.stdout.write(`The suite in Electron itself did not run: ${missing}.\n`);
} else {
  describe('in Electron', () => {
    let folder: string;
    let driver: Driver;
    let daemon: FakeDaemon;
    let tray: FakeTray | null = null;
    let app: Running;
    let dist: string;
    const how = (): Start => ({
      folder: dist,
      userData: path.join(folder, 'data'),
      socketPath: daemon.socketPath,
      args: [],
      ...(tray ? { busAddress: tray.address } : {}),
    });

    before(async () => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-electron-'));
      dist = await buildTray();
      daemon = await fakeDaemon(folder);
      if (existsSync('/usr/bin/dbus-daemon')) tray = await fakeTray();
      driver = await electronDriver(binary);
      app = await driver.start(how());
    });
    after(async () => {
      app?.kill();
      await daemon?.close();
      await tray?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const { name, run } of SCENARIOS) test(name, () => run({ driver, daemon, app, how: how() }));

    test('the desktop’s tray has one icon, whose menu is ours', { skip: process.platform !== 'linux' }, async (t) => {
      if (!tray) return t.skip('needs dbus-daemon');
      for (let tries = 0; tray.items().length === 0 && tries < 100; tries += 1) await sleep(100);
      const [item, ...others] = tray.items();
      assert.ok(item);
      assert.equal(others.length, 0);
      const menu = await tray.menu(item);
      const [id] = [...menu].find(([, label]) => label.replaceAll('_', '') === 'Connect') ?? [];
      assert.ok(id !== undefined, `no 'Connect' among ${[...menu.values()].join(', ')}`);
      const before = daemon.asked.length;
      await tray.choose(item, id);
      for (let tries = 0; daemon.asked.length === before && tries < 100; tries += 1) await sleep(100);
      assert.equal(daemon.asked.at(-1), 'up {}');
    });

    test('it ends when it is told to', async () => {
      app.kill();
      await app.exited;
    });

    for (const { name, run } of STARTS) {
      test(name, async () => {
        daemon.say(ENROLLED);
        await run({ driver, daemon, how: how() });
      });
    }
  });
}
