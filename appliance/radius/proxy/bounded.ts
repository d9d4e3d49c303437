/** A map that forgets: entries after their time, and the oldest where there are too many. */
export class BoundedMap<V> {
  #entries = new Map<string, { value: V; until: number }>();
  readonly #max: number;
  readonly #ms: number;
  readonly #monotonic: () => number;

  constructor(options: { max: number; ms: number; monotonic: () => number }) {
    this.#max = options.max;
    this.#ms = options.ms;
    this.#monotonic = options.monotonic;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.until > this.#monotonic() ? entry.value : undefined;
  }

  /** All entries live equally long, so the first is the oldest. */
  set(key: string, value: V): void {
    const now = this.#monotonic();
    this.#entries.delete(key);
    for (const [oldest, { until }] of this.#entries) {
      if (until > now && this.#entries.size < this.#max) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, until: now + this.#ms });
  }
}
