import type { FrameInfo } from '../record/frame.ts';
import type { Block } from '../record/types.ts';
import { ColumnBuilder } from './columns.ts';
import type { ParseOf } from './match.ts';
import type { ReadColumn } from './rows.ts';
import { addBytes, addLike, TokenSet } from './tokens.ts';

/** Whole batches one after another that share a place in the bloom filter. Rows count through the segment's frames. */
export interface Group {
  row: number;
  rows: number;
  frame: number;
  frames: number;
  firstLeaf: number;
  lastLeaf: number;
  fromUs: number;
  toUs: number;
}

/** What search knows of a segment. */
export interface Part {
  /** Leaf index of the segment's first record. */
  first: number;
  groups: readonly Group[];
  /** Which groups may hold records that match: for each clause one of its lists of hashes. Throws IndexError. */
  mayHold(clauses: Int32Array[][]): (group: number) => boolean;
  /** Throws IndexError. */
  column: ReadColumn;
  /** The frames of a group. Throws IndexError. */
  frames(group: Group): readonly FrameInfo[];
}

/** A group ends with the batch in which it gets as many records, or as many distinct words. */
export const GROUP_ROWS = 1000;
export const GROUP_TOKENS = 8192;

/** The part of a segment that is still written to, in memory. */
export class PartBuilder implements Part {
  readonly first: number;
  readonly groups: Group[] = [];
  readonly sets: TokenSet[] = [];
  readonly columns = new ColumnBuilder();
  readonly all: FrameInfo[] = [];
  private readonly parse: ParseOf;
  private batch = -1;

  constructor(first: number, parse: ParseOf) {
    this.first = first;
    this.parse = parse;
  }

  /** Where the last frame ends in the segment. */
  get end(): number {
    const last = this.all.at(-1);
    return last ? last.offset + last.length : 0;
  }

  /** Takes the next frame; one that it has already is left out. */
  add(frame: FrameInfo, block: Block): void {
    if (frame.offset < this.end) return;
    let group = this.groups.at(-1);
    let set = this.sets.at(-1);
    if (!group || !set || (frame.batchFirst !== this.batch && (group.rows >= GROUP_ROWS || set.size >= GROUP_TOKENS))) {
      group = {
        ...{ row: this.columns.rows, rows: 0, frame: this.all.length, frames: 0 },
        ...{ firstLeaf: frame.batchFirst, lastLeaf: 0, fromUs: Number.MAX_SAFE_INTEGER, toUs: 0 },
      };
      this.groups.push(group);
      set = new TokenSet();
      this.sets.push(set);
    }
    this.batch = frame.batchFirst;
    this.all.push(frame);
    group.frames++;
    group.rows += block.count;
    group.lastLeaf = frame.batchFirst + frame.batchCount - 1;
    const { raw, ends, receiveUs } = block;
    const at = this.groups.length - 1;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
    /** Where each source's last line of the block is, but for those that go on. */
    const before = new Map<number, number>();
    let start = 0;
    for (let i = 0; i < block.count; i++) {
      const source = block.source[i]!;
      const end = ends[i]!;
      const same = i > 0 && block.source[i - 1] === source;
      if (i > 0 && !same) before.set(block.source[i - 1]!, i - 1);
      const like = same ? i - 1 : before.get(source);
      if (like === undefined) addBytes(set, raw, start, end);
      else addLike(set, raw, view, start, end, like === 0 ? 0 : ends[like - 1]!, ends[like]!);
      const { parser, fields } = this.parse(source, raw.subarray(start, end), receiveUs[i]!, true);
      this.columns.add(set, at, source, block.kind[i]!, parser, fields);
      const us = receiveUs[i]!;
      if (us < group.fromUs) group.fromUs = us;
      if (us > group.toUs) group.toUs = us;
      start = end;
    }
  }

  mayHold(clauses: Int32Array[][]): (group: number) => boolean {
    return (group) => {
      const set = this.sets[group]!;
      return clauses.every((lists) => lists.some((list) => list.every((hash) => set.has(hash))));
    };
  }

  readonly column: ReadColumn = (name) => this.columns.column(name);

  frames({ frame, frames }: Group): readonly FrameInfo[] {
    return this.all.slice(frame, frame + frames);
  }
}
