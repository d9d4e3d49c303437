import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { PAGES } from '../../../core/ipc/table.ts';
import { STATE_KINDS } from '../../../core/types.ts';
import { open } from '../cases.ts';
import type { Cases } from './cases.ts';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Dark differs from light in colours only. */
const RULES = {
  light: { type: 'tag', values: TAGS },
  dark: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] },
} as const;

async function audit(page: Page, what: string, runOnly: (typeof RULES)['light' | 'dark']): Promise<string[]> {
  const results = await page.evaluate(
    (only) =>
      (window as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
        runOnly: only,
        resultTypes: ['violations'],
        elementRef: false,
      }),
    runOnly,
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${what}: ${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`),
  );
}

export const accessibility: Cases = (needs, stage) => {
  for (const theme of ['light', 'dark'] as const) {
    test(`axe finds nothing on any page or state, ${theme}`, needs, async () => {
      const { page, show } = stage();
      const found: string[] = [];
      // As high as the pages: what lies under the navigation until one scrolls counts as too small to hit.
      const before = page.viewportSize()!;
      await page.setViewportSize({ width: before.width, height: 2600 });
      await show({ scene: 'starting', theme });
      await page.evaluate(await axeSource);
      for (const kind of [...STATE_KINDS, 'enroll-plain', 'enroll-second', 'failure'] as const) {
        await page.evaluate((scene) => window.gatehouseFake.play(scene), kind);
        await drawn(page);
        // A card's buttons wait for a moment.
        if (kind.startsWith('enroll-')) await page.locator('.enroll-card button:enabled').last().waitFor();
        found.push(...(await audit(page, kind, RULES[theme])));
      }
      await page.evaluate(() => window.gatehouseFake.play('quarantined'));
      for (const name of PAGES.filter((known) => known !== 'home')) {
        await open(page, name);
        await page.locator('.waiting').waitFor({ state: 'detached' });
        found.push(...(await audit(page, name, RULES[theme])));
      }
      await open(page, 'peers');
      await page.getByRole('tab', { name: 'Names' }).click();
      await page.locator('.name-row').first().waitFor();
      found.push(...(await audit(page, 'names', RULES[theme])));
      await page.setViewportSize(before);
      assert.deepEqual(found, []);
    });
  }

  // 420 × 640 at 200 % has 210 × 320 CSS pixels; WCAG 1.4.10 asks for 320 wide.
  for (const [width, height] of [
    [210, 320],
    [320, 256],
    [1200, 800],
  ] as const) {
    test(`nothing is cut off at ${width} × ${height}`, needs, async () => {
      const { page, show } = stage();
      const before = page.viewportSize()!;
      await page.setViewportSize({ width, height });
      try {
        await show({ scene: 'quarantined', lang: 'de' });
        const wide: string[] = [];
        const look = async (what: string) => {
          const over = await page.evaluate(() => {
            const limit = document.documentElement.clientWidth;
            return (
              [...document.querySelectorAll('.app *')]
                .filter((element) => element.getBoundingClientRect().right > limit + 1 && !element.closest('.lines'))
                // Empty, and cut by its track.
                .filter((element) => element.textContent !== '' || !element.matches('.mantine-Switch-trackLabel'))
                .map((element) => `${element.tagName} ${element.className}`)
            );
          });
          if (over.length > 0) wide.push(`${what}: ${over.join(', ')}`);
        };
        for (const name of PAGES) {
          await open(page, name);
          await page.locator('.waiting').waitFor({ state: 'detached' });
          await look(name);
        }
        await open(page, 'home');
        for (const kind of [...STATE_KINDS, 'enroll-plain', 'enroll-second', 'failure'] as const) {
          await page.evaluate((scene) => window.gatehouseFake.play(scene), kind);
          await drawn(page);
          for (const summary of await page.locator('.words summary').all()) await summary.click();
          await look(kind);
        }
        assert.deepEqual(wide, []);
      } finally {
        await page.setViewportSize(before);
      }
    });
  }

  test('without motion nothing moves; with forced colours all is still drawn', needs, async () => {
    const { page, show } = stage();
    await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
    try {
      await show({ scene: 'connecting' });
      const mark = page.locator('.hero .state-icon-mark');
      const [stroke, duration] = await mark.evaluate((path) => {
        const style = getComputedStyle(path);
        return [style.stroke, Number.parseFloat(style.animationDuration)] as const;
      });
      const ground = await page.evaluate(() => getComputedStyle(document.querySelector('.state-icon-outline')!).fill);
      assert.notEqual(stroke, ground);
      assert.ok(duration < 0.001);
    } finally {
      await page.emulateMedia({ forcedColors: 'none', reducedMotion: 'reduce' });
    }
  });
};

/** What was played is on the screen. */
async function drawn(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
  );
}
