import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { claimFormat, STATE_FORMAT } from './format.ts';

describe('the format of the state folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-format-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = () => path.join(folder, 'format');

  test('is noted where none or an unreadable one is', async () => {
    for (const before of [null, '', '0\n', 'x'.repeat(100)]) {
      if (before !== null) writeFileSync(file(), before);
      await claimFormat(folder);
      assert.equal(readFileSync(file(), 'utf8'), `${STATE_FORMAT}\n`);
    }
  });

  test('a newer one is refused, and stays', async () => {
    writeFileSync(file(), `${STATE_FORMAT + 1}\n`);
    await assert.rejects(claimFormat(folder), /newer agent: format \d+.*Install the newer version/);
    assert.equal(readFileSync(file(), 'utf8'), `${STATE_FORMAT + 1}\n`);
  });
});
