import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openKeyFile } from '../../store/index.ts';
import { type Archive, openArchive } from '../archive/archive.ts';
import { Catalog } from '../archive/catalog.ts';
import { segmentFile } from '../archive/files.ts';
import { TileStore } from '../archive/tiles.ts';
import { leafHash } from '../merkle/hash.ts';
import { ArchiveError } from '../record/error.ts';
import { plainHasher } from '../record/sha256.ts';
import { KIND } from '../record/types.ts';
import { DamagedError, type Recovery, recover } from './recovery.ts';
import { lines, messagesOf, ORIGIN, openSealer, type Place, usePlaces } from './testing.ts';

const place = usePlaces();

const append = { type: 'append', id: 1, kind: KIND.audit, class: 1 } as const;
const copyOf = (from: Place): Place => {
  const to = place();
  cpSync(from.data, to.data, { recursive: true });
  return to;
};

/** A log as a crash leaves it: two closed segments, then sealed records, then three frames that aren't sealed. */
async function crashed() {
  const at = place();
  const one = openSealer(at, { limits: { segmentRecords: 600 } });
  one.send(lines(1000));
  one.pass(6);
  one.send(lines(1000, 1000));
  one.pass(6);
  const { size, root } = one.of('sealed').at(-1)!;
  const first = one.archive().segments().at(-1)!.first;
  const file = path.basename(segmentFile(at.folder, first));
  const sealedBytes = statSync(segmentFile(at.folder, first)).size;
  const frames: number[] = [];
  for (const text of ['one', 'two', 'three']) {
    await one.call({ ...append, records: [text, `${text} too`] });
    frames.push(statSync(segmentFile(at.folder, first)).size);
  }
  const copy = copyOf(at);
  const { logVkey } = one.of('ready')[0]!;
  one.sealer.close();
  return { at: copy, size, root, first, file, sealedBytes, frames, logVkey };
}

