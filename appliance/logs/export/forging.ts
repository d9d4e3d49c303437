import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createCosigner } from '../merkle/cosignature.ts';
import { commitmentOf, LEAF_COMMITMENT } from '../record/leaf.ts';
import { buildExport } from './export.ts';
import { CSV_HEAD, csvRow, type Line } from './format.ts';
import { type Ends, NOON, namesIn, TestLog, unpack, type Verdict } from './testing.ts';
import type { ExportOptions } from './types.ts';

export const HOUR = 3_600_000_000;
export const witness = createCosigner('witness.example/1', generateKeyPairSync('ed25519').privateKey);
export const line = (i: number): string =>
  `<134>date=2060-11-22 devname="FGT" srcip=10.0.0.${i % 250} dstip=192.0.2.7 action="accept" n=${i}`;
export const lines = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => line(from + i));

/** 600 records of three days' keys, two of whose checkpoints a witness has cosigned. */
export function makeLog(t: Ends): TestLog {
  const log = new TestLog(t);
  for (let epoch = 0; epoch < 3; epoch++) {
    const at = NOON + epoch * HOUR;
    log.add(lines(200 * epoch, 100), at);
    log.keep(log.note(witness, Math.floor((at + 20e6) / 1e6)));
    log.add(lines(200 * epoch + 100, 100), at + 60e6);
    if (epoch < 2) log.rotate(at + 120e6);
  }
  log.seal((body) => log.keys.signCheckpoint(body) + witness.cosign(body, (NOON + 2 * HOUR + 90e6) / 1e6));
  return log;
}

export const temporary = (t: Ends): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-unpacked-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

export async function exported(t: Ends, log: TestLog, more: Partial<ExportOptions> = {}): Promise<string> {
  const file = more.file ?? path.join(log.dataDir, 'export.zip');
  const options = {
    dataDir: log.dataDir,
    folder: log.folder,
    file,
    fromUs: NOON - 10 * HOUR,
    toUs: NOON + 10 * HOUR,
    by: 'root',
    atUs: NOON + 3 * HOUR,
    witnesses: [witness.vkey],
    ...more,
  };
  const { sha256, bytes } = await buildExport(options, () => undefined);
  const zip = readFileSync(file);
  assert.deepEqual([sha256, bytes], [createHash('sha256').update(zip).digest('hex'), zip.length]);
  const folder = temporary(t);
  await unpack(file, folder);
  return folder;
}

export const read = (folder: string, name: string): string => readFileSync(path.join(folder, name), 'utf8');
export const write = (folder: string, name: string, text: string): void => writeFileSync(path.join(folder, name), text);
export const recordsOf = (folder: string): Line[] =>
  read(folder, 'records.jsonl')
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));

/** What somebody does who changes an unpacked export: everything that is derived fits again. */
export function forge(folder: string, change: (records: Line[]) => Line[], head: Record<string, unknown> = {}): void {
  const records = change(recordsOf(folder));
  write(folder, 'records.jsonl', records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  write(folder, 'records.csv', [CSV_HEAD, ...records.map(csvRow), ''].join('\n'));
  list(folder, { count: records.length, ...head });
}

export function list(folder: string, head: Record<string, unknown> = {}): void {
  const manifest = JSON.parse(read(folder, 'manifest.json'));
  const files = namesIn(folder).filter((name) => name !== 'manifest.json');
  const listed = files.map((name) => {
    const bytes = readFileSync(path.join(folder, name));
    return [name, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }];
  });
  write(folder, 'manifest.json', JSON.stringify({ ...manifest, ...head, files: Object.fromEntries(listed) }));
}

/** The line with another message, and a leaf that commits to it. */
export function withMessage(record: Line, raw: string): Line {
  const leaf = Buffer.from(record.leaf, 'base64');
  leaf.set(commitmentOf(Buffer.from(record.salt!, 'base64'), record.peer, Buffer.from(raw)), LEAF_COMMITMENT);
  return { ...record, raw, leaf: leaf.toString('base64') };
}

export function caught({ code, text }: Verdict, ...said: RegExp[]): void {
  assert.equal(code, 1, text);
  assert.match(text, /^NOT VERIFIED/);
  for (const one of said) assert.match(text, one);
}

export const keysOf = (folder: string): string[] => {
  const { log, epoch0 } = JSON.parse(read(folder, 'keys.json'));
  return ['--key', log, '--key', epoch0, '--witness', witness.vkey];
};
