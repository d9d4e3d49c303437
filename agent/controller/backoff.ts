/**
 * Waits between attempts: full jitter over min(`max`, `min` · 2ⁿ), so that a thousand agents whose controller
 * restarts don't come back in the same second.
 */
export class Backoff {
  #attempts = 0;
  readonly #min: number;
  readonly #max: number;
  readonly #random: () => number;

  constructor(min = 1_000, max = 30_000, random: () => number = Math.random) {
    this.#min = min;
    this.#max = max;
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const ceiling = Math.min(this.#max, this.#min * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return Math.round(this.#random() * ceiling);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
