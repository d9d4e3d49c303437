import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../../../test/requires.ts';
import { buildTray } from '../../build.ts';
import { type Driver, type Running, standInDriver } from './driver.ts';
import { ENROLLED, type FakeDaemon, fakeDaemon } from './fake-daemon.ts';
import { SCENARIOS, STARTS } from './scenarios.ts';

/** The shell and preload as they are built, under a stand-in for Electron whose windows are pages of Chromium. */
describe('the shell under the stand-in', requires('chromium'), () => {
  let folder: string;
  let driver: Driver;
  let daemon: FakeDaemon;
  let app: Running;
  const how = () => ({
    folder: path.join(folder, 'app'),
    userData: path.join(folder, 'data'),
    socketPath: daemon.socketPath,
    args: [],
  });

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-tray-'));
    await buildTray(path.join(folder, 'app'));
    daemon = await fakeDaemon(folder);
    driver = await standInDriver();
    app = await driver.start(how());
  });
  after(async () => {
    app?.kill();
    await driver?.close();
    await daemon?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { name, run } of SCENARIOS) test(name, () => run({ driver, daemon, app, how: how() }));

  // In Electron there is nothing that tells which handlers are set.
  test('each permission is refused', async () => {
    const answers = await app.main(({ session }) => {
      const { permissions } = session.defaultSession as unknown as {
        permissions: {
          request(contents: null, permission: string, done: (given: boolean) => void): void;
          check(contents: null, permission: string): boolean;
          device(details: object): boolean;
        };
      };
      const given: boolean[] = [];
      for (const permission of ['media', 'notifications', 'clipboard-read', 'openExternal']) {
        permissions.request(null, permission, (answer) => given.push(answer));
        given.push(permissions.check(null, permission));
      }
      given.push(permissions.device({ deviceType: 'usb' }));
      return given;
    });
    assert.deepEqual(answers, Array(9).fill(false));
  });

  test('killed, it leaves a lock that the next copy sees through', async () => {
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
