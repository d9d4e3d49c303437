import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { checkParity } from '../../core/i18n/catalog.ts';
import { checkFix, checkName } from '../help/checks.ts';
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
    'check.daemon',
    'check.system',
    'check.wireguard',
    'check.ipv6',
  ];
  assert.deepEqual(checkParity(windowTexts.catalogs, alike), []);
});

test('no text is there for nobody', async () => {
  const folder = path.join(import.meta.dirname, '..');
  const files = (await readdir(folder, { recursive: true })).filter(
    (name) => /\.tsx?$/.test(name) && !/^(?:i18n|fake)\/|\.test\./.test(name),
  );
  const source = (await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')))).join('\n');
  // Keys that are put together: `ended.${ended}`.
  const built = [...source.matchAll(/`([a-zA-Z.]+)\$\{/g)].map(([, start]) => start as string);
  const unused = Object.keys(en).filter(
    (key) => !source.includes(`'${key}'`) && !built.some((start) => key.startsWith(start)),
  );
  assert.deepEqual(unused, []);
});

test('each check of the daemon has its name, and what to do where it may fail', async () => {
  const agent = path.join(import.meta.dirname, '../../../../agent');
  const names = ['daemon/doctor.ts', 'daemon/refused.ts', 'os/linux/diagnose.ts', 'os/darwin.ts', 'os/windows.ts'];
  const source = (await Promise.all(names.map((name) => readFile(path.join(agent, name), 'utf8')))).join('\n');
  const named = [...source.matchAll(/(?:check(?: =|:)|\b(?:ok|warning|failed|step)\()\s*'([^']+)'/g)].map(
    ([, name]) => name!,
  );
  const checks = new Set(named);
  assert.ok(checks.size >= 20 && checks.has('controller TLS') && checks.has('forwarding'), [...checks].join());
  const t = windowTexts.translator('de');
  const finding = { result: 'failed', detail: '', advice: null } as const;
  for (const check of checks) {
    assert.notEqual(checkName({ ...finding, check }, t), check, check);
    assert.ok(checkFix({ ...finding, check }, t) !== null || ['daemon', 'dns'].includes(check), check);
    assert.equal(checkFix({ ...finding, check, result: 'ok' }, t), null);
  }
  // One that only a newer daemon has, and one that is called as what every object has.
  for (const check of ['flux', 'constructor']) {
    assert.equal(checkName({ ...finding, check }, t), check);
    assert.equal(checkFix({ ...finding, check }, t), null);
  }
});
