import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
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
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { migrations } from '../appliance.ts';
import { NOON, TestLog, unpack, verifyFolder } from '../logs/export/testing.ts';
import { createCosigner } from '../logs/merkle/cosignature.ts';
import { writeAnchor } from '../logs/rounds/anchor.ts';
import { DATABASE_FILE, KEY_FILE, openDatabase, openKeyFile, openStore } from '../store/index.ts';
import { run } from './index.ts';

const HOUR = 3_600_000_000;
const log = { info() {}, warn() {}, error() {} };
const witness = createCosigner('witness.example/1', generateKeyPairSync('ed25519').privateKey);
const lines = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `<134>line ${from + i}`);
const at = (us: number): string => new Date(us / 1000).toISOString();

async function call(dataDir: string, args: string[], env = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await run(args, {
    env: { GATEHOUSE_DATA: dataDir, ...env },
    cwd: path.dirname(dataDir),
    stdin: Readable.from([]),
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** 600 records in six batches and two epochs, cosigned, and a database that remembers 500 of them. */
async function makeBox(t: TestContext): Promise<TestLog> {
  const box = new TestLog(t);
  for (let i = 0; i < 6; i++) {
    box.add(lines(100 * i, 100), NOON + i * HOUR);
    if (i === 2) box.rotate(NOON + i * HOUR + 60e6);
    if (i === 4) await remember(box.dataDir, box.size, box.root);
  }
  box.seal((body) => box.keys.signCheckpoint(body) + witness.cosign(body, NOON / 1e6 + 7 * 3600));
  return box;
}

async function remember(dataDir: string, size: number, root: Uint8Array): Promise<void> {
  const store = await openStore({ dataDir, migrations, log });
  const sealed = { from: 0, cosignatures: 0, genTime: null, atMs: NOON / 1000 };
  await writeAnchor(store, { ...sealed, size, root: Buffer.from(root).toString('base64') });
  await store
    .as<{ log_sources: Record<string, unknown> }>()
    .insertInto('log_sources')
    .values({
      ...{ address: '192.0.2.1', name: 'Firewall', name_key: 'firewall', parser: null, class: 'log' },
      ...{ site_id: 'default', updated_at: at(NOON) },
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await store.close();
}

async function remembered(dataDir: string): Promise<number | undefined> {
  const { out } = await call(dataDir, ['logs', 'status', '--json']);
  return JSON.parse(out).remembered?.size;
}

describe('logs verify', () => {
  test('says what is proved, with a store in use, and compares with the keys, the witness and the database', async (t) => {
    const box = await makeBox(t);
    const store = await openStore({ dataDir: box.dataDir, migrations, log });
    t.after(() => store.close());
    const keys = [box.keys.logVkey].flatMap((key) => ['--key', key]);
    const { code, out, err } = await call(box.dataDir, ['logs', 'verify', ...keys, '--witness', witness.vkey]);
    assert.equal(code, 0, out + err);
    assert.match(out, /^gatehouse\/acme\/lisbon\/edge-1 is as it was sealed:/);
    assert.match(out, /600 records are exactly what was sealed/);
    assert.match(out, /The witness witness\.example\/1 has seen this log with 600 records/);
    assert.match(out, /All 500 records that the database remembers of 2060-11-22T12:00:00\.000Z are there/);
    assert.doesNotMatch(out, /those in the folder/);

    const json = JSON.parse((await call(box.dataDir, ['logs', 'verify', '--json'])).out);
    assert.deepEqual([json.ok, json.origin, json.size, json.records], [true, 'gatehouse/acme/lisbon/edge-1', 600, 600]);
    assert.match(json.remarks.join('\n'), /The keys are those in the folder/);
  });

  test('of a part reads the segments with it', async (t) => {
    const box = await makeBox(t);
    for (const stretch of [
      ['--from', '100', '--to', '150'],
      ['--from', at(NOON), '--to', at(NOON + HOUR)],
    ]) {
      const { code, out } = await call(box.dataDir, ['logs', 'verify', ...stretch]);
      assert.equal(code, 0, out);
    }
    const none = await call(box.dataDir, ['logs', 'verify', '--from', '2099-01-01T00:00:00Z']);
    assert.deepEqual([none.code, none.out, /no record of that time/.test(none.err)], [2, '', true], none.err);
    const beyond = await call(box.dataDir, ['logs', 'verify', '--to', '600']);
    assert.deepEqual([beyond.code, /there is no record 600: the log has 600/.test(beyond.err)], [2, true]);
  });

  test('names the records and the defect, with exit code 1', async (t) => {
    const box = await makeBox(t);
    const segment = path.join(box.folder, 'segments', readdirSync(path.join(box.folder, 'segments'))[0]!);
    const bytes = readFileSync(segment);
    writeFileSync(segment, bytes.with(Math.floor(bytes.length * 0.4), bytes[Math.floor(bytes.length * 0.4)]! ^ 1));
    const altered = await call(box.dataDir, ['logs', 'verify']);
    assert.equal(altered.code, 1);
    assert.match(altered.out, /is NOT as it was sealed:\n {2}- records 200 to 299, damaged: /);
    assert.match(altered.err, /The log is not as it was sealed: \d defects? in/);
    const json = JSON.parse((await call(box.dataDir, ['logs', 'verify', '--json'])).out);
    assert.deepEqual([json.ok, json.findings[0].index, json.findings[0].last], [false, 200, 299]);

    const elsewhere = await call(box.dataDir, ['logs', 'verify', '--key', new TestLog(t).keys.logVkey]);
    assert.match(elsewhere.out, /the log, key: This log doesn’t begin with the key that was noted/);
  });

  test('notes what does not belong there, and keys that the log could not go on with', async (t) => {
    const box = await makeBox(t);
    const segments = path.join(box.folder, 'segments');
    const [segment] = readdirSync(segments).sort();
    writeFileSync(path.join(segments, 'copy.seg'), 'x');
    writeFileSync(path.join(segments, segment!), 'x'.repeat(50), { flag: 'a' });
    rmSync(path.join(box.folder, 'log.key'));
    writeFileSync(path.join(box.folder, 'epoch.key'), 'nonsense');
    const { code, out } = await call(box.dataDir, ['logs', 'verify']);
    assert.equal(code, 0, out);
    assert.match(out, /Not of this log, and not looked at, in segments\/: copy\.seg\./);
    assert.match(out, /50 bytes behind the last whole batch/);
    assert.match(out, /can’t be gone on with, as it is here: .*log\.key is missing/);
    assert.match(out, /can’t be gone on with, as it is here: .*epoch\.key/);
  });

  test('finds an older log, another one, and one that cannot be opened', async (t) => {
    const box = await makeBox(t);
    await remember(box.dataDir, 700, box.root);
    const older = await call(box.dataDir, ['logs', 'verify']);
    assert.match(
      older.out,
      /records 600 to 699, rolled back: The log has 600 records, but it is known to have had 700/,
    );
    await remember(box.dataDir, 400, box.root);
    const other = await call(box.dataDir, ['logs', 'verify']);
    assert.match(other.out, /records 300 to 399, past altered: .*what the database remembers of 400 records/);
    assert.deepEqual([older.code, other.code], [1, 1]);

    writeFileSync(path.join(box.folder, 'checkpoint'), 'nothing\n');
    const unread = await call(box.dataDir, ['logs', 'verify', '--json']);
    assert.equal(unread.code, 1);
    assert.match(JSON.parse(unread.out).findings[0].text, /checkpoint is damaged/);
  });

  test('on PostgreSQL says what it has not looked at', async (t) => {
    const box = await makeBox(t);
    const env = { GATEHOUSE_DATABASE: 'postgres://nobody@127.0.0.1:1/none' };
    const { code, out } = await call(box.dataDir, ['logs', 'verify'], env);
    assert.equal(code, 0, out);
    assert.match(out, /Note: The database is on PostgreSQL: what it remembers of the log was not looked at/);
  });
});

describe('logs export', () => {
  const period = ['--from', at(NOON), '--to', at(NOON + 2 * HOUR - 1000)];

  test('writes a ZIP for the owner alone that verifies, and no other file over it', async (t) => {
    const box = await makeBox(t);
    const file = path.join(box.dataDir, 'case.zip');
    const more = ['--case', '4711', '--by', 'A. Clerk', '--source', 'firewall', '--out', file];
    const made = await call(box.dataDir, ['logs', 'export', ...period, ...more]);
    assert.equal(made.code, 0, made.err);
    const database = openDatabase(path.join(box.dataDir, DATABASE_FILE), true);
    const left = database.prepare("SELECT data FROM outbox WHERE type = 'logs.exported'").all();
    database.close();
    assert.deepEqual(left.length, 1, 'the appliance seals that it was made');
    assert.doesNotMatch(made.err, /not sealed in the log/);
    assert.match(made.out, /^Exported 200 records to /);
    assert.match(made.out, /node verify\.mjs --key gatehouse\/acme\/lisbon\/edge-1\+/);
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(box.dataDir).filter((name) => name.startsWith('case')),
      ['case.zip'],
    );

    const folder = path.join(box.dataDir, 'unpacked');
    mkdirSync(folder);
    await unpack(file, folder);
    const { case: number, by, count, filter } = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
    assert.deepEqual([number, by, count, filter.source], ['4711', 'A. Clerk', 200, ['firewall']]);
    const [, args = ''] = /node verify\.mjs (.*)/.exec(made.out) ?? [];
    const verdict = await verifyFolder(folder, ...args.split(' '));
    assert.equal(verdict.code, 0, verdict.text);

    const before = readFileSync(file);
    const again = await call(box.dataDir, ['logs', 'export', ...period, '--out', file]);
    assert.deepEqual([again.code, /case\.zip exists: name a new file/.test(again.err)], [1, true]);
    assert.ok(readFileSync(file).equals(before));
    const json = await call(box.dataDir, ['logs', 'export', ...period, '--out', `${file}2`, '--json']);
    assert.deepEqual([JSON.parse(json.out).count, JSON.parse(json.out).file], [200, `${file}2`]);
  });

  test('that cannot be made leaves nothing behind', async (t) => {
    const box = await makeBox(t);
    rmSync(path.join(box.folder, 'checkpoint'));
    const failed = await call(box.dataDir, ['logs', 'export', ...period, '--out', path.join(box.dataDir, 'none.zip')]);
    assert.equal(failed.code, 1);
    assert.match(failed.err, /The export was not made: nothing was sealed yet/);
    assert.ok(!readdirSync(box.dataDir).some((name) => name.startsWith('none')));
  });
});

describe('logs status', () => {
  test('tells keys, size, witnesses and senders', async (t) => {
    const box = await makeBox(t);
    const config = path.join(box.dataDir, 'gatehouse.yaml');
    writeFileSync(config, `logs: { witnesses: [{ url: "https://w.example", key: "${witness.vkey}" }] }\n`);
    const { code, out } = await call(box.dataDir, ['logs', 'status', '--json']);
    const status = JSON.parse(out);
    assert.deepEqual([code, status.state, status.problems, status.remarks], [0, 'sealed', [], []]);
    assert.deepEqual([status.origin, status.size], ['gatehouse/acme/lisbon/edge-1', 600]);
    assert.deepEqual([status.log_key, status.epoch.number], [box.keys.logVkey, 1]);
    assert.deepEqual(status.cosignatures, [
      { name: 'witness.example/1', at: '2060-11-22T19:00:00.000000Z', genuine: true },
    ]);
    assert.deepEqual(status.oldest, { index: 0, received: '2060-11-22T12:00:00.000000Z' });
    assert.deepEqual(
      status.sources.map(({ id, name }: { id: number; name: string }) => [id, name]),
      [
        [0, 'gatehouse'],
        [1, 'Firewall'],
      ],
    );
    assert.equal(status.remembered.size, 500);
    rmSync(config);
    const text = await call(box.dataDir, ['logs', 'status']);
    assert.match(text.out, /^Log {2,}gatehouse\/acme\/lisbon\/edge-1\nState {2,}sealed/);
    assert.match(
      text.out,
      /Cosigned {2,}by witness\.example\/1, 2060\S+ \(not checked: its key is not in the settings\)/,
    );
  });

  for (const name of ['origin', 'genesis', 'checkpoint', 'epochs', 'segments', 'catalog.db', 'log.key', 'epoch.key']) {
    test(`says that ${name} is missing or damaged`, async (t) => {
      const box = await makeBox(t);
      const file = path.join(box.folder, name);
      rmSync(file, { recursive: true });
      for (const harm of [() => undefined, () => writeFileSync(file, 'nothing\n')]) {
        harm();
        const { code, out } = await call(box.dataDir, ['logs', 'status', '--json']);
        assert.equal(code, 0);
        const { state, problems } = JSON.parse(out);
        // What a secret file holds is not looked at.
        if (name.endsWith('.key') && existsSync(file)) assert.deepEqual([state, problems], ['sealed', []]);
        else assert.ok(state === 'damaged' && problems.length > 0, out);
      }
      assert.equal((await call(box.dataDir, ['logs', 'status'])).code, 0);
      assert.equal((await call(box.dataDir, ['logs', 'verify'])).code, name.endsWith('.key') ? 0 : 1);
    });
  }

  test('makes no key file where it is missing', async (t) => {
    const box = await makeBox(t);
    rmSync(path.join(box.dataDir, KEY_FILE));
    const { problems } = JSON.parse((await call(box.dataDir, ['logs', 'status', '--json'])).out);
    assert.match(problems.join('\n'), /keys\.json is missing/);
    assert.match((await call(box.dataDir, ['logs', 'verify'])).out, /keys\.json is missing/);
    assert.ok(!existsSync(path.join(box.dataDir, KEY_FILE)));
  });
});

test('what is given wrongly is named, with exit code 2; no log at all with 1', async (t) => {
  const box = await makeBox(t);
  const period = ['--from', at(NOON), '--to', at(NOON)];
  for (const [args, said] of [
    [['verify', '--from', 'yesterday'], /--from yesterday: write a time with its zone/],
    [['verify', '--to', '2060-11-22'], /--to 2060-11-22: write a time with its zone/],
    [['verify', '--from', '7', '--to', '3'], /--from is later than --to/],
    [['verify', '--key', 'x'], /--key x: a verifier key has the form/],
    [['verify', '--witness', box.keys.logVkey], /is not one of a witness/],
    [['verify', 'all'], /unexpected argument/],
    [['export', '--to', at(NOON)], /--from is missing/],
    [['export', '--from', at(NOON + 1e6), '--to', at(NOON)], /--from is later than --to/],
    [['export', ...period, '--source', '192.0.2.9'], /--source 192\.0\.2\.9 is no id, address or name/],
    [['export', ...period, '--case', 'a\nb'], /--case must be a text of at most 100 characters/],
    [['status', '--what'], /usage: gatehouse-appliance logs status/],
  ] as [string[], RegExp][]) {
    const { code, err, out } = await call(box.dataDir, ['logs', ...args]);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, said);
  }
  for (const name of ['status', 'verify']) {
    const { code, err } = await call(path.join(box.dataDir, 'nowhere'), ['logs', name]);
    assert.deepEqual([code, /There is no log in .*nowhere\. Set GATEHOUSE_DATA/.test(err)], [1, true]);
  }
});

test('after it was set aside', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-between-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(path.join(folder, 'logs-set-aside.json'), JSON.stringify({ folder: '/evidence' }));
  const { code, err } = await call(folder, ['logs', 'status']);
  assert.deepEqual([code, /set aside to \/evidence: start the appliance/.test(err)], [1, true], err);
});

test('as a program: exit code and what was proved', async (t) => {
  const box = await makeBox(t);
  const program = path.join(import.meta.dirname, '..', 'cli.ts');
  const env = { ...process.env, GATEHOUSE_DATA: box.dataDir };
  const { status, stdout } = spawnSync(process.execPath, [program, 'logs', 'verify'], { encoding: 'utf8', env });
  assert.equal(status, 0);
  assert.match(stdout, /600 records are exactly what was sealed/);
});

describe('backup and restore', () => {
  test('leave the log alone, and say so', async (t) => {
    const box = await makeBox(t);
    const copy = path.join(box.dataDir, 'copy');
    const { out, err } = await call(box.dataDir, ['backup', copy, '--json']);
    assert.equal(JSON.parse(out).logs, 'not included');
    assert.match(err, /The sealed log is not in this copy/);
    assert.ok(readdirSync(copy, { recursive: true }).every((name) => !String(name).includes('logs')));

    // A key that came since, with which the log is encrypted from then on; and a log that has grown.
    assert.equal((await call(box.dataDir, ['keys', 'rotate'])).code, 0);
    const sealed = openKeyFile(box.dataDir).seal('a segment key', 'c');
    await remember(box.dataDir, box.size, box.root);
    const restored = await call(box.dataDir, ['restore', copy, '--yes']);
    assert.equal(restored.code, 0, restored.err);
    assert.match(restored.err, /The sealed log in .* stays as it was, and so does what was remembered of it/);
    assert.equal(openKeyFile(box.dataDir).open(sealed, 'c'), 'a segment key');
    assert.ok(!readdirSync(box.dataDir).some((name) => name.includes('restoring')));
    assert.equal(await remembered(box.dataDir), 600);
    assert.equal((await call(box.dataDir, ['logs', 'verify'])).code, 0);
    const theirs = JSON.parse(readFileSync(path.join(copy, KEY_FILE), 'utf8')).keys.at(-1).id;
    assert.equal(JSON.parse(readFileSync(path.join(box.dataDir, KEY_FILE), 'utf8')).keys.at(-1).id, theirs);
  });

  test('beside no log or another one, the restored database remembers nothing of its own', async (t) => {
    const box = await makeBox(t);
    const copy = path.join(box.dataDir, 'copy');
    assert.equal((await call(box.dataDir, ['backup', copy])).code, 0);

    const empty = path.join(box.dataDir, 'empty');
    const { err } = await call(empty, ['restore', copy, '--yes']);
    assert.match(err, /the next start begins a new one, with new keys, unless you put .*empty\/logs back before/);
    mkdirSync(path.join(empty, 'logs'));
    assert.equal(await remembered(empty), undefined);

    // A box that was set up anew has begun a log.
    const other = new TestLog(t);
    other.add(lines(0, 10), NOON);
    other.seal();
    await remember(other.dataDir, 10, other.root);
    assert.equal((await call(other.dataDir, ['restore', copy, '--yes'])).code, 0);
    assert.equal(await remembered(other.dataDir), 10);
    assert.equal((await call(other.dataDir, ['logs', 'verify'])).code, 0, 'its own keys are there still');

    // A damaged database remembers nothing, and a damaged key file is replaced.
    for (const name of [DATABASE_FILE, KEY_FILE]) writeFileSync(path.join(other.dataDir, name), 'x', { mode: 0o600 });
    for (const end of ['-wal', '-shm']) rmSync(path.join(other.dataDir, DATABASE_FILE + end), { force: true });
    const repaired = await call(other.dataDir, ['restore', copy, '--yes']);
    assert.equal(repaired.code, 0, repaired.err);
    assert.equal(await remembered(other.dataDir), undefined);
  });
});

describe('logs forget', () => {
  test('lets a new log begin where the old one was moved away, and only there', async (t) => {
    const box = await makeBox(t);
    const there = await call(box.dataDir, ['logs', 'forget']);
    assert.equal(there.code, 1);
    assert.match(there.err, /There is a log in .*Move it away first/);
    rmSync(path.join(box.dataDir, 'logs'), { recursive: true });
    assert.match((await call(box.dataDir, ['logs', 'forget'])).out, /Forgot the log of 500 records/);
    assert.match((await call(box.dataDir, ['logs', 'forget'])).out, /remembers no log/);
  });
});
