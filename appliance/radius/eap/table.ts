import type { EapLimits } from './limits.ts';
import { randomOf } from './random.ts';

export const STATE_BYTES = 16;

/** A State: the index of the worker, then random bytes that nobody can guess. */
export function newState(index: number): Uint8Array {
  const state = randomOf(STATE_BYTES);
  state[0] = index;
  return state;
}

/** A State as text of one byte a character, which is how it is a key and how it goes between threads. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

interface Entry<T> {
  value: T;
  nas: string;
  last: number;
}

type Limits = Pick<EapLimits, 'conversations' | 'conversationsPerNas' | 'idle'>;

/** What is under way, by State. Whoever goes on with it is the NAS that it started at. */
export class Table<T> {
  private readonly limits: Limits;
  private readonly now: () => number;
  private readonly gone: (value: T) => void;
  /** In order of the last word, so that the silent ones are in front. */
  private readonly entries = new Map<string, Entry<T>>();
  private readonly perNas = new Map<string, number>();

  /** `gone` is told of each that is removed. */
  constructor(limits: Limits, now: () => number, gone: (value: T) => void) {
    this.limits = limits;
    this.now = now;
    this.gone = gone;
  }

  get size(): number {
    return this.entries.size;
  }

  /** False where there are too many. */
  add(state: string, nas: string, value: T): boolean {
    const ofNas = this.perNas.get(nas) ?? 0;
    if (this.entries.size >= this.limits.conversations || ofNas >= this.limits.conversationsPerNas) return false;
    this.remove(state);
    this.entries.set(state, { value, nas, last: this.now() });
    this.perNas.set(nas, (this.perNas.get(nas) ?? 0) + 1);
    return true;
  }

  get(state: string, nas: string): T | undefined {
    const entry = this.entries.get(state);
    if (entry === undefined || entry.nas !== nas) return undefined;
    entry.last = this.now();
    this.entries.delete(state);
    this.entries.set(state, entry);
    return entry.value;
  }

  remove(state: string): void {
    const entry = this.entries.get(state);
    if (entry === undefined) return;
    this.entries.delete(state);
    const left = this.perNas.get(entry.nas)! - 1;
    if (left === 0) this.perNas.delete(entry.nas);
    else this.perNas.set(entry.nas, left);
    this.gone(entry.value);
  }

  /** Ends what has said nothing for too long. */
  sweep(): void {
    const before = this.now() - this.limits.idle;
    for (const [state, { last }] of this.entries) {
      if (last > before) break;
      this.remove(state);
    }
  }
}
