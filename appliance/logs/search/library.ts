import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { FrameInfo } from '../record/frame.ts';
import type { Block } from '../record/types.ts';
import { Cache } from './cache.ts';
import { INDEX_KEY_BYTES, SALT_BYTES } from './cipher.ts';
import { ClosedPart, IndexError, Shelf, writeIndex } from './index-file.ts';
import type { ParseOf } from './match.ts';
import { type Part, PartBuilder } from './part.ts';
import { Senders } from './senders.ts';

/** What is read of the archive. `readFrame` answers undefined for what has expired. */
export interface Frames {
  segments(): { first: number; closed: boolean }[];
  frames(first: number): readonly FrameInfo[];
  readFrame(first: number, frame: FrameInfo): Block | undefined;
  blocks(range: { from: number; to: number }): Iterable<Block>;
  deriveKey(first: number, salt: Uint8Array, use: string, length: number): Uint8Array | undefined;
}

export interface LibraryOptions {
  /** `<data>/logs/index` */
  folder: string;
  archive: Frames;
  parse: ParseOf;
  warn: (text: string) => void;
}

/** Something that was told, to be done a piece at a time. */
interface Told {
  /** The segment it is about, and the first leaf that it brings. */
  segment?: number;
  from?: number;
  steps: Iterator<void>;
  done?: () => void;
}

/** Bytes of records that are kept, and what a block has, and a record of it, beside the messages. */
const MAX_BLOCKS = 40 * 2 ** 20;
const BLOCK_BYTES = 1024;
const RECORD_BYTES = 64;
const EXTENSION = '.idx';
const KEY_USE = 'gatehouse/log-index/v2';
const nameOf = (first: number): string => `${first.toString(16).padStart(16, '0')}${EXTENSION}`;

/**
 * What search knows of each segment: closed ones from their index, the open one in memory. An index that is missing,
 * damaged or about other records is made anew, a step at a time, while the others are searched.
 */
export class Library {
  private readonly options: LibraryOptions;
  readonly senders = new Senders();
  /** Of what was read last: people turn pages, and ask again. */
  private readonly blocks = new Cache<Block | undefined>(MAX_BLOCKS);
  private readonly shelf = new Shelf();
  private readonly parts = new Map<number, Part>();
  /** Blocks that are written but may not be sealed yet: the archive doesn't show them. */
  private readonly unsealed = new Map<string, { block: Block; to: number }>();
  /** Open segments of which the archive knows more, or will once it is sealed: from which leaf on. */
  private readonly lagging = new Map<number, number>();
  /** What was told and isn't done yet, in its order. */
  private waiting: Told[] = [];
  /** Leaves that were told of. */
  told = 0;
  private readonly missing: number[] = [];
  private readonly unchecked: number[] = [];
  private making: { first: number; steps: Iterator<void> } | undefined;
  /** Made anew since the start: what is wrong again stays as it is. */
  private readonly made = new Set<number>();
  /** What can't be made, until it is written anew or the appliance starts again. */
  private readonly failed = new Set<number>();

  constructor(options: LibraryOptions) {
    this.options = options;
  }

  /** Reads the indexes that are there; the open segment's part is made of its records. */
  start(): void {
    const { archive, folder } = this.options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const segments = archive.segments();
    const known = new Set(segments.map(({ first }) => nameOf(first)));
    for (const name of readdirSync(folder)) {
      if (/\.idx(\.tmp)?$/.test(name) && !known.has(name)) rmSync(path.join(folder, name));
    }
    for (const { first, closed } of segments) {
      if (closed) this.open(first);
      else for (const _ of this.catchUp(first));
    }
    this.senders.counting = true;
    this.readSenders();
  }

  /** The newest index knows sources that haven't sent anything since. */
  private readSenders(): void {
    const newest = this.all().findLast((part) => part instanceof ClosedPart);
    try {
      const [source, parser] = [newest?.column('source'), newest?.column('parser')];
      if (!newest || !source || source === 'unknown') return;
      this.senders.addColumns(newest.groups, source, parser === 'unknown' ? undefined : parser);
    } catch {
      // It is damaged, which is found when it is checked.
    }
  }

  private addTo(part: PartBuilder, frame: FrameInfo, block: Block): void {
    const from = part.columns.rows;
    part.add(frame, block);
    this.senders.add(part.first, frame, block, (i) => part.columns.parserOf(from + i));
  }

  private open(first: number): void {
    try {
      const part = new ClosedPart(this.file(first), this.shelf, this.keyOf(first));
      if (part.first !== first) throw new IndexError(`${this.file(first)} is about another segment`);
      this.parts.set(first, part);
      this.unchecked.push(first);
    } catch {
      this.missing.push(first);
    }
  }