describe('recovery', () => {
  let log: Awaited<ReturnType<typeof crashed>>;
  let [catalog, archive]: [Catalog | undefined, Archive | undefined] = [undefined, undefined];
  let segment: string;
  let bytes: Buffer;
  const again = (atLeast?: { size: number; root: Uint8Array }): Recovery =>
    recover({
      ...{ folder: log.at.folder, catalog: catalog!, archive: archive!, hasher: plainHasher(), atLeast },
      ...{ tiles: new TileStore(log.at.folder), origin: ORIGIN, logVkey: log.logVkey },
    });

  before(async () => {
    log = await crashed();
    const secrets = openKeyFile(log.at.data);
    catalog = new Catalog(log.at.folder, secrets, false);
    archive = openArchive({ folder: log.at.folder, secrets });
    segment = segmentFile(log.at.folder, log.first);
    bytes = readFileSync(segment);
  });
  after(() => {
    archive?.close();
    catalog?.close();
  });

  it('keeps whole batches behind the last checkpoint', () => {
    const { recovered, tree } = again();
    assert.deepEqual(recovered, { cut_bytes: 0, kept: 6, size: log.size + 6 });
    assert.equal(tree.size, log.size + 6);
  });

  it('cuts a torn tail at any byte behind the last checkpoint, and nothing else', () => {
    for (let length = log.sealedBytes; length < bytes.length; length++) {
      for (const tail of [Buffer.alloc(0), Buffer.alloc(60, length % 2 ? 0 : 0xff)]) {
        writeFileSync(segment, Buffer.concat([bytes.subarray(0, length), tail]));
        const { recovered, tree, segment: found } = again();
        const whole = log.frames.filter((end) => end <= length);
        const good = whole.at(-1) ?? log.sealedBytes;
        const cut = length + tail.length - good;
        assert.equal(tree.size, log.size + 2 * whole.length, `${length}`);
        assert.equal(found!.bytes, good);
        const expected = { cut_bytes: cut, kept: 2 * whole.length, size: tree.size };
        assert.deepEqual(recovered, cut + whole.length > 0 ? expected : undefined);
      }
    }
    writeFileSync(segment, bytes);
  });

  it('takes fewer records than the last checkpoint covers for damage, at any length', () => {
    for (let length = 0; length < log.sealedBytes; length += 1 + (length % 7)) {
      writeFileSync(segment, bytes.subarray(0, length));
      assert.throws(() => again(), DamagedError, `${length}`);
    }
    rmSync(segment);
    assert.throws(() => again(), /it is missing/);
    writeFileSync(segment, bytes);
  });

  it('finds any changed byte that the last checkpoint covers', () => {
    for (let at = 0; at < log.sealedBytes; at += at % 5 === 0 ? 1 : 3) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(segment, changed);
      assert.throws(() => again(), DamagedError, `${at}`);
    }
    writeFileSync(segment, bytes);
  });

  it('cuts from a changed byte on behind it', () => {
    for (let at = log.sealedBytes; at < bytes.length; at += 1 + (at % 5)) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(segment, changed);
      assert.equal(again().tree.size, log.size + 2 * log.frames.filter((end) => end <= at).length);
    }
    writeFileSync(segment, bytes);
  });

  it('makes tiles again that are missing, cut or wrong', () => {
    const folder = path.join(log.at.folder, 'tile', '1');
    const [name] = readdirSync(folder);
    const file = path.join(folder, name!);
    const good = readFileSync(file);
    for (const wrong of [undefined, Buffer.alloc(0), good.subarray(0, 40), Buffer.alloc(good.length)]) {
      if (wrong) writeFileSync(file, wrong);
      else rmSync(file);
      assert.equal(again().tree.size, log.size + 6);
      assert.deepEqual(readFileSync(file), good);
    }
  });

  it('finds closed segments that are gone or shorter', () => {
    const closed = segmentFile(log.at.folder, 0);
    const good = readFileSync(closed);
    writeFileSync(closed, good.subarray(0, -1));
    assert.throws(() => again(), /bytes and had \d+ when it was closed/);
    rmSync(closed);
    assert.throws(() => again(), /is missing/);
    writeFileSync(closed, good);
    again();
  });

  it('believes no checkpoint that the log has not signed', () => {
    const file = path.join(log.at.folder, 'checkpoint');
    const good = readFileSync(file, 'utf8');
    for (const wrong of ['', 'x', good.slice(0, -30), good.replace(`\n${log.size}\n`, `\n${log.size - 1}\n`)]) {
      writeFileSync(file, wrong);
      assert.throws(() => again(), DamagedError, wrong);
    }
    rmSync(file);
    assert.throws(() => again(), DamagedError);
    writeFileSync(file, good);
    again();
  });

  it('knows a log that was rolled back, or is another one', () => {
    const { size, root } = log;
    again({ size, root });
    assert.throws(() => again({ size: size + 1, root }), /rolled back/);
    assert.throws(() => again({ size: size - 1, root }), /not those that were sealed/);
    assert.throws(() => again({ size, root: new Uint8Array(32) }), /not those that were sealed/);
  });

  it('leaves a damaged log as it is: nothing is signed, taken in, or repaired', async () => {
    const at = copyOf(log.at);
    const file = path.join(at.folder, 'segments', log.file);
    const torn = bytes.subarray(0, log.sealedBytes - 1);
    writeFileSync(file, torn);
    const checkpoint = readFileSync(path.join(at.folder, 'checkpoint'));
    const one = openSealer(at);
    assert.equal(one.sealer.state, 'damaged');
    assert.match(one.of('state')[0]!.reason, new RegExp(`${log.file}.*Nothing is taken in or signed`));
    one.send(lines(2000));
    one.pass(10);
    const answer = await one.call({ ...append, records: ['x'] });
    assert.ok(answer?.type === 'appended' && answer.error);
    assert.equal(one.of('stats').at(-1)!.refused, 2000);
    assert.deepEqual(one.of('sealed'), []);
    await one.stop();
    assert.deepEqual(readFileSync(file), Buffer.from(torn));
    assert.deepEqual(readFileSync(path.join(at.folder, 'checkpoint')), checkpoint);
  });

  it('says in the log what it found, and seals what it kept', () => {
    const at = copyOf(log.at);
    writeFileSync(path.join(at.folder, 'segments', log.file), bytes.subarray(0, -1));
    const one = openSealer(at);
    const found = { cut_bytes: bytes.length - 1 - log.frames[1]!, kept: 4, size: log.size + 4 };
    assert.deepEqual(one.of('ready')[0]!.recovered, found);
    one.pass(6);
    const reader = one.archive();
    assert.deepEqual(messagesOf(reader, KIND.recovery), [JSON.stringify(found)]);
    assert.deepEqual(messagesOf(reader, KIND.audit), ['one', 'one too', 'two', 'two too']);
    assert.equal(reader.readHash(0, 0)!.length, 32);
    assert.deepEqual(Buffer.from(reader.readHash(0, log.size)!), leafHash(reader.leaf(log.size)!));
    one.sealer.close();
  });

  it('starts after a crash at which a segment was begun, but has no file yet', () => {
    const at = place();
    const one = openSealer(at, { limits: { segmentRecords: 600 } });
    one.pass(6);
    one.send(lines(1000));
    one.pass(6);
    one.sealer.close();
    const secrets = openKeyFile(at.data);
    const begun = new Catalog(at.folder, secrets, false);
    const size = one.of('sealed').at(-1)!.size;
    const last = begun.segments().at(-1)!;
    begun.closeSegment({ ...last, count: size - last.first, bytes: statSync(segmentFile(at.folder, last.first)).size });
    begun.beginSegment(size);
    begun.close();
    const next = openSealer(at);
    assert.equal(next.sealer.state, 'sealing');
    next.send(lines(1000));
    assert.ok(existsSync(segmentFile(at.folder, size)));
    next.sealer.close();
  });

  it('reads damaged files with ArchiveError only, telling which', () => {
    const at = copyOf(log.at);
    const file = path.join(at.folder, 'segments', log.file);
    const reader = openArchive({ folder: at.folder, secrets: openKeyFile(at.data) });
    const read = () => [...reader.blocks({ from: 0, to: 1e9 })];
    assert.equal(
      read().reduce((sum, { count }) => sum + count, 0),
      log.size,
    );
    for (let byte = 0; byte < log.sealedBytes; byte += 11) {
      const changed = Buffer.from(bytes);
      changed[byte]! ^= 0x41;
      rmSync(file);
      writeFileSync(file, changed);
      const fresh = openArchive({ folder: at.folder, secrets: openKeyFile(at.data) });
      const all = () => [...fresh.blocks({ from: 0, to: 1e9 })];
      assert.throws(all, (error) => error instanceof ArchiveError && error.message.includes(file), `${byte}`);
      fresh.close();
    }
    reader.close();
  });
});
