import { hkdfSync } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { SecretBox } from '../../store/index.ts';
import { parseCheckpoint } from '../merkle/checkpoint.ts';
import { parseNote } from '../merkle/note.ts';
import { TILE_HEIGHT, TILE_WIDTH } from '../merkle/tiles.ts';
import { sliceBlock } from '../record/block.ts';
import { ArchiveError } from '../record/error.ts';
import { decodeFrame, type FrameInfo } from '../record/frame.ts';
import { type LogRecord, leafOf, recordOf } from '../record/leaf.ts';
import { type Hasher, plainHasher } from '../record/sha256.ts';
import { type Block, HASH_BYTES } from '../record/types.ts';
import { Catalog, type KeptCheckpoint, type SegmentInfo, type Source, type Timestamp } from './catalog.ts';
import { CHECKPOINT, readAt, readHeads, segmentFile, withFile } from './files.ts';
import { Recent } from './recent.ts';
import { foldTile, TileStore } from './tiles.ts';

/** Segments whose list of frames is kept, frames whose records are, tiles whose leaf hashes are. */
const MAX_LISTS = 256;
const MAX_BLOCKS = 8;
const MAX_TILES = 64;

/** What is sealed, for those who read. Each call sees the newest checkpoint. */
export interface Archive {
  /** The newest checkpoint, a signed note; undefined where nothing was sealed yet. */
  checkpoint(): string | undefined;
  /** Leaves that are sealed. */
  size(): number;
  /** In the order of their leaves. */
  segments(): SegmentInfo[];
  /** Frames of the segment that begins with leaf `first`, as far as they are sealed. */
  frames(first: number): FrameInfo[];
  /** The records of a frame; undefined where they have expired. Throws ArchiveError where it is damaged. */
  readFrame(first: number, frame: FrameInfo): Block | undefined;
  /** Records with `from <= index < to`, batch by batch, a block for each class; what has expired is left out. */
  blocks(range: { from: number; to: number }): Iterable<Block>;
  /** One record; undefined where it has expired or isn't sealed yet. */
  record(index: number): LogRecord | undefined;
  /** Its leaf, 58 bytes. */
  leaf(index: number): Uint8Array | undefined;
  /** The hash of a complete subtree that is sealed (see merkle/tree.ts); undefined where it can't be known any more. */
  readHash(level: number, index: number): Uint8Array | undefined;
  /** The same for a tile's worth of leaves, or fewer, from their records and not from the tiles above them. */
  hashOfLeaves(level: number, index: number): Uint8Array | undefined;
  /**
   * A key that is derived (HKDF-SHA-256) from all keys of a segment, so that nobody can make it once one of them is
   * destroyed or replaced; undefined where it has none.
   */
  deriveKey(first: number, salt: Uint8Array, use: string, length: number): Uint8Array | undefined;
  sources(): Source[];
  /** Older checkpoints that were kept. */
  checkpoints(): KeptCheckpoint[];
  timestamps(): Timestamp[];
  close(): void;
}

/** What is known of a segment's file; another file (it was written anew) has another identity. */
interface FrameList {
  identity: string;
  frames: FrameInfo[];
  /** Where to read on, and up to which size of the log it was read. */
  end: number;
  size: number;
  keys: Map<number, { class: number; key: Uint8Array }>;
}

/**
 * Opens the sealed log in `folder`, for reading. `hasher` makes proofs of records faster (`createHasher`). Throws
 * ArchiveError where there is none.
 */
