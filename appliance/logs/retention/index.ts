import type { Catalog, SegmentInfo } from '../archive/catalog.ts';
import type { Expiring } from '../backend.ts';
import { recordOf } from '../record/leaf.ts';
import { CLASSES, KIND } from '../record/types.ts';
import { isIn, type Range, rangesOf } from './erased.ts';
import { type Due, type Hold, holdOn, isoOf, nameOfHold, planExpiry, type RetentionRules } from './plan.ts';
import { finishRetention, perform, type Vault, type Work } from './work.ts';

export type { Hold, RetentionRules } from './plan.ts';
export { finishRetention, type Vault } from './work.ts';

/** Segments that are written anew in one call: the sealing thread has something else to do in between. */
const MAX_SEGMENTS = 8;
/** Segments whose sources are looked for in one call; those of others are found the next time. */
const MAX_LOOKED_INTO = 8;
/** Ranges of one record: it has to stay below 65,535 bytes. */
const MAX_RANGES = 1000;
/** What may be erased: what is about people. What people did with the log stays, or its abuse could be covered up. */
const ERASABLE: ReadonlySet<number> = new Set([KIND.log, KIND.access]);
const SYSTEM = CLASSES.indexOf('system');

/** Records that can't be erased: the message says which, and why. */
export class RetentionError extends Error {
  override name = 'RetentionError';
}

/**
 * Destroys what is past its days, a few segments at a time; returns how many segments are left to do. Each is recorded
 * as `{event: 'logs.expired', segment, class, count, from, to}`.
 */
export function expire(vault: Vault, rules: Omit<RetentionRules, 'size'>): number {
  finishRetention(vault);
  const size = vault.archive.size();
  const due = planExpiry(summaries(vault, MAX_LOOKED_INTO), { ...rules, size });
  const now = due.slice(0, MAX_SEGMENTS);
  if (now.length === 0) return 0;
  const records = now.flatMap((one) => countOf(vault, one).map((entry) => JSON.stringify(entry.record)));
  perform(vault, {
    records,
    size,
    segments: now.map(({ segment, classes }) => ({ first: segment, drop: classes, erase: [] })),
  });
  return due.length - now.length;
}

/** What `expire` would destroy under these rules. */
export function expiring(vault: Pick<Vault, 'archive' | 'catalog'>, rules: Omit<RetentionRules, 'size'>): Expiring[] {
  const due = planExpiry(summaries(vault, Number.POSITIVE_INFINITY), { ...rules, size: vault.archive.size() });
  const byClass = new Map<number, Expiring>();
  for (const entry of due.flatMap((one) => countOf(vault, one))) {
    const { class: name, count } = entry.record;
    const sum = byClass.get(entry.class) ?? { class: name, records: 0, bytes: 0, untilUs: 0 };
    byClass.set(entry.class, {
      class: name,
      records: sum.records + count,
      bytes: sum.bytes + entry.bytes,
      untilUs: Math.max(sum.untilUs, entry.toUs),
    });
  }
  return [...byClass].sort(([a], [b]) => a - b).map(([, one]) => one);
}

/**
 * Erases the payloads of records; what was sealed about them stays provable. Recorded, in the same go, as
 * `{event: 'logs.erased', indexes: [[from, to], …], count, reason, by}`. Returns how many were erased: those that
 * were before don't count. Throws RetentionError, with nothing done, where one of them can't be erased.
 */
export function erase(
  vault: Vault,
  request: { indexes: readonly number[]; reason: string; by?: unknown; holds: readonly Hold[] },
): number {
  finishRetention(vault);
  const { archive } = vault;
  const wanted = [...new Set(request.indexes)].sort((a, b) => a - b);
  vault.seal([]);
  const size = archive.size();
  const unknown = wanted.find((index) => !Number.isSafeInteger(index) || index < 0 || index >= size);
  if (unknown !== undefined) throw new RetentionError(`There is no record ${unknown} in the log.`);
  const found = wanted.length === 0 ? [] : segmentsOf(archive.segments(), wanted);
  const segments = found.map(([info, indexes]) => ({
    info,
    erase: rangesOf(erasableOf(vault, indexes, request.holds)),
  }));
  const busy = segments.filter((one) => one.erase.length > 0);
  if (busy.length === 0) return 0;
  if (busy.some(({ info }) => !info.closed)) vault.closeSegment();

  const ranges = busy.flatMap((one) => one.erase);
  const records: string[] = [];
  for (let at = 0; at < ranges.length; at += MAX_RANGES) {
    const indexes = ranges.slice(at, at + MAX_RANGES);
    const { reason, by } = request;
    records.push(JSON.stringify({ event: 'logs.erased', indexes, count: lengthOf(indexes), reason, by }));
  }
  const work: Work = {
    records,
    size,
    segments: busy.map(({ info, erase }) => ({ first: info.first, drop: [], erase })),
  };
  perform(vault, work);
  return lengthOf(ranges);
}

