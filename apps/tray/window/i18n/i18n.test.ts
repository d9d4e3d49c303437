import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { checkParity } from '../../core/i18n/catalog.ts';
import { en } from './en.ts';
import { windowTexts } from './index.ts';

test('every language has every text, with the same values', () => {
  const alike = [
    'app.name',
    'peers.hub',
    'home.hub',
    'home.controller',
    'enroll.token',
    'nav.label',
    'doctor.failed',
    'settings.channel.beta',
    'settings.channel.stable',
    'settings.updates',
    'settings.notify.updates',
    'common.no',
  ];
  assert.deepEqual(checkParity(windowTexts.catalogs, alike), []);
});

test('no text is there for nobody', async () => {
  const folder = path.join(import.meta.dirname, '..');
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.tsx'));
  const source = (await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')))).join('\n');
  // Keys that are put together: `ended.${ended}`.
  const built = [...source.matchAll(/`([a-zA-Z.]+)\$\{/g)].map(([, start]) => start as string);
  const unused = Object.keys(en).filter(
    (key) => !source.includes(`'${key}'`) && !built.some((start) => key.startsWith(start)),
  );
  assert.deepEqual(unused, []);
});
