import { statfsSync } from 'node:fs';

const MIB = 2 ** 20;
/** What the log leaves free for everything else on its file system, the main database first: so much, … */
const RESERVE_BYTES = 64 * MIB;
/** … or this part of a small one. */
const RESERVE_PART = 0.1;
/** There must be so many times the reserve before syslog is taken again, so that it doesn't go to and fro. */
const ENOUGH = 1.25;

/** Of a file system, in bytes. */
export interface Room {
  free: number;
  total: number;
}

/** The room where a folder is; undefined where the system doesn't tell. */
export function roomOf(folder: string): Room | undefined {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    return blocks > 0 ? { free: bavail * bsize, total: blocks * bsize } : undefined;
  } catch {
    return undefined;
  }
}

export const reserveOf = (total: number): number => Math.min(RESERVE_BYTES, Math.floor(total * RESERVE_PART));

/** With so much free syslog is taken in any case: above the reserve, and what is written at once. */
export const enoughOf = (total: number): number => reserveOf(total) * ENOUGH + 2 * MIB;

const sizeOf = (bytes: number): string =>
  bytes >= MIB ? `${Math.round(bytes / MIB)} MiB` : `${Math.round(bytes / 1024)} KiB`;

/** Why nothing from outside is taken, for people. */
const reserveReached = (total: number): string =>
  `the disk is full but for ${sizeOf(reserveOf(total))} that are kept for signing in and for what makes room: free some space on it, then it goes on by itself`;

/**
 * Keeps the log from filling the disk to its last byte. At the reserve no more is taken from outside; what was taken
 * before, and the appliance's own records, may use half of it, in their order, and what makes room all of it.
 */
export class Reserve {
  readonly #room: () => Room | undefined;
  #reason: string | undefined;
  #usedUp = false;
  #released = false;

  constructor(room: () => Room | undefined) {
    this.#room = room;
  }

  /** Looks at the disk, before `need` bytes are written: why syslog can't be taken, undefined where it can. */
  look(need: number): string | undefined {
    const room = this.#released ? undefined : this.#room();
    if (!room) {
      this.#reason = undefined;
      this.#usedUp = false;
      return undefined;
    }
    const reserve = reserveOf(room.total);
    const limit = this.#reason === undefined ? reserve : reserve * ENOUGH;
    this.#reason = room.free - need < limit ? reserveReached(room.total) : undefined;
    this.#usedUp = room.free - need < reserve / 2;
    return this.#reason;
  }

  /** As of the last look: nothing more can be written. */
  get isUsedUp(): boolean {
    return this.#usedUp;
  }

  /** At the end, what has been taken is written as far as the disk takes it. */
  release(): void {
    this.#released = true;
  }
}
