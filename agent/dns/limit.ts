/** Questions that one client may ask in a second, and at once. A laptop that opens a heavy page asks about a hundred. */
const RATE = 100;
const BURST = 500;
const MAX_CLIENTS = 65_536;

/** A token bucket for each client. */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #clock: () => number;

  /** `clock` gives milliseconds and never goes back. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** False when this client has asked too much. */
  take(client: string): boolean {
    const now = this.#clock();
    const before = this.#buckets.get(client);
    const tokens = before ? Math.min(BURST, before.tokens + ((now - before.at) * RATE) / 1000) : BURST;
    // The least recently seen comes first, so that it is the one forgotten.
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > MAX_CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return tokens >= 1;
  }
}
