import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Archive } from '../archive/archive.ts';
import type { Catalog, SegmentInfo } from '../archive/catalog.ts';
import { readAt, readHeads, SEGMENTS, segmentFile, withFile } from '../archive/files.ts';
import { finishRewrite } from '../archive/rewrite.ts';
import type { TileStore } from '../archive/tiles.ts';
import { makeTiles, Tree } from '../archive/tree.ts';
import { type Checkpoint, openCheckpoint } from '../merkle/checkpoint.ts';
import { EMPTY_ROOT, sameHash } from '../merkle/hash.ts';
import { noteVerifier } from '../merkle/note.ts';
import { rootAt } from '../merkle/tree.ts';
import { ArchiveError } from '../record/error.ts';
import { decodeFrame, type FrameInfo, isWhole } from '../record/frame.ts';
import type { Hasher } from '../record/sha256.ts';
import { HASH_BYTES } from '../record/types.ts';
import type { Recovered } from './messages.ts';

/** The segment that is written to, as far as it is good. */
export interface OpenSegment {
  first: number;
  count: number;
  bytes: number;
  /** Bytes up to the last checkpoint. */
  sealedBytes: number;
  fromUs: number;
  toUs: number;
}

export interface Recovery {
  tree: Tree;
  /** The newest checkpoint; of size 0 before the first. */
  sealed: Checkpoint;
  segment: OpenSegment | undefined;
  /** What a crash left behind the last checkpoint; undefined where there is nothing. */
  recovered: Recovered | undefined;
}

export interface RecoverFrom {
  folder: string;
  catalog: Catalog;
  tiles: TileStore;
  archive: Archive;
  hasher: Hasher;
  origin: string;
  logVkey: string;
  /** What others remember of this log: it can't be smaller, or another one. */
  atLeast?: { size: number; root: Uint8Array } | undefined;
}

/** The log isn't what its last checkpoint says, or what is remembered of it. Nothing is changed then. */
export class DamagedError extends Error {
  override name = 'DamagedError';
}

/** SQLITE_CORRUPT, SQLITE_NOTADB */
const SQLITE_DAMAGED = new Set([11, 26]);

/**
 * Finds out what a log holds, after whatever has happened. A torn write is cut off, but only behind the last checkpoint;
 * whole batches that stand there are kept. Throws DamagedError, with what and where, when the records don't come to what
 * was signed.
 */
export function recover(from: RecoverFrom): Recovery {
  try {
    return examine(from);
  } catch (error) {
    if (error instanceof DamagedError) throw error;
    const { name, errcode } = error as Error & { errcode?: number };
    if (error instanceof ArchiveError || name === 'MerkleError' || SQLITE_DAMAGED.has(errcode ?? 0)) {
      throw new DamagedError((error as Error).message, { cause: error });
    }
    throw error;
  }
}

function examine(from: RecoverFrom): Recovery {
  const { folder, catalog, archive, atLeast } = from;
  const sealed = newestCheckpoint(from);
  if (atLeast && atLeast.size > sealed.size) {
    throw new DamagedError(
      `the log has ${sealed.size} records, and it had ${atLeast.size} before: it was rolled back to an older copy`,
    );
  }
  finishRewrite(folder, catalog);
  const segments = catalog.segments();
  const open = openSegment(from, segments, sealed.size);
  assertFiles(folder, segments);
  const first = open?.first ?? sealed.size;
  const leaves = archive.hashOfLeaves;
  makeTiles(from.tiles, first, leaves);
  let result: Replayed;
  try {
    result = replay(from, open, sealed);
  } catch (error) {
    if (!(error instanceof RootError)) throw error;
    // Tiles only repeat what the records say: they may be what is wrong.
    makeTiles(from.tiles, first, leaves, true);
    result = replay(from, open, sealed);
  }
  result.tree.flush();
  for (const { size, root } of [...(atLeast ? [atLeast] : []), ...lastKept(from)]) {
    if (size > sealed.size)
      throw new DamagedError(`a checkpoint of ${size} records was kept, but ${sealed.size} are there`);
    if (size > 0 && !sameHash(rootAt(size, archive.readHash), root)) {
      throw new DamagedError(`the first ${size} records are not those that were sealed: the root is another one`);
    }
  }
  const { tree, segment, cut } = result;
  const kept = tree.size - sealed.size;
  const recovered = cut + kept > 0 ? { cut_bytes: cut, kept, size: tree.size } : undefined;
  return { tree, sealed, segment, recovered };
}

