import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HASH_BYTES } from '../record/types.ts';
import { leavesOf, readFrom } from './testing.ts';
import { TILE_WIDTH, tilePath, tileRange, tileWidth } from './tiles.ts';
import { foldHashes } from './tree.ts';

describe('a tile', () => {
  it('has the path of c2sp.org/tlog-tiles', () => {
    assert.equal(tilePath(0, 1_234_067), 'tile/0/x001/x234/067');
    assert.equal(tilePath(0, 0), 'tile/0/000');
    assert.equal(tilePath(1, 999, 17), 'tile/1/999.p/17');
    assert.equal(tilePath(2, 1000, 1), 'tile/2/x001/000.p/1');
    // The same as in the tests of Go's sumdb/tlog.
    assert.equal(tilePath(0, 3_057_500), 'tile/0/x003/x057/500');
    assert.equal(tilePath(4, 123_456_078), 'tile/4/x123/x456/078');
  });

  it('is as wide as the tree is large', () => {
    // The specification's own example: 70,000 leaves.
    const widths = (level: number, tiles: number[]) => tiles.map((tile) => tileWidth(level, tile, 70_000));
    assert.deepEqual(widths(0, [0, 272, 273, 274]), [256, 256, 112, 0]);
    assert.deepEqual(widths(1, [0, 1, 2]), [256, 17, 0]);
    assert.deepEqual(widths(2, [0, 1]), [1, 0]);
    assert.deepEqual(widths(3, [0]), [0]);
    assert.deepEqual([tileWidth(0, 0, 256), tileWidth(1, 0, 256)], [256, 1]);
  });

  it('has the hash of every complete subtree', () => {
    const size = 70_000;
    const leaves = leavesOf(size);
    const read = readFrom(leaves);
    const tiles = new Map<string, Buffer>();
    const tile = (level: number, index: number): Buffer => {
      const path = tilePath(level, index);
      let bytes = tiles.get(path);
      if (!bytes) {
        const hashes = Array.from({ length: tileWidth(level, index, size) }, (_, i) =>
          level === 0 ? leaves[index * TILE_WIDTH + i]! : foldHashes(tile(level - 1, index * TILE_WIDTH + i)),
        );
        bytes = Buffer.concat(hashes);
        tiles.set(path, bytes);
      }
      return bytes;
    };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 16 }), fc.nat(), (level, at) => {
        const index = at % Math.floor(size / 2 ** level);
        const range = tileRange(level, index);
        assert.ok(range.first + range.count <= tileWidth(range.level, range.tile, size));
        const bytes = tile(range.level, range.tile);
        const from = range.first * HASH_BYTES;
        assert.deepEqual(foldHashes(bytes.subarray(from, from + range.count * HASH_BYTES)), read(level, index));
      }),
      { numRuns: 60 },
    );
  });
});
