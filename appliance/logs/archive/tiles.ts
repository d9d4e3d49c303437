import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { TILE_HEIGHT, TILE_WIDTH, tilePath, tileRange } from '../merkle/tiles.ts';
import { ArchiveError } from '../record/error.ts';
import { type Hasher, plainHasher } from '../record/sha256.ts';
import { HASH_BYTES } from '../record/types.ts';
import { readAt, withFile } from './files.ts';

/** The tree's stored hashes: c2sp.org/tlog-tiles, a partial tile being a file that grows. */
export class TileStore {
  readonly #folder: string;
  readonly #hasher: Hasher;
  /** Written since the last `sync`. */
  #dirty = new Set<string>();

  constructor(folder: string, hasher: Hasher = plainHasher()) {
    this.#folder = folder;
    this.#hasher = hasher;
  }

  /** The hash of a complete subtree from level 8 on, or of any where all of its leaf hashes are stored. */
  read(level: number, index: number): Uint8Array | undefined {
    const range = tileRange(level, index);
    const bytes = this.readTile(range.level, range.tile, range.first, range.count);
    return bytes && foldTile(this.#hasher, bytes);
  }

  /** `count` hashes of a tile, from the `first` on; undefined where they aren't all there. */
  readTile(level: number, tile: number, first = 0, count = TILE_WIDTH): Uint8Array | undefined {
    const file = path.join(this.#folder, tilePath(level, tile));
    // Leaf hashes are hardly ever stored, and an error that is thrown costs more than a look.
    if (level === 0 && !existsSync(file)) return undefined;
    const bytes = withFile(file, (fd) => readAt(fd, first * HASH_BYTES, count * HASH_BYTES));
    return bytes?.length === count * HASH_BYTES ? new Uint8Array(bytes) : undefined;
  }

  /** Are the first `count` hashes of a tile there? */
  has(level: number, tile: number, count: number): boolean {
    const stat = statSync(path.join(this.#folder, tilePath(level, tile)), { throwIfNoEntry: false });
    return (stat?.size ?? 0) >= count * HASH_BYTES;
  }

  /** The root of a full tile. */
  fold(level: number, tile: number): Uint8Array | undefined {
    const hashes = this.readTile(level, tile);
    return hashes && foldTile(this.#hasher, hashes);
  }

  /** Writes hashes of subtrees at tree level `8 × level`, the first of which is number `index`. */
  write(level: number, index: number, hashes: Uint8Array): void {
    for (let done = 0; done < hashes.length; ) {
      const { tile, first } = tileRange(level * TILE_HEIGHT, index + done / HASH_BYTES);
      const part = hashes.subarray(done, done + (TILE_WIDTH - first) * HASH_BYTES);
      this.#writeTile(level, tile, first, part);
      done += part.length;
    }
  }

  #writeTile(level: number, tile: number, first: number, hashes: Uint8Array): void {
    const file = path.join(this.#folder, tilePath(level, tile));
    if (first === 0) mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    let fd: number;
    try {
      fd = openSync(file, first === 0 ? 'w' : 'r+', 0o600);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      throw new ArchiveError(`${file} is missing`, { cause });
    }
    try {
      for (let done = 0; done < hashes.length; ) {
        done += writeSync(fd, hashes, done, hashes.length - done, first * HASH_BYTES + done);
      }
    } finally {
      closeSync(fd);
    }
    this.#dirty.add(file);
  }

  /** Waits until all that was written is on the disk, the folders' lists too. */
  sync(): void {
    const folders = new Set<string>();
    for (const file of this.#dirty) {
      sync(file);
      for (let at = path.dirname(file); at.length >= this.#folder.length; at = path.dirname(at)) folders.add(at);
    }
    for (const folder of folders) if (process.platform !== 'win32') sync(folder);
    this.#dirty = new Set();
  }
}

/** The root of a complete subtree from the hashes below it, one after another; they are written over. */
export function foldTile(hasher: Hasher, hashes: Uint8Array): Uint8Array {
  for (let width = hashes.length / HASH_BYTES / 2; width >= 1; width /= 2) hasher.nodes(hashes, width, hashes);
  return hashes.subarray(0, HASH_BYTES);
}

function sync(file: string): void {
  const fd = openSync(file, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
