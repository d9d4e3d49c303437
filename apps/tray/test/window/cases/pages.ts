import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallName, Page as PageName } from '../../../core/ipc/table.ts';
import { asked, open } from '../cases.ts';
import type { Cases } from './cases.ts';

/** Each page with the call that fills it, and what it says when there is nothing. */
const FILLED: readonly { name: PageName; call: CallName; empty: RegExp }[] = [
  { name: 'peers', call: 'peers', empty: /No devices yet/ },
  { name: 'posture', call: 'posture', empty: /Nothing was checked/ },
  { name: 'activity', call: 'sessions', empty: /No connections yet/ },
  { name: 'doctor', call: 'doctor', empty: /Nothing was checked/ },
  { name: 'logs', call: 'logs', empty: /The log is empty/ },
  { name: 'report', call: 'report', empty: /The report is empty/ },
];

export const pages: Cases = (needs, stage) => {
  test('each page shows that it waits, why it failed and how to go on, and that there is nothing', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await page.evaluate(
      (names) => {
        for (const name of names) window.gatehouseFake.stuck.add(name);
      },
      FILLED.map(({ call }) => call),
    );
    for (const { name } of FILLED) {
      await open(page, name);
      await page.locator('.waiting').waitFor();
    }
    await show({ scene: 'connected' });
    await page.evaluate(
      (names) => {
        for (const name of names) window.gatehouseFake.broken[name] = `the ${name} are out`;
        window.gatehouseFake.hollow = true;
      },
      FILLED.map(({ call }) => call),
    );
    for (const { name, call, empty } of FILLED) {
      await open(page, name);
      const alert = page.getByRole('alert').filter({ hasText: `the ${call} are out` });
      await alert.waitFor();
      await page.evaluate((healed) => {
        delete window.gatehouseFake.broken[healed];
      }, call);
      await alert.getByRole('button', { name: 'Try again' }).click();
      await page.locator('.empty').filter({ hasText: empty }).waitFor();
    }
  });

  test('a window that main doesn’t answer says so, and asks again', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected', fail: 'ready' });
    await page.getByRole('alert').filter({ hasText: '“ready” fails' }).waitFor();
    await page.evaluate(() => {
      window.gatehouseFake.broken = {};
    });
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Connected to Office' }).waitFor();
  });

  test('without a daemon the pages say so and ask for nothing', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'daemon-down' });
    for (const name of ['peers', 'posture', 'activity', 'doctor', 'logs'] as const) {
      await open(page, name);
      await page.getByText('doesn’t answer').waitFor();
    }
    assert.deepEqual(await asked(page, 'peers'), []);
  });

  test('hubs come first; an address is copied as it is; names are searched for', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'peers');
    await page.locator('.peer').first().waitFor();
    assert.deepEqual(await page.locator('.peer h2').allTextContents(), ['gate-1', 'build-server', 'printer-2nd-floor']);
    await page.getByRole('button', { name: 'Copy 100.64.0.23' }).click();
    assert.deepEqual(await asked(page, 'copy'), [{ text: '100.64.0.23' }]);
    await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor();
    await page.getByRole('tab', { name: 'Names' }).click();
    await page.getByLabel('Search names').fill('print');
    await page.getByText('printer-2nd-floor.office').waitFor();
    await page.locator('.name-row').nth(1).waitFor({ state: 'detached' });
    assert.match((await page.locator('.name-row').textContent()) ?? '', /offline/);
    assert.deepEqual((await asked(page, 'directory')).at(-1), { search: 'print' });
    await page.getByRole('tab', { name: 'Routes' }).click();
    await page.getByText('192.168.178.0/24').waitFor();
  });

  test('what fails comes first, with what is wished and what to do on this system', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'quarantined' });
    await open(page, 'posture');
    const first = page.locator('.check').first();
    await first.waitFor();
    const text = (await first.textContent()) ?? '';
    assert.match(text, /Disk encryption/);
    assert.match(text, /Wanted: yes/);
    assert.match(text, /LUKS/);
    await page.getByRole('button', { name: 'Check again' }).click();
    assert.deepEqual(await asked(page, 'posture'), [{ anew: false }, { anew: true }]);
  });

  test('a name from outside turns nothing around and is not endless', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await page.evaluate(() => {
      const evil = `\u202egnp.exe${' and on'.repeat(60)}`;
      window.gatehouseFake.called = evil;
      window.gatehouseFake.play('connected');
    });
    const bad = /[\u202a-\u202e\u2066-\u2069]|and on(?: and on){20}/;
    const said = () =>
      page.evaluate(() =>
        [
          document.body.textContent,
          ...Array.from(
            document.querySelectorAll('[aria-label], [title]'),
            (each) => `${each.getAttribute('aria-label')} ${each.getAttribute('title')}`,
          ),
        ].join('\n'),
      );
    await page
      .getByRole('button', { name: /^Remove gnp\.exe/ })
      .first()
      .click();
    await page.getByRole('dialog').waitFor();
    assert.doesNotMatch(await said(), bad);
    await page.keyboard.press('Escape');
    for (const name of ['peers', 'activity'] as const) {
      await open(page, name);
      await page
        .getByText(/gnp\.exe/)
        .first()
        .waitFor();
      assert.doesNotMatch(await said(), bad);
    }
    await open(page, 'peers');
    for (const tab of ['Names', 'Routes']) {
      await page.getByRole('tab', { name: tab }).click();
      await page
        .getByText(/gnp\.exe/)
        .first()
        .waitFor();
      assert.doesNotMatch(await said(), bad);
    }
  });

  test(
    'the check-up speaks the language of the window, and says the daemon’s own words as English',
    needs,
    async () => {
      const { page, show } = stage();
      await show({ scene: 'degraded', lang: 'de' });
      await open(page, 'doctor');
      const first = page.locator('.check').first();
      await first.waitFor();
      assert.equal(await first.locator('.row-title').textContent(), 'Handshake mit dem Hub');
      assert.match((await first.textContent()) ?? '', /Was zu tun ist: Vielleicht sperrt dieses Netz die Verbindung/);
      const english = await first.locator('[lang="en"]').allTextContents();
      assert.deepEqual(english, [
        'no handshake with gate-1 for 4 minutes',
        'Check that UDP to the hub passes the firewalls in between.',
      ]);
      await open(page, 'logs');
      assert.equal(await page.getByRole('log').getAttribute('lang'), 'en');
    },
  );

  test('a check-up belongs to one network', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'doctor');
    await page.locator('.check').first().waitFor();
    await page.evaluate(() => {
      const { link } = window.gatehouseFake.scene('connected');
      if (link.kind !== 'up' || !link.status.enrolled) return;
      const status = { ...link.status, enrolled: { ...link.status.enrolled, peerId: 'p-lab' } };
      window.gatehouseFake.play('connected', { link: { kind: 'up', status } });
    });
    await page.waitForFunction(() => window.gatehouseFake.asked.filter(({ name }) => name === 'doctor').length === 2);
  });

  test('why updates are off is told in the language of the window', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected', lang: 'de' });
    await page.evaluate(() =>
      window.gatehouseFake.play('connected', { update: { kind: 'off', reason: 'no-package' } }),
    );
    await open(page, 'settings');
    await page
      .getByText('Diese Kopie aktualisiert sich nicht selbst: Sie wurde nicht aus einem Paket installiert.')
      .waitFor();
  });

  test('nothing newer is no praise once what the update folder says has ended', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'settings');
    await page.getByText('Up to date, checked').waitFor();
    const stale = '2026-01-02T12:00:00.000Z';
    for (const update of [
      { kind: 'none', checked: '2026-11-20T12:00:00.000Z', stale },
      { kind: 'ready', version: '0.2.0', stale },
      { kind: 'failed', message: 'x', stale },
    ] as const) {
      await page.evaluate((now) => window.gatehouseFake.play('connected', { update: now }), update);
      await page.getByText(/No news from the update folder since .*2026.*Ask your administrator\./).waitFor();
      assert.equal(await page.getByText('Up to date').count(), 0);
    }
    await page.getByRole('button', { name: 'Look for updates' }).waitFor();
  });

  test('the log is filtered, copied, and followed or not', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'logs');
    const lines = page.getByRole('log');
    await lines.waitFor();
    await page.getByLabel('Filter').fill('HANDSHAKE');
    await page.getByText('9 lines').waitFor();
    await page.getByRole('button', { name: 'Copy lines' }).click();
    const [{ text }] = (await asked(page, 'copy')) as [{ text: string }];
    assert.equal(text.split('\n').length, 9);
    assert.ok(text.split('\n').every((line) => line.includes('handshake')));
    await page.getByLabel('Filter').fill('nowhere');
    await page.getByText('No line has “nowhere” in it.').waitFor();
  });

  test('a report is read, its replacements counted, and saved', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'report');
    await page.getByRole('region', { name: 'The report' }).waitFor();
    assert.deepEqual(await page.locator('.redacted .badge').allTextContents(), [
      'network addresses: 4',
      'host names: 2',
      'home folders: 1',
    ]);
    await page.getByRole('button', { name: 'Save…' }).click();
    await page.getByText('Saved as /home/ada/gatehouse-report.txt').waitFor();
    assert.equal((await asked(page, 'report')).length, 1);
  });

  test('each setting is sent by itself and holds at once', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'connected' });
    await open(page, 'settings');
    await page.getByRole('switch', { name: 'Connect when opened' }).click();
    await page.getByRole('switch', { name: 'Problems' }).click();
    await page.getByLabel('Theme').selectOption('dark');
    await page.getByLabel('Channel').selectOption('beta');
    await page.getByLabel('Language').selectOption('de');
    assert.deepEqual(await asked(page, 'settings'), [
      { connectAtLaunch: true },
      { notifications: { problems: false } },
      { theme: 'dark' },
      { updateChannel: 'beta' },
      { language: 'de' },
    ]);
    await page.getByRole('heading', { name: 'Einstellungen' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark');
    assert.equal(await page.getByRole('switch', { name: 'Probleme' }).isChecked(), false);
  });

  test('an update is looked for and installed by hand', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'update' });
    await open(page, 'settings');
    await page.getByText('Version 0.2.0 is ready').waitFor();
    await page.getByRole('button', { name: 'Install now' }).click();
    await page.evaluate(() => window.gatehouseFake.play('connected'));
    await page.getByRole('button', { name: 'Look for updates' }).click();
    assert.deepEqual(await asked(page, 'act'), [{ id: 'install-update' }, { id: 'check-update' }]);
    await page.getByText('Looking for updates…').waitFor();
  });
};
