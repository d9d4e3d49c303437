import { createHmac, randomBytes } from 'node:crypto';
import type { NamedAttribute } from '../../access/index.ts';

/** Accepts that a connector may repeat. */
export const MAX_CACHED = 10_000;

/** An accept as it is repeated. */
export interface Cached {
  attributes: readonly NamedAttribute[];
  /** Milliseconds since 1970. */
  validUntil: number | undefined;
  /** For MS-CHAP: what the response is checked with here. */
  ntHash: Uint8Array | undefined;
}

/**
 * Former accepts of one connector, under keyed digests of login and password. The key is never written down, so what is
 * here is worth nothing outside this process. Bounded: the oldest goes first.
 */
export class AcceptCache {
  readonly #key = randomBytes(32);
  readonly #limit: number;
  readonly #entries = new Map<string, Cached & { expires: number }>();

  constructor(limit = MAX_CACHED) {
    this.#limit = limit;
  }

  /** `password` is undefined for MS-CHAP, whose passwords are never seen. */
  keyOf(login: string, password: string | undefined): string {
    const text = JSON.stringify([login, password ?? null]);
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }

  /** `seconds` from `now` on (milliseconds since 1970), and no longer than it is valid. */
  set(key: string, accept: Cached, seconds: number, now: number): void {
    this.#entries.delete(key);
    const expires = Math.min(now + seconds * 1000, accept.validUntil ?? Number.POSITIVE_INFINITY);
    this.#entries.set(key, { ...accept, expires });
    const oldest = this.#entries.size > this.#limit ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  get(key: string, now: number): Cached | undefined {
    const entry = this.#entries.get(key);
    if (entry && entry.expires > now) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }
}
