import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Driver, Running, Start } from './driver.ts';
import { CONNECTED, ENROLLED, type FakeDaemon, FRESH } from './fake-daemon.ts';

/** What spy.cjs writes down in the main process. */
interface Seen {
  tooltip: string;
  menu: { items: { label?: string; enabled: boolean; click?(): void; submenu?: unknown }[] } | null;
  notifications: { title: string; body: string; emit(event: string): void }[];
  opened: string[];
}
declare const seen: Seen;

export interface Scene {
  driver: Driver;
  app: Running;
  daemon: FakeDaemon;
  /** How `app` was started. */
  how: Start;
}

/** Asks again until it holds; the clock only ends what will never come. */
async function until<T>(what: string, ask: () => Promise<T | false | undefined | null>): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    const value = await ask();
    if (value !== false && value !== undefined && value !== null) return value;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await sleep(30);
  }
}

const menuOf = (app: Running) =>
  app.main(() => (seen.menu?.items ?? []).map(({ label, enabled }) => `${enabled ? '' : '- '}${label ?? ''}`));
const waitForItem = (app: Running, label: string) =>
  until(`'${label}' in the menu`, async () => (await menuOf(app)).includes(label));
const click = (app: Running, label: string) =>
  app.main((_electron, wanted) => {
    const item = seen.menu?.items.find((each) => each.label === wanted);
    if (!item) throw new Error(`no '${wanted}' in the menu`);
    item.click?.();
  }, label);
const isVisible = (app: Running) =>
  app.main(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((window) => window.isVisible()));
const model = async (app: Running) =>
  (await app.page('window.gatehouse.call("ready", null)')) as {
    view: { kind: string };
    enroll: { id: number; url: string; host: string; from: string; behind: number } | null;
    failure: { action: string; message: string } | null;
  };
const visible = (app: Running) => until('the window', async () => (await isVisible(app))[0] === true);

const TOKEN = 'ghe_0123456789abcdefSECRET';
const LINK = `gatehouse://enroll?url=https%3A%2F%2Fgate.example.org&token=${TOKEN}`;

/** The link must lead to the question for the user's word, and its token nowhere but to the daemon. */
async function asksForWord(app: Running): Promise<number> {
  const enroll = await until('the invitation', async () => (await model(app)).enroll);
  assert.equal(enroll.host, 'gate.example.org');
  assert.equal(enroll.from, 'link');
  assert.ok(!JSON.stringify(await model(app)).includes(TOKEN));
  assert.ok(!app.stderr().includes(TOKEN));
  return enroll.id;
}

/** What Chromium refused, `directive`s in order, while the code ran in the page. */
const refusals = (app: Running, code: string) =>
  app.page(`new Promise((resolve) => {
    const directives = [];
    document.addEventListener('securitypolicyviolation', (event) => directives.push(event.effectiveDirective));
    // Not in the evaluation itself, to which Chromium's debugger allows more than to a page.
    setTimeout(() => { try { ${code} } catch (error) { directives.push(error.name); } }, 0);
    setTimeout(() => resolve(directives), 100);
  })`) as Promise<string[]>;

