import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { asked, focused, open } from '../cases.ts';
import type { Cases } from './cases.ts';

const FIXTURE = path.join(import.meta.dirname, '../fixtures/invitation.png');
const LINK = 'gatehouse://enroll?url=https%3A%2F%2Fgate.example.org&token=Zm9vYmFyLXRva2Vu_0123456789';

export const enrollment: Cases = (needs, stage) => {
  test('a pasted link leads to the question who is joined, and to the answer', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'not-enrolled' });
    await page.locator('.hero-buttons button').first().click();
    await page.getByLabel('Invitation link').fill(`  ${LINK}\n`);
    await page.keyboard.press('Enter');
    const card = page.getByRole('region', { name: 'Join gate.example.org?' });
    await card.waitFor();
    assert.deepEqual(await asked(page, 'offer'), [{ text: LINK, from: 'paste' }]);
    assert.equal(await page.getByLabel('Invitation link').inputValue(), '', 'the token is not kept in the page');
    await card.getByRole('button', { name: 'Join', exact: true }).click();
    await card.waitFor({ state: 'detached' });
    assert.deepEqual(await asked(page, 'confirmEnroll'), [{ id: 101, accept: true, allowPlain: false }]);
    await page.locator('.hero[data-kind="enrolling"]').waitFor();
  });

  test('an invitation that names a certificate says so, and not which', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'not-enrolled' });
    const pin = `sha256:${'A'.repeat(43)}`;
    await page.evaluate((text) => window.gatehouse.call('offer', { text, from: 'paste' }), `${LINK}&pin=${pin}`);
    const card = page.getByRole('region', { name: 'Join gate.example.org?' });
    await card.getByText('The invitation names the certificate of this controller.').waitFor();
    assert.doesNotMatch((await card.textContent()) ?? '', /sha256/);
  });

  test('plain HTTP needs a word of its own; other networks stay', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'enroll-plain' });
    const card = page.getByRole('region', { name: 'Join 192.168.178.2:8080?' });
    assert.match((await card.textContent()) ?? '', /not encrypted/);
    assert.match((await card.textContent()) ?? '', /added to them/);
    const join = card.getByRole('button', { name: 'Join', exact: true });
    assert.equal(await join.isDisabled(), true);
    await card.getByRole('checkbox').check();
    await join.click();
    assert.deepEqual(await asked(page, 'confirmEnroll'), [{ id: 1, accept: true, allowPlain: true }]);
  });

  test(
    'a second link to the same host waits behind the first, is a card of its own, and takes no click',
    needs,
    async () => {
      const { page, show } = stage();
      await show({ scene: 'not-enrolled' });
      const offer = (url: string) =>
        page.evaluate((text) => window.gatehouse.call('offer', { text, from: 'paste' }), `${url} Zm9vYmFyLXRva2Vu`);
      await offer('http://gate.example.org/one');
      const card = page.getByRole('region', { name: 'Join gate.example.org?' });
      await card.getByText('http://gate.example.org/one').waitFor();
      assert.doesNotMatch((await card.textContent()) ?? '', /invitation/);
      await card.getByRole('checkbox').check();
      const first = await card.elementHandle();
      await offer('http://gate.example.org/two');
      await card.getByRole('status').filter({ hasText: 'Another invitation arrived.' }).waitFor();
      assert.equal(await card.getByRole('checkbox').isChecked(), true);
      assert.match((await card.textContent()) ?? '', /\/one/);
      // In the moment in which the next card is drawn, before any of its time has passed.
      await page.evaluate(() => {
        new MutationObserver((_changes, observer) => {
          if (!document.querySelector('.enroll-card')?.textContent?.includes('/two')) return;
          observer.disconnect();
          const controls = [...document.querySelectorAll<HTMLInputElement>('.enroll-card button, .enroll-card input')];
          Object.assign(window, { drawn: controls.map(({ disabled }) => disabled) });
        }).observe(document.body, { childList: true, subtree: true });
      });
      await card.getByRole('button', { name: 'Don’t join' }).click();
      await card.getByText('http://gate.example.org/two').waitFor();
      assert.deepEqual(await page.evaluate('window.drawn'), [true, true, true]);
      assert.equal(await first?.evaluate((element) => element.isConnected), false, 'it is another card');
      assert.equal(await card.getByRole('checkbox').isChecked(), false);
      assert.equal(await focused(page), 'h2 Join gate.example.org?');
      await card.getByRole('checkbox').check();
      await card.getByRole('button', { name: 'Join', exact: true }).click();
      await card.waitFor({ state: 'detached' });
      assert.deepEqual(await asked(page, 'confirmEnroll'), [
        { id: 101, accept: false, allowPlain: false },
        { id: 102, accept: true, allowPlain: true },
      ]);
    },
  );

  test('what was changed in between needs a new word', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'enroll-plain' });
    await page.getByRole('checkbox').check();
    await page.evaluate(() =>
      window.gatehouseFake.play('connected', {
        enroll: {
          id: 2,
          url: 'http://evil.example',
          host: 'evil.example',
          plain: true,
          from: 'link',
          adds: true,
          behind: 0,
        },
      }),
    );
    const card = page.getByRole('region', { name: 'Join evil.example?' });
    await card.waitFor();
    assert.equal(await card.getByRole('checkbox').isChecked(), false);
    await card.getByRole('button', { name: 'Don’t join' }).click();
    assert.deepEqual(await asked(page, 'confirmEnroll'), [{ id: 2, accept: false, allowPlain: false }]);
  });

  test('the card stays while joining, and is as it was when that fails, which is told beside it', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'enroll-plain' });
    await open(page, 'enroll');
    const card = page.getByRole('region', { name: 'Join 192.168.178.2:8080?' });
    const join = card.getByRole('button', { name: 'Join', exact: true });
    await card.getByRole('checkbox').check();
    await page.evaluate(() => {
      window.gatehouseFake.stuck.add('confirmEnroll');
    });
    await join.click();
    await page.locator('.enroll-card[aria-busy="true"]').waitFor();
    assert.equal(await join.isDisabled(), true);
    assert.equal(await card.getByRole('button', { name: 'Don’t join' }).isDisabled(), true);

    await show({ scene: 'enroll-plain' });
    await open(page, 'enroll');
    await card.getByRole('checkbox').check();
    await page.evaluate(() => {
      window.gatehouseFake.broken.confirmEnroll = 'The controller doesn’t answer.';
    });
    await join.click();
    const alert = page.getByRole('alert');
    await alert.filter({ hasText: 'The controller doesn’t answer.' }).waitFor();
    assert.equal(await alert.count(), 1);
    assert.equal(await page.locator('.page-head h1').textContent(), 'Join a network');
    assert.equal(await card.getByRole('checkbox').isChecked(), true);
    assert.equal(await join.isDisabled(), false);
  });

  test('a link that was refused says why on the page that it opens', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'not-enrolled' });
    await open(page, 'enroll');
    const message = 'The address of the controller isn’t right.';
    await page.evaluate(
      (words) => window.gatehouseFake.play('not-enrolled', { failure: { action: 'enroll', message: words } }),
      message,
    );
    const alert = page.getByRole('alert').filter({ hasText: message });
    await alert.waitFor();
    const { y } = (await alert.boundingBox()) ?? { y: -1 };
    assert.ok(y >= 0 && y < 640, `it is to be seen: ${y}`);
  });

  test('a long host stays inside of the card', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'enroll-request' });
    const host = `${Array.from({ length: 4 }, () => 'very-long-label-of-a-name-that-goes-on-and-on-and-on-x').join('.')}.example`;
    await page.evaluate(
      (long) =>
        window.gatehouseFake.play('not-enrolled', {
          enroll: {
            id: 2,
            url: `http://${long}/a/${'b'.repeat(1900)}`,
            host: long,
            plain: true,
            from: 'link',
            adds: true,
            behind: 3,
          },
        }),
      host,
    );
    await page.getByRole('region', { name: `Join ${host}?` }).waitFor();
    const over = await page
      .locator('.enroll-card, .enroll-card *')
      .evaluateAll(
        (all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0).length,
      );
    assert.equal(over, 0);
  });

  test('address and token go by two fields, the token unseen; what is wrong is told', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'not-enrolled' });
    await open(page, 'enroll');
    const token = page.getByLabel('Token', { exact: true });
    assert.equal(await token.getAttribute('type'), 'password');
    await page.getByLabel('Address').fill('https://gate.example.org');
    await token.fill('no token');
    await page.keyboard.press('Enter');
    assert.match((await page.getByRole('alert').textContent()) ?? '', /no invitation/);
    await token.fill('Zm9vYmFyLXRva2Vu');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Join gate.example.org?' }).waitFor();
    assert.deepEqual((await asked(page, 'offerToken')).at(-1), {
      url: 'https://gate.example.org',
      token: 'Zm9vYmFyLXRva2Vu',
    });
  });

  test('a QR code is read from a file, from the clipboard, and when dropped', needs, async () => {
    const { page, show, complaints } = stage();
    const picture = await readFile(FIXTURE);
    await show({ scene: 'not-enrolled' });
    await open(page, 'enroll');
    const file = page.locator('input[type=file]');
    await file.setInputFiles(FIXTURE);
    await page.getByRole('region', { name: 'Join gate.example.org?' }).waitFor();

    await page.evaluate((data) => {
      window.gatehouseFake.clipboard = `data:image/png;base64,${data}`;
    }, picture.toString('base64'));
    await page.getByRole('button', { name: 'From the clipboard' }).click();
    await page.waitForFunction(() => window.gatehouseFake.asked.filter(({ name }) => name === 'offer').length === 2);

    const transfer = await page.evaluateHandle((data) => {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      const transferred = new DataTransfer();
      transferred.items.add(new File([bytes], 'code.png', { type: 'image/png' }));
      return transferred;
    }, picture.toString('base64'));
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: transfer });
    await page.waitForFunction(() => window.gatehouseFake.asked.filter(({ name }) => name === 'offer').length === 3);
    assert.deepEqual(await asked(page, 'offer'), Array(3).fill({ text: LINK, from: 'qr' }));
    assert.deepEqual(complaints, []);
  });

  test('a picture without a code, a file that is none, and one too big are told apart', needs, async () => {
    const { page, show } = stage();
    await show({ scene: 'not-enrolled' });
    await open(page, 'enroll');
    const file = page.locator('input[type=file]');
    const alert = page.getByRole('alert');
    const blank = await page.evaluate(() => {
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 64;
      return canvas.toDataURL('image/png').split(',')[1] ?? '';
    });
    const tell = async (buffer: Buffer, words: RegExp) => {
      await file.setInputFiles({ name: 'picture.png', mimeType: 'image/png', buffer });
      await alert.filter({ hasText: words }).waitFor();
    };
    await tell(Buffer.from(blank, 'base64'), /No QR code/);
    await tell(Buffer.from('a text, and no picture at all, but long enough'), /not a picture/);
    const huge = await readFile(FIXTURE);
    huge.writeUInt32BE(30_000, 16);
    huge.writeUInt32BE(30_000, 20);
    await tell(huge, /too big: up to 20 MB and 40 megapixels/);
    await page.getByRole('button', { name: 'From the clipboard' }).click();
    await alert.filter({ hasText: /no picture on the clipboard/ }).waitFor();
    assert.deepEqual(await asked(page, 'offer'), []);
  });
};
