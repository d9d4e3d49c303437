import { TILE_HEIGHT, TILE_WIDTH } from '../merkle/tiles.ts';
import { Frontier, type ReadHash } from '../merkle/tree.ts';
import type { Hasher } from '../record/sha256.ts';
import { HASH_BYTES } from '../record/types.ts';
import type { TileStore } from './tiles.ts';

/** The tree as it grows: its right edge in memory, the hashes of complete subtrees to be written into tiles. */
export class Tree {
  readonly #frontier: Frontier;
  readonly #tiles: TileStore;
  /** By tile level: number of the first of them, and the hashes that aren't written yet. */
  #pending = new Map<number, { index: number; hashes: Uint8Array[] }>();

  /** The tree of the first `size` leaves, whose hashes are there. Throws MerkleError or ArchiveError where they aren't. */
  constructor(size: number, read: ReadHash, tiles: TileStore, hasher: Hasher) {
    const node = (left: Uint8Array, right: Uint8Array): Uint8Array => {
      const out = new Uint8Array(HASH_BYTES);
      hasher.node(left, 0, right, 0, out, 0);
      return out;
    };
    this.#frontier = new Frontier(Frontier.at(size, read).state(), node);
    this.#tiles = tiles;
  }

  get size(): number {
    return this.#frontier.size;
  }

  root(): Uint8Array {
    return this.#frontier.root();
  }

  /** Adds leaves by their hashes, one after another. */
  append(leaves: Uint8Array): void {
    const completed = (level: number, index: number, hash: Uint8Array): void => {
      if (level === 0 || level % TILE_HEIGHT !== 0) return;
      const tileLevel = level / TILE_HEIGHT;
      const pending = this.#pending.get(tileLevel);
      if (pending) pending.hashes.push(hash);
      else this.#pending.set(tileLevel, { index, hashes: [hash] });
    };
    for (let at = 0; at < leaves.length; at += HASH_BYTES) {
      this.#frontier.append(leaves.subarray(at, at + HASH_BYTES), completed);
    }
  }

  /** Writes what is new into the tiles. Where that fails it can be called again. */
  flush(): void {
    for (const [level, { index, hashes }] of this.#pending) {
      this.#tiles.write(level, index, Buffer.concat(hashes));
      this.#pending.delete(level);
    }
  }
}

/**
 * Makes the tiles of the first `size` leaves that are missing, or all of them, from those below and from the records.
 * Returns how many hashes it made. `leafHash` reads level 0.
 */
export function makeTiles(tiles: TileStore, size: number, leafHash: ReadHash, all = false): number {
  let made = 0;
  let below = size;
  for (let level = 1; ; level++) {
    below = Math.floor(below / TILE_WIDTH);
    if (below === 0) break;
    for (let first = 0; first < below; first += TILE_WIDTH) {
      const count = Math.min(TILE_WIDTH, below - first);
      if (!all && tiles.has(level, first / TILE_WIDTH, count)) continue;
      const hashes: Uint8Array[] = [];
      for (let i = first; i < first + count; i++) {
        // A hash of one level is 256 of the level below.
        hashes.push(level === 1 ? need(leafHash(TILE_HEIGHT, i), i) : need(tiles.fold(level - 1, i), i));
      }
      tiles.write(level, first, Buffer.concat(hashes));
      made += count;
    }
  }
  return made;
}

function need(hash: Uint8Array | undefined, index: number): Uint8Array {
  if (!hash) throw new Error(`the hashes of tile ${index} can't be made any more: its records are gone`);
  return hash;
}