function newestCheckpoint({ archive, origin, logVkey }: RecoverFrom): Checkpoint {
  const note = archive.checkpoint();
  if (note === undefined) return { origin, size: 0, root: EMPTY_ROOT };
  const { size, root, origin: named } = openCheckpoint(note, [noteVerifier(logVkey)]);
  if (named !== origin) throw new DamagedError(`the checkpoint is that of ${named}`);
  return { origin, size, root };
}

/** The checkpoint that was kept last: a cheap look at whether the past is the one that was signed. */
function lastKept({ catalog, logVkey }: RecoverFrom): Checkpoint[] {
  const kept = catalog.checkpoints().at(-1);
  return kept ? [openCheckpoint(kept.note, [noteVerifier(logVkey)])] : [];
}

/** The segment that isn't closed. Segments follow each other without a gap, and all but the last are closed. */
function openSegment({ folder }: RecoverFrom, segments: readonly SegmentInfo[], size: number): SegmentInfo | undefined {
  let next = 0;
  for (const [i, { first, count, closed }] of segments.entries()) {
    if (first !== next || (!closed && i < segments.length - 1)) {
      throw new DamagedError(`the catalog names a segment from leaf ${first} on where leaf ${next} has to follow`);
    }
    next = first + count;
  }
  const last = segments.at(-1);
  if (next > size) throw new DamagedError(`${next} records are in closed segments, but only ${size} are sealed`);
  if (!last?.closed && last) return last;
  if (next < size) {
    throw new DamagedError(`the last checkpoint says ${size} records, but the segments have only ${next}`);
  }
  // A segment's file that the catalog doesn't know: whoever writes one tells the catalog first.
  const known = new Set(segments.map(({ first }) => path.basename(segmentFile(folder, first))));
  const unknown = segmentNames(folder).find((name) => name.endsWith('.seg') && !known.has(name));
  if (unknown) throw new DamagedError(`the catalog doesn't know ${path.join(folder, SEGMENTS, unknown)}`);
  return undefined;
}

const segmentNames = (folder: string): string[] => {
  const at = path.join(folder, SEGMENTS);
  return existsSync(at) ? readdirSync(at) : [];
};

/** Are the closed segments all there? What is in them is looked at by who verifies the log. */
function assertFiles(folder: string, segments: readonly SegmentInfo[]): void {
  for (const name of segmentNames(folder)) {
    if (name.endsWith('.tmp')) rmSync(path.join(folder, SEGMENTS, name));
  }
  for (const { first, bytes, closed } of segments) {
    if (!closed || bytes === 0) continue;
    const file = segmentFile(folder, first);
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined) throw new DamagedError(`${file} is missing`);
    if (size !== bytes) throw new DamagedError(`${file} has ${size} bytes and had ${bytes} when it was closed`);
  }
}

interface Replayed {
  tree: Tree;
  segment: OpenSegment | undefined;
  cut: number;
}

class RootError extends DamagedError {}

