import type { Page } from 'playwright-core';
import type { Page as PageName } from '../../core/ipc/table.ts';
import type { Fake } from '../../window/fake/bridge.ts';

declare global {
  interface Window {
    gatehouseFake: Fake;
  }
}

/** The calls of one name that the window made, oldest first. */
export function asked(page: Page, name: string): Promise<unknown[]> {
  return page.evaluate(
    (wanted) => window.gatehouseFake.asked.filter((call) => call.name === wanted).map((call) => call.argument),
    name,
  );
}

export async function open(page: Page, name: PageName): Promise<void> {
  await page.evaluate((to) => window.gatehouseFake.open(to), name);
  if (name !== 'home') await page.locator('.page-head h1').waitFor();
}

/** Where the keyboard is: role-ish and name. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === document.body) return 'body';
    const name = element?.getAttribute('aria-label') ?? (element as HTMLInputElement | null)?.labels?.[0]?.textContent;
    return `${element?.tagName.toLowerCase()} ${name ?? element?.textContent ?? ''}`.trim();
  });
}
