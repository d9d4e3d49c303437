import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { BrowserContext, CDPSession, Page, Route } from 'playwright-core';
import { app, closers, preventable } from './stand-in-app.ts';
import { PAGE_WORLD, preloadWorld } from './worlds.ts';

type Handler = (event: object, ...args: unknown[]) => unknown;
type BeforeRequest = (details: { url: string }, done: (answer: { cancel?: boolean }) => void) => void;

/** Electron keeps its handlers of `invoke` under this name, which the scenarios use with both. */
export const ipcMain = Object.assign(new EventEmitter(), {
  _invokeHandlers: new Map<string, Handler>(),
  handle: (channel: string, handler: Handler) => void ipcMain._invokeHandlers.set(channel, handler),
});

const schemes = new Map<string, (request: Request) => Promise<Response>>();
let beforeRequest: BeforeRequest | null = null;
/** What was set for permissions, for the tests to ask. */
const permissions: Record<'request' | 'check' | 'device', unknown> = { request: null, check: null, device: null };
export const session = {
  defaultSession: Object.assign(new EventEmitter(), {
    permissions,
    protocol: {
      handle: (scheme: string, handler: (request: Request) => Promise<Response>) => void schemes.set(scheme, handler),
    },
    webRequest: {
      onBeforeRequest: (listener: BeforeRequest) => {
        beforeRequest = listener;
      },
    },
    setPermissionRequestHandler: (handler: unknown) => {
      permissions.request = handler;
    },
    setPermissionCheckHandler: (handler: unknown) => {
      permissions.check = handler;
    },
    setDevicePermissionHandler: (handler: unknown) => {
      permissions.device = handler;
    },
  }),
};
export const protocol = { registerSchemesAsPrivileged: () => undefined };

/** Chromium refuses schemes that it doesn't know: `app://host/` is `https://host.app.invalid/` in there. */
const inside = (url: string): string => url.replace(/^app:\/\/([^/]*)/, 'https://$1.app.invalid');
const outside = (url: string): string => url.replace(/^https:\/\/([^/]*)\.app\.invalid/, 'app://$1');

const WORLD = 'stand-in preload';
const BINDING = 'standInInvoke';
let context: Promise<BrowserContext> | null = null;
const newContext = async (): Promise<BrowserContext> => {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.connect(process.env.STAND_IN_BROWSER ?? '');
  return browser.newContext({ viewport: null, serviceWorkers: 'block' });
};

/** Electron's WebContents over a page of Chromium. */
export class WebContents extends EventEmitter {
  readonly mainFrame = { url: 'about:blank', parent: null };
  readonly #preload: string;
  #page: Promise<Page> | null = null;
  #cdp!: CDPSession;
  #world: number | null = null;
  #expected = '';
  #openHandler: (details: { url: string }) => { action: string } = () => ({ action: 'allow' });

