import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { segmentFile } from '../archive/files.ts';
import { TileStore } from '../archive/tiles.ts';
import { createCosigner } from '../merkle/cosignature.ts';
import { makePlace, openSealer } from '../seal/testing.ts';
import { messagesOf, NOON, TestLog, withMessages } from './testing.ts';
import { type VerifyOptions, verifyArchive } from './verify.ts';

const HOUR = 3_600_000_000;
const witness = createCosigner('witness.example/1', generateKeyPairSync('ed25519').privateKey);
const lines = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `<134>message ${from + i}`);

/** 900 records, three epochs, a batch of 100 each. */
function makeLog(t: TestContext): TestLog {
  const log = new TestLog(t);
  for (let i = 0; i < 9; i++) {
    log.add(lines(100 * i, 100), NOON + i * HOUR);
    if (i === 4) log.keep(log.note(witness, (NOON + i * HOUR) / 1e6 + 20));
    if (i === 2 || i === 5) log.rotate(NOON + i * HOUR + 60e6);
  }
  log.seal();
  return log;
}

const verify = ({ folder, secrets }: TestLog, more: Partial<VerifyOptions> = {}) =>
  verifyArchive({ folder, secrets, witnessVkeys: [witness.vkey], ...more });

async function finds(log: TestLog, said: RegExp, more: Partial<VerifyOptions> = {}): Promise<void> {
  const { findings } = await verify(log, more);
  const texts = findings.map(({ text, defect }) => `${text} [${defect}]`).join('\n');
  assert.match(texts, said);
}

