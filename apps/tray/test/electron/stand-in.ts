import { EventEmitter } from 'node:events';
import process from 'node:process';
import { app } from './stand-in-app.ts';
import { BrowserWindow, ipcMain, protocol, session } from './stand-in-window.ts';

/**
 * What `import … from 'electron'` gives under `hook.ts`: as much of Electron as the shell uses, with real pages of
 * Chromium as windows. Tray, menus and notifications are kept in memory for the tests to look at and click.
 */
type Template = { label?: string; submenu?: Template[]; [key: string]: unknown };

class Menu {
  static application: Menu | null | undefined;
  static setApplicationMenu = (menu: Menu | null): void => {
    Menu.application = menu;
  };
  static buildFromTemplate = (template: Template[]): Menu => new Menu(template);
  readonly items: object[];
  private constructor(template: Template[]) {
    this.items = template.map(({ submenu, ...item }) => ({
      enabled: true,
      type: 'normal',
      ...item,
      ...(submenu ? { submenu: new Menu(submenu) } : {}),
    }));
  }
}

class Tray extends EventEmitter {
  image: unknown;
  constructor(image: unknown) {
    super();
    this.image = image;
  }
  setImage(image: unknown): void {
    this.image = image;
  }
  setToolTip(_text: string): void {}
  setContextMenu(_menu: Menu): void {}
}

class Notification extends EventEmitter {
  static isSupported = (): boolean => true;
  readonly title: string;
  readonly body: string;
  constructor({ title, body }: { title: string; body: string }) {
    super();
    this.title = title;
    this.body = body;
  }
  show(): void {}
}

const nativeImage = { createFromPath: (file: string) => ({ file }) };
const nativeTheme = { themeSource: 'system' };
const powerMonitor = new EventEmitter();
const clipboard = {
  text: '',
  writeText: async (text: string) => {
    clipboard.text = text;
  },
  read: async () => [],
};
const shell = { openExternal: async (_url: string) => undefined };
const dialog = { showSaveDialog: async () => ({ canceled: true, filePath: '' }) };
const net = { request: () => new EventEmitter() };

const electron = {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  nativeImage,
  nativeTheme,
  net,
  Notification,
  powerMonitor,
  protocol,
  session,
  shell,
  Tray,
};
export default electron;
export {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  Notification,
  nativeImage,
  nativeTheme,
  net,
  powerMonitor,
  protocol,
  session,
  shell,
  Tray,
};

/** What the tests ask over the channel of `fork`: code for the main process, or for the window's page. */
process.on('message', async ({ id, main, page, argument }: Record<string, string>) => {
  try {
    let value: unknown;
    if (main !== undefined) value = await new Function(`return (${main})`)()(electron, argument);
    else value = await (await BrowserWindow.all[0]?.webContents.page)?.evaluate(page ?? '');
    process.send?.({ id, value });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
process.on('disconnect', () => process.exit(1));