/** Scenarios in turn with one app that was started plainly; each leaves it running, with its window shown. */
export const SCENARIOS: readonly { name: string; run(scene: Scene): Promise<void> }[] = [
  {
    name: 'the window is sandboxed, and its page has the bridge and nothing else of Electron or Node',
    run: async ({ app }) => {
      await visible(app);
      const [preferences] = (await app.main(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows().map(({ webContents }) => {
          const known = webContents as unknown as { getLastWebPreferences(): Record<string, unknown> };
          return { ...known.getLastWebPreferences(), preload: null };
        }),
      )) as Record<string, unknown>[];
      assert.equal(preferences?.sandbox, true);
      assert.equal(preferences?.contextIsolation, true);
      assert.equal(preferences?.nodeIntegration, false);
      assert.equal(preferences?.nodeIntegrationInSubFrames, false);
      assert.equal(preferences?.webSecurity, true);
      assert.equal(preferences?.webviewTag, false);
      assert.equal(preferences?.spellcheck, false);
      const url = await app.main(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getURL());
      assert.equal(url, 'app://gatehouse/');
      assert.deepEqual(await app.page('Object.keys(window.gatehouse).sort()'), ['call', 'onEvent']);
      assert.equal(await app.page('Object.isFrozen(window.gatehouse)'), true);
      const strangers = '[typeof require, typeof process, typeof electron, typeof ipcRenderer, typeof module].join()';
      assert.equal(await app.page(strangers), 'undefined,undefined,undefined,undefined,undefined');
      await until('the window’s words', async () => /office/.test(String(await app.page('document.body.innerText'))));
      assert.equal((await model(app)).view.kind, 'disconnected');
    },
  },
  {
    name: 'Chromium refuses scripts and pictures that are not ours, inline code, and every fetch',
    run: async ({ app }) => {
      assert.deepEqual(await refusals(app, "fetch('https://example.invalid/').catch(() => 0)"), ['connect-src']);
      assert.deepEqual(await refusals(app, "new Image().src = 'https://example.invalid/x.png'"), ['img-src']);
      const inline = "document.body.setAttribute('onclick', 'window.inline = 1'); document.body.click()";
      assert.notDeepEqual(await refusals(app, inline), []);
      const script =
        "const s = document.createElement('script'); s.textContent = 'window.inline = 1'; document.body.append(s)";
      assert.notDeepEqual(await refusals(app, script), []);
      assert.notDeepEqual(await refusals(app, "new Function('window.inline = 1')()"), []);
      assert.equal(await app.page('typeof window.inline'), 'undefined');
    },
  },
  {
    name: 'the page can neither go elsewhere nor open anything',
    run: async ({ app }) => {
      await app.page("void (location.href = 'https://example.invalid/')");
      await app.page("void window.open('https://example.invalid/', '_blank', 'noopener')");
      await app.page("void window.open('app://gatehouse/')");
      await app.page('new Promise((resolve) => setTimeout(resolve, 200))');
      assert.deepEqual(
        await app.main(({ BrowserWindow }) =>
          BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getURL()),
        ),
        ['app://gatehouse/'],
      );
      assert.equal((await model(app)).view.kind, 'disconnected');
    },
  },
  {
    name: 'calls of other frames and other windows are refused, and so are wrong arguments',
    run: async ({ app, daemon }) => {
      const refused = (frame: { url: string; parent: object | null; own: boolean }) =>
        app.main(async ({ BrowserWindow, ipcMain }, { url, parent, own }) => {
          const { _invokeHandlers: handlers } = ipcMain as unknown as {
            _invokeHandlers: Map<string, (event: object, argument: unknown) => Promise<unknown>>;
          };
          const sender = own ? BrowserWindow.getAllWindows()[0]?.webContents : {};
          const senderFrame = url === '' ? null : { url, parent };
          try {
            return JSON.stringify(await handlers.get('gatehouse:act')?.({ sender, senderFrame }, { id: 'connect' }));
          } catch (error) {
            return (error as Error).message;
          }
        }, frame);
      const ours = 'app://gatehouse/';
      assert.equal(await refused({ url: 'https://example.invalid/', parent: null, own: true }), 'refused');
      assert.equal(await refused({ url: 'app://gatehouse.example.invalid/', parent: null, own: true }), 'refused');
      assert.equal(await refused({ url: ours, parent: {}, own: true }), 'refused');
      assert.equal(await refused({ url: ours, parent: null, own: false }), 'refused');
      assert.equal(await refused({ url: '', parent: null, own: true }), 'refused');
      const said = (name: string, argument: unknown) =>
        app.page(
          `window.gatehouse.call(${JSON.stringify(name)}, ${JSON.stringify(argument)}).then(String, (e) => e.message)`,
        );
      assert.match(String(await said('act', { id: 'format-disk' })), /doesn’t know/);
      assert.match(String(await said('act', { id: 'connect', more: 1 })), /doesn’t know/);
      assert.match(String(await said('settings', { theme: 'pink' })), /doesn’t know/);
      assert.match(String(await said('copy', { text: 'x'.repeat(70_000) })), /doesn’t know/);
      assert.match(String(await said('directory', { search: 'x', more: 1 })), /doesn’t know/);
      assert.match(String(await said('confirmEnroll', { id: 1.5, accept: true, allowPlain: true })), /doesn’t know/);
      const huge = "window.gatehouse.call('offer', { text: 'x'.repeat(30_000_000), from: 'paste' })";
      assert.match(String(await app.page(`${huge}.then(String, (e) => e.message)`)), /doesn’t know/);
      assert.match(String(await said('nonsense', null)), /No handler registered/);
      assert.deepEqual(daemon.asked, []);
    },
  },
  {
    name: 'a click in the tray is shown at once, reaches the daemon, and its menu goes with it',
    run: async ({ app, daemon }) => {
      await waitForItem(app, 'Connect');
      const go = daemon.hold();
      await click(app, 'Connect');
      await waitForItem(app, 'Disconnect');
      assert.equal((await model(app)).view.kind, 'connecting');
      go();
      await until('connected', async () => (await model(app)).view.kind === 'connected');
      assert.match(await app.main(() => seen.tooltip), /office/);
      // The menu of a moment ago: its item does nothing any more.
      await app.main(() => {
        (globalThis as { old?: unknown }).old = seen.menu?.items.find(({ label }) => label === 'Disconnect');
      });
      await click(app, 'Disconnect');
      await waitForItem(app, 'Connect');
      await app.main(() => (globalThis as unknown as { old: { click(): void } }).old.click());
      await waitForItem(app, 'Connect');
      assert.deepEqual(daemon.asked, ['up {}', 'down {}']);
    },
  },
  {
    name: 'a closed window is hidden; a second copy hands over and ends, and the window is back',
    run: async ({ app, driver, how }) => {
      await app.main(({ BrowserWindow }) => void BrowserWindow.getAllWindows()[0]?.close());
      assert.deepEqual(await isVisible(app), [false]);
      assert.equal(await driver.startAgain({ ...how, args: [] }), 0);
      await visible(app);
      assert.equal((await isVisible(app)).length, 1);
    },
  },
  {
    name: 'a link asks for the user’s word: by a second copy, and by the system',
    run: async ({ app, daemon, driver, how }) => {
      daemon.say(FRESH);
      assert.equal(await driver.startAgain({ ...how, args: [LINK] }), 0);
      const first = await asksForWord(app);
      const word = (id: number, accept: boolean) =>
        app.page(`window.gatehouse.call('confirmEnroll', { id: ${id}, accept: ${accept}, allowPlain: false })`);
      // A second one to the same host waits behind it.
      const other = LINK.replace('example.org&', 'example.org%2Fother&');
      await app.main(({ app }, link) => void app.emit('second-instance', {}, ['gatehouse', link]), other);
      assert.deepEqual(
        await until('the second', async () => {
          const { enroll } = await model(app);
          return enroll?.behind === 1 && enroll;
        }).then(({ id, url }) => [id, url]),
        [first, 'https://gate.example.org'],
      );
      await word(first, false);
      const next = (await model(app)).enroll;
      assert.equal(next?.url, 'https://gate.example.org/other');
      await assert.rejects(async () => word(first, true), /Another invitation/);
      await word(next.id, false);
      assert.equal((await model(app)).enroll, null);
      await app.main(({ app }, link) => void app.emit('open-url', { preventDefault: () => undefined }, link), LINK);
      const second = await asksForWord(app);
      await assert.rejects(async () => word(first, true), /Another invitation/);
      await word(second, true);
      assert.deepEqual(daemon.asked.slice(2), [
        `enroll ${JSON.stringify({ url: 'https://gate.example.org', token: TOKEN })}`,
      ]);
      await until('connected', async () => (await model(app)).view.kind === 'connected');
      assert.ok(!app.stderr().includes(TOKEN));
      await app.main(({ app }) => void app.emit('open-url', { preventDefault: () => undefined }, 'gatehouse://x'));
      assert.equal((await model(app)).failure?.action, 'enroll');
    },
  },
  {
    name: 'settings take effect, and are in a file of the user’s',
    run: async ({ app, how }) => {
      await app.page("window.gatehouse.call('settings', { theme: 'dark', notifications: { updates: false } })");
      assert.equal(await app.main(({ nativeTheme }) => nativeTheme.themeSource), 'dark');
      const kept = JSON.parse(readFileSync(path.join(how.userData, 'settings.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      assert.equal(kept.theme, 'dark');
      assert.equal((kept.notifications as Record<string, unknown>).updates, false);
      await app.page("window.gatehouse.call('settings', { theme: 'system' })");
    },
  },
  {
    name: 'a captive network’s page is opened in the browser, if it is a page',
    run: async ({ app, daemon }) => {
      const waiting = { ...CONNECTED, state: 'connecting', connectedSince: null } as const;
      daemon.say({ ...waiting, captive: { url: 'file:///etc/passwd' } });
      await until('captive', async () => (await model(app)).view.kind === 'captive');
      assert.match(
        String(await app.page("window.gatehouse.call('act', { id: 'open-portal' }).catch((e) => e.message)")),
        /possible|opened/,
      );
      daemon.say({ ...waiting, captive: { url: 'http://portal.example.org/login' } });
      await waitForItem(app, 'Open the sign-in page');
      await click(app, 'Open the sign-in page');
      await until('the page', async () => (await app.main(() => seen.opened)).length > 0);
      assert.deepEqual(await app.main(() => seen.opened), ['http://portal.example.org/login']);
    },
  },
  {
    name: 'what matters is told by a notification, whose click opens the window',
    run: async ({ app, daemon }) => {
      const [profile] = CONNECTED.profiles;
      assert.ok(profile);
      daemon.say(CONNECTED);
      await until('connected', async () => (await model(app)).view.kind === 'connected');
      daemon.say({
        ...CONNECTED,
        state: 'error',
        cause: { code: 'revoked', message: 'removed' },
        profiles: [{ ...profile, revoked: true }],
      });
      const titles = () => app.main(() => seen.notifications.map(({ title }) => title));
      await until('a notification', async () => (await titles()).includes('Signed out by the administrator'));
      await app.main(({ BrowserWindow }) => void BrowserWindow.getAllWindows()[0]?.close());
      await app.main(() => seen.notifications.at(-1)?.emit('click'));
      await visible(app);
      daemon.say(ENROLLED);
    },
  },
  {
    name: 'asleep, it tells nothing',
    run: async ({ app, daemon }) => {
      const told = () => app.main(() => seen.notifications.length);
      daemon.say(CONNECTED);
      await until('connected', async () => (await model(app)).view.kind === 'connected');
      const before = await told();
      await app.main(({ powerMonitor }) => void powerMonitor.emit('suspend'));
      daemon.say({ ...CONNECTED, standing: { admitted: false, reason: 'no', missing: [], reported: null } });
      await until('quarantine', async () => (await model(app)).view.kind === 'quarantined');
      assert.equal(await told(), before);
      await app.main(({ powerMonitor }) => void powerMonitor.emit('resume'));
      daemon.say(ENROLLED);
    },
  },
  {
    name: 'the daemon goes and comes back',
    run: async ({ app, daemon }) => {
      await waitForItem(app, 'Connect');
      const start = await daemon.stop();
      await until('its end', async () => (await model(app)).view.kind === 'daemon-down');
      await waitForItem(app, 'Start the service');
      await start();
      await waitForItem(app, 'Connect');
      assert.equal(daemon.watching, 1);
    },
  },
];

/** Scenarios that start the app in their own way. */
export const STARTS: readonly { name: string; run(scene: Omit<Scene, 'app'>): Promise<void> }[] = [
  {
    name: 'at login it starts hidden, whatever its settings hold; quitting from the tray ends it, and its watch',
    run: async ({ driver, daemon, how }) => {
      mkdirSync(how.userData, { recursive: true });
      writeFileSync(path.join(how.userData, 'settings.json'), '{"theme":');
      const app = await driver.start({ ...how, args: ['--hidden'] });
      try {
        await waitForItem(app, 'Connect');
        assert.deepEqual(await isVisible(app), []);
        assert.ok(readdirSync(how.userData).some((name) => name.startsWith('settings.damaged-')));
        assert.equal(daemon.watching, 1);
        await click(app, 'Quit').catch(() => undefined);
        assert.equal(await app.exited, 0);
        await until('the end of the watch', async () => daemon.watching === 0);
      } finally {
        app.kill();
      }
    },
  },
  {
    name: 'a link can be what starts it',
    run: async ({ driver, how }) => {
      const app = await driver.start({ ...how, args: [LINK] });
      try {
        await visible(app);
        await asksForWord(app);
      } finally {
        app.kill();
        await app.exited;
      }
    },
  },
];