  constructor(preload: string) {
    super();
    this.#preload = preload;
    app.emit('web-contents-created', {}, this);
  }

  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.#openHandler = handler;
  }

  send(channel: string, ...args: unknown[]): void {
    this.#deliver({ channel, args });
  }

  getURL = (): string => this.mainFrame.url;

  /** For the tests: a page of Playwright. */
  get page(): Promise<Page> {
    this.#page ??= this.#open();
    return this.#page;
  }

  async load(url: string): Promise<void> {
    const page = await this.page;
    this.#expected = inside(url);
    await page.goto(this.#expected, { waitUntil: 'load' });
  }

  async #open(): Promise<Page> {
    context ??= newContext();
    const owner = await context;
    const page = await owner.newPage();
    await owner.route('**/*', (route) => this.#answer(route, page));
    owner.on('page', (other) => {
      if (other === page) return;
      const { action } = this.#openHandler({ url: outside(other.url()) });
      if (action === 'deny') void other.close();
      else new BrowserWindow({ webPreferences: { preload: this.#preload } });
    });
    this.#cdp = await owner.newCDPSession(page);
    this.#cdp.on('Runtime.executionContextCreated', ({ context: { id, name } }) => {
      if (name === WORLD) this.#world = id;
    });
    this.#cdp.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name === BINDING) void this.#invoke(JSON.parse(payload), executionContextId);
    });
    await this.#cdp.send('Runtime.enable');
    await this.#cdp.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD });
    await this.#cdp.send('Page.enable');
    await this.#cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: PAGE_WORLD });
    const source = preloadWorld(readFileSync(this.#preload, 'utf8'));
    await this.#cdp.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName: WORLD });
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) this.mainFrame.url = outside(frame.url());
    });
    return page;
  }

  async #answer(route: Route, page: Page): Promise<void> {
    const request = route.request();
    const url = outside(request.url());
    if (request.isNavigationRequest() && request.frame().page() === page) {
      const isMain = request.frame() === page.mainFrame();
      const event = preventable({ url, isMainFrame: isMain });
      // Electron says so a little later; here it can't come after the page's first call.
      if (request.url() === this.#expected) this.emit('did-navigate');
      else {
        if (isMain) this.emit('will-navigate', event, url);
        this.emit('will-frame-navigate', event);
      }
      if (event.defaultPrevented) return route.abort('aborted');
    }
    const cancelled = await new Promise<boolean>((resolve) => {
      if (beforeRequest) beforeRequest({ url }, ({ cancel }) => resolve(cancel === true));
      else resolve(false);
    });
    const handler = schemes.get(new URL(url).protocol.slice(0, -1));
    if (cancelled || !handler) return route.abort('blockedbyclient');
    const response = await handler(new Request(url, { method: request.method() }));
    const body = Buffer.from(await response.arrayBuffer());
    return route.fulfill({ status: response.status, headers: Object.fromEntries(response.headers), body });
  }

  async #invoke(call: { id: number; channel: string; args: unknown[]; url: string }, world: number): Promise<void> {
    const { id, channel, args, url } = call;
    try {
      const handler = ipcMain._invokeHandlers.get(channel);
      if (!handler) throw new Error(`No handler registered for '${channel}'`);
      const event = { sender: this, senderFrame: { url: outside(url), parent: null } };
      this.#deliver({ id, value: await handler(event, ...args) }, world);
    } catch (error) {
      this.#deliver({ id, error: `Error invoking remote method '${channel}': ${error}` }, world);
    }
  }

  #deliver(message: object, world = this.#world): void {
    if (world === null) return;
    const expression = `standInDeliver(${JSON.stringify(message)})`;
    this.#cdp.send('Runtime.evaluate', { expression, contextId: world }).catch(() => undefined);
  }
}

/** Electron's BrowserWindow; being visible is a word only. */
export class BrowserWindow extends EventEmitter {
  static all: BrowserWindow[] = [];
  static getAllWindows = (): BrowserWindow[] => BrowserWindow.all;
  readonly webContents: WebContents & { getLastWebPreferences?: () => unknown };
  #visible: boolean;

  constructor(options: { show?: boolean; webPreferences: { preload: string } }) {
    super();
    this.#visible = options.show !== false;
    this.webContents = new WebContents(options.webPreferences.preload);
    this.webContents.getLastWebPreferences = () => options.webPreferences;
    BrowserWindow.all.push(this);
    closers.add(() => this.close());
  }

  async loadURL(url: string): Promise<void> {
    await this.webContents.load(url);
    this.emit('ready-to-show');
  }

  show(): void {
    this.#visible = true;
  }

  hide(): void {
    this.#visible = false;
  }

  focus = (): void => undefined;
  restore = (): void => undefined;
  isMinimized = (): boolean => false;
  isVisible = (): boolean => this.#visible;

  close(): boolean {
    const event = preventable();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
    return !event.defaultPrevented;
  }

  destroy(): void {
    BrowserWindow.all = BrowserWindow.all.filter((each) => each !== this);
    this.emit('closed');
  }
}
