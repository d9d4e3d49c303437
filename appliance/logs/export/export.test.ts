import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { leafHash, nodeHash } from '../merkle/hash.ts';
import { commitmentOf } from '../record/leaf.ts';
import { KIND } from '../record/types.ts';
import {
  caught,
  exported,
  forge,
  HOUR,
  keysOf,
  line,
  lines,
  list,
  makeLog,
  read,
  recordsOf,
  write,
} from './forging.ts';
import { startExport } from './start.ts';
import { messagesOf, NOON, namesIn, TestLog, verifyFolder, withMessages } from './testing.ts';

describe('an export', () => {
  test('of the whole log is verified, and says what it proves', async (t) => {
    const folder = await exported(t, makeLog(t), { case: 'AZ 12/26' });
    const { code, text } = await verifyFolder(folder, ...keysOf(folder));
    assert.equal(code, 0, text);
    for (const said of [
      /^VERIFIED/,
      /600 records are exactly what was sealed/,
      /signed by the log key and by the key of epoch 2/,
      /3, the first made on .*, the newest on 2060-11-22 .* each named by the one before/,
      /The log key is the one that was noted/,
      /The first epoch key is the one that was noted/,
      /The witness witness\.example\/1 has seen this log with 600 records/,
      /The export is whole: .* records 0 to 599/,
    ]) {
      assert.match(text, said);
    }
    const unpinned = await verifyFolder(folder);
    assert.equal(unpinned.code, 0);
    assert.match(unpinned.text, /keys are taken from this export itself/);
    const json = await verifyFolder(folder, '--json');
    assert.equal(JSON.parse(json.text).ok, true);
    assert.match(read(folder, 'report.pdf').slice(0, 8), /%PDF-1/);
  });

  test('of a part proves where it begins and ends, and has a tlog-proof for each of few records', async (t) => {
    const log = makeLog(t);
    const folder = await exported(t, log, { fromUs: NOON + HOUR, toUs: NOON + HOUR + 50e6 });
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    assert.match(text, /records 200 to 299/);
    assert.match(read(folder, 'proofs/200.tlog-proof'), /^c2sp\.org\/tlog-proof@v1\nindex 200\n/);
    // A record less at the end is missed, though the manifest says so.
    rmSync(path.join(folder, 'proofs/299.tlog-proof'));
    forge(folder, (records) => records.slice(0, -1), { last: 298 });
    caught(await verifyFolder(folder), /record 299 belongs to it/);
  });

  test('of one source is a selection, with what the log says about itself', async (t) => {
    const log = new TestLog(t);
    log.add(lines(0, 40), NOON, { source: new Uint16Array(40).map((_, i) => 1 + (i % 2)) });
    log.add(['{"event":"gap","count":3}'], NOON + 10e6, { kind: Uint8Array.of(KIND.gap), source: Uint16Array.of(0) });
    log.seal();
    const folder = await exported(t, log, { sourceIds: [2], sourceNames: { 2: '=cmd()' } });
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    assert.deepEqual(
      recordsOf(folder).map(({ index }) => index),
      [...Array.from({ length: 20 }, (_, i) => 2 * i + 1), 40],
    );
    assert.match(text, /Record 40 .* says that messages were lost: \{"event":"gap","count":3\}/);
    assert.match(text, /This export is a selection/);
    assert.match(read(folder, 'records.csv'), /"'=cmd\(\)"/);
  });

  test('keeps bytes that aren’t text, and gives a proof of each of many records', async (t) => {
    const log = new TestLog(t);
    log.add([Uint8Array.of(0xff, 0, 0xfe, 10), '\ufeff<1>é😀\u2028', '=1+1', '', 'a\u202eb', ...lines(0, 400)], NOON);
    log.seal();
    const folder = await exported(t, log);
    assert.equal((await verifyFolder(folder)).code, 0);
    assert.equal(recordsOf(folder)[0]?.raw_base64, '/wD+Cg==');
    const table = read(folder, 'records.csv');
    assert.match(table, /"a\\u202eb"/);
    // As the first exports had it: they verify with this verifier, too.
    write(folder, 'records.csv', table.replaceAll('\\u202e', '\u202e').replaceAll("'\\ufeff", '\ufeff'));
    list(folder);
    assert.equal((await verifyFolder(folder)).code, 0);
    assert.ok(existsSync(path.join(folder, 'proofs/records.txt')));
    const { text } = await verifyFolder(folder, '--proof', '217');
    const hashes = text
      .split('\n\n')[0]!
      .split('\n')
      .slice(2)
      .map((hash) => Buffer.from(hash, 'base64'));
    let [node, at, last]: [Uint8Array, number, number] = [
      leafHash(Buffer.from(recordsOf(folder)[217]!.leaf, 'base64')),
      217,
      403,
    ];
    for (; last > 0; at >>= 1, last >>= 1) {
      if (at % 2 === 1) node = nodeHash(hashes.shift()!, node);
      else if (at < last) node = nodeHash(node, hashes.shift()!);
    }
    assert.deepEqual(Buffer.from(node), Buffer.from(log.root));
  });

  test('says that a payload was erased, when and why, if the log itself says so', async (t) => {
    const log = new TestLog(t);
    log.add(lines(0, 10), NOON);
    const block = log.blocks[0]!;
    const commitment = commitmentOf(block.salts.subarray(4 * 16, 5 * 16), block.peers[0]!, Buffer.from(line(4)));
    const messages = messagesOf(block);
    messages[4] = '';
    Object.assign(block, withMessages(block, messages), { erased: new Map([[4, commitment]]) });
    block.salts.fill(0, 4 * 16, 5 * 16);
    const unsaid = new TestLog(t, log);
    log.add(['{"event":"logs.erased","indexes":[[3,4]],"reason":"art. 17"}'], NOON + 60e6, {
      kind: Uint8Array.of(KIND.erasure),
      class: 0,
    });
    for (const one of [log, unsaid]) one.seal();
    for (const toUs of [NOON + 30e6, NOON + HOUR]) {
      const { code, text } = await verifyFolder(await exported(t, log, { toUs }));
      assert.equal(code, 0, text);
      assert.match(
        text,
        /Record 4: its payload was erased on 2060-11-22T12:01:00\.000000Z \(record 10\), reason: art\. 17/,
      );
    }
    caught(
      await verifyFolder(await exported(t, unsaid)),
      /Record 4 has no payload, and no record of the log says that it was erased/,
    );
  });

  test('can be cancelled, and leaves nothing', async (t) => {
    const log = makeLog(t);
    const file = path.join(log.dataDir, 'cancelled.zip');
    const job = startExport({
      dataDir: log.dataDir,
      folder: log.folder,
      file,
      fromUs: 0,
      toUs: NOON + 9 * HOUR,
      by: 'x',
      atUs: NOON,
    });
    const failed = assert.rejects(job.done, /cancelled/);
    await job.cancel();
    await failed;
    assert.deepEqual(
      namesIn(log.dataDir).filter((name) => name.startsWith('cancelled')),
      [],
    );
  });
});
