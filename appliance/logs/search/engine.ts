import type { Found } from '../backend.ts';
import type { FrameInfo } from '../record/frame.ts';
import type { Block } from '../record/types.ts';
import { IndexError } from './index-file.ts';
import type { Library } from './library.ts';
import { matcherOf, type ParseOf, Row } from './match.ts';
import type { Group, Part } from './part.ts';
import { hashesOf } from './prune.ts';
import type { Query } from './query.ts';
import { type Keep, rowTests } from './rows.ts';

/** A query ends after this long with what it has. */
export const MAX_MS = 2000;
/** Others are let in after this long. */
const TURN_MS = 25;

export interface Wanted {
  query: Query;
  fromUs?: number | undefined;
  toUs?: number | undefined;
  /** Only records with a smaller leaf index; larger ones where `oldest` is first. */
  before?: number | undefined;
  after?: number | undefined;
  limit: number;
  /** The oldest first. */
  oldest?: boolean;
  /** ms */
  within?: number;
}

export interface Result {
  records: Found[];
  /** The next page is before this leaf index (behind it where the oldest come first). */
  next?: number;
  partial?: string;
  /** Some of its stretch couldn't be looked at, which `next` doesn't make up for. */
  lacks?: boolean;
  /** Frames that were read. */
  frames: number;
}

/** Finds records: bloom filters and columns leave out what can't match, the rest is read and looked at. */
export class Engine {
  private readonly library: Library;
  private readonly parse: ParseOf;
  private readonly now: () => number;

  constructor(library: Library, parse: ParseOf, now: () => number = () => performance.now()) {
    this.library = library;
    this.parse = parse;
    this.now = now;
  }

  async query(wanted: Wanted): Promise<Result> {
    const { library } = this;
    const { query, oldest = false, within = MAX_MS } = wanted;
    const run = new Run(library, new Row(this.parse), wanted);
    const clauses = hashesOf(query);
    const firsts = library.all().map(({ first }) => first);
    if (!oldest) firsts.reverse();
    run.missing = library.unindexed(wanted.before);
    for (const first of library.lacking()) run.lacks.add(first);
    const began = this.now();
    let turn = began;
    for (let k = 0; k < firsts.length && !run.enough; ) {
      const first = firsts[k]!;
      const part = library.part(first);
      // It was there when the search began.
      if (!part && library.holds(first)) run.lacks.add(first);
      k++;
      if (!part || !run.mayReach(part)) continue;
      try {
        for (const group of run.groups(part, clauses)) {
          run.look(part, group);
          if (run.enough) break;
          const now = this.now();
          if (now - began > within) return run.result(group);
          if (now - turn > TURN_MS) {
            await new Promise(setImmediate);
            turn = this.now();
            if (library.isCurrent(part)) continue;
            // It is another one now: there it goes on.
            run.pass(group);
            k--;
            break;
          }
        }
      } catch (error) {
        if (!(error instanceof IndexError)) throw error;
        library.damaged(part);
        run.lacks.add(first);
      }
    }
    return run.result();
  }

  /** The records with these indexes, as many as there are. */
  read(indexes: readonly number[]): Found[] {
    const row = new Row(this.parse);
    const wanted = new Set(indexes);
    const found: Found[] = [];
    const take = (block: Block): void => {
      row.open(block);
      for (let i = 0; i < block.count; i++) {
        if (!wanted.delete(block.index[i]!)) continue;
        row.go(i);
        found.push(row.found());
      }
    };
    for (const part of this.library.all()) {
      try {
        for (const block of this.blocksOf(part, indexes)) take(block);
      } catch (error) {
        if (!(error instanceof IndexError)) throw error;
        this.library.damaged(part);
      }
    }
    // What isn't indexed is found without an index, too.
    for (const index of [...wanted]) for (const block of this.library.sealedBlocks(index, index + 1)) take(block);
    return found.sort((a, b) => a.index - b.index);
  }

  /** Those that some of these are in. Throws IndexError. */
  private *blocksOf(part: Part, indexes: readonly number[]): Generator<Block> {
    for (const group of part.groups) {
      if (!indexes.some((index) => index >= group.firstLeaf && index <= group.lastLeaf)) continue;
      for (const frame of part.frames(group)) {
        const end = frame.batchFirst + frame.batchCount;
        if (!indexes.some((index) => index >= frame.batchFirst && index < end)) continue;
        const block = this.library.read(part.first, frame);
        if (block) yield block;
      }
    }
  }
}

/** A record that matches. */
interface Place {
  block: Block;
  at: number;
  index: number;
}

/** One query as it goes. */
class Run {
  readonly found: Found[] = [];
  /** Why the newest aren't there. */
  missing: string | undefined;
  /** First leaves of segments that couldn't be looked at. */
  readonly lacks = new Set<number>();
  private frames = 0;
  private readonly library: Library;
  private readonly row: Row;
  private readonly wanted: Wanted;
  private readonly matches: (row: Row) => boolean;
  private readonly fromUs: number;
  private readonly toUs: number;
  private before: number;
  private after: number;
  private tests: Keep[] = [];
  /** Room for the rows of a group. */
  private rows = new Uint32Array(4096);

  constructor(library: Library, row: Row, wanted: Wanted) {
    this.library = library;
    this.row = row;
    this.wanted = wanted;
    this.matches = matcherOf(wanted.query);
    this.fromUs = wanted.fromUs ?? 0;
    this.toUs = wanted.toUs ?? Number.MAX_SAFE_INTEGER;
    this.before = wanted.before ?? Number.MAX_SAFE_INTEGER;
    this.after = wanted.after ?? -1;
  }

