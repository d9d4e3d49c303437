import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Type from 'typebox';
import { writeDurably } from '../os/temp.ts';
import { JsonFile, sweep } from './files.ts';

const Schema = Type.Object({ n: Type.Integer(), filling: Type.String() });

/** Does `work`, and says what of the disk it touched in which order: by names, those beside without their chance part. */
async function touches(work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const name = (file: unknown) =>
    path
      .basename(String(file))
      .replace(/\.[0-9a-f]{12}\.tmp$|^\.(.*)\.gatehouse-\d+$/, (_, plain) => `${plain ?? ''}~`);
  const { open, rename } = fsp;
  Object.assign(fsp, {
    open: async (...args: Parameters<typeof open>) => {
      const handle = await open(...args);
      for (const method of ['writeFile', 'sync', 'close'] as const) {
        const real = handle[method].bind(handle) as (...args: unknown[]) => Promise<void>;
        Object.assign(handle, {
          [method]: async (...given: unknown[]) => {
            await real(...given);
            seen.push(`${method} ${name(args[0])}`);
          },
        });
      }
      return handle;
    },
    rename: async (from: string, to: string) => {
      await rename(from, to);
      seen.push(`rename ${name(from)} ${name(to)}`);
    },
  });
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    Object.assign(fsp, { open, rename });
    syncBuiltinESMExports();
  }
  return seen;
}

describe('files of the state folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = path.join(mkdtempSync(path.join(tmpdir(), 'gatehouse-files-')), 'state');
    return fsp.mkdir(folder);
  });
  afterEach(() => rmSync(path.dirname(folder), { recursive: true }));

  test('are written beside and synced before they take the old one’s place, which is synced too', async () => {
    const json = new JsonFile(folder, 'x.json', Schema);
    assert.deepEqual(await touches(() => json.write({ n: 1, filling: '' })), [
      'writeFile x.json~',
      'sync x.json~',
      'close x.json~',
      'rename x.json~ x.json',
      'sync state',
      'close state',
    ]);
    assert.deepEqual(await touches(() => writeDurably(path.join(folder, 'format'), '1\n', 0o600)), [
      'writeFile format~',
      'sync format~',
      'close format~',
      'rename format~ format',
      'sync state',
      'close state',
    ]);
    // So is a removal.
    assert.deepEqual(await touches(() => json.write(null)), ['sync state', 'close state']);
    assert.deepEqual(readdirSync(folder), ['format']);
  });

  test('whoever reads, and whoever comes after a kill -9, finds one of them whole', async () => {
    const script = `
      const { JsonFile } = await import(${JSON.stringify(path.join(import.meta.dirname, 'files.ts'))});
      const file = new JsonFile(${JSON.stringify(folder)}, 'x.json', {});
      for (let n = 1; ; n++) {
        await file.write({ n, filling: 'x'.repeat((n % 7) * 50_000) });
        if (n === 3) console.log('begun');
      }`;
    const json = new JsonFile(folder, 'x.json', Schema);
    const check = async () => {
      const { n, filling } = (await json.read())!;
      assert.equal(filling.length, (n % 7) * 50_000);
      return n;
    };
    for (const reads of [1, 20, 50]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      const seen = new Set<number>();
      while (seen.size < reads) seen.add(await check());
      child.kill('SIGKILL');
      await ended;
      await check();
      writeFileSync(path.join(folder, `x.json.${'0'.repeat(12)}.tmp`), '{"n":');
      await sweep(folder);
      assert.deepEqual(readdirSync(folder), ['x.json']);
      assert.match(readFileSync(json.path, 'utf8'), /\}\n$/);
    }
  });
});