const lengthOf = (ranges: readonly Range[]): number => ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** Those of the records that aren't erased yet. Throws RetentionError where one can't be. */
function erasableOf({ archive }: Vault, indexes: readonly number[], holds: readonly Hold[]): number[] {
  const ranges = rangesOf(indexes);
  const seen = new Set<number>();
  const erasable: number[] = [];
  for (const block of archive.blocks({ from: indexes[0]!, to: indexes.at(-1)! + 1 })) {
    for (let i = 0; i < block.count; i++) {
      if (!isIn(ranges, block.index[i]!)) continue;
      const { index, kind, receiveUs, source, erased } = recordOf(block, i);
      seen.add(index);
      if (block.class === SYSTEM || !ERASABLE.has(kind)) {
        throw new RetentionError(`Record ${index} says what was done with the log: it can't be erased.`);
      }
      const hold = holdOn({ receiveUs, source }, holds);
      if (hold) throw new RetentionError(`Record ${index} can't be erased: it is under ${nameOfHold(hold)}.`);
      if (!erased) erasable.push(index);
    }
  }
  const missing = indexes.find((index) => !seen.has(index));
  if (missing !== undefined) throw new RetentionError(`Record ${missing} has expired: nothing of it is left to erase.`);
  return erasable.sort((a, b) => a - b);
}

/** The segments that ascending indexes are in, with those that are in each. */
function segmentsOf(segments: readonly SegmentInfo[], indexes: readonly number[]): [SegmentInfo, number[]][] {
  const found: [SegmentInfo, number[]][] = [];
  let at = 0;
  for (const info of segments) {
    const start = at;
    while (at < indexes.length && indexes[at]! < info.first + info.count) at++;
    if (at > start) found.push([info, indexes.slice(start, at)]);
  }
  return found;
}

/** What of a segment is due, by class; classes that it doesn't have are left out. */
function countOf({ archive, catalog }: Pick<Vault, 'archive' | 'catalog'>, { segment, classes }: Due) {
  const { fromUs, toUs } = catalog.segment(segment);
  const frames = archive.frames(segment);
  return classes.flatMap((one) => {
    const own = frames.filter((frame) => frame.class === one);
    const count = own.reduce((sum, frame) => sum + frame.count, 0);
    if (count === 0) return [];
    const name = CLASSES[one]!;
    const time = { from: isoOf(fromUs), to: isoOf(toUs) };
    const bytes = own.reduce((sum, frame) => sum + frame.length, 0);
    return [{ class: one, bytes, toUs, record: { event: 'logs.expired', segment, class: name, count, ...time } }];
  });
}

/** Sources by class of segments that were looked into; a closed segment gets no others. */
const looked = new WeakMap<Catalog, Map<number, Map<number, Set<number>>>>();

function summaries({ catalog, archive }: Pick<Vault, 'archive' | 'catalog'>, most: number) {
  const known = looked.get(catalog) ?? new Map<number, Map<number, Set<number>>>();
  looked.set(catalog, known);
  let left = most;
  const sourcesOf = ({ first, count }: SegmentInfo): Map<number, Set<number>> | undefined => {
    const before = known.get(first);
    if (before || left-- <= 0) return before;
    const sources = new Map<number, Set<number>>();
    for (const block of archive.blocks({ from: first, to: first + count })) {
      const set = sources.get(block.class) ?? new Set();
      for (const source of block.source) set.add(source);
      sources.set(block.class, set);
    }
    known.set(first, sources);
    return sources;
  };
  return catalog.segments().map((info) => ({
    ...info,
    classes: CLASSES.map((_, one) => one)
      .filter((one) => one !== SYSTEM && !info.expired.includes(one))
      .map((one) => ({
        class: one,
        sources: () => {
          const found = sourcesOf(info);
          return found && (found.get(one) ?? new Set<number>());
        },
      })),
  }));
}
