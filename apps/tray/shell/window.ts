import path from 'node:path';
import { app, BrowserWindow, protocol, session, type WebContents, type WebFrameMain } from 'electron';
import { serveFile } from '../app/files.ts';
import type { WindowEvent } from '../core/ipc/table.ts';
import { CSP } from '../window/csp.ts';

const ORIGIN = 'app://gatehouse/';

/** To be called before the app is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true } }]);
}

/** The window's own files are all that can be loaded, and no permission is given to anybody. */
export function guardSession(folder: string): void {
  const { defaultSession } = session;
  defaultSession.protocol.handle('app', (request) => {
    const { host, pathname } = new URL(request.url);
    return serveFile(folder, CSP, host === 'gatehouse' ? request.method : '', pathname);
  });
  const ours = app.isPackaged ? [ORIGIN] : [ORIGIN, 'devtools://'];
  defaultSession.webRequest.onBeforeRequest(({ url }, done) => {
    done({ cancel: !ours.some((start) => url.startsWith(start)) });
  });
  defaultSession.setPermissionRequestHandler((_contents, _permission, done) => done(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on('will-download', (event) => event.preventDefault());
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-frame-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
  });
}

/** The one window: made when it is first shown, hidden when it is closed. */
export class AppWindow {
  readonly #folder: string;
  readonly #onGone: () => void;
  #window: BrowserWindow | null = null;
  #quitting = false;

  constructor(folder: string, onGone: () => void) {
    this.#folder = folder;
    this.#onGone = onGone;
    app.on('before-quit', () => {
      this.#quitting = true;
    });
  }

  isOurs(sender: WebContents, frame: WebFrameMain | null): boolean {
    const ours = this.#window?.webContents;
    return sender === ours && frame !== null && frame.parent === null && frame.url.startsWith(ORIGIN);
  }

  show(): void {
    if (!this.#window) {
      this.#create();
      return;
    }
    if (this.#window.isMinimized()) this.#window.restore();
    this.#window.show();
    this.#window.focus();
  }

  send(event: WindowEvent): void {
    this.#window?.webContents.send('gatehouse:event', event);
  }

  /** For dialogs, which belong to it. */
  get handle(): BrowserWindow | null {
    return this.#window;
  }

  #create(): void {
    const window = new BrowserWindow({
      title: 'Gatehouse',
      width: 420,
      height: 680,
      minWidth: 360,
      minHeight: 480,
      show: false,
      autoHideMenuBar: true,
      icon: path.join(this.#folder, 'icon.png'),
      webPreferences: {
        preload: path.join(this.#folder, 'preload.cjs'),
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        nodeIntegrationInSubFrames: false,
        nodeIntegrationInWorker: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        webviewTag: false,
        navigateOnDragDrop: false,
        spellcheck: false,
        devTools: !app.isPackaged,
      },
    });
    this.#window = window;
    const gone = (): void => {
      if (this.#window === window) this.#window = null;
      this.#onGone();
    };
    window.once('ready-to-show', () => window.show());
    window.on('close', (event) => {
      if (this.#quitting) return;
      event.preventDefault();
      window.hide();
    });
    window.on('closed', gone);
    // The next time it is shown it is made anew.
    window.webContents.on('render-process-gone', () => window.destroy());
    window.webContents.on('did-navigate', () => this.#onGone());
    window.loadURL(ORIGIN).catch((error: Error) => process.stderr.write(`window: ${error.message}\n`));
  }
}
