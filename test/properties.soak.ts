import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const ROUNDS = Number(process.env.PROPERTY_ROUNDS ?? 20);

/** The test files that draw their cases; those that need a whole appliance or foreign programs stay out. */
const files = globSync('{protocol,appliance,agent,apps,installers}/**/*.test.ts', { cwd: root })
  .filter((file) => !file.includes('node_modules'))
  .filter((file) => readFileSync(path.join(root, file), 'utf8').includes("from 'fast-check'"));

describe('properties hold for new cases', () => {
  for (let round = 1; round <= ROUNDS; round++) {
    const seed = String(randomInt(2 ** 31));
    test(`round ${round}: PROPERTY_SEED=${seed}`, async () => {
      const { NODE_TEST_CONTEXT: _, ...env } = process.env;
      const run = await promisify(execFile)(
        process.execPath,
        ['--import', path.join(root, 'test/seed.ts'), '--test', '--test-reporter=dot', ...files],
        { cwd: root, env: { ...env, PROPERTY_SEED: seed }, maxBuffer: 64 << 20 },
      ).catch((failed: { stdout: string }) => failed);
      assert.ok(!('code' in run), `to repeat: PROPERTY_SEED=${seed} npm test -- <file>\n${run.stdout}`);
    });
  }
});
