import path from 'node:path';
import { replaceFile } from '../../store/index.ts';
import type { Catalog } from '../archive/catalog.ts';
import { CHECKPOINT, readAt, segmentFile, withFile } from '../archive/files.ts';
import { SegmentWriter } from '../archive/segment.ts';
import type { TileStore } from '../archive/tiles.ts';
import type { Tree } from '../archive/tree.ts';
import type { LogKeys } from '../keys/index.ts';
import { type Checkpoint, formatCheckpoint } from '../merkle/checkpoint.ts';
import { encodeFrame, type FrameInfo, parseHead } from '../record/frame.ts';
import type { Hasher } from '../record/sha256.ts';
import { type Block, HASH_BYTES, type Kind } from '../record/types.ts';
import { assemble, type Part } from './assemble.ts';
import type { OpenSegment, Recovery } from './recovery.ts';

export interface LogOptions {
  folder: string;
  catalog: Catalog;
  tiles: TileStore;
  keys: LogKeys;
  hasher: Hasher;
  /** Which start of the appliance it is. */
  boot: number;
  /** Leaves of a segment at most. */
  segmentRecords: number;
}

export interface Written {
  segment: number;
  frames: [FrameInfo, Block][];
  records: number;
  /** In the segment. */
  bytes: number;
  /** Of the messages. */
  rawBytes: number;
}

export interface Sealed extends Checkpoint {
  from: number;
  note: string;
}

/**
 * The log's files, as they grow. What throws has changed nothing that counts, and can be called again: the disk may be
 * full, or fail.
 */
export class Log {
  readonly #options: LogOptions;
  readonly #tree: Tree;
  #sealed: Checkpoint;
  #segment: OpenSegment | undefined;
  #writer: SegmentWriter | undefined;
  #keys = new Map<number, { id: number; key: Uint8Array }>();
  /** Written since the last checkpoint. */
  #unsealed: Uint8Array[] = [];
  /** An fsync has failed: nobody knows what of `#unsealed` will be on the disk, so it has to be written again. */
  #doubtful = false;

  constructor(options: LogOptions, { tree, sealed, segment }: Recovery) {
    this.#options = options;
    this.#tree = tree;
    this.#sealed = sealed;
    this.#segment = segment;
    if (!segment) return;
    const { first, bytes, sealedBytes } = segment;
    this.#writer = new SegmentWriter(options.folder, first, bytes);
    for (const [id, key] of options.catalog.keysOf(first)) this.#keys.set(key.class, { id, key: key.key });
    const kept = withFile(segmentFile(options.folder, first), (fd) => readAt(fd, sealedBytes, bytes - sealedBytes));
    if (kept && kept.length > 0) this.#unsealed.push(kept);
  }

  /** Leaves, those that aren't sealed yet among them. */
  get size(): number {
    return this.#tree.size;
  }

  get sealed(): Checkpoint {
    return this.#sealed;
  }

  /** How many more records fit into the segment. */
  get room(): number {
    return this.#options.segmentRecords - (this.#segment?.count ?? 0);
  }

  get segment(): Readonly<OpenSegment> | undefined {
    return this.#segment;
  }

  /** Writes one batch: no more than `room`. */
  write(parts: readonly Part[], kind: Kind, classOf: (source: number) => number): Written {
    const { hasher, boot } = this.#options;
    const segment = this.#open();
    this.#repair();
    const first = this.#tree.size;
    const blocks = assemble(parts, { first, boot, kind, classOf });
    const count = blocks.reduce((sum, { block }) => sum + block.count, 0);
    const leaves = new Uint8Array(count * HASH_BYTES);
    let { fromUs, toUs } = segment;
    const encoded = blocks.map(({ block, seed }) => {
      const hashes = blocks.length === 1 ? leaves : new Uint8Array(block.count * HASH_BYTES);
      const commitments = new Uint8Array(block.count * HASH_BYTES);
      hasher.commitments(block, commitments);
      hasher.leaves(block, commitments, hashes);
      for (let i = 0; i < block.count; i++) {
        if (hashes !== leaves) {
          leaves.set(hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), (block.index[i]! - first) * HASH_BYTES);
        }
        const us = block.receiveUs[i]!;
        if (fromUs === 0 || us < fromUs) fromUs = us;
        if (us > toUs) toUs = us;
      }
      return encodeFrame(block, { first, count }, this.#keyOf(segment.first, block.class), seed);
    });
    const bytes = encoded.length === 1 ? encoded[0]! : Buffer.concat(encoded);
    const writer = this.#writer!;
    let at = writer.bytes;
    writer.append(bytes);
    this.#tree.append(leaves);
    this.#unsealed.push(bytes);
    Object.assign(segment, { count: segment.count + count, bytes: writer.bytes, fromUs, toUs });
    const frames = encoded.map((frame, i): [FrameInfo, Block] => {
      const info = parseHead(frame, 0, at)!;
      at += frame.length;
      return [info, blocks[i]!.block];
    });
    const rawBytes = blocks.reduce((sum, { block }) => sum + block.raw.length, 0);
    return { segment: segment.first, frames, records: count, bytes: bytes.length, rawBytes };
  }

  #open(): OpenSegment {
    if (this.#segment && this.#writer) return this.#segment;
    const first = this.#tree.size;
    this.#options.catalog.beginSegment(first);
    this.#writer = new SegmentWriter(this.#options.folder, first);
    this.#keys.clear();
    this.#segment = { first, count: 0, bytes: 0, sealedBytes: 0, fromUs: 0, toUs: 0 };
    return this.#segment;
  }

  #keyOf(segment: number, retentionClass: number): { id: number; key: Uint8Array } {
    const known = this.#keys.get(retentionClass);
    if (known) return known;
    const key = this.#options.catalog.makeKey(segment, retentionClass);
    this.#keys.set(retentionClass, key);
    return key;
  }

  #repair(): void {
    if (!this.#doubtful) return;
    this.#writer!.truncate(this.#segment!.sealedBytes);
    this.#writer!.append(Buffer.concat(this.#unsealed));
    this.#doubtful = false;
  }

  /** Signs what was written; undefined where nothing is new. On the disk when it returns. */
  seal(): Sealed | undefined {
    const { size } = this.#tree;
    const from = this.#sealed.size;
    if (size === from) return undefined;
    const { folder, keys } = this.#options;
    this.#repair();
    try {
      this.#writer!.sync();
    } catch (error) {
      this.#doubtful = true;
      throw error;
    }
    this.#tree.flush();
    const checkpoint = { origin: this.#sealed.origin, size, root: this.#tree.root() };
    const note = keys.signCheckpoint(formatCheckpoint(checkpoint));
    replaceFile(path.join(folder, CHECKPOINT), note, 0o600);
    this.#sealed = checkpoint;
    this.#unsealed = [];
    this.#segment!.sealedBytes = this.#segment!.bytes;
    return { ...checkpoint, from, note };
  }

  /** Ends the segment, all of which is sealed: the next record begins another one. Returns its first leaf. */
  closeSegment(): number | undefined {
    const segment = this.#segment;
    if (!segment || segment.count === 0) return undefined;
    if (this.#tree.size !== this.#sealed.size) throw new Error('a segment is closed once all of it is sealed');
    this.#options.tiles.sync();
    this.#options.catalog.closeSegment(segment);
    this.#writer!.close();
    this.#writer = undefined;
    this.#segment = undefined;
    return segment.first;
  }

  close(): void {
    this.#writer?.close();
    this.#writer = undefined;
  }
}