export function openArchive({
  folder,
  secrets,
  hasher = plainHasher(),
}: {
  folder: string;
  secrets: SecretBox;
  hasher?: Hasher;
}): Archive {
  const catalog = new Catalog(folder, secrets, true);
  const tiles = new TileStore(folder, hasher);
  const lists = new Recent<number, FrameList>(MAX_LISTS);
  const recentBlocks = new Recent<string, Block>(MAX_BLOCKS);
  const leafTiles = new Recent<number, Uint8Array>(MAX_TILES);

  const checkpoint = (): string | undefined => readCheckpoint(folder);
  let seen = { identity: '', size: 0 };
  /** Parsed once for each file: the checkpoint is replaced as a whole. */
  const size = (): number => {
    const stat = statSync(path.join(folder, CHECKPOINT), { throwIfNoEntry: false, bigint: true });
    const identity = stat ? `${stat.ino} ${stat.mtimeNs} ${stat.size}` : '';
    if (identity !== seen.identity) seen = { identity, size: sizeOf(folder, checkpoint()) };
    return seen.size;
  };

  /** The same, without a look at the file where `wanted` leaves were sealed before: they stay so. */
  const sizeFor = (wanted: number): number => (wanted <= seen.size ? seen.size : size());

  const asSealed = (info: SegmentInfo, upTo: number): SegmentInfo =>
    info.closed ? info : openInfo(folder, info, upTo);
  const segments = (upTo: number, from = 0, to = upTo): SegmentInfo[] =>
    catalog.segments(from, Math.min(to, upTo)).map((info) => asSealed(info, upTo));

  function listOf(info: SegmentInfo, upTo: number): FrameList {
    const file = segmentFile(folder, info.first);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (!stat) {
      if (info.expired.length > 0 && info.bytes === 0) {
        return { identity: '', frames: [], end: 0, size: upTo, keys: new Map() };
      }
      throw new ArchiveError(`${file} is missing`, { index: info.first });
    }
    // An open segment grows; a closed one only changes as a whole.
    const identity = `${stat.ino} ${info.closed ? `${stat.size} ${stat.mtimeMs}` : ''}`;
    const known = lists.get(info.first);
    const fresh = known?.identity === identity ? known : undefined;
    if (fresh && fresh.size >= Math.min(upTo, info.first + info.count)) return fresh;
    const list = readList(file, info, upTo, fresh);
    const keys = catalog.keysOf(info.first);
    return lists.set(info.first, { ...list, identity, keys });
  }

  function readFrame(info: SegmentInfo, list: FrameList, frame: FrameInfo): Block | undefined {
    const place = `${info.first} ${list.identity} ${frame.offset}`;
    const known = recentBlocks.get(place);
    if (known) return known;
    const where = { index: frame.batchFirst };
    const file = segmentFile(folder, info.first);
    const key = list.keys.get(frame.keyId) ?? catalog.keysOf(info.first).get(frame.keyId);
    if (!key) {
      if (info.expired.includes(frame.class)) return undefined;
      throw new ArchiveError(`${file}: the key ${frame.keyId} of the frame at byte ${frame.offset} is missing`, where);
    }
    const bytes = withFile(file, (fd) => readAt(fd, frame.offset, frame.length));
    if (!bytes) throw new ArchiveError(`${file} is missing`, where);
    try {
      return recentBlocks.set(place, decodeFrame(bytes, key.key));
    } catch (cause) {
      throw new ArchiveError(`${file}, the frame at byte ${frame.offset}: ${(cause as Error).message}`, {
        ...where,
        cause,
      });
    }
  }

  function* blocks(range: { from: number; to: number }): Generator<Block> {
    const upTo = size();
    const to = Math.min(range.to, upTo);
    for (const info of range.from < to ? segments(upTo, range.from, to) : []) {
      if (info.first + info.count <= range.from) continue;
      const list = listOf(info, upTo);
      for (let i = batchAt(list.frames, range.from); i < list.frames.length; i++) {
        const frame = list.frames[i]!;
        if (frame.batchFirst >= to) break;
        const block = readFrame(info, list, frame);
        const [first, last] = block ? [lowerBound(block.index, range.from), lowerBound(block.index, to)] : [0, 0];
        if (block && first < last) yield sliceBlock(block, first, last);
      }
    }
  }

  function find(index: number): { block: Block; i: number } | undefined {
    for (const block of blocks({ from: index, to: index + 1 })) return { block, i: 0 };
    return undefined;
  }

  /** Leaf hashes of a tile of level 0, as many as are sealed; undefined where some have expired and aren't stored. */
  function leafTile(tile: number, upTo: number): Uint8Array | undefined {
    const first = tile * TILE_WIDTH;
    const count = Math.min(TILE_WIDTH, upTo - first);
    const known = leafTiles.get(tile) ?? new Uint8Array(0);
    if (known.length >= count * HASH_BYTES) return known;
    const stored = tiles.readTile(0, tile);
    if (stored) return leafTiles.set(tile, stored);
    // Of the last tile, which grows with the log, only what is new is hashed.
    const there = known.length / HASH_BYTES;
    const added = hashRecords(first + there, count - there);
    return added && leafTiles.set(tile, Buffer.concat([known, added]));
  }

  function hashRecords(first: number, count: number): Uint8Array | undefined {
    const hashes = new Uint8Array(count * HASH_BYTES);
    let found = 0;
    for (const block of blocks({ from: first, to: first + count })) {
      const [commitments, leaves] = [
        new Uint8Array(block.count * HASH_BYTES),
        new Uint8Array(block.count * HASH_BYTES),
      ];
      hasher.commitments(block, commitments);
      hasher.leaves(block, commitments, leaves);
      for (let i = 0; i < block.count; i++) {
        hashes.set(leaves.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), (block.index[i]! - first) * HASH_BYTES);
      }
      found += block.count;
    }
    return found === count ? hashes : undefined;
  }

  function hashOfLeaves(level: number, index: number): Uint8Array | undefined {
    const from = index * 2 ** level;
    const count = 2 ** level;
    const upTo = sizeFor(from + count);
    if (from + count > upTo) return undefined;
    const hashes = leafTile(Math.floor(from / TILE_WIDTH), upTo);
    const at = (from % TILE_WIDTH) * HASH_BYTES;
    return hashes && foldTile(hasher, new Uint8Array(hashes.subarray(at, at + count * HASH_BYTES)));
  }

  return {
    checkpoint,
    size,
    segments: () => segments(size()),
    frames(first) {
      const upTo = size();
      return listOf(asSealed(catalog.segment(first), upTo), upTo).frames;
    },
    readFrame(first, frame) {
      const upTo = size();
      const info = asSealed(catalog.segment(first), upTo);
      return readFrame(info, listOf(info, upTo), frame);
    },
    blocks,
    record(index) {
      const found = find(index);
      return found && recordOf(found.block, found.i);
    },
    leaf(index) {
      const found = find(index);
      return found && leafOf(found.block, found.i);
    },
    readHash(level, index) {
      if (level < TILE_HEIGHT) return hashOfLeaves(level, index);
      const end = (index + 1) * 2 ** level;
      return end <= sizeFor(end) ? tiles.read(level, index) : undefined;
    },
    hashOfLeaves,
    deriveKey(first, salt, use, length) {
      const keys = [...catalog.keysOf(first)].sort(([a], [b]) => a - b);
      if (keys.length === 0) return undefined;
      const secret = Buffer.concat(keys.flatMap(([id, { key }]) => [Buffer.from(`${id} `), key]));
      return new Uint8Array(hkdfSync('sha256', secret, salt, use, length));
    },
    sources: () => catalog.sources(),
    checkpoints: () => catalog.checkpoints(),
    timestamps: () => catalog.timestamps(),
    close: () => catalog.close(),
  };
}

