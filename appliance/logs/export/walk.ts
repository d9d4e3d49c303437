import { setImmediate } from 'node:timers/promises';
import type { Archive, SegmentInfo } from '../archive/index.ts';
import { leafHash, sameHash } from '../merkle/hash.ts';
import { TILE_HEIGHT, TILE_WIDTH } from '../merkle/tiles.ts';
import { foldHashes } from '../merkle/tree.ts';
import { HASH_BYTES, KIND } from '../record/types.ts';
import { isUnsynchronised } from './format.ts';
import { frameRecords, type Leafed } from './records.ts';
import { type Anchor, clockChecker } from './verifier/clock.mjs';

export interface Finding {
  /** The leaf, or the first of those among which it is. */
  index?: number;
  last?: number;
  defect: string;
  text: string;
}

export type Fault = (finding: Finding) => void;

/** What went wrong while something was read is a finding. */
export function attempt<T>(defect: string, fault: Fault, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const { message, index } = error as Error & { index?: number };
    fault({ ...(index !== undefined && { index }), defect, text: `${message}.` });
    return undefined;
  }
}

/** Of which records the segments are read: those with some that were received, or have their index, in between. */
export interface Stretch {
  /** Microseconds since 1970: `fromUs <= received < toUs`. */
  fromUs?: number | undefined;
  toUs?: number | undefined;
  /** Leaves: `from <= index < to`. */
  from?: number | undefined;
  to?: number | undefined;
  /** Told 0 to 1. */
  onProgress?: ((done: number) => void) | undefined;
}

/** Reads the records, and compares what their hashes make up with the stored tiles, 256 at a time. */
export async function checkRecords(
  archive: Archive,
  size: number,
  { fromUs = 0, toUs = Number.POSITIVE_INFINITY, from = 0, to = Number.POSITIVE_INFINITY, onProgress }: Stretch,
  anchors: readonly Anchor[],
  fault: Fault,
  result: { records: number; within: number; remarks: string[] },
): Promise<void> {
  const clock = clockChecker(anchors);
  const sources = new Set(archive.sources().map(({ id }) => id));
  const tail = size - (size % TILE_WIDTH);
  let hashes = new Uint8Array(TILE_WIDTH * HASH_BYTES);
  let whole = true;
  let next = 0;
  /** To the next leaf, with its hash where it is known. */
  const step = (hash: Uint8Array | undefined): void => {
    const place = next++ % TILE_WIDTH;
    if (place === 0) whole = true;
    if (hash) hashes.set(hash, place * HASH_BYTES);
    else whole = false;
    if (place < TILE_WIDTH - 1 || !whole) return;
    const stored = archive.readHash(TILE_HEIGHT, (next - TILE_WIDTH) / TILE_WIDTH);
    if (stored && sameHash(stored, foldHashes(hashes))) return;
    const first = next - TILE_WIDTH;
    fault({
      index: first,
      last: next - 1,
      defect: 'altered',
      text: `One of the records ${first} to ${next - 1} isn’t what was sealed, or the stored hash of these is missing or was changed.`,
    });
    hashes = new Uint8Array(TILE_WIDTH * HASH_BYTES);
  };
  /** To that leaf; answers those in between whose records aren't there. */
  const skipTo = (index: number): { from: number; to: number } | undefined => {
    const from = next;
    while (next < index) step(attempt('damaged', fault, () => archive.readHash(0, next)));
    return from < index ? { from, to: index - 1 } : undefined;
  };
  /** Records that aren't there, and those that the log says have expired, by segment. */
  const [absent, expired] = [new Map<number, number>(), new Map<number, number>()];
  let expected = 0;
  for (const segment of archive.segments()) {
    if (segment.first !== expected) missing(fault, expected, segment.first - 1, 'no segment has them');
    expected = segment.first + segment.count;
    if (segment.toUs < fromUs || segment.fromUs >= toUs || expected <= from || segment.first >= to) continue;
    await checkSegment(segment);
  }
  if (expected < size) missing(fault, expected, size - 1, 'no segment has them');
  const all = fromUs <= 0 && from <= 0 && toUs === Number.POSITIVE_INFINITY && to === Number.POSITIVE_INFINITY;
  for (const { first, count, expired: classes } of all ? archive.segments() : []) {
    if (classes.length === 0 || (absent.get(first) ?? 0) <= (expired.get(first) ?? 0)) continue;
    const said = `${expired.get(first) ?? 0} of which the log says that they had expired`;
    missing(fault, first, first + count - 1, `${absent.get(first)} of them aren’t there, ${said}`);
  }

  async function checkSegment(segment: SegmentInfo): Promise<void> {
    const end = Math.min(size, segment.first + segment.count);
    if (next !== segment.first) [next, whole] = [segment.first, false];
    let [fromSeen, toSeen] = [Number.POSITIVE_INFINITY, 0];
    /** Over records that have to have expired. */
    const pass = (index: number): void => {
      const gone = skipTo(index);
      if (!gone) return;
      absent.set(segment.first, (absent.get(segment.first) ?? 0) + gone.to - gone.from + 1);
      if (segment.expired.length === 0) missing(fault, gone.from, gone.to, 'they are not in their segment');
    };
    /** Over records that cannot be read, which was told. */
    const jump = (index: number): void => {
      [next, whole] = [index, index % TILE_WIDTH === 0];
    };
    const take = ({ record, leaf }: Leafed): void => {
      if (record.index < next) {
        fault({
          index: record.index,
          defect: 'order',
          text: `Record ${record.index} is there twice, or out of order.`,
        });
        return;
      }
      pass(record.index);
      noteExpiry(record, expired);
      result.records++;
      const { index, receiveUs } = record;
      if (receiveUs >= fromUs && receiveUs < toUs && index >= from && index < to) result.within++;
      fromSeen = Math.min(fromSeen, record.receiveUs);
      toSeen = Math.max(toSeen, record.receiveUs);
      const told = clock.check(record.index, { ...record, unsynchronised: isUnsynchronised(record.flags) });
      if (told.finding) fault(told.finding);
      if (told.remark) result.remarks.push(told.remark);
      if (record.source !== 0 && record.source !== 65_535 && !sources.has(record.source)) {
        fault({
          index: record.index,
          defect: 'catalog',
          text: `The catalog doesn’t know source ${record.source} of record ${record.index}.`,
        });
      }
      const hash = leafHash(leaf);
      // The last tile isn't full and has no stored hash above it; the root is made of these.
      const stored = record.index < tail ? hash : archive.readHash(0, record.index);
      if (!stored || !sameHash(stored, hash)) {
        fault({
          index: record.index,
          defect: 'altered',
          text: `Record ${record.index} isn’t the one whose hash is stored.`,
        });
      }
      step(hash);
    };
    const frames = attempt('damaged', fault, () => archive.frames(segment.first));
    let batchEnd = segment.first;
    for (const batch of frames ? frameRecords(archive, segment.first, frames) : []) {
      if (batch.first >= end) break; // sealed meanwhile
      if (batch.first > batchEnd) pass(batch.first);
      for (const error of batch.errors)
        fault({ index: batch.first, last: batch.first + batch.count - 1, defect: 'damaged', text: `${error}.` });
      for (const one of batch.errors.length > 0 ? [] : batch.records()) if (one.record.index < end) take(one);
      batchEnd = Math.min(end, batch.first + batch.count);
      if (batch.errors.length > 0) jump(batchEnd);
      else pass(batchEnd);
      onProgress?.(next / size);
      await setImmediate();
    }
    if (frames) pass(end);
    else jump(end);
    const isAll = end === segment.first + segment.count;
    const told = isAll && segment.closed && segment.expired.length === 0 && frames && toSeen > 0;
    if (told && (fromSeen !== segment.fromUs || toSeen !== segment.toUs)) {
      fault({
        index: segment.first,
        last: end - 1,
        defect: 'catalog',
        text: `The catalog has other times for the records ${segment.first} to ${end - 1} than they have.`,
      });
    }
  }
}

