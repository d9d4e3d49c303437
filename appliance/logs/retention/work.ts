import { rmSync } from 'node:fs';
import path from 'node:path';
import { segmentFile } from '../archive/files.ts';
import { type Rewriting, rewriteSegment } from '../archive/rewrite.ts';
import { TILE_WIDTH, tilePath } from '../merkle/tiles.ts';
import { recordOf } from '../record/leaf.ts';
import { KIND } from '../record/types.ts';
import { type Range, withoutPayloads } from './erased.ts';

/** State of the catalog while records are being destroyed: from then on it is finished, whatever happens. */
const STATE = 'retention';

/** What retention needs of the sealing thread, in which all of it runs. */
export interface Vault extends Rewriting {
  /** Seals what waits and these records of kind erasure, class system, in one batch. On the disk when it returns. */
  seal(records: readonly string[]): void;
  /** Ends the open segment, all of which is sealed. */
  closeSegment(): void;
  /** The segment has another content: its index is gone, and has to be made anew. */
  rewritten(segment: number): void;
}

/** What is to be destroyed, and the records that say so. */
export interface Work {
  records: string[];
  /** Leaves before it: the records are looked for from there on. */
  size: number;
  segments: { first: number; drop: number[]; erase: Range[] }[];
}

/** Destroys. Where it throws, or the process ends, `finishRetention` does the rest: it is decided from here on. */
export function perform(vault: Vault, work: Work): void {
  vault.catalog.set(STATE, JSON.stringify(work));
  vault.seal(work.records);
  finish(vault, work);
}

/** Finishes what a crash or a full disk has interrupted. To be called at the start, before anything is searched. */
export function finishRetention(vault: Vault): void {
  const text = vault.catalog.get(STATE);
  if (text === undefined) return;
  const work = JSON.parse(text) as Work;
  vault.seal([]); // the records may be in the log, and only not sealed yet
  const missing = recordsMissing(vault, work);
  if (missing.length > 0) vault.seal(missing);
  finish(vault, work);
}

function finish(vault: Vault, work: Work): void {
  const { folder, catalog } = vault;
  for (const { first, drop, erase } of work.segments) {
    const needed = drop.length > 0 ? neededTiles(vault, first, drop) : new Set<number>();
    rewriteSegment(
      vault,
      first,
      (block) => (drop.includes(block.class) ? undefined : withoutPayloads(block, erase)),
      (tile) => needed.has(tile),
    );
    // It may have what is gone in its columns.
    for (const end of ['', '.tmp']) rmSync(`${indexFile(folder, first)}${end}`, { force: true });
    if (drop.length > 0) {
      forgetClasses(vault, first, drop);
      pruneTiles(vault, first, needed);
    }
  }
  catalog.set(STATE, undefined);
  catalog.forget();
  for (const { first } of work.segments) vault.rewritten(first);
}

/** `index/<first leaf, 16 hexadecimal digits>.idx` */
const indexFile = (folder: string, first: number): string =>
  path.join(folder, 'index', `${path.basename(segmentFile('', first), '.seg')}.idx`);

function recordsMissing({ archive }: Vault, { records, size }: Work): string[] {
  const there = new Set<string>();
  for (const block of records.length > 0 ? archive.blocks({ from: size, to: Number.POSITIVE_INFINITY }) : []) {
    for (let i = 0; i < block.count; i++) {
      const { kind, raw } = recordOf(block, i);
      if (kind === KIND.erasure) there.add(Buffer.from(raw).toString());
    }
  }
  return records.filter((record) => !there.has(record));
}

/** Classes that the segment never had are done with as well: nobody has to look again. */
function forgetClasses({ catalog }: Vault, first: number, drop: readonly number[]): void {
  const { bytes, expired } = catalog.segment(first);
  catalog.updateSegment(first, { bytes, expired: [...new Set([...expired, ...drop])].sort((a, b) => a - b) });
}

/**
 * The tiles of a segment whose leaf hashes a proof needs once these classes are gone: something is left of their
 * records, or a checkpoint that is kept ends inside.
 */
function neededTiles({ catalog, archive }: Vault, first: number, drop: readonly number[]): Set<number> {
  const { count } = catalog.segment(first);
  const kept = [...catalog.checkpoints(), ...catalog.timestamps()].map(({ size }) => size);
  const needed = new Set(kept.filter((size) => size % TILE_WIDTH !== 0).map((size) => Math.floor(size / TILE_WIDTH)));
  const [firstTile, end] = tilesOf(first, count);
  // The neighbours' records in the outermost tiles count as well.
  for (const block of archive.blocks({ from: firstTile * TILE_WIDTH, to: end * TILE_WIDTH })) {
    const goes = drop.includes(block.class);
    for (const index of block.index) {
      const own = index >= first && index < first + count;
      if (!(goes && own)) needed.add(Math.floor(index / TILE_WIDTH));
    }
  }
  return needed;
}

/** Removes the leaf hashes of tiles that were needed before. */
function pruneTiles({ folder, catalog }: Vault, first: number, needed: ReadonlySet<number>): void {
  const [firstTile, end] = tilesOf(first, catalog.segment(first).count);
  for (let tile = firstTile; tile < end; tile++) {
    if (!needed.has(tile)) rmSync(path.join(folder, tilePath(0, tile)), { force: true });
  }
}

const tilesOf = (first: number, count: number): [from: number, to: number] => [
  Math.floor(first / TILE_WIDTH),
  Math.ceil((first + count) / TILE_WIDTH),
];
