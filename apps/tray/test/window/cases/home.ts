import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOCALES, STATE_KINDS } from '../../../core/types.ts';
import { viewOf } from '../../../core/view.ts';
import { snapshotOf } from '../../../window/fake/scenes.ts';
import { asked } from '../cases.ts';
import type { Cases } from './cases.ts';

export const home: Cases = (needs, stage) => {
  test('each state shows its title, its explanation and what helps', needs, async () => {
    const { page, show, complaints } = stage();
    await show({ scene: 'starting' });
    for (const kind of STATE_KINDS) {
      const view = viewOf(snapshotOf(kind));
      assert.equal(view.kind, kind, 'the scene plays its state');
      await page.evaluate((scene) => window.gatehouseFake.play(scene), kind);
      await page.locator(`.hero[data-kind="${kind}"]`).waitFor();
      assert.equal(await page.locator('.hero h1').textContent(), view.title);
      assert.equal(await page.title(), `${view.title} – Gatehouse`);
      if (view.detail !== '') assert.equal(await page.locator('.hero-detail').textContent(), view.detail);
      const labels = await page.locator('.hero-buttons button').allTextContents();
      const enrolled = await page.getByRole('switch', { name: 'Connection' }).count();
      const expected = view.actions.filter(({ action }) => !enrolled || !['connect', 'disconnect'].includes(action.id));
      assert.deepEqual(
        labels,
        expected.map(({ label }) => label),
      );
    }
    assert.deepEqual(complaints, []);
  });

  test('the shapes of states differ, not only their colours', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    const shapes = new Set<string>();
    for (const kind of ['connected', 'connecting', 'degraded', 'error', 'disconnected'] as const) {
      await page.evaluate((scene) => window.gatehouseFake.play(scene), kind);
      await page.locator(`.hero[data-kind="${kind}"]`).waitFor();
      shapes.add(await page.locator('.hero .state-icon').evaluate((icon) => icon.innerHTML));
    }
    assert.equal(shapes.size, 5);
  });

  test('the switch asks for what it says, and shows the prediction at once', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'disconnected' });
    const toggle = page.getByRole('switch', { name: 'Connection' });
    assert.equal(await toggle.isChecked(), false);
    await toggle.click();
    assert.deepEqual(await asked(page, 'act'), [{ id: 'connect' }]);
    await page.locator('.hero[data-kind="connecting"]').waitFor();
    assert.equal(await toggle.isChecked(), true);
  });

  test('what the daemon says of a trouble can be read, and of one without a network at once', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'error', lang: 'fr' });
    const words = page.locator('.words');
    assert.equal(await words.locator('p').isVisible(), false);
    await words.getByText('Selon le service (en anglais)').click();
    await words.getByText('neither kernel module nor wireguard-go').waitFor();
    assert.equal(await words.locator('p').getAttribute('lang'), 'en');
    const nowhere = (message: string) =>
      page.evaluate((said) => {
        const { link } = window.gatehouseFake.scene('not-enrolled');
        if (link.kind !== 'up') return;
        const status = { ...link.status, cause: { code: 'not-enrolled' as const, message: said } };
        window.gatehouseFake.play('not-enrolled', { link: { kind: 'up', status } });
      }, message);
    await nowhere('This device is not enrolled: gatehouse enroll <url> --token <token>.');
    await page.locator('.hero[data-kind="not-enrolled"]').waitFor();
    assert.equal(await words.count(), 0);
    await nowhere('identity.json is damaged: restore it.');
    await words.getByText('identity.json is damaged').waitFor();
    assert.equal(await words.locator('p').isVisible(), true);
  });

  test('a new state is said once, politely', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connecting' });
    const said = page.locator('.announcer');
    assert.equal(await said.getAttribute('aria-live'), 'polite');
    const before = await said.textContent();
    await page.evaluate(() => window.gatehouseFake.play('connected'));
    await page.locator('.hero[data-kind="connected"]').waitFor();
    assert.match((await said.textContent()) ?? '', /^Connected to Office/);
    assert.notEqual(await said.textContent(), before);
    const changes = await page.evaluate(async () => {
      let count = 0;
      new MutationObserver(() => count++).observe(document.querySelector('.announcer')!, {
        childList: true,
        characterData: true,
        subtree: true,
      });
      window.gatehouseFake.play('connected', { now: Date.now() + 60_000 });
      await new Promise((resolve) => setTimeout(resolve, 50));
      return count;
    });
    assert.equal(changes, 0);
  });

  test('a failure is told in words', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'failure' });
    assert.match((await page.getByRole('alert').textContent()) ?? '', /may not make a network interface/);
  });

  test('a network is left only after its loss was read', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await page.getByRole('button', { name: 'Remove Lab Grenoble' }).click();
    const dialog = page.getByRole('dialog', { name: 'Remove Lab Grenoble?' });
    assert.match((await dialog.textContent()) ?? '', /forgets its keys for Lab Grenoble/);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(await asked(page, 'act'), []);
    await page.getByRole('button', { name: 'Remove Lab Grenoble' }).click();
    await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('button', { name: 'Use Lab Grenoble' }).click();
    assert.deepEqual(await asked(page, 'act'), [
      { id: 'remove-profile', profile: 'p-lab' },
      { id: 'use-profile', profile: 'p-lab' },
    ]);
  });

  test('the curve has its words and its table', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    const chart = page.getByRole('img', { name: /^Received .* and sent/ });
    await chart.waitFor();
    await page.getByText('As a table').click();
    assert.equal(await page.locator('.table tbody tr').count(), 10);
    await page.getByRole('radio', { name: '24 hours' }).check({ force: true });
    await page.getByText('As a table').click();
    assert.equal(await page.locator('.table tbody tr').count(), 24);
  });

  test('traffic is asked each second on the home page, not from another, not while nobody sees it', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    const count = async () => (await asked(page, 'traffic')).length;
    await page.waitForFunction(() => window.gatehouseFake.asked.filter(({ name }) => name === 'traffic').length >= 2);
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      window.dispatchEvent(new Event('visibilitychange'));
    });
    const hidden = await count();
    await page.waitForTimeout(1300);
    assert.ok((await count()) <= hidden + 1, 'hidden: nothing more than what was under way');
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'visible', configurable: true });
      window.dispatchEvent(new Event('visibilitychange'));
      window.gatehouseFake.open('settings');
    });
    await page.locator('.page-head h1').waitFor();
    const elsewhere = await count();
    await page.waitForTimeout(1300);
    assert.equal(await count(), elsewhere);
  });

  test('the window speaks five languages', needs, async () => {
    const { page, show } = stage();
    for (const lang of LOCALES) {
      await show({ scene: 'connected', lang });
      const snapshot = snapshotOf('connected');
      const view = viewOf({ ...snapshot, settings: { ...snapshot.settings, language: lang } });
      assert.equal(await page.locator('.hero h1').textContent(), view.title);
      assert.equal(await page.locator('html').getAttribute('lang'), lang);
    }
  });
};
