import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_SETTINGS } from '../core/index.ts';
import { type OpenDrawer, openSettings, understand } from './settings.ts';

/** As electron-store does it, without Electron. */
const open: OpenDrawer = ({ cwd, name }) => {
  const file = path.join(cwd, `${name}.json`);
  let text = '{}';
  try {
    text = readFileSync(file, 'utf8');
  } catch {}
  const start = JSON.parse(text) as Record<string, unknown>;
  return {
    get store() {
      return start;
    },
    set store(value) {
      writeFileSync(file, JSON.stringify(value));
    },
  };
};

describe('settings', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-settings-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('a change is kept, and the rest stays', () => {
    const store = openSettings(folder, open, () => undefined);
    assert.deepEqual(store.read(), DEFAULT_SETTINGS);
    store.change({ theme: 'dark', notifications: { posture: false } });
    const again = openSettings(folder, open, () => undefined).read();
    assert.deepEqual(again, {
      ...DEFAULT_SETTINGS,
      theme: 'dark',
      notifications: { ...DEFAULT_SETTINGS.notifications, posture: false },
    });
  });

  test('a damaged file is put aside, and said', () => {
    writeFileSync(path.join(folder, 'settings.json'), '{"theme": "dark"');
    const said: string[] = [];
    const store = openSettings(folder, open, (message) => said.push(message));
    assert.deepEqual(store.read(), DEFAULT_SETTINGS);
    const aside = readdirSync(folder).find((name) => name.startsWith('settings.damaged-'));
    assert.equal(readFileSync(path.join(folder, aside ?? ''), 'utf8'), '{"theme": "dark"');
    assert.match(said.join(), /settings\.damaged-/);
    store.change({ theme: 'light' });
    assert.equal(openSettings(folder, open, () => undefined).read().theme, 'light');
  });

  test('of a strange file what is understood is kept', () => {
    const kept = { theme: 'pink', language: 'tr', notifications: { posture: false, updates: 'no', x: true }, other: 1 };
    assert.deepEqual(understand(kept), {
      ...DEFAULT_SETTINGS,
      language: 'tr',
      notifications: { ...DEFAULT_SETTINGS.notifications, posture: false },
    });
  });

  test('whatever the file holds, the settings are whole', () => {
    fc.assert(
      fc.property(fc.anything(), (kept) => {
        const settings = understand(kept);
        assert.deepEqual(Object.keys(settings).sort(), Object.keys(DEFAULT_SETTINGS).sort());
        assert.equal(typeof settings.launchAtLogin, 'boolean');
      }),
    );
  });

  test('what can’t be written is not taken as changed', () => {
    const store = openSettings(
      folder,
      () => Object.freeze({ store: {} }),
      () => undefined,
    );
    assert.throws(() => store.change({ theme: 'dark' }));
    assert.equal(store.read().theme, 'system');
  });
});