/** Reads the open segment again, batch by batch, and builds the tree from it. */
function replay(from: RecoverFrom, info: SegmentInfo | undefined, sealed: Checkpoint): Replayed {
  const { folder, catalog, archive, tiles, hasher } = from;
  const tree = new Tree(info?.first ?? sealed.size, archive.readHash, tiles, hasher);
  const compare = (): void => {
    if (tree.size === sealed.size && !sameHash(tree.root(), sealed.root)) {
      throw new RootError(`the records don't come to the root of the last checkpoint, of ${sealed.size} records`);
    }
  };
  compare();
  if (!info) return { tree, segment: undefined, cut: 0 };
  const segment: OpenSegment = { first: info.first, count: 0, bytes: 0, sealedBytes: 0, fromUs: 0, toUs: 0 };
  const file = segmentFile(folder, info.first);
  const keys = catalog.keysOf(info.first);
  let why = '';
  const size = withFile(file, (fd, fileSize) => {
    const { frames, end } = readHeads(fd, 0, fileSize);
    why = `what stands at byte ${end} is no frame`;
    for (let i = 0; i < frames.length; ) {
      const batch = batchFrom(frames, i, tree.size);
      const torn = batch.find((frame) => !isWhole(readAt(fd, frame.offset, frame.length)));
      if (torn || batch.length === 0) {
        why = torn ? `the frame at byte ${torn.offset} is damaged` : `the batch of leaf ${tree.size} is not complete`;
        break;
      }
      const leaves = new Uint8Array(batch[0]!.batchCount * HASH_BYTES);
      for (const frame of batch) hashFrame({ fd, file, frame, keys, hasher, leaves, segment });
      const before = tree.size;
      tree.append(leaves);
      if (before < sealed.size && tree.size > sealed.size) {
        throw new DamagedError(`${file}: the last checkpoint ends within the batch of leaf ${before}`);
      }
      compare();
      i += batch.length;
      segment.count = tree.size - segment.first;
      segment.bytes = batch.at(-1)!.offset + batch.at(-1)!.length;
      if (tree.size <= sealed.size) segment.sealedBytes = segment.bytes;
    }
    return fileSize;
  });
  if (tree.size < sealed.size) {
    const problem = size === undefined ? 'it is missing' : why;
    throw new DamagedError(
      `${file} has ${segment.count} good records, and the last checkpoint covers ${sealed.size - info.first}: ${problem}`,
    );
  }
  return { tree, segment, cut: (size ?? 0) - segment.bytes };
}

/** The frames of one batch, whose first leaf is `first`; none where they aren't all there. */
function batchFrom(frames: readonly FrameInfo[], at: number, first: number): FrameInfo[] {
  const batch: FrameInfo[] = [];
  let count = 0;
  for (let i = at; i < frames.length && frames[i]!.batchFirst === first; i++) {
    batch.push(frames[i]!);
    count += frames[i]!.count;
    if (count >= batch[0]!.batchCount) break;
  }
  return count === batch[0]?.batchCount ? batch : [];
}

function hashFrame(at: {
  fd: number;
  file: string;
  frame: FrameInfo;
  keys: Map<number, { key: Uint8Array }>;
  hasher: Hasher;
  leaves: Uint8Array;
  segment: OpenSegment;
}): void {
  const { fd, file, frame, keys, hasher, leaves, segment } = at;
  const key = keys.get(frame.keyId);
  if (!key) throw new DamagedError(`${file}: the key ${frame.keyId} of the frame at byte ${frame.offset} is missing`);
  let block: ReturnType<typeof decodeFrame>;
  try {
    block = decodeFrame(readAt(fd, frame.offset, frame.length), key.key);
  } catch (error) {
    throw new DamagedError(`${file}, the frame at byte ${frame.offset}: ${(error as Error).message}`);
  }
  const [commitments, hashes] = [new Uint8Array(block.count * HASH_BYTES), new Uint8Array(block.count * HASH_BYTES)];
  hasher.commitments(block, commitments);
  hasher.leaves(block, commitments, hashes);
  for (let i = 0; i < block.count; i++) {
    leaves.set(
      hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
      (block.index[i]! - frame.batchFirst) * HASH_BYTES,
    );
    const us = block.receiveUs[i]!;
    segment.fromUs = segment.fromUs === 0 ? us : Math.min(segment.fromUs, us);
    segment.toUs = Math.max(segment.toUs, us);
  }
}
