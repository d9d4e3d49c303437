import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { syncFile } from '../../store/index.ts';
import { TILE_WIDTH } from '../merkle/tiles.ts';
import { ArchiveError } from '../record/error.ts';
import { encodeFrame, openFrame } from '../record/frame.ts';
import { type Block, HASH_BYTES } from '../record/types.ts';
import type { Archive } from './archive.ts';
import type { Catalog } from './catalog.ts';
import { readAt, segmentFile, withFile } from './files.ts';
import type { TileStore } from './tiles.ts';

/** What a segment is to become: its block as it is, another one with the same leaves, or nothing. Called twice. */
export type Transform = (block: Block) => Block | undefined;

/** State of the catalog while a segment is written anew: the new file is whole then, and only has to be put in place. */
const INTENT = 'rewrite';

interface Intent {
  first: number;
  bytes: number;
  expired: number[];
  keys: number[];
}

export interface Rewriting {
  folder: string;
  catalog: Catalog;
  tiles: TileStore;
  archive: Archive;
}

/**
 * Writes a closed segment anew, for erasure and expiry. Each class of which anything changes gets a new key, and the
 * old one is destroyed with the old file. Where records go, the leaf hashes of tiles that are `needed` are stored
 * before, so that proofs of others stay possible. After a crash it is as before, or done once `finishRewrite` has run. Returns whether anything changed.
 */
export function rewriteSegment(
  at: Rewriting,
  first: number,
  transform: Transform,
  needed: (tile: number) => boolean,
): boolean {
  const { folder, catalog, archive } = at;
  const info = catalog.segment(first);
  if (!info.closed) throw new ArchiveError(`the segment from leaf ${first} on is not closed yet`, { index: first });
  const frames = archive.frames(first);
  const [changed, gone] = [new Set<number>(), new Set<number>()];
  for (const frame of frames) {
    const block = archive.readFrame(first, frame);
    const result = block && transform(block);
    if (block && result !== block) changed.add(frame.class);
    if (block && !result) gone.add(frame.class);
  }
  if (changed.size === 0) return false;
  if (gone.size > 0) storeLeafHashes(at, first, first + info.count, needed);

  const old = catalog.keysOf(first);
  const keys = new Map([...changed].map((one) => [one, catalog.makeKey(first, one)]));
  const file = segmentFile(folder, first);
  const temporary = `${file}.tmp`;
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', 0o600);
  let bytes = 0;
  const used = new Set<number>();
  try {
    for (const frame of frames) {
      const key = old.get(frame.keyId);
      const whole = key && withFile(file, (from) => readAt(from, frame.offset, frame.length));
      if (!key || !whole) continue; // expired before
      let next: Buffer | undefined = whole;
      let keyId = frame.keyId;
      if (changed.has(frame.class)) {
        const { block, seed } = openFrame(whole, key.key);
        const result = transform(block);
        const newKey = keys.get(frame.class)!;
        keyId = newKey.id;
        // The seed is only that of salts which are all still there.
        const batch = { first: frame.batchFirst, count: frame.batchCount };
        next = result && encodeFrame(result, batch, newKey, result === block ? seed : undefined);
      }
      if (!next) continue;
      used.add(keyId);
      for (let done = 0; done < next.length; ) done += writeSync(fd, next, done);
      bytes += next.length;
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncFile(path.dirname(file));
  const expired = [...new Set([...info.expired, ...gone])].sort((a, b) => a - b);
  catalog.set(INTENT, JSON.stringify({ first, bytes, expired, keys: [...used] } satisfies Intent));
  finishRewrite(folder, catalog);
  return true;
}

/** Puts a segment in place that was written anew before a crash; removes what was only begun. */
export function finishRewrite(folder: string, catalog: Catalog): void {
  const text = catalog.get(INTENT);
  if (text === undefined) return;
  const { first, bytes, expired, keys } = JSON.parse(text) as Intent;
  const file = segmentFile(folder, first);
  const temporary = `${file}.tmp`;
  if (existsSync(temporary)) renameSync(temporary, file);
  if (bytes === 0) rmSync(file, { force: true });
  syncFile(path.dirname(file));
  catalog.transaction(() => {
    catalog.updateSegment(first, { bytes, expired });
    catalog.keepKeys(first, keys);
    catalog.set(INTENT, undefined);
  });
  catalog.forget();
}

/** Stores the hashes of the tiles that leaves `[from, to)` are in. */
function storeLeafHashes(
  { tiles, archive }: Rewriting,
  from: number,
  to: number,
  needed: (tile: number) => boolean,
): void {
  const [firstTile, lastTile] = [Math.floor(from / TILE_WIDTH), Math.floor((to - 1) / TILE_WIDTH)];
  if ((lastTile + 1) * TILE_WIDTH > archive.size()) {
    throw new ArchiveError(`leaf ${to - 1} is in a tile that isn't full yet: its records can't go before it is`, {
      index: to - 1,
    });
  }
  for (let tile = firstTile; tile <= lastTile; tile++) {
    if (!needed(tile) || tiles.readTile(0, tile)) continue;
    const hashes = new Uint8Array(TILE_WIDTH * HASH_BYTES);
    for (let i = 0; i < TILE_WIDTH; i++) {
      const index = tile * TILE_WIDTH + i;
      const hash = archive.readHash(0, index);
      if (!hash) throw new ArchiveError(`the hash of leaf ${index} is not there any more`, { index });
      hashes.set(hash, i * HASH_BYTES);
    }
    tiles.write(0, tile * TILE_WIDTH, hashes);
  }
  tiles.sync();
}
