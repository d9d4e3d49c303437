import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TestLog } from './testing.ts';
import { openZip } from './verifier/zip.mjs';
import { createZip } from './zip.ts';

test('a ZIP with two files of one name is refused by verify.html', async (t) => {
  const file = path.join(new TestLog(t).dataDir, 'two.zip');
  const zip = createZip(file, new Date(0));
  await zip.add('records-a', 'one');
  await zip.add('records-b', 'two');
  await zip.close();
  const bytes = readFileSync(file);
  assert.deepEqual((await openZip(new Blob([bytes]))).names, ['records-a', 'records-b']);
  const doubled = Buffer.from(bytes.toString('latin1').replaceAll('records-b', 'records-a'), 'latin1');
  await assert.rejects(openZip(new Blob([doubled])), /two files "records-a"/);
});
