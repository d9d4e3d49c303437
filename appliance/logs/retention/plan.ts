import type { Days } from '../backend.ts';
import { TILE_WIDTH } from '../merkle/tiles.ts';
import { CLASSES } from '../record/types.ts';

const DAY_US = 86_400 * 1e6;
const SYSTEM = CLASSES.indexOf('system');

/** Records that must not go: those of a time, both ends included, of all sources or of one. Times: µs since 1970. */
export interface Hold {
  fromUs: number;
  toUs: number;
  source?: number;
  /** For people. */
  name?: string;
}

/** What of a segment counts for its retention. */
export interface SegmentSummary {
  /** Leaf index of its first record. */
  first: number;
  count: number;
  fromUs: number;
  toUs: number;
  closed: boolean;
  classes: readonly ClassSummary[];
}

export interface ClassSummary {
  class: number;
  /** Only asked where a hold of one source matters. Where it isn't known, that keeps the class. */
  sources(): ReadonlySet<number> | undefined;
}

export interface Due {
  /** Leaf index of its first record. */
  segment: number;
  classes: number[];
}

export interface RetentionRules {
  /** Days by class; null is for ever. */
  days: Readonly<Days>;
  holds: readonly Hold[];
  /** µs since 1970. By a clock that is right: what is due by a wrong one is lost all the same. */
  nowUs: number;
  /** Leaves that are sealed. */
  size: number;
}

/**
 * Which classes of which segments are past their days, and held by nobody. Never `system`, never a segment that isn't
 * closed or whose last tile isn't full yet: the hashes of its records must be known before the records go.
 */
export function planExpiry(segments: readonly SegmentSummary[], rules: RetentionRules): Due[] {
  const due: Due[] = [];
  for (const segment of segments) {
    const end = Math.ceil((segment.first + segment.count) / TILE_WIDTH) * TILE_WIDTH;
    if (!segment.closed || segment.count === 0 || end > rules.size) continue;
    const classes = segment.classes.filter((one) => isPast(segment, one, rules) && !holdOf(segment, one, rules.holds));
    if (classes.length > 0) due.push({ segment: segment.first, classes: classes.map((one) => one.class) });
  }
  return due;
}

/** The hold under which a record is, if it is under one. */
export const holdOn = (record: { receiveUs: number; source: number }, holds: readonly Hold[]): Hold | undefined =>
  holds.find(
    ({ fromUs, toUs, source }) =>
      record.receiveUs >= fromUs && record.receiveUs <= toUs && (source === undefined || source === record.source),
  );

/** `the hold "Case 7" (2026-11-01T00:00:00.000Z to …)`. */
export function nameOfHold({ name, fromUs, toUs, source }: Hold): string {
  const time = `${isoOf(fromUs)} to ${isoOf(toUs)}${source === undefined ? '' : `, source ${source}`}`;
  return name === undefined ? `the legal hold of ${time}` : `the legal hold "${name}" (${time})`;
}

/** RFC 3339 of a time in µs; a time that no date can say is left as a number. */
export function isoOf(us: number): string {
  const date = new Date(us / 1000);
  return Number.isNaN(date.getTime()) ? `${us} µs` : date.toISOString();
}

function isPast(segment: SegmentSummary, one: ClassSummary, { days, nowUs }: RetentionRules): boolean {
  const name = CLASSES[one.class];
  const kept = name === undefined || one.class === SYSTEM ? null : days[name];
  return kept !== null && segment.toUs < nowUs - kept * DAY_US;
}

/** A hold keeps a class where any record of it could be one that is held. */
const holdOf = (segment: SegmentSummary, one: ClassSummary, holds: readonly Hold[]): Hold | undefined =>
  holds.find(
    ({ fromUs, toUs, source }) =>
      fromUs <= segment.toUs &&
      toUs >= segment.fromUs &&
      (source === undefined || (one.sources()?.has(source) ?? true)),
  );
