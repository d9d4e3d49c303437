import assert from 'node:assert/strict';
import { test } from 'node:test';
import { focused, open } from '../cases.ts';
import type { Cases } from './cases.ts';

export const keyboard: Cases = (needs, stage) => {
  test('all of the home page is reached by Tab, in the order of reading, and seen where it is', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await page.getByText('As a table').waitFor();
    const stops: string[] = [];
    for (let step = 0; step < 24; step++) {
      await page.keyboard.press('Tab');
      const stop = await focused(page);
      if (stop === 'body') break;
      stops.push(stop);
      const outline = await page.evaluate(() => {
        const element = document.activeElement!;
        // Switches and segments draw the ring on what stands for them.
        const drawn = [element, element.nextElementSibling].filter((part): part is Element => part !== null);
        return drawn.some((part) => getComputedStyle(part).outlineStyle === 'solid');
      });
      assert.ok(outline, `the focus is seen on: ${stop}`);
    }
    assert.deepEqual(stops, [
      'a Skip to content',
      'button Settings',
      'button Home',
      'button Network',
      'button Device',
      'button Activity',
      'button Help',
      'input Connection',
      'button Copy 100.64.0.17',
      'button Copy fd7a:115c:a1e0::11',
      'input 10 minutes',
      'summary As a table',
      'button Remove Office',
      'button Use Lab Grenoble',
      'button Remove Lab Grenoble',
      'button Add a network',
    ]);
  });

  test('the switch follows the space bar; pages open by Enter, and their heading has the focus', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await page.getByRole('switch', { name: 'Connection' }).focus();
    await page.keyboard.press('Space');
    await page.locator('.hero[data-kind="disconnecting"]').waitFor();
    await page.getByRole('button', { name: 'Activity' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Activity' }).waitFor();
    assert.equal(await focused(page), 'h1 Activity');
    assert.equal(await page.getByRole('button', { name: 'Activity' }).getAttribute('aria-current'), 'page');
  });

  test('arrow keys walk the tabs', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'doctor');
    await page.getByRole('tab', { name: 'Check-up' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('log').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('region', { name: 'The report' }).waitFor();
    assert.equal(await page.getByRole('tab', { name: 'Report' }).getAttribute('aria-selected'), 'true');
    assert.equal(await focused(page), 'button Report');
  });

  test('an invitation has the focus, is answered by keys, and leaves the focus on the page', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'enroll-plain' });
    const card = page.getByRole('region', { name: 'Join 192.168.178.2:8080?' });
    await card.getByRole('checkbox').and(page.locator(':enabled')).waitFor();
    assert.equal(await focused(page), 'h2 Join 192.168.178.2:8080?');
    const stops: string[] = [];
    for (const key of ['Tab', 'Space', 'Tab', 'Tab']) {
      await page.keyboard.press(key);
      stops.push(await focused(page));
    }
    const box = 'input I trust the network in between';
    assert.deepEqual(stops, [box, box, 'button Join', 'button Don’t join']);
    await page.keyboard.press('Enter');
    await card.waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.id === 'content');
  });

  test('a dialog keeps the focus, and gives it back', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    const opener = page.getByRole('button', { name: 'Remove Office' });
    await opener.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    assert.equal(await focused(page), 'button Cancel');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'button Remove');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await focused(page), 'button Remove Office');
  });
};
