import path from 'node:path';
import process from 'node:process';
import { app, Menu, powerMonitor } from 'electron';
import Store from 'electron-store';
import { systemClock } from '../app/clock.ts';
import { Controller } from '../app/controller.ts';
import { linkIn } from '../app/deep-link.ts';
import { appText } from '../app/i18n.ts';
import { openDaemon } from '../app/link.ts';
import { createLog } from '../app/log.ts';
import { systemLine, whoIsHere } from '../app/report.ts';
import { openSettings } from '../app/settings.ts';
import { startDaemon } from '../app/starter.ts';
import { inspectSocket, readPlace } from '../app/trust.ts';
import type { Action, Platform } from '../core/index.ts';
import { electronDesktop } from './desktop.ts';
import { serveCalls } from './ipc.ts';
import { AppTray } from './tray.ts';
import { electronUpdater } from './updates.ts';
import { AppWindow, guardSession, registerScheme } from './window.ts';

const folder = import.meta.dirname;
const platform = process.platform as Platform;
const log = createLog(systemClock.now, (line) => process.stderr.write(`${line}\n`));
// Electron would show a box with a stack trace.
process.on('uncaughtException', (error) => log(`uncaught: ${error.stack ?? error.message}`));
process.on('unhandledRejection', (reason) => log(`uncaught: ${(reason as Error)?.stack ?? String(reason)}`));

/** Links that came before the app was ready to read them. */
let early: string[] = [];
let open = (link: string): void => void early.push(link);

function run(): void {
  registerScheme();
  app.enableSandbox();
  app.setAppUserModelId('org.gatehouse.tray');
  app.on('open-url', (event, url) => {
    event.preventDefault();
    open(url);
  });
  app.on('window-all-closed', () => undefined);
  app
    .whenReady()
    .then(ready)
    .catch((error: Error) => {
      log(`start: ${error.message}`);
      app.exit(1);
    });
}

function ready(): void {
  const place = readPlace(process.env, platform, process.getuid?.() ?? null);
  const settings = openSettings(app.getPath('userData'), (options) => new Store(options), log);
  guardSession(path.join(folder, 'window'));
  Menu.setApplicationMenu(
    platform === 'darwin'
      ? Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }])
      : null,
  );
  if (app.isPackaged) app.setAsDefaultProtocolClient('gatehouse');

  const click = (action: Action): void => controller.click(action);
  const window = new AppWindow(folder, () => controller.windowGone());
  const controller = new Controller({
    platform,
    appVersion: app.getVersion(),
    systemLocale: app.getPreferredSystemLanguages()[0] ?? app.getLocale(),
    system: systemLine(),
    who: whoIsHere(),
    clock: systemClock,
    log,
    settings,
    desktop: electronDesktop({ tray: new AppTray(folder, platform, click), window, click, log }),
    updater: electronUpdater({
      feed: () => controller.updatesFeed(),
      channel: () => settings.read().updateChannel,
      log,
      onChange: () => controller.refresh(),
    }),
    connect: ({ onLink }) =>
      openDaemon({
        socketPath: place.socketPath,
        inspect: () => inspectSocket(place),
        clock: systemClock,
        log,
        onLink,
      }),
    startDaemon: () => startDaemon(platform, process.env),
  });
  serveCalls({
    handlers: controller.handlers,
    isOurs: (sender, frame) => window.isOurs(sender, frame),
    refused: () => appText(controller.locale, 'bad-argument'),
    log,
  });

  app.on('second-instance', (_event, argv) => {
    const link = linkIn(argv);
    if (link) controller.open(link);
    else window.show();
  });
  app.on('activate', () => window.show());
  app.on('will-quit', () => controller.stop());
  powerMonitor.on('suspend', () => controller.suspend());
  powerMonitor.on('resume', () => controller.resume());

  controller.start();
  open = (link) => controller.open(link);
  const link = linkIn(process.argv) ?? early.at(-1);
  early = [];
  if (link) controller.open(link);
  else if (!process.argv.includes('--hidden')) window.show();
}

// A second copy hands its arguments to the first, and ends.
if (app.requestSingleInstanceLock()) run();
else app.quit();
