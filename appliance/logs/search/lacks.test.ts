import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { parse } from '../parse/index.ts';
import { queryOf } from './compile.ts';
import { Engine } from './engine.ts';
import { Library } from './library.ts';
import { hinted } from './match.ts';
import { MemoryArchive } from './testing.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-search-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const SEGMENT = 2000;

/** Segments of two batches, each a group; `open`: the last one is still written to. */
function fill(segments: number, open = false) {
  const archive = new MemoryArchive();
  for (let i = 0; i < segments; i++) {
    for (let b = 0; b < 2; b++) archive.write(Array.from({ length: SEGMENT / 2 }, () => ({ raw: 'a word' })));
    if (!open || i < segments - 1) archive.close();
  }
  const folder = path.join(root, `${folders++}`);
  const warnings: string[] = [];
  const start = () => {
    const library = new Library({ folder, archive, parse: hinted(parse), warn: (text) => warnings.push(text) });
    library.start();
    return library;
  };
  const library = start();
  while (library.step());
  return { archive, library, start, warnings, folder };
}

/** Looks around after each group, as a search does that takes long. */
function engineOf(library: Library): Engine {
  let now = 0;
  return new Engine(library, hinted(parse), () => (now += 30));
}
const asked = { query: queryOf({ q: 'word' }), within: 1e9 };

test('a page tells that newer records are missing, also where there are more pages; the next page is whole', async () => {
  const { library } = fill(3);
  library.changed(2 * SEGMENT, false);
  const engine = engineOf(library);
  const page = await engine.query({ ...asked, limit: 10 });
  assert.equal(page.records[0]?.index, 2 * SEGMENT - 1);
  assert.match(page.partial!, /the index of 1 segments is being made anew/);
  assert.equal(page.lacks, true);
  const older = await engine.query({ ...asked, limit: 10, before: page.next });
  assert.deepEqual([older.partial, older.lacks, older.records.length], [undefined, undefined, 10]);
  // The other way round as well.
  const oldest = await engine.query({ ...asked, limit: 10, oldest: true });
  assert.deepEqual([oldest.partial, oldest.records[0]?.index], [undefined, 0]);
  assert.equal((await engine.query({ ...asked, limit: 10, oldest: true, after: SEGMENT * 2 - 5 })).lacks, true);
});

test('who took too long tells as well that newer records are missing', async () => {
  const { library } = fill(3);
  library.changed(2 * SEGMENT, false);
  const slow = await engineOf(library).query({ query: queryOf({ q: '"a wor"' }), limit: 5000, within: 1 });
  assert.equal(typeof slow.next, 'number');
  assert.equal(slow.lacks, true);
});

test('an index that is made while a search runs is no reason to be silent of its records', async () => {
  const { library } = fill(3);
  library.changed(2 * SEGMENT, false);
  const searching = engineOf(library).query({ ...asked, limit: 10_000 });
  while (library.step());
  assert.equal(library.behind, 0);
  const { records, lacks } = await searching;
  assert.ok(records.length === 3 * SEGMENT || lacks, `${records.length} records, and not a word of the others`);
});

test('a segment that is closed while it is searched is searched to its end, once', async () => {
  for (const oldest of [false, true]) {
    const { archive, library } = fill(2, true);
    const searching = engineOf(library).query({ ...asked, limit: 10_000, oldest });
    library.closed(archive.close());
    while (library.step());
    const { records, partial } = await searching;
    const indexes = records.map(({ index }) => index).sort((a, b) => a - b);
    assert.deepEqual([indexes, partial], [Array.from({ length: 2 * SEGMENT }, (_, i) => i), undefined]);
  }
});

test('what is rewritten while it is searched is said to be missing', async () => {
  const { library } = fill(2);
  const searching = engineOf(library).query({ ...asked, limit: 10_000 });
  library.changed(SEGMENT, false);
  const { records, lacks } = await searching;
  assert.deepEqual([records.length < 2 * SEGMENT, lacks], [true, true]);
});

test('a segment whose index cannot be made is not forgotten', async () => {
  const { archive, start, folder, warnings } = fill(2);
  rmSync(path.join(folder, readdirSync(folder).sort()[1]!));
  const read = archive.readFrame;
  archive.readFrame = (first, frame) => {
    if (first === SEGMENT) throw new Error('a frame was changed');
    return read(first, frame);
  };
  const library = start();
  while (library.step());
  assert.match(warnings.join('\n'), /can't be indexed: a frame was changed/);
  const { records, lacks, partial } = await engineOf(library).query({ ...asked, limit: 10 });
  assert.deepEqual([records[0]?.index, lacks], [SEGMENT - 1, true]);
  assert.match(partial!, /1 segments/);
});

test('a record is read though the index of its segment is damaged, which is made anew', async () => {
  const { start, folder, warnings } = fill(2);
  const file = path.join(folder, readdirSync(folder).sort()[1]!);
  const bytes = readFileSync(file);
  // Behind the head, as 'index-file.ts' has it.
  for (let at = 28 + 16 + bytes.readUInt32BE(8); at < bytes.length; at++) bytes[at]! ^= 1;
  writeFileSync(file, bytes);
  const library = start();
  const indexes = [3, SEGMENT, SEGMENT + 7];
  assert.deepEqual(
    engineOf(library)
      .read(indexes)
      .map(({ index }) => index),
    indexes,
  );
  assert.match(warnings.join('\n'), /is damaged: it is made anew/);
  while (library.step());
  assert.deepEqual(library.lacking(), []);
  assert.equal((await engineOf(library).query({ ...asked, limit: 10_000 })).records.length, 2 * SEGMENT);
});