/** The note in `<folder>/checkpoint`, as it stands there; nothing is verified. */
export function readCheckpoint(folder: string): string | undefined {
  try {
    return readFileSync(path.join(folder, CHECKPOINT), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ArchiveError(`${path.join(folder, CHECKPOINT)} cannot be read: ${(error as Error).message}`);
  }
}

function sizeOf(folder: string, note: string | undefined): number {
  if (note === undefined) return 0;
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch (cause) {
    const file = path.join(folder, CHECKPOINT);
    throw new ArchiveError(`${file} is damaged: ${(cause as Error).message}`, { cause });
  }
}

function openInfo(folder: string, info: SegmentInfo, size: number): SegmentInfo {
  const bytes = statSync(segmentFile(folder, info.first), { throwIfNoEntry: false })?.size ?? 0;
  return { ...info, count: size - info.first, fromUs: 0, toUs: Number.POSITIVE_INFINITY, bytes };
}

/** The frames of a segment up to what is sealed; `known` are those that were read before. */
function readList(
  file: string,
  info: SegmentInfo,
  upTo: number,
  known: FrameList | undefined,
): { frames: FrameInfo[]; end: number; size: number } {
  const found = withFile(file, (fd, size) =>
    readHeads(fd, known?.end ?? 0, info.closed ? Math.min(size, info.bytes) : size),
  );
  if (!found) throw new ArchiveError(`${file} is missing`, { index: info.first });
  const sealed = found.frames.filter((frame) => frame.batchFirst < upTo);
  const frames = [...(known?.frames ?? []), ...sealed];
  const last = frames.at(-1);
  const end = last ? last.offset + last.length : 0;
  const covered = last ? last.batchFirst + last.batchCount : info.first;
  const to = info.first + info.count;
  // Of a segment that was written anew some frames are gone, the last maybe too.
  if (info.expired.length === 0 ? covered < to : found.end < info.bytes) {
    throw new ArchiveError(
      `${file}: what stands at byte ${found.end} is no frame, ${covered} of ${to} leaves are there`,
      {
        index: covered,
      },
    );
  }
  return { frames, end, size: Math.min(upTo, to) };
}

/** The place of the first frame of the batch that `index` is in, or of the next one that is there. */
function batchAt(frames: readonly FrameInfo[], index: number): number {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { batchFirst, batchCount } = frames[middle]!;
    if (batchFirst + batchCount <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lowerBound(values: Float64Array, wanted: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