  private keyOf(first: number): (salt: Uint8Array) => Uint8Array | undefined {
    return (salt) => this.options.archive.deriveKey(first, salt, KEY_USE, INDEX_KEY_BYTES);
  }

  private file(first: number): string {
    return path.join(this.options.folder, nameOf(first));
  }

  /** Reads what the archive knows of the open segment and was not told, a frame at a time. */
  private *catchUp(first: number): Generator<void, void> {
    const { archive, parse } = this.options;
    const there = this.parts.get(first);
    if (there instanceof ClosedPart) return;
    const part = there instanceof PartBuilder ? there : new PartBuilder(first, parse);
    this.parts.set(first, part);
    if (!archive.segments().some((segment) => segment.first === first)) return;
    for (const frame of archive.frames(first)) {
      if (frame.offset < part.end) continue;
      this.lagging.set(first, frame.batchFirst);
      const block = archive.readFrame(first, frame);
      if (block) this.addTo(part, frame, block);
      yield;
      // They were written anew meanwhile.
      if (this.parts.get(first) !== part) return;
    }
    this.lagging.delete(first);
  }

  /**
   * Frames were written to the open segment; of those without a block the archive knows once sealed. `done` is called
   * when they are indexed, which `step` does, in the order of what was told.
   */
  add(segment: number, frames: readonly (readonly [FrameInfo, Block | undefined])[], done?: () => void): void {
    for (const [{ batchFirst, batchCount }] of frames) this.told = Math.max(this.told, batchFirst + batchCount);
    const from = frames[0]?.[0].batchFirst;
    const steps = this.adding(segment, frames);
    this.waiting.push({ segment, steps, ...(from !== undefined && { from }), ...(done && { done }) });
  }

  private *adding(first: number, frames: readonly (readonly [FrameInfo, Block | undefined])[]): Generator<void, void> {
    for (const [frame, block] of frames) {
      const there = this.parts.get(first);
      if (there instanceof ClosedPart) return;
      const part = there instanceof PartBuilder ? there : new PartBuilder(first, this.options.parse);
      this.parts.set(first, part);
      const lags = this.lagging.has(first);
      if (!lags && (!block || frame.offset > part.end)) this.lagging.set(first, frame.batchFirst);
      if (!block || this.lagging.has(first)) continue;
      this.unsealed.set(`${first} ${frame.offset}`, { block, to: frame.batchFirst + frame.batchCount });
      this.addTo(part, frame, block);
      yield;
    }
  }

  /** The log is sealed up to `size`. */
  sealed(size: number): void {
    this.waiting.push({ steps: this.sealing(size) });
  }

  private *sealing(size: number): Generator<void, void> {
    for (const [key, { to }] of this.unsealed) if (to <= size) this.unsealed.delete(key);
    for (const segment of [...this.lagging.keys()]) yield* this.catchUp(segment);
  }

  /** Writes the index of a segment that gets no more records. */
  closed(first: number): void {
    this.waiting.push({ segment: first, steps: this.closing(first) });
  }

  private *closing(first: number): Generator<void, void> {
    yield* this.catchUp(first);
    const part = this.parts.get(first);
    if (part instanceof PartBuilder) yield* this.keep(part);
  }

  private *keep(part: PartBuilder): Generator<void, void> {
    const { first } = part;
    const file = this.file(first);
    // Records that are written anew meanwhile have another part, or none.
    const current = (): boolean => this.parts.get(first) === part || this.making?.first === first;
    try {
      this.shelf.forget(file);
      const keyOf = this.keyOf(first);
      const salt = randomBytes(SALT_BYTES);
      const key = keyOf(salt);
      // Of a segment without keys nothing is left that could be found.
      if (key) yield* writeIndex(file, part, salt, key);
      if (current()) this.parts.set(first, key ? new ClosedPart(file, this.shelf, keyOf) : part);
    } catch (error) {
      // It goes on from memory; after the next start it is made again.
      if (current()) this.parts.set(first, part);
      this.options.warn(`the index of the records from ${first} on can't be written: ${(error as Error).message}`);
    }
  }

  /** Of what was told all is indexed that stands before this leaf. */
  get upTo(): number {
    const waiting = this.waiting.find(({ from }) => from !== undefined)?.from ?? Number.POSITIVE_INFINITY;
    return Math.min(waiting, ...this.lagging.values());
  }

  /** Does the next piece of what was told; false where nothing is left to do. */
  follow(): boolean {
    const next = this.waiting[0];
    if (!next) return false;
    try {
      if (!next.steps.next().done) return true;
    } catch (error) {
      this.options.warn(`search can't follow the log: ${(error as Error).message}`);
    }
    if (this.waiting[0] === next) this.waiting.shift();
    next.done?.();
    return true;
  }

