import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { osRelease } from './os-release.ts';

test('os-release is read from the first file that is there', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-os-release-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const missing = path.join(folder, 'missing');
  const file = path.join(folder, 'os-release');
  for (const [text, expected] of [
    ['PRETTY_NAME="Debian GNU/Linux 12"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n', ['Debian GNU/Linux', '12']],
    ["NAME=Fedora\nVERSION_ID='41'\n", ['Fedora', '41']],
    ['NAME="A \\"B\\" \\$C"\n', ['A "B" $C', '']],
    ['', ['', '']],
  ] as const) {
    writeFileSync(file, text);
    const { distro, release } = await osRelease([missing, file]);
    assert.deepEqual([distro, release], expected);
  }
  assert.deepEqual(await osRelease([missing]), { distro: '', release: '' });
});
