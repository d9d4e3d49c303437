import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { openKeyFile } from '../../store/index.ts';
import { leafHash } from '../merkle/hash.ts';
import { inclusionProof, rootAt, verifyInclusion } from '../merkle/tree.ts';
import { ArchiveError } from '../record/error.ts';
import { plainHasher } from '../record/sha256.ts';
import { lines, makePlace, openSealer } from '../seal/testing.ts';
import { openArchive } from './archive.ts';

const place = makePlace();
after(() => place.remove());

describe('a log of many segments', () => {
  const SEGMENTS = 60;
  const one = openSealer(place, { limits: { segmentRecords: 300 } });
  one.send(lines(SEGMENTS * 300));
  one.pass(6);
  one.sealer.close();
  const archive = one.archive();
  const size = archive.size();
  const segments = archive.segments();
  after(() => archive.close());

  it('is there to its last record', () => {
    assert.ok(segments.length >= SEGMENTS);
    const read = (index: number): string => Buffer.from(archive.record(index)!.raw).toString();
    for (const { first, count } of segments) {
      for (const index of [first, first + count - 1]) assert.ok(read(index).length > 0, String(index));
    }
    assert.equal(archive.record(size), undefined);
    assert.equal(archive.record(-1), undefined);
    const over = [...archive.blocks({ from: 299, to: 601 })].flatMap(({ index }) => [...index]);
    assert.deepEqual(
      over,
      Array.from({ length: 302 }, (_, i) => 299 + i),
    );
    assert.deepEqual(archive.frames(600)[0]!.batchFirst, 600);
    assert.throws(() => archive.frames(601), ArchiveError);
  });

  it('tells and proves a record without a look at the other segments', (t) => {
    const asked = new Set<string>();
    let rows = 0;
    const { all } = StatementSync.prototype;
    const spy = t.mock.method(StatementSync.prototype, 'all', function (this: StatementSync, ...values: unknown[]) {
      const found = Reflect.apply(all, this, values) as unknown[];
      asked.add(this.sourceSQL);
      rows += found.length;
      return found;
    });
    const root = rootAt(size, archive.readHash);
    for (const { first } of [segments[3]!, segments[30]!, segments[55]!]) {
      rows = 0;
      const index = first + 7;
      const leaf = leafHash(archive.leaf(index)!);
      const proof = inclusionProof(index, size, archive.readHash);
      assert.ok(verifyInclusion({ leaf, index, size, root, proof }));
      const frame = archive.frames(first)[0]!;
      assert.ok(archive.readFrame(first, frame)!.count > 0);
      assert.ok(rows > 0 && rows < 20, `${rows} rows of the catalog`);
    }
    spy.mock.restore();
    const db = new DatabaseSync(path.join(place.folder, 'catalog.db'), { readOnly: true });
    for (const sql of asked) {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll('?', '1')}`).all();
      for (const { detail } of plan) assert.doesNotMatch(String(detail), /SCAN \w*segment/, sql);
    }
    db.close();
  });
});

it('hashes what is new in the last tile, not all of it, where the log has grown', () => {
  const at = makePlace();
  after(() => at.remove());
  const one = openSealer(at);
  one.send(lines(1200));
  one.pass(6);
  let hashed = 0;
  const plain = plainHasher();
  const hasher = {
    ...plain,
    commitments: (...[block, out]: Parameters<typeof plain.commitments>) => {
      hashed += block.count;
      plain.commitments(block, out);
    },
  };
  const archive = openArchive({ folder: at.folder, secrets: openKeyFile(at.data), hasher });
  const prove = (): void => {
    const size = archive.size();
    const index = size - 1;
    const leaf = leafHash(archive.leaf(index)!);
    const [root, proof] = [rootAt(size, archive.readHash), inclusionProof(index, size, archive.readHash)];
    assert.ok(verifyInclusion({ leaf, index, size, root, proof }));
  };
  prove();
  assert.ok(hashed <= 256, `${hashed} leaves of the last tile`);
  for (let i = 0; i < 100; i++) {
    const before = archive.size();
    hashed = 0;
    one.send(lines(1, 2000 + i));
    one.pass(6);
    const added = archive.size() - before;
    assert.ok(added >= 1);
    prove();
    // Where the tile is full another one begins.
    assert.ok(hashed <= added, `${hashed} hashed of ${added} new ones`);
  }
  archive.close();
  one.sealer.close();
});
