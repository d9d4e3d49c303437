import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { PAGES } from '../../core/ipc/table.ts';
import { STATE_KINDS } from '../../core/types.ts';
import { open } from './cases.ts';
import { openStage } from './harness.ts';

/**
 * Pictures of every state and page, light and dark, as `docs/desktop.md` shows them:
 *
 *     node apps/tray/test/window/screenshots.ts [folder] [--lang de]
 *
 * Needs `pngquant` (Debian) to keep them small; without it they are written as they are.
 */
const folder = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '../../../../docs/desktop'));
const lang = process.argv.includes('--lang') ? (process.argv.at(-1) ?? 'en') : 'en';
const THEMES = ['light', 'dark'] as const;
const VIEWPORT = { width: 420, height: 640 };

const stage = await openStage(VIEWPORT);
const { page } = stage;
await mkdir(folder, { recursive: true });
// Others of the folder are made elsewhere (`test/desktop`).
for (const name of await readdir(folder)) if (/^(?:state|home|page)-/.test(name)) await rm(path.join(folder, name));

async function shoot(name: string): Promise<void> {
  const file = path.join(folder, `${name}.png`);
  await page.locator('.waiting').waitFor({ state: 'detached' });
  // A card's buttons wait until it can have been seen.
  await page.waitForFunction(() => {
    const buttons = [...document.querySelectorAll<HTMLButtonElement>('.enroll-card button')];
    return buttons.length === 0 || buttons.some((button) => !button.disabled);
  });
  await page.waitForTimeout(150);
  await writeFile(file, await page.screenshot({ animations: 'disabled' }));
  await promisify(execFile)('/usr/bin/pngquant', ['--force', '--ext', '.png', '--speed', '1', '64', '--', file]).catch(
    () => {},
  );
}

for (const theme of THEMES) {
  for (const kind of STATE_KINDS) {
    await stage.show({ scene: kind, theme, lang });
    await shoot(`state-${kind}-${theme}`);
  }
  for (const scene of ['enroll-request', 'enroll-plain', 'failure']) {
    await stage.show({ scene, theme, lang });
    await shoot(`home-${scene}-${theme}`);
  }
  for (const name of PAGES.filter((known) => known !== 'home')) {
    await stage.show({ scene: name === 'posture' ? 'quarantined' : 'connected', theme, lang });
    await open(page, name);
    await shoot(`page-${name}-${theme}`);
  }
}
await page.setViewportSize({ ...VIEWPORT, height: 1190 });
await stage.show({ scene: 'connected', theme: 'light', lang });
await shoot('home-whole-light');
await page.setViewportSize({ width: 960, height: 640 });
await stage.show({ scene: 'connected', theme: 'dark', lang });
await shoot('home-wide-dark');
await stage.close();
