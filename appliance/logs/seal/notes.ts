import path from 'node:path';
import { replaceFile } from '../../store/index.ts';
import { readCheckpoint } from '../archive/archive.ts';
import type { Catalog, KeptCheckpoint } from '../archive/catalog.ts';
import { CHECKPOINT } from '../archive/files.ts';
import { parseSignatures } from '../merkle/note.ts';

/** The checkpoints of late, for what comes later: cosignatures, time stamps, the end of an epoch. */
export class Notes {
  readonly #folder: string;
  readonly #catalog: Catalog;
  readonly #limits: { notes: number; cosignedUs: number };
  /** By size, the newest last. */
  readonly #notes = new Map<number, string>();
  #newest: number;
  #lastCosigned: number | undefined;

  constructor(folder: string, catalog: Catalog, size: number, limits: { notes: number; cosignedUs: number }) {
    this.#folder = folder;
    this.#catalog = catalog;
    this.#limits = limits;
    this.#newest = size;
    const note = readCheckpoint(folder);
    if (note !== undefined) this.#notes.set(size, note);
  }

  add(size: number, note: string): void {
    this.#notes.set(size, note);
    this.#newest = size;
    if (this.#notes.size > this.#limits.notes) this.#notes.delete(this.#notes.keys().next().value!);
  }

  get newest(): string | undefined {
    return this.#notes.get(this.#newest);
  }

  /** Adds signature lines; one such checkpoint is kept from time to time. Throws MerkleError where they are none. */
  cosigned(size: number, lines: readonly string[], now: { receiveUs: number; monotonicUs: number }): void {
    const note = this.#notes.get(size);
    if (note === undefined) return;
    const added = lines.map((line) => `${line.trimEnd()}\n`).filter((line) => !note.includes(line));
    if (added.length === 0) return;
    parseSignatures(added.join(''));
    const cosigned = note + added.join('');
    if (size === this.#newest) replaceFile(path.join(this.#folder, CHECKPOINT), cosigned, 0o600);
    this.#notes.set(size, cosigned);
    const kept = this.#catalog.checkpoints().some((one) => one.size === size);
    const due = this.#lastCosigned === undefined || now.monotonicUs - this.#lastCosigned >= this.#limits.cosignedUs;
    if (!kept && !due) return;
    this.keep(size, 'cosigned', now.receiveUs);
    if (due) this.#lastCosigned = now.monotonicUs;
  }

  /** Keeps a checkpoint of late for good; false where it isn't known any more. */
  keep(size: number, why: KeptCheckpoint['why'], atUs: number): boolean {
    const note = this.#notes.get(size);
    if (note !== undefined) this.#catalog.keepCheckpoint({ size, note, atUs: Math.floor(atUs), why });
    return note !== undefined;
  }
}