/** Counts what a record says to have expired: retention/ writes these. */
function noteExpiry({ kind, raw }: Leafed['record'], expired: Map<number, number>): void {
  if (kind !== KIND.erasure) return;
  try {
    const { event, segment, count } = JSON.parse(Buffer.from(raw).toString());
    if (event === 'logs.expired') expired.set(segment, (expired.get(segment) ?? 0) + count);
  } catch {
    // It says nothing about records that are gone.
  }
}

const missing = (fault: Fault, from: number, to: number, why: string): void =>
  fault({
    index: from,
    last: to,
    defect: 'missing record',
    text: `${from === to ? `Record ${from} is` : `Records ${from} to ${to} are`} missing: ${why}.`,
  });

/** The upper tiles have to be the hashes of the lower. */
export function checkTiles(archive: Archive, size: number, fault: Fault): void {
  for (let level = 2 * TILE_HEIGHT; 2 ** level <= size; level += TILE_HEIGHT) {
    for (let index = 0; (index + 1) * 2 ** level <= size; index++) {
      const lower = Array.from({ length: TILE_WIDTH }, (_, i) =>
        archive.readHash(level - TILE_HEIGHT, index * TILE_WIDTH + i),
      );
      const stored = archive.readHash(level, index);
      const whole = lower.every((hash) => hash !== undefined);
      if (whole && stored && sameHash(stored, foldHashes(Buffer.concat(lower as Uint8Array[])))) continue;
      const first = index * 2 ** level;
      fault({
        index: first,
        last: first + 2 ** level - 1,
        defect: 'tree',
        text: `The stored hash of the records ${first} to ${first + 2 ** level - 1} is missing, or isn’t that of its parts.`,
      });
    }
  }
}
