import type { Archive, FrameInfo } from '../archive/index.ts';
import { type LogRecord, leafOf, recordOf } from '../record/leaf.ts';
import type { Block } from '../record/types.ts';

/** A record with the leaf that stands for it in the tree. */
export interface Leafed {
  record: LogRecord;
  leaf: Uint8Array;
  class: number;
}

/**
 * The records with `from <= index < to` that are there still, one after another. Of a batch, whose classes are frames of
 * their own, all frames are in memory at a time. `classes`: only these.
 */
export function* recordsIn(
  archive: Archive,
  { from, to, classes }: { from: number; to: number; classes?: readonly number[] },
): Generator<Leafed> {
  for (const { first, count } of archive.segments()) {
    if (first >= to || first + count <= from) continue;
    let batch: Block[] = [];
    let batchFirst = -1;
    for (const frame of archive.frames(first)) {
      if (frame.batchFirst + frame.batchCount <= from || (classes && !classes.includes(frame.class))) continue;
      if (frame.batchFirst >= to) break;
      if (frame.batchFirst !== batchFirst) {
        yield* merged(batch, from, to);
        [batch, batchFirst] = [[], frame.batchFirst];
      }
      const block = archive.readFrame(first, frame);
      if (block) batch.push(block);
    }
    yield* merged(batch, from, to);
  }
}

/** A batch of a segment, and what of it cannot be read. */
export interface Batch {
  first: number;
  count: number;
  errors: string[];
  records(): Iterable<Leafed>;
}

/** The batches of a segment one after another, as far as they are there. */
export function* frameRecords(archive: Archive, segment: number, frames: readonly FrameInfo[]): Generator<Batch> {
  for (let at = 0; at < frames.length; ) {
    const { batchFirst: first, batchCount: count } = frames[at]!;
    const blocks: Block[] = [];
    const errors: string[] = [];
    for (; frames[at]?.batchFirst === first; at++) {
      try {
        const block = archive.readFrame(segment, frames[at]!);
        if (block) blocks.push(block);
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
    yield { first, count, errors, records: () => merged(blocks, 0, Number.POSITIVE_INFINITY) };
  }
}

/** The records of a batch's blocks in the order of their leaves. */
function* merged(blocks: readonly Block[], from: number, to: number): Generator<Leafed> {
  const next = blocks.map(() => 0);
  for (;;) {
    let place = -1;
    for (const [b, block] of blocks.entries()) {
      const index = block.index[next[b]!];
      if (index !== undefined && (place < 0 || index < blocks[place]!.index[next[place]!]!)) place = b;
    }
    const block = blocks[place];
    if (!block) return;
    const i = next[place]!++;
    const index = block.index[i]!;
    if (index >= from && index < to) yield { record: recordOf(block, i), leaf: leafOf(block, i), class: block.class };
  }
}

/**
 * The leaves that were received in a stretch of time (`fromUs <= t < toUs`): from the first of them to the last, with what
 * came between. Undefined where there is none. Only segments at its ends are read.
 */
export function indexesOf(
  archive: Archive,
  { fromUs, toUs, size }: { fromUs: number; toUs: number; size: number },
): { first: number; last: number } | undefined {
  const segments = archive.segments().filter((segment) => segment.toUs >= fromUs && segment.fromUs < toUs);
  const inside = ({ record }: Leafed): boolean => record.receiveUs >= fromUs && record.receiveUs < toUs;
  let first: number | undefined;
  for (const segment of segments) {
    for (const one of recordsIn(archive, { from: segment.first, to: Math.min(size, segment.first + segment.count) })) {
      if (!inside(one)) continue;
      first = one.record.index;
      break;
    }
    if (first !== undefined) break;
  }
  if (first === undefined) return undefined;
  for (const segment of segments.reverse()) {
    let last: number | undefined;
    const from = Math.max(first, segment.first);
    for (const one of recordsIn(archive, { from, to: Math.min(size, segment.first + segment.count) })) {
      if (inside(one)) last = one.record.index;
    }
    if (last !== undefined) return { first, last };
  }
  return { first, last: first };
}
