import { Bounded } from './bounded.ts';

/** Wrong account passwords that one caller may try at once for a user, and all callers together. */
export const CALLER_BURST = 5;
export const USER_BURST = 30;
/** After that one each so often. */
export const REFILL_MS = 30_000;
/** Callers and users that are remembered; beyond it the longest untouched is forgotten. */
const MAX_REMEMBERED = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Bounds how fast an account password can be guessed through RADIUS: token buckets, for each user and caller (a MAC
 * address) and for each user. A caller that has proved the password isn't held by what others fail. Times are
 * milliseconds that the caller gives.
 */
export class Attempts {
  readonly #callers = new Bounded<string, Bucket>(MAX_REMEMBERED);
  readonly #users = new Bounded<string, Bucket>(MAX_REMEMBERED);
  readonly #proved = new Bounded<string, true>(MAX_REMEMBERED);

  /** Whether one more may be tried now. */
  allowed(userId: string, caller: string, now: number): boolean {
    const pair = `${userId} ${caller}`;
    if (left(this.#callers.get(pair), CALLER_BURST, now) < 1) return false;
    return this.#proved.has(pair) || left(this.#users.get(userId), USER_BURST, now) >= 1;
  }

  failed(userId: string, caller: string, now: number): void {
    const pair = `${userId} ${caller}`;
    this.#callers.set(pair, { tokens: left(this.#callers.get(pair), CALLER_BURST, now) - 1, at: now });
    this.#users.set(userId, { tokens: left(this.#users.get(userId), USER_BURST, now) - 1, at: now });
  }

  succeeded(userId: string, caller: string): void {
    const pair = `${userId} ${caller}`;
    this.#callers.delete(pair);
    this.#proved.set(pair, true);
  }

  /** Entries held, for tests. */
  get size(): number {
    return this.#callers.size + this.#users.size + this.#proved.size;
  }
}

function left(bucket: Bucket | undefined, burst: number, now: number): number {
  if (!bucket) return burst;
  return Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / REFILL_MS);
}
