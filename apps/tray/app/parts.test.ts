import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { checkParity } from '../core/index.ts';
import { webAddress } from './actions.ts';
import { autostartEntry, autostartFolder, setAutostart } from './autostart.ts';
import { linkIn } from './deep-link.ts';
import { fileNameOf, serveFile } from './files.ts';
import { appCatalogs, appText } from './i18n.ts';
import { createLog } from './log.ts';

const inFolder = async (run: (folder: string) => Promise<void> | void): Promise<void> => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-parts-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('the window’s files', () => {
  test('only plain names inside the folder', () => {
    assert.equal(fileNameOf('/'), 'index.html');
    assert.equal(fileNameOf('/assets/index-B3x_1.js'), 'assets/index-B3x_1.js');
    const bad = [
      '/../main.js',
      '/a/../../x.js',
      '/%2e%2e/main.js',
      '/.env.js',
      '//etc/x.js',
      '/a\\b.js',
      '/x',
      '/a.exe',
      '/a//b.js',
      '/x.js/',
      `/${'a/'.repeat(9)}x.js`,
      '/a\0.js',
    ];
    for (const pathname of bad) assert.equal(fileNameOf(pathname), null, pathname);
  });

  test('each with its type and the policy; nothing but GET', () =>
    inFolder(async (folder) => {
      writeFileSync(path.join(folder, 'index.html'), 'hello');
      const found = await serveFile(folder, 'the policy', 'GET', '/');
      assert.equal(await found.text(), 'hello');
      assert.equal(found.headers.get('content-security-policy'), 'the policy');
      assert.equal(found.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.equal(found.headers.get('x-content-type-options'), 'nosniff');
      for (const [method, pathname] of [
        ['POST', '/'],
        ['GET', '/none.js'],
        ['GET', '/../index.html'],
      ] as const) {
        const missing = await serveFile(folder, 'the policy', method, pathname);
        assert.equal(missing.status, 404);
        assert.equal(missing.headers.get('content-security-policy'), 'the policy');
      }
    }));
});

describe('launch at login on Linux', () => {
  test('the entry is written whole, and removed', () =>
    inFolder((folder) => {
      const autostart = path.join(folder, 'autostart');
      setAutostart(autostart, '/opt/Gatehouse/gatehouse-app', true);
      setAutostart(autostart, '/opt/Gatehouse/gatehouse-app', true);
      assert.deepEqual(readdirSync(autostart), ['gatehouse-app.desktop']);
      const entry = readFileSync(path.join(autostart, 'gatehouse-app.desktop'), 'utf8');
      assert.match(entry, /^Exec="\/opt\/Gatehouse\/gatehouse-app" --hidden$/m);
      assert.match(entry, /^TryExec=\/opt\/Gatehouse\/gatehouse-app$/m);
      setAutostart(autostart, '/opt/x', false);
      setAutostart(autostart, '/opt/x', false);
      assert.deepEqual(readdirSync(autostart), []);
      assert.throws(() => setAutostart(autostart, '/opt/a\nExec=evil', true));
    }));

  test('a path is quoted as the specification has it', () => {
    assert.match(autostartEntry('/opt/a b/$x"`\\%f'), /^Exec="\/opt\/a b\/\\\\\$x\\\\"\\\\`\\\\\\\\%%f" --hidden$/m);
  });

  test('the folder is the user’s', () => {
    assert.equal(autostartFolder({}, '/home/a'), '/home/a/.config/autostart');
    assert.equal(autostartFolder({ XDG_CONFIG_HOME: '/c' }, '/home/a'), '/c/autostart');
    assert.equal(autostartFolder({ XDG_CONFIG_HOME: 'c' }, '/home/a'), '/home/a/.config/autostart');
  });
});

test('the address of a captive network is opened only when it is a page', () => {
  assert.equal(webAddress('http://portal.example.org/a?b#c'), 'http://portal.example.org/a?b#c');
  const bad = [
    '',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'ms-settings:',
    'http://u:p@x/',
    'x',
    `http://x/${'a'.repeat(3000)}`,
  ];
  for (const text of bad) assert.throws(() => webAddress(text), { key: 'portal-address' }, text);
});

test('a link among the arguments', () => {
  assert.equal(linkIn(['app', '--hidden', 'gatehouse://enroll?x']), 'gatehouse://enroll?x');
  assert.equal(linkIn(['app', 'https://gatehouse://']), null);
  assert.equal(linkIn(['app', `gatehouse:${'a'.repeat(9000)}`]), null);
});

test('the app’s texts are there in each language', () => {
  assert.deepEqual(checkParity(appCatalogs), []);
  assert.equal(appText('de', 'start-failed', { reason: 'X' }), 'Der Dienst konnte nicht gestartet werden: X.');
});

test('the log keeps its last lines', () => {
  const written: string[] = [];
  const log = createLog(
    () => 0,
    (line) => written.push(line),
  );
  for (let i = 0; i < 600; i += 1) log(`line ${i}\nmore`);
  assert.equal(log.lines().length, 500);
  assert.equal(log.lines()[0], '1970-01-01T00:00:00.000Z line 100 | more');
  assert.equal(written.length, 600);
});