  /** The segment is gone, or its records were written anew (some have expired, or were erased). */
  changed(first: number, gone: boolean): void {
    const part = this.parts.get(first);
    const open = part instanceof PartBuilder && !this.making;
    this.forget(first);
    rmSync(this.file(first), { force: true });
    for (const key of this.unsealed.keys()) if (key.startsWith(`${first} `)) this.unsealed.delete(key);
    // What waits to be indexed may be what is gone.
    for (const { segment, done } of this.waiting) if (segment === first) done?.();
    this.waiting = this.waiting.filter(({ segment }) => segment !== first);
    this.lagging.delete(first);
    if (gone) return;
    const closed = this.options.archive.segments().find((segment) => segment.first === first)?.closed;
    if (open && !closed) this.waiting.push({ segment: first, from: first, steps: this.catchUp(first) });
    else this.missing.push(first);
  }

  private forget(first: number): void {
    this.parts.delete(first);
    this.blocks.forget(`${first} `);
    this.shelf.forget(this.file(first));
    for (const list of [this.missing, this.unchecked]) {
      const at = list.indexOf(first);
      if (at >= 0) list.splice(at, 1);
    }
    if (this.making?.first === first) this.making = undefined;
    this.failed.delete(first);
  }

  /** The index of a segment can't be read: it is made anew, once. */
  damaged(part: Part): void {
    if (this.parts.get(part.first) !== part) return;
    this.forget(part.first);
    this.options.warn(`the index of the records from ${part.first} on is damaged: it is made anew`);
    if (this.made.has(part.first)) this.failed.add(part.first);
    else this.missing.push(part.first);
  }

  /** Parts in the order of their records. */
  all(): Part[] {
    return [...this.parts.values()].sort((a, b) => a.first - b.first);
  }

  part(first: number): Part | undefined {
    return this.parts.get(first);
  }

  /** Whether the archive has such a segment. */
  holds(first: number): boolean {
    return this.options.archive.segments().some((segment) => segment.first === first);
  }

  /** First leaves of the segments that can't be searched now. */
  lacking(): number[] {
    return [...this.missing, ...(this.making ? [this.making.first] : []), ...this.failed];
  }

  isCurrent(part: Part): boolean {
    return this.parts.get(part.first) === part;
  }

  /** Segments without an index. */
  get behind(): number {
    return this.missing.length + (this.making ? 1 : 0);
  }

  /** The records of a frame; undefined where they have expired meanwhile. */
  read(first: number, frame: FrameInfo): Block | undefined {
    const unsealed = this.unsealed.get(`${first} ${frame.offset}`)?.block;
    if (unsealed) return unsealed;
    return this.blocks.get(`${first} ${frame.offset}`, () => {
      const value = this.options.archive.readFrame(first, frame);
      return { value, size: BLOCK_BYTES + (value ? value.raw.length + value.count * RECORD_BYTES : 0) };
    });
  }

  /** Why not all that was told of before this leaf can be found; undefined where it can. */
  unindexed(before = this.told): string | undefined {
    const { upTo, told } = this;
    if (upTo >= Math.min(told, before)) return undefined;
    return `the newest ${told - upTo} records are still being indexed: ask again in a while`;
  }

  /** Sealed records with `from <= index < to`, whether they are indexed or not. */
  sealedBlocks(from: number, to: number): Iterable<Block> {
    return this.options.archive.blocks({ from, to });
  }

  /** Does the next piece of what was told, is to be made or checked; false where nothing is. */
  step(): boolean {
    if (this.follow()) return true;
    if (this.making) {
      const { first, steps } = this.making;
      try {
        if (steps.next().done) this.making = undefined;
      } catch (error) {
        this.options.warn(`records from ${first} on can't be indexed: ${(error as Error).message}`);
        this.making = undefined;
        this.failed.add(first);
      }
      return true;
    }
    const next = this.missing.pop();
    if (next !== undefined) {
      this.made.add(next);
      this.making = { first: next, steps: this.make(next) };
      return true;
    }
    const unchecked = this.unchecked.pop();
    if (unchecked === undefined) return false;
    this.check(unchecked);
    return true;
  }

  private *make(first: number): Generator<void, void> {
    const { archive, parse } = this.options;
    const part = new PartBuilder(first, parse);
    for (const frame of archive.frames(first)) {
      const block = archive.readFrame(first, frame);
      if (block) part.add(frame, block);
      yield;
    }
    yield* this.keep(part);
  }

  private check(first: number): void {
    const part = this.parts.get(first);
    if (!(part instanceof ClosedPart)) return;
    try {
      part.check(this.options.archive.frames(first));
    } catch {
      this.damaged(part);
    }
  }
}
