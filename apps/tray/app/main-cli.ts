import process from 'node:process';
import { Compile } from 'typebox/compile';
import { DEFAULT_SETTINGS, type Platform, trayOf, windowModel } from '../core/index.ts';
import { CALLS, type CallName } from '../core/ipc/table.ts';
import { systemClock } from './clock.ts';
import { Controller } from './controller.ts';
import type { Desktop } from './desktop.ts';
import { openDaemon } from './link.ts';
import { createLog } from './log.ts';
import { systemLine, whoIsHere } from './report.ts';
import { openSettings } from './settings.ts';
import { startDaemon } from './starter.ts';
import { inspectSocket, readPlace } from './trust.ts';

const USAGE = `Asks the app's logic without Electron, for development and support:

  node apps/tray/app/main-cli.ts model              what the window is told
  node apps/tray/app/main-cli.ts tray               what the tray shows
  node apps/tray/app/main-cli.ts call <name> [json] one call of the window; names: ${Object.keys(CALLS).join(', ')}
`;
/** How long the daemon may take to say a first word, ms. */
const PATIENCE = 5_000;

const platform = process.platform as Platform;
const nowhere = async () => {
  throw new Error('there is no desktop here');
};
const desktop: Desktop = {
  showTray: () => undefined,
  showWindow: () => undefined,
  send: () => undefined,
  notify: () => undefined,
  openExternal: nowhere,
  copy: nowhere,
  clipboardImage: async () => null,
  chooseFile: async (name) => name,
  setTheme: () => undefined,
  setLaunchAtLogin: () => undefined,
  quit: () => undefined,
};

/** Runs one command against the daemon; gives what is printed. Throws an Error for people. */
async function run([command, name = '', json = 'null']: readonly string[]): Promise<unknown> {
  if (command !== 'model' && command !== 'tray' && command !== 'call') throw new Error(USAGE);
  const place = readPlace(process.env, platform, process.getuid?.() ?? null);
  const log = createLog(systemClock.now, (line) => process.stderr.write(`${line}\n`));
  const drawer = { store: { ...DEFAULT_SETTINGS } };
  let heard = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const controller = new Controller({
    platform,
    appVersion: '0.0.0',
    systemLocale: Intl.DateTimeFormat().resolvedOptions().locale,
    system: systemLine(),
    who: whoIsHere(),
    clock: systemClock,
    log,
    settings: openSettings('', () => drawer, log),
    desktop,
    updater: {
      check: async () => undefined,
      install: async () => undefined,
      state: () => ({ kind: 'off', reason: 'no-package' }),
    },
    connect: ({ onLink }) =>
      openDaemon({
        socketPath: place.socketPath,
        inspect: () => inspectSocket(place),
        clock: systemClock,
        log,
        onLink: (link) => {
          onLink(link);
          heard();
        },
      }),
    startDaemon: () => startDaemon(platform, process.env),
  });
  controller.start();
  try {
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, PATIENCE).unref())]);
    if (command === 'model') return windowModel(controller.snapshot());
    if (command === 'tray') return trayOf(controller.snapshot());
    if (!Object.hasOwn(CALLS, name)) throw new Error(USAGE);
    const argument: unknown = JSON.parse(json);
    if (!Compile(CALLS[name as CallName].argument).Check(argument)) throw new Error(`${name} takes something else`);
    return await (controller.handlers as Record<string, (argument: unknown) => Promise<unknown>>)[name]?.(argument);
  } finally {
    controller.stop();
  }
}

try {
  process.stdout.write(`${JSON.stringify(await run(process.argv.slice(2)), null, 2)}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
