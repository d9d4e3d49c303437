/** Failures that cost no waiting. */
export const FREE_FAILURES = 5;
export const MAX_WAIT_MS = 30_000;
/** Failures are forgotten after this long without another. */
export const FORGET_AFTER_MS = 15 * 60_000;
export const MAX_REMEMBERED = 10_000;

/**
 * Slows down whoever fails again and again: after five failures 1, 2, 4 … 30 s. Pure: times are milliseconds that only
 * go forward. Bounded: the key that has been quiet longest goes first.
 */
export class Throttle {
  readonly #limit: number;
  readonly #failures = new Map<string, { count: number; last: number }>();

  constructor(limit = MAX_REMEMBERED) {
    this.#limit = limit;
  }

  /** Milliseconds until this one may try; 0 means now. */
  wait(key: string, now: number): number {
    const failures = this.#failures.get(key);
    if (!failures || failures.count < FREE_FAILURES) return 0;
    if (now - failures.last >= FORGET_AFTER_MS) {
      this.#failures.delete(key);
      return 0;
    }
    const pause = Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(failures.count - FREE_FAILURES, 10));
    return Math.max(0, failures.last + pause - now);
  }

  failed(key: string, now: number): void {
    const before = this.#failures.get(key);
    const count = before && now - before.last < FORGET_AFTER_MS ? before.count : 0;
    this.#failures.delete(key);
    this.#failures.set(key, { count: count + 1, last: now });
    const oldest = this.#failures.size > this.#limit ? this.#failures.keys().next().value : undefined;
    if (oldest !== undefined) this.#failures.delete(oldest);
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
