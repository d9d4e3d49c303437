import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { linuxBattery, systemSource } from './source.ts';

test('the machine’s battery, not its mains nor a mouse’s', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-power-'));
  const supply = (name: string, files: Record<string, string>) => {
    mkdirSync(path.join(folder, name));
    for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, name, file), `${text}\n`);
  };
  const none = { hasBattery: false, percent: 0, isCharging: false };
  assert.deepEqual(await linuxBattery(path.join(folder, 'none')), none);
  supply('AC', { type: 'Mains', online: '1' });
  supply('hid-1', { type: 'Battery', scope: 'Device', capacity: '12', status: 'Discharging' });
  supply('BAT8', { type: 'Battery', capacity: 'unknown' });
  assert.deepEqual(await linuxBattery(folder), none);
  supply('BAT9', { type: 'Battery', capacity: '81', status: 'Charging' });
  assert.deepEqual(await linuxBattery(folder), { hasBattery: true, percent: 81, isCharging: true });
  rmSync(folder, { recursive: true });
});

test('load and memory are within their bounds', async () => {
  const source = systemSource();
  for (let i = 0; i < 2; i += 1) {
    const { currentLoad } = await source.currentLoad();
    assert.ok(currentLoad >= 0 && currentLoad <= 100, `${currentLoad}`);
  }
  const { total, active } = await source.mem();
  assert.ok(active > 0 && active <= total);
});
