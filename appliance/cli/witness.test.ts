import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { migrations } from '../appliance.ts';
import { formatAddCheckpoint } from '../logs/witness/request.ts';
import { createWitness } from '../logs/witness/server.ts';
import { logOf } from '../logs/witness/testing.ts';
import { openKeyFile, openStore } from '../store/index.ts';
import { run } from './index.ts';

const log = { info() {}, warn() {}, error() {} };

function places(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-witness-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const of = (name: string): string => path.join(folder, name);
  return {
    of,
    async call(dataDir: string, ...args: string[]): Promise<void> {
      const said: string[] = [];
      const say = (line: string): void => void said.push(line);
      const env = { GATEHOUSE_DATA: of(dataDir) };
      const code = await run(args, { env, cwd: folder, stdin: Readable.from([]), out: say, err: say });
      assert.equal(code, 0, said.join('\n'));
    },
  };
}

/** What the witness of a data folder answers, and its key. */
async function ask(dataDir: string, trusted: string, ...bodies: string[]) {
  const store = await openStore({ dataDir, migrations, log });
  try {
    const witness = await createWitness({
      ...{ store, secrets: openKeyFile(dataDir), folder: path.join(dataDir, 'logs') },
      ...{ origin: 'gatehouse/acme/porto/edge-2', trusted: [trusted], now: () => 1_795_305_600_000 },
    });
    const answers: number[] = [];
    for (const body of bodies) answers.push((await witness.addCheckpoint(body)).status);
    return { vkey: witness.vkey, answers };
  } finally {
    await store.close();
  }
}

describe("the key of a witness of others' logs", () => {
  const origin = 'gatehouse/acme/lisbon/edge-1';

  test('is in a backup, sealed, and the same after a restore to another box', async (t) => {
    const { of, call } = places(t);
    const other = logOf(origin);
    const { vkey } = await ask(of('one'), other.vkey);
    await call('one', 'backup', of('backup'));
    await call('two', 'restore', of('backup'), '--yes');
    assert.equal((await ask(of('two'), other.vkey)).vkey, vkey);
    rmSync(path.join(of('two'), 'keys.json'));
    await assert.rejects(ask(of('two'), other.vkey), /cosigns other sites' logs cannot be opened.*keys\.json/);
  });

  test('cosigns no second future of a log after a restore of an older backup', async (t) => {
    const { of, call } = places(t);
    const key = logOf(origin).key;
    const [first, second] = [logOf(origin, { key }), logOf(origin, { key, from: 7 })];
    const add = (one: typeof first, old: number, size: number): string => {
      const { note, prove } = one.at(size);
      return formatAddCheckpoint({ old, proof: old === 0 ? [] : prove(old), checkpoint: note });
    };
    assert.deepEqual((await ask(of('one'), first.vkey, add(first, 0, 5))).answers, [200]);
    await call('one', 'backup', of('backup'));
    assert.deepEqual((await ask(of('one'), first.vkey, add(first, 5, 9))).answers, [200]);
    await call('one', 'restore', of('backup'), '--yes');
    const { answers } = await ask(of('one'), first.vkey, add(second, 5, 9), add(first, 9, 12));
    assert.deepEqual(answers, [409, 200]);
  });

  test('that lay beside the logs is taken over', async (t) => {
    const { of } = places(t);
    const other = logOf(origin);
    const dataDir = of('one');
    mkdirSync(path.join(dataDir, 'logs'), { recursive: true });
    const secrets = openKeyFile(dataDir);
    const pem = other.key.export({ format: 'pem', type: 'pkcs8' }) as string;
    writeFileSync(path.join(dataDir, 'logs', 'witness.key'), secrets.seal(pem, 'logs/witness-key'));
    const { vkey } = await ask(dataDir, other.vkey);
    rmSync(path.join(dataDir, 'logs'), { recursive: true });
    assert.equal((await ask(dataDir, other.vkey)).vkey, vkey);
  });
});