describe('on the box', () => {
  test('a good log is verified', async (t) => {
    const log = makeLog(t);
    const progress: number[] = [];
    const verified = await verify(log, {
      onProgress: (done) => progress.push(done),
      atLeast: { size: 900, root: log.root },
    });
    assert.deepEqual(verified.findings, []);
    assert.deepEqual([verified.size, verified.records, progress.at(-1)], [900, 900, 1]);
    assert.match(verified.proved.join('\n'), /900 records are exactly[\s\S]*4 earlier states/);
    assert.match(verified.proved.join('\n'), /The witness witness\.example\/1 has seen this log with 500 records/);
    assert.deepEqual((await verify(log, { fromUs: NOON, toUs: NOON + 1 })).findings, []);
  });

  /** A copy in which somebody has written the records anew; `sign`s with what he has. */
  const rewritten = (
    t: TestContext,
    batch: number,
    change: (messages: string[]) => string[],
    forget = false,
  ): TestLog => {
    const forged = new TestLog(t, makeLog(t));
    forged.rewrite((block, n) => {
      if (n !== batch) return block;
      const messages = change(messagesOf(block));
      const { count } = block;
      // Without a record the columns are cut; one more has the columns of the first again.
      const cut = <T extends Float64Array | Uint8Array | Uint16Array>(column: T): T => {
        const width = column.length / count;
        const kept = Array.from(column);
        const more = messages.length > count ? kept.slice(0, width) : [];
        return (column.constructor as unknown as { from(values: number[]): T }).from(
          [...kept, ...more].slice(0, messages.length * width),
        );
      };
      const { index, receiveUs, monotonicUs, kind, transport, flags, source, peer, salts } = block;
      const columns = { index, receiveUs, monotonicUs, kind, transport, flags, source, peer };
      const fitted = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, cut(column)]));
      // Salts are listed then, not made of a seed.
      const listed = messages.length === count ? {} : { salts: cut(salts), seed: undefined as never };
      return { ...withMessages(block, messages), ...fitted, ...listed, count: messages.length };
    });
    if (forget) forged.forgetKept();
    forged.seal();
    return forged;
  };

  for (const [name, change] of [
    ['altered', (messages) => messages.with(7, '<134>nothing')],
    ['deleted', (messages) => messages.toSpliced(7, 1)],
    ['put in', (messages) => messages.toSpliced(7, 0, '<134>nothing')],
    ['moved', (messages) => messages.with(7, messages[8]!).with(8, messages[7]!)],
  ] as [string, (messages: string[]) => string[]][]) {
    test(`a record that was ${name} is found, though everything was signed anew with both keys`, async (t) => {
      await finds(rewritten(t, 1, change, true), /The past was altered, one of the records 0 to 299.*\[past altered\]/);
      await finds(rewritten(t, 4, change), /The past was altered, one of the records 300 to (499|599)/);
    });
  }

  test('a record that was altered under the old checkpoint is found among 256, or exactly at the end', async (t) => {
    for (const [batch, said] of [
      [1, /One of the records 0 to 255 isn’t what was sealed.*\[altered\]/],
      [4, /One of the records 256 to 511 isn’t what was sealed/],
      [8, /don’t make up the root that the checkpoint of 900 records has/],
    ] as const) {
      const box = makeLog(t);
      const forged = new TestLog(t, box);
      forged.rewrite((block, n) => (n === batch ? withMessages(block, messagesOf(block).with(7, '<134>x')) : block));
      forged.seal(() => box.checkpoint);
      const tiles = new TileStore(forged.folder);
      const old = new TileStore(box.folder);
      for (let tile = 0; tile < 3; tile++) tiles.write(1, tile, old.read(8, tile)!);
      await finds(forged, said);
      // With the hashes of the last tile stored, the root seems good: the record doesn't.
      if (batch !== 8) continue;
      const hashes = Buffer.alloc(256 * 32);
      const leaves = Array.from({ length: 132 }, (_, i) => box.leafHash(768 + i));
      Buffer.concat(leaves).copy(hashes);
      tiles.write(0, 768, hashes);
      await finds(forged, /Record 807 isn’t the one whose hash is stored/);
    }
  });

  test('swapped salts are found', async (t) => {
    const box = makeLog(t);
    const forged = new TestLog(t, box);
    forged.rewrite((block, n) => {
      if (n !== 1) return block;
      const salts = block.salts.slice();
      salts.set(block.salts.subarray(0, 16), 16);
      salts.set(block.salts.subarray(16, 32), 0);
      return { ...block, salts, seed: undefined as never };
    });
    forged.seal(() => box.checkpoint);
    await finds(forged, /One of the records 0 to 255 isn’t what was sealed|don’t make up the root/);
  });

  test('a damaged frame is named with its records', async (t) => {
    const log = makeLog(t);
    const file = segmentFile(log.folder, 0);
    const bytes = readFileSync(file);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(file, bytes);
    const { findings } = await verify(log);
    const damaged = findings.filter(({ defect }) => defect === 'damaged');
    assert.deepEqual(
      damaged.map(({ index, last }) => last! - index!),
      [99],
      JSON.stringify(findings),
    );
  });

  test('a truncated segment is found', async (t) => {
    const log = makeLog(t);
    const file = segmentFile(log.folder, 0);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length - 10));
    await finds(log, /800 of 900 leaves are there/);
  });

  test('an old checkpoint, and an older copy, are found', async (t) => {
    const log = makeLog(t);
    const old = log.batchNote(4);
    writeFileSync(path.join(log.folder, 'checkpoint'), old);
    await finds(log, /is about 600 records, the checkpoint about 500: an older copy or checkpoint was put in place/);
    await finds(makeLog(t), /The log has 900 records, but it is known to have had 1000 already: an older copy/, {
      atLeast: { size: 1000, root: log.root },
    });
    await finds(makeLog(t), /The past was altered, one of the records 600 to 799: what the database remembers of 800/, {
      atLeast: { size: 800, root: log.root },
    });
    // Where nothing else tells, so many records behind the checkpoint do.
    const long = new TestLog(t);
    for (let i = 0; i < 60; i++) long.add(lines(100 * i, 100), NOON + (i * HOUR) / 2);
    long.seal();
    writeFileSync(path.join(long.folder, 'checkpoint'), long.batchNote(4));
    await finds(long, /5500 records are behind the checkpoint of 500, more than ever wait/);
  });

  test('what isn’t signed by both keys of its time is found', async (t) => {
    const log = makeLog(t);
    const signatures = log.checkpoint.split('\n\n')[1]!.split('\n');
    const body = log.checkpoint.split('\n\n')[0]!;
    const file = path.join(log.folder, 'checkpoint');
    writeFileSync(file, `${body}\n\n${signatures[1]}\n`);
    await finds(log, /The checkpoint isn’t signed by the log key/);
    writeFileSync(file, `${body}\n\n${signatures[0]}\n`);
    await finds(log, /The checkpoint isn’t signed by the epoch key of its time/);
    await finds(log, /doesn’t begin with the key that was noted/, { keys: [witness.vkey] });
    rmSync(file);
    await finds(log, /There is no checkpoint/);
  });

  test('a log that grows meanwhile is verified', async (t) => {
    const place = makePlace();
    t.after(() => place.remove());
    const box = openSealer(place, { limits: { segmentRecords: 700 } });
    for (let i = 0; i < 10; i++) {
      box.send(lines(100 * i, 100));
      box.pass(6);
    }
    let grown = 0;
    const onProgress = (): void => {
      if (++grown > 15) return;
      box.send(lines(0, 100));
      box.pass(6);
    };
    const { findings, size } = await verifyArchive({ ...place, secrets: box.secrets, onProgress });
    assert.deepEqual(findings, []);
    assert.ok(grown > 5 && box.archive().size() > size + 700);
    await box.stop();
  });

  test('a clock that was turned back is found', async (t) => {
    const log = new TestLog(t);
    log.add(lines(0, 5), NOON);
    log.add(lines(5, 5), NOON - HOUR, { monotonicUs: Float64Array.from([1, 2, 3, 4, 5], (i) => 3_700e6 + i) });
    log.seal();
    await finds(log, /The clock was turned back by 3\d\d\d(\.\d)? s before record 5/);
  });
});
