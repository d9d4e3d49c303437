import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { buildService } from './setup.ts';

/** What runs programs for 64-bit Windows; Debian's `wine` asks for the 32-bit one first. */
const findWine = (): string | null =>
  ['/usr/lib/wine/wine64', '/usr/bin/wine64'].find((file) => existsSync(file)) ?? null;

// Wine keeps no owners of files: every folder that is there is somebody else's to it.
const wine = findWine();
const needs = wine === null ? { skip: 'needs wine (64-bit)' } : requires('x86_64-w64-mingw32-gcc');
test('the state folder is made anew where somebody else has made it before', needs, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-protect-'));
  const service = path.join(folder, 'gatehouse-service.exe');
  await buildService(service);
  const env = {
    ...process.env,
    WINEPREFIX: path.join(folder, 'wine'),
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
  };
  const data = path.join(env.WINEPREFIX, 'drive_c', 'ProgramData');
  const protect = (name: string) =>
    spawnSync(wine!, [service, 'protect', `C:\\ProgramData\\${name}`], { env, timeout: 300_000 }).status;
  t.after(() => {
    spawnSync('wineserver', ['-k', '-w'], { env });
    rmSync(folder, { recursive: true, force: true });
  });
  assert.equal(protect('Gatehouse'), 0);
  const fresh = path.join(data, 'Gatehouse');
  // In Unix's terms: nothing for others.
  assert.equal(statSync(fresh).mode & 0o007, 0);

  const others = path.join(data, 'Planted');
  mkdirSync(others);
  writeFileSync(path.join(others, 'identity.json'), 'planted');
  assert.equal(protect('Planted'), 0);
  assert.deepEqual(readdirSync(others), []);
  const aside = readdirSync(data).filter((name) => name.startsWith('Planted.untrusted-'));
  assert.equal(aside.length, 1);
  assert.equal(readFileSync(path.join(data, aside[0]!, 'identity.json'), 'utf8'), 'planted');
  // A plain file is in the way like a folder; without the folder above there is nothing to make it in.
  writeFileSync(path.join(data, 'File'), '');
  assert.equal(protect('File'), 0);
  assert.ok(statSync(path.join(data, 'File')).isDirectory());
  assert.equal(protect('no\\where'), 3);
  assert.notEqual(spawnSync(wine!, [service, 'protect'], { env, timeout: 300_000 }).status, 0);
});
