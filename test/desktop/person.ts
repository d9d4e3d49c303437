import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { BrowserWindow } from 'electron';
import type { Page } from 'playwright-core';
import type { StateKind, WindowModel } from '../../apps/tray/core/types.ts';
import { type Driver, type Running, type Start, standInDriver } from '../../apps/tray/test/electron/driver.ts';
import { until } from '../lab/run.ts';

/** What the spy writes down in the main process. */
declare const seen: { menu: { items: { label?: string; click?(): void }[] } | null };
/** The stand-in's windows hold a page of Playwright. */
type Paged = BrowserWindow & { webContents: { page: Promise<Page> } };

/** Somebody at a machine of the lab: the built app under the stand-in for Electron, on the machine's own daemon. */
export class Person {
  readonly #driver: Driver;
  readonly #app: Running;

  private constructor(driver: Driver, app: Running) {
    this.#driver = driver;
    this.#app = app;
  }

  /** `folder`: the built app; `userData`: an empty folder; `socketPath`: the daemon's. */
  static async sitDown(how: Pick<Start, 'folder' | 'userData' | 'socketPath'>): Promise<Person> {
    const driver = await standInDriver();
    try {
      const app = await driver.start({ ...how, args: [] });
      const person = new Person(driver, app);
      await until('the window', async () => (await person.model()).view);
      await person.ask('settings', { language: 'en', theme: 'light' });
      return person;
    } catch (error) {
      await driver.close();
      throw error;
    }
  }

  async leave(): Promise<void> {
    this.#app.kill();
    await this.#app.exited;
    await this.#driver.close();
  }

  ask(call: string, argument: unknown): Promise<unknown> {
    return this.#app.page(`window.gatehouse.call(${JSON.stringify(call)}, ${JSON.stringify(argument)})`);
  }

  async model(): Promise<WindowModel> {
    return (await this.ask('ready', null)) as WindowModel;
  }

  /** Waits until the window's heading and the model are of this state, and gives the model. */
  async sees(kind: StateKind, seconds = 60): Promise<WindowModel> {
    let last: WindowModel | undefined;
    return until(
      `the window to say ${kind}`,
      async () => {
        last = await this.model();
        const text = (await this.#app.page('document.body.innerText')) as string;
        if (last.view.kind === kind && text.includes(last.view.title)) return last;
        throw new Error(`it says ${last.view.kind}: ${last.view.title} (${JSON.stringify(last.status?.cause)})`);
      },
      seconds,
    );
  }

  /** Follows a link of the system, as a second copy of the app is started with it. */
  async opens(link: string): Promise<void> {
    await this.#app.main(({ app }, url) => void app.emit('second-instance', {}, ['gatehouse-tray', url]), link);
  }

  async clicks(role: 'button' | 'checkbox' | 'switch' | 'tab' | 'link', name: string): Promise<void> {
    await this.#app.main(
      async ({ BrowserWindow }, [role, name]) => {
        const page = await (BrowserWindow.getAllWindows()[0] as Paged).webContents.page;
        await page
          .getByRole(role as 'button', { name })
          .first()
          .click({ timeout: 20_000 });
      },
      [role, name] as const,
    );
  }

  /** An item of the tray's menu. */
  async picks(label: string): Promise<void> {
    await this.#app.main((_electron, wanted) => {
      const item = seen.menu?.items.find((each) => each.label === wanted);
      if (!item) throw new Error(`no '${wanted}' among ${seen.menu?.items.map((each) => each.label).join(', ')}`);
      item.click?.();
    }, label);
  }

  /** A picture of the window, light and dark. */
  async photographs(folder: string, name: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    for (const theme of ['light', 'dark']) {
      await this.ask('settings', { theme });
      await this.#app.main(
        async ({ BrowserWindow }, file) => {
          const page = await (BrowserWindow.getAllWindows()[0] as Paged).webContents.page;
          await page.setViewportSize({ width: 420, height: 640 });
          await page.waitForTimeout(300);
          await page.screenshot({ path: file });
        },
        path.join(folder, `${name}-${theme}.png`),
      );
    }
    await this.ask('settings', { theme: 'light' });
  }

  /** Nothing that was said or shown to the user holds the secret. */
  async neverSaid(secret: string): Promise<void> {
    assert.ok(!JSON.stringify(await this.model()).includes(secret), 'the model holds it');
    assert.ok(!this.#app.stderr().includes(secret), 'the log holds it');
    const { text } = (await this.ask('report', null)) as { text: string };
    assert.ok(!text.includes(secret), 'the problem report holds it');
  }
}
