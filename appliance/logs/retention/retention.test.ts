import assert from 'node:assert/strict';
import {
  cpSync,
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
import { after, describe, it } from 'node:test';
import { segmentFile } from '../archive/files.ts';
import type { Days } from '../backend.ts';
import { crashAt } from '../keys/testing.ts';
import { tilePath } from '../merkle/tiles.ts';
import { decodeFrame } from '../record/frame.ts';
import { KIND } from '../record/types.ts';
import { erase, expire, expiring, finishRetention, RetentionError } from './index.ts';
import {
  type Bed,
  checkProofs,
  classNumber,
  leafHashes,
  type Message,
  openBed,
  recordsOf,
  START_US,
} from './testing.ts';

const DAY = 86_400e6;
const temporary = mkdtempSync(path.join(tmpdir(), 'gatehouse-retention-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
let made = 0;
const newPlace = (): string => path.join(temporary, String(++made));
const DAYS: Days = { system: null, audit: null, access: 365, log: 30, security: 30, traffic: 7, guest: 1 };
const TRAFFIC = 10 * classNumber('traffic');
const LOG = 10 * classNumber('log');
const AUDIT = 10 * classNumber('audit');

const messages = (count: number, source: (i: number) => number, receiveUs: number, from = 0): Message[] =>
  Array.from({ length: count }, (_, i) => ({
    text: `record-${from + i}-of-${source(i)}`,
    source: source(i),
    receiveUs,
  }));

/**
 * Three closed segments: 600 of traffic with a line of class log at 10, 600 of both by turns, 600 of traffic only; then
 * the open one.
 */
function fill(bed: Bed): void {
  bed.add(messages(600, (i) => (i === 10 ? LOG : TRAFFIC), START_US));
  bed.closeSegment();
  bed.add(messages(300, (i) => (i % 2 ? LOG : TRAFFIC), START_US, 600));
  bed.add(messages(300, (i) => (i % 2 ? LOG : TRAFFIC), START_US, 900));
  bed.closeSegment();
  bed.add(messages(600, () => TRAFFIC, START_US, 1200));
  bed.closeSegment();
  bed.add(messages(600, (i) => (i % 2 ? LOG : AUDIT), START_US, 1800));
}
const template = newPlace();
const first = openBed(template);
fill(first);
const hashes = leafHashes(first);
const recordsOfTemplate = recordsOf(first);
first.close();

function copy(of = template): Bed & { data: string } {
  const data = newPlace();
  cpSync(of, data, { recursive: true });
  return { ...openBed(data), data };
}

/** All bytes of all files in a folder. */
const allBytes = (folder: string): Buffer[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file));

/** All keys of a log's segments, as somebody may have copied them. */
const keysOf = ({ vault }: Bed): Uint8Array[] =>
  vault.catalog.segments().flatMap(({ first: one }) => [...vault.catalog.keysOf(one).values()].map(({ key }) => key));

/** What can be read in the segments with keys that were copied before. */
function readableWith(bed: Bed, keys: readonly Uint8Array[]): string {
  const texts: string[] = [];
  for (const info of bed.vault.catalog.segments()) {
    if (info.bytes === 0) continue;
    const file = readFileSync(segmentFile(bed.vault.folder, info.first));
    for (const { offset, length } of bed.vault.archive.frames(info.first)) {
      for (const key of keys) {
        try {
          texts.push(Buffer.from(decodeFrame(file.subarray(offset, offset + length), key).raw).toString());
        } catch {
          // not with this one
        }
      }
    }
  }
  return texts.join('\n');
}

const erasures = (bed: Bed): Record<string, unknown>[] => {
  const found: Record<string, unknown>[] = [];
  for (const block of bed.vault.archive.blocks({ from: 0, to: Number.POSITIVE_INFINITY })) {
    if (block.kind[0] !== KIND.erasure) continue;
    let start = 0;
    for (const end of block.ends) {
      found.push(JSON.parse(Buffer.from(block.raw.subarray(start, end)).toString()) as Record<string, unknown>);
      start = end;
    }
  }
  return found;
};

const past = { days: DAYS, holds: [], nowUs: START_US + 8 * DAY };

describe('records that are past their days', () => {
  it('go, and leave the proofs of all others as they were', () => {
    const bed = copy();
    const old = keysOf(bed);
    mkdirSync(path.join(bed.vault.folder, 'index'));
    const idx = path.join(bed.vault.folder, 'index', '0000000000000258.idx'); // 600
    for (const file of [idx, `${idx}.tmp`]) writeFileSync(file, 'record-600-of-50');
    assert.deepEqual(expiring(bed.vault, past), [
      { class: 'traffic', records: 1499, bytes: expiring(bed.vault, past)[0]!.bytes, untilUs: START_US },
    ]);
    const written: number[] = [];
    const { tiles } = bed.vault;
    const write = tiles.write.bind(tiles);
    tiles.write = (level, index, tile) => {
      if (level === 0) written.push(index / 256);
      write(level, index, tile);
    };
    assert.equal(expire(bed.vault, past), 0);
    // Those with a record that stays, of the segment itself or of its neighbour.
    assert.deepEqual(written, [0, 2, 3, 4, 7]);
    const records = recordsOf(bed);
    for (let i = 0; i < 2400; i++) {
      const kept = i === 10 || (i >= 600 && i < 1200 && i % 2 === 1) || i >= 1800;
      assert.equal(records.has(i), kept, String(i));
    }
    checkProofs(bed, hashes);
    for (const file of [idx, `${idx}.tmp`]) assert.equal(existsSync(file), false);
    assert.deepEqual(bed.rewritten, [0, 600, 1200]);
    assert.equal(existsSync(segmentFile(bed.vault.folder, 1200)), false);
    const told = erasures(bed);
    assert.deepEqual(
      told.map(({ event, segment, class: name, count }) => [event, segment, name, count]),
      [
        ['logs.expired', 0, 'traffic', 599],
        ['logs.expired', 600, 'traffic', 300],
        ['logs.expired', 1200, 'traffic', 600],
      ],
    );
    assert.match(readableWith(bed, old), /record-10-of/);
    assert.doesNotMatch(readableWith(bed, old), /-of-50/);
    // The hashes of leaves stay only where a live record is in the same tile.
    const there = (tile: number): boolean => existsSync(path.join(bed.vault.folder, tilePath(0, tile)));
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(there), [true, false, true, true, true, false, false, true]);
    assert.equal(expire(bed.vault, past), 0);
    assert.equal(erasures(bed).length, 3);
    bed.close();
    const again = openBed(bed.data);
    checkProofs(again, hashes);
    again.close();
  });

  it('stay where they are held, though not those of other sources', () => {
    const bed = copy();
    assert.equal(expire(bed.vault, { ...past, holds: [{ fromUs: START_US, toUs: START_US }] }), 0);
    assert.equal(expire(bed.vault, { ...past, holds: [{ fromUs: 0, toUs: START_US, source: TRAFFIC }] }), 0);
    assert.deepEqual(erasures(bed), []);
    expire(bed.vault, { ...past, holds: [{ fromUs: 0, toUs: START_US, source: LOG }] });
    assert.equal(erasures(bed).length, 3);
    bed.close();
  });
});

describe('the records of one person', () => {
  const ask = { reason: 'Art. 17', by: { id: 'u1' }, holds: [] };
  const indexes = [601, 603, 604, 1999, 605];
  const texts = indexes.map((index) => recordsOfTemplate.get(index)!);

  it('are erased, and nothing of them is left', () => {
    const bed = copy();
    const old = keysOf(bed);
    const sealedOld = allBytes(bed.vault.folder)
      .join('')
      .match(/v1\.[0-9a-f]{8}\.[\w-]{90,}/g)!;
    assert.equal(erase(bed.vault, { ...ask, indexes }), 5);
    assert.equal(erase(bed.vault, { ...ask, indexes }), 0);
    const records = recordsOf(bed);
    for (const index of indexes) assert.deepEqual([records.has(index), records.get(index)], [true, undefined]);
    assert.equal(records.get(602), 'record-602-of-50');
    checkProofs(bed, hashes);
    assert.deepEqual(erasures(bed), [
      {
        event: 'logs.erased',
        indexes: [
          [601, 601],
          [603, 605],
          [1999, 1999],
        ],
        count: 5,
        reason: 'Art. 17',
        by: { id: 'u1' },
      },
    ]);
    const everything = [...allBytes(bed.vault.folder), readableWith(bed, [...old, ...keysOf(bed)])].join('\n');
    for (const text of texts) assert.ok(!everything.includes(`${text}`), text);
    // Of the keys that were, only those of classes and segments that nothing was erased in are still there.
    const left = allBytes(bed.vault.folder).join('');
    assert.ok(sealedOld.some((key) => !left.includes(key)));
    const destroyed = old.filter((key) => !keysOf(bed).some((one) => Buffer.from(one).equals(key)));
    assert.equal(destroyed.length, 3, 'log and traffic of the second segment, log of the last');
    bed.close();
    const again = openBed(bed.data);
    checkProofs(again, hashes);
    again.close();
  });

  it('are not, as long as one of them is held, tells of the log, or is not there', () => {
    const bed = copy();
    bed.write(['{"event":"beacon"}'], KIND.beacon, START_US);
    bed.add([{ text: 'somebody searched', source: AUDIT, receiveUs: START_US }], KIND.audit);
    const refused = (more: Partial<Parameters<typeof erase>[1]>, message: RegExp): void =>
      assert.throws(
        () => erase(bed.vault, { ...ask, indexes: [1, 2], ...more }),
        (error: Error) => error instanceof RetentionError && message.test(error.message),
      );
    const hold = { fromUs: START_US, toUs: START_US, name: 'Case 7' };
    refused({ holds: [hold] }, /Record 1 can't be erased: it is under the legal hold "Case 7"/);
    refused({ indexes: [1, 10], holds: [{ ...hold, source: LOG }] }, /Record 10 can't/);
    refused({ indexes: [1, 2400] }, /Record 2400 says what was done with the log/);
    refused({ indexes: [1, 2401] }, /Record 2401 says what was done with the log/);
    refused({ indexes: [1, 99_999] }, /no record 99999/);
    refused({ indexes: [-1] }, /no record -1/);
    refused({ indexes: [1.5] }, /no record 1.5/);
    assert.equal(erase(bed.vault, { ...ask, indexes: [] }), 0);
    expire(bed.vault, past);
    refused({ indexes: [1, 10] }, /Record 1 has expired/);
    assert.equal(recordsOf(bed).get(10), `record-10-of-${LOG}`);
    assert.equal(
      erasures(bed).every(({ event }) => event === 'logs.expired'),
      true,
    );
    bed.close();
  });
});

describe('a crash at any step', () => {
  const small = newPlace();
  const filled = openBed(small);
  for (const from of [0, 256]) {
    filled.add(messages(256, (i) => (i === 10 ? LOG : TRAFFIC), START_US, from));
    filled.closeSegment();
  }
  const before = leafHashes(filled);
  filled.close();

  const cases: [string, number, (bed: Bed) => void][] = [
    ['of expiry', 2, (bed) => void expire(bed.vault, past)],
    ['of an erasure', 1, (bed) => void erase(bed.vault, { indexes: [1, 300], reason: 'r', holds: [] })],
  ];
  for (const [name, told, work] of cases) {
    it(`${name} leaves it undone, or finished by the next start`, () => {
      const outcomes = new Set<number>();
      for (let step = 1, crashed = true; crashed; step++) {
        const bed = copy(small);
        const old = keysOf(bed);
        crashed = crashAt(step, () => work(bed));
        bed.close();
        const again = openBed(bed.data);
        finishRetention(again.vault);
        const records = recordsOf(again);
        const done = erasures(again).length;
        outcomes.add(done);
        assert.ok(done === 0 || done === told, `${done} records at step ${step}`);
        for (const index of [1, 300]) assert.equal(records.get(index) === undefined, done > 0, `step ${step}`);
        assert.equal(records.get(10), `record-10-of-${LOG}`);
        if (done > 0) assert.ok(!readableWith(again, old).includes('record-300-of'), `step ${step}`);
        checkProofs(again, before);
        if (!crashed) assert.ok(step > 20, 'the steps were counted');
        again.close();
        rmSync(bed.data, { recursive: true });
      }
      assert.deepEqual([...outcomes].sort(), [0, told]);
    });
  }
});
