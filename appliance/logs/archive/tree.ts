import { EMPTY_ROOT } from '../merkle/hash.ts';
import { TILE_HEIGHT, TILE_WIDTH } from '../merkle/tiles.ts';
import { Frontier, type ReadHash } from '../merkle/tree.ts';
import type { Hasher } from '../record/sha256.ts';
import { HASH_BYTES } from '../record/types.ts';
import type { TileStore } from './tiles.ts';

/** The tree as it grows: its right edge in memory, the hashes of complete subtrees to be written into tiles. */
export class Tree {
  readonly #hasher: Hasher;
  readonly #tiles: TileStore;
  #size = 0;
  /** By level: the complete subtree there that none on its right has made a larger one of yet. */
  readonly #edge: (Uint8Array | undefined)[] = [];
  /** By tile level: number of the first of them, and the hashes that aren't written yet. */
  #pending = new Map<number, { index: number; hashes: Uint8Array[] }>();

  /** The tree of the first `size` leaves, whose hashes are there. Throws MerkleError or ArchiveError where they aren't. */
  constructor(size: number, read: ReadHash, tiles: TileStore, hasher: Hasher) {
    const hashes = Frontier.at(size, read).state().hashes.reverse();
    for (let level = 0, left = size; left > 0; level++, left = Math.floor(left / 2)) {
      this.#edge[level] = left % 2 === 1 ? hashes.shift() : undefined;
    }
    this.#size = size;
    this.#hasher = hasher;
    this.#tiles = tiles;
  }

  get size(): number {
    return this.#size;
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const left of this.#edge) {
      if (!left) continue;
      const pair = root && Buffer.concat([left, root]);
      if (pair) this.#hasher.nodes(pair, 1, pair);
      root = pair?.subarray(0, HASH_BYTES) ?? left;
    }
    return root ? new Uint8Array(root) : EMPTY_ROOT;
  }

  /** Adds leaves by their hashes, one after another: level by level, so that many are hashed at once. */
  append(leaves: Uint8Array): void {
    let [row, index] = [leaves, this.#size];
    this.#size += leaves.length / HASH_BYTES;
    for (let level = 0; row.length > 0; level++) {
      if (level > 0 && level % TILE_HEIGHT === 0) this.#complete(level / TILE_HEIGHT, index, row);
      const left = this.#edge[level];
      if (left) row = Buffer.concat([left, row]);
      const pairs = Math.floor(row.length / HASH_BYTES / 2);
      const rest = row.subarray(2 * pairs * HASH_BYTES);
      this.#edge[level] = rest.length > 0 ? new Uint8Array(rest) : undefined;
      const above = new Uint8Array(pairs * HASH_BYTES);
      this.#hasher.nodes(row, pairs, above);
      [row, index] = [above, Math.floor(index / 2)];
    }
  }

  #complete(level: number, index: number, hashes: Uint8Array): void {
    const pending = this.#pending.get(level);
    if (pending) pending.hashes.push(hashes);
    else this.#pending.set(level, { index, hashes: [hashes] });
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
