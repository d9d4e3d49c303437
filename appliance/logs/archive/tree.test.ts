import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { importFfi } from '../../ffi/index.ts';
import { leafHash } from '../merkle/hash.ts';
import { Frontier, rootAt } from '../merkle/tree.ts';
import { createHasher } from '../record/sha256.ts';
import { TileStore } from './tiles.ts';
import { Tree } from './tree.ts';

const temporary = mkdtempSync(path.join(tmpdir(), 'gatehouse-tree-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

describe('the tree of the log', async () => {
  const hasher = await createHasher(importFfi);
  const leaves = Array.from({ length: 70_000 }, (_, i) => leafHash(Buffer.from(String(i))));
  const read = (tiles: TileStore) => (level: number, index: number) =>
    level === 0 ? leaves[index] : (tiles.read(level, index) ?? fold(level, index));
  /** Below the stored levels. */
  function fold(level: number, index: number): Uint8Array | undefined {
    if (level >= 8) return undefined;
    const frontier = new Frontier();
    for (const leaf of leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)) frontier.append(leaf);
    return frontier.root();
  }

  it('has the root of RFC 6962 after batches of any size, and opens at any size', () => {
    let made = 0;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }), (batches) => {
        const tiles = new TileStore(path.join(temporary, String(++made)), hasher);
        let tree = new Tree(0, read(tiles), tiles, hasher);
        const frontier = new Frontier();
        assert.deepEqual(Buffer.from(tree.root()), Buffer.from(frontier.root()));
        for (const [i, count] of batches.entries()) {
          const batch = leaves.slice(tree.size, tree.size + count);
          tree.append(Buffer.concat(batch));
          for (const leaf of batch) frontier.append(leaf);
          assert.equal(tree.size, frontier.size);
          assert.deepEqual(Buffer.from(tree.root()), Buffer.from(frontier.root()), `${tree.size} leaves`);
          if (i % 2 === 0) continue;
          tree.flush();
          tree = new Tree(tree.size, read(tiles), tiles, hasher);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('writes every complete subtree of 256 and of 65,536 into its tile', () => {
    const tiles = new TileStore(path.join(temporary, 'large'), hasher);
    const tree = new Tree(0, read(tiles), tiles, hasher);
    for (let done = 0; done < leaves.length; done += 4001) {
      tree.append(Buffer.concat(leaves.slice(done, done + 4001)));
      tree.flush();
    }
    const count = Math.floor(leaves.length / 256);
    for (let i = 0; i < count; i++) {
      assert.deepEqual(Buffer.from(tiles.readTile(1, i >> 8, i & 255, 1)!), Buffer.from(fold256(i)), String(i));
    }
    assert.deepEqual(Buffer.from(tiles.readTile(2, 0, 0, 1)!), Buffer.from(rootAt(65_536, read(tiles))));
    assert.equal(tiles.readTile(1, 1, count - 256, 2), undefined, 'no more than those');
  });

  function fold256(index: number): Uint8Array {
    const frontier = new Frontier();
    for (const leaf of leaves.slice(index * 256, index * 256 + 256)) frontier.append(leaf);
    return frontier.root();
  }
});
