import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Chromium } from '../../../test/api/chromium.ts';
import { requires } from '../../../test/requires.ts';
import { startExport } from './start.ts';
import { NOON, namesIn, TestLog, unpack } from './testing.ts';

test(
  'verify.html checks a ZIP or a folder in a browser, and says what verify.mjs does',
  requires('chromium'),
  async (t) => {
    const log = new TestLog(t);
    const messages = Array.from({ length: 600 }, (_, i) => `<134>message ${i} é`);
    log.add(messages, NOON);
    log.seal();
    const file = path.join(log.dataDir, 'export.zip');
    await startExport({
      dataDir: log.dataDir,
      folder: log.folder,
      file,
      fromUs: 0,
      toUs: NOON * 2,
      by: 'x',
      atUs: NOON,
    }).done;
    const folder = path.join(log.dataDir, 'unpacked');
    await unpack(file, folder);
    const browser = await Chromium.start();
    t.after(() => browser.close());
    await browser.open(pathToFileURL(path.join(folder, 'verify.html')).href);
    await browser.shows(/Nothing leaves this computer/);

    /** What a person does who chooses these files. */
    const choose = (input: string, files: [string, Buffer][]): Promise<unknown> => {
      const given = JSON.stringify(files.map(([name, bytes]) => [name, bytes.toString('base64')]));
      return browser.value(`{
      const chosen = new DataTransfer();
      for (const [name, text] of ${given}) {
        const file = new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name.split('/').at(-1));
        Object.defineProperty(file, 'webkitRelativePath', { value: name.includes('/') ? name : '' });
        chosen.items.add(file);
      }
      const input = document.getElementById('${input}');
      Object.defineProperty(input, 'files', { value: [...chosen.files], configurable: true });
      input.dispatchEvent(new Event('change'));
    }`);
    };
    const result = (): Promise<string> => browser.value('document.getElementById("result").textContent');

    await choose('zip', [['export.zip', readFileSync(file)]]);
    await browser.shows(/Done: verified/);
    assert.match(await result(), /^VERIFIED[\s\S]*600 records are exactly what was sealed/);

    const records = path.join(folder, 'records.jsonl');
    writeFileSync(records, readFileSync(records, 'utf8').replace('message 321 ', 'message 123 '));
    const all = namesIn(folder).map((name): [string, Buffer] => [
      `unpacked/${name}`,
      readFileSync(path.join(folder, name)),
    ]);
    await choose('folder', all);
    await browser.shows(/Done: not verified/);
    assert.match(await result(), /^NOT VERIFIED[\s\S]*Record 321 isn’t what was sealed/);
    assert.deepEqual(browser.complaints, []);
  },
);
