import process from 'node:process';
import { app, clipboard, dialog, Notification, nativeTheme, shell } from 'electron';
import { autostartFolder, setAutostart } from '../app/autostart.ts';
import type { Desktop } from '../app/desktop.ts';
import type { Action } from '../core/index.ts';
import type { AppTray } from './tray.ts';
import type { AppWindow } from './window.ts';

/** Pictures on the clipboard beyond this, in bytes, aren't read for a QR code. */
const MAX_IMAGE = 16 * 1024 * 1024;

interface Parts {
  tray: AppTray;
  window: AppWindow;
  click(action: Action): void;
  log(message: string): void;
}

/** The desktop as Electron gives it. */
export function electronDesktop({ tray, window, click, log }: Parts): Desktop {
  // Notifications that nothing holds are collected, and their clicks lost.
  const open = new Set<Notification>();
  return {
    showTray: (shown) => tray.show(shown),
    showWindow: () => window.show(),
    send: (event) => window.send(event),
    notify: ({ title, body, action }) => {
      if (!Notification.isSupported()) return;
      const notification = new Notification({ title, body });
      open.add(notification);
      notification.on('click', () => click(action));
      for (const event of ['close', 'click', 'failed'] as const) {
        notification.on(event as 'close', () => void open.delete(notification));
      }
      notification.show();
    },
    openExternal: (url) => shell.openExternal(url),
    copy: (text) => clipboard.writeText(text),
    clipboardImage: async () => {
      const [item] = (await clipboard.read()).filter(({ types }) => types.includes('image/png'));
      const blob = await item?.getType('image/png');
      if (!blob || blob.size > MAX_IMAGE) return null;
      return `data:image/png;base64,${Buffer.from(await blob.arrayBuffer()).toString('base64')}`;
    },
    chooseFile: async (name) => {
      const options = { defaultPath: name, filters: [{ name: 'Text', extensions: ['txt'] }] };
      const { handle } = window;
      const chosen = await (handle ? dialog.showSaveDialog(handle, options) : dialog.showSaveDialog(options));
      return chosen.canceled ? null : chosen.filePath;
    },
    setTheme: (theme) => {
      nativeTheme.themeSource = theme;
    },
    setLaunchAtLogin: (on) => {
      // A copy that runs from sources must not start at each login.
      if (!app.isPackaged) return;
      try {
        if (process.platform !== 'linux') app.setLoginItemSettings({ openAtLogin: on, args: ['--hidden'] });
        else setAutostart(autostartFolder(process.env), process.env.APPIMAGE ?? process.execPath, on);
      } catch (error) {
        log(`launch at login: ${(error as Error).message}`);
      }
    },
    quit: () => app.quit(),
  };
}