  mayReach(part: Part): boolean {
    return part.groups.some((group) => this.reaches(group));
  }

  private reaches({ firstLeaf, lastLeaf, fromUs, toUs }: Group): boolean {
    return firstLeaf < this.before && lastLeaf > this.after && toUs >= this.fromUs && fromUs <= this.toUs;
  }

  /** Groups that may hold something, in the order of the search. */
  *groups(part: Part, clauses: Int32Array[][]): Generator<Group> {
    const mayHold = clauses.length > 0 ? part.mayHold(clauses) : () => true;
    const { groups } = part;
    const last = groups.length - 1;
    let read = false;
    for (let k = 0; k <= last; k++) {
      const at = this.wanted.oldest ? k : last - k;
      if (!this.reaches(groups[at]!) || !mayHold(at)) continue;
      if (!read) this.tests = rowTests(this.wanted.query, part.column);
      read = true;
      yield groups[at]!;
    }
  }

  /** Adds the group's records that match, in order, until there is one more than was asked for: that tells of a next page. */
  look(part: Part, group: Group): void {
    const rows = this.candidates(group);
    if (rows.length === 0) return;
    const frames = part.frames(group);
    const starts = [group.row];
    for (const { count } of frames) starts.push(starts.at(-1)! + count);
    const { oldest } = this.wanted;
    for (let k = oldest ? 0 : frames.length - 1; k >= 0 && k < frames.length && !this.enough; ) {
      // Frames of one batch hold its records by class: they are looked at together.
      const { batchFirst, batchCount } = frames[k]!;
      let [from, to] = [k, k + 1];
      while (from > 0 && frames[from - 1]!.batchFirst === batchFirst) from--;
      while (to < frames.length && frames[to]!.batchFirst === batchFirst) to++;
      if (batchFirst < this.before && batchFirst + batchCount - 1 > this.after) {
        const places: Place[] = [];
        for (let i = from; i < to; i++) {
          const [first, end] = [lowerBound(rows, starts[i]!), lowerBound(rows, starts[i + 1]!)];
          if (first < end) this.open(part, frames[i]!, rows.subarray(first, end), starts[i]!, places);
        }
        this.pick(places);
      }
      k = oldest ? to : from - 1;
    }
  }

  get enough(): boolean {
    return this.found.length > this.wanted.limit;
  }

  private open(part: Part, frame: FrameInfo, rows: Uint32Array, start: number, places: Place[]): void {
    const block = this.library.read(part.first, frame);
    this.frames++;
    if (!block) return;
    for (const row of rows) {
      const at = row - start;
      const index = block.index[at]!;
      const us = block.receiveUs[at]!;
      if (index < this.before && index > this.after && us >= this.fromUs && us <= this.toUs) {
        places.push({ block, at, index });
      }
    }
  }

  private pick(places: Place[]): void {
    places.sort(this.wanted.oldest ? (a, b) => a.index - b.index : (a, b) => b.index - a.index);
    const { row } = this;
    for (const { block, at } of places) {
      row.open(block);
      row.go(at);
      if (!this.matches(row)) continue;
      this.found.push(row.found());
      if (this.enough) return;
    }
  }

  private candidates({ row, rows }: Group): Uint32Array {
    if (this.rows.length < rows) this.rows = new Uint32Array(rows);
    const left = this.rows;
    for (let i = 0; i < rows; i++) left[i] = row + i;
    let count = rows;
    for (const keep of this.tests) count = keep(left, count);
    return left.subarray(0, count);
  }

  /** Nothing of this group and what came before it in the search is looked at again. */
  pass({ firstLeaf, lastLeaf }: Group): void {
    if (this.wanted.oldest) this.after = Math.max(this.after, lastLeaf);
    else this.before = Math.min(this.before, firstLeaf);
  }

  /** `stopped`: the group that was looked at last, where the time was over. */
  result(stopped?: Group): Result {
    const { limit, oldest } = this.wanted;
    const records = this.found.slice(0, limit);
    const more = this.found.length > limit;
    const edge = oldest ? stopped?.lastLeaf : stopped?.firstLeaf;
    const next = more ? records.at(-1)?.index : edge;
    // What a later page will have isn't missing, but what is on this side of it is.
    const lacked = this.lacked(next);
    const why =
      this.missing ??
      (lacked > 0 ? `the index of ${lacked} segments is being made anew: ask again in a while` : undefined) ??
      (stopped && `it took too long: records ${oldest ? 'behind' : 'before'} the last that was looked at are left`);
    return {
      records,
      ...(next !== undefined && { next }),
      ...(why !== undefined && { partial: why }),
      ...((this.missing !== undefined || lacked > 0) && { lacks: true }),
      frames: this.frames,
    };
  }

  /** How many of the segments that couldn't be looked at may hold records of the page that ends at `next`. */
  private lacked(next: number | undefined): number {
    const { oldest, before = Number.POSITIVE_INFINITY, after = -1 } = this.wanted;
    if (this.lacks.size === 0) return 0;
    const [low, high] = oldest ? [after, next ?? before] : [next ?? -1, before];
    const firsts = [...new Set([...this.library.all().map(({ first }) => first), ...this.lacks])].sort((a, b) => a - b);
    return firsts.filter((first, i) => {
      const end = firsts[i + 1] ?? Number.POSITIVE_INFINITY;
      return this.lacks.has(first) && first < high && end - 1 > low;
    }).length;
  }
}

/** Where the first row is that is no smaller. */
function lowerBound(rows: Uint32Array, wanted: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
