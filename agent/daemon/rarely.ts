/** The same thing said at most once in `every` milliseconds: then the latest of it, and how many there were. */
export class Rarely {
  readonly #log: (message: string) => void;
  readonly #every: number;
  #saidAt = Number.NEGATIVE_INFINITY;
  #latest = '';
  #waiting = 0;

  constructor(log: (message: string) => void, every = 60_000) {
    this.#log = log;
    this.#every = every;
  }

  /** `now` is monotonic, in milliseconds. */
  say(message: string, now: number): void {
    this.#latest = message;
    this.#waiting += 1;
    this.tick(now);
  }

  /** Says what waits, once it is due. */
  tick(now: number): void {
    if (this.#waiting === 0 || now - this.#saidAt < this.#every) return;
    const more =
      this.#waiting > 1 ? ` (the last of ${this.#waiting} within ${Math.round((now - this.#saidAt) / 1_000)} s)` : '';
    this.#log(this.#latest + more);
    this.#saidAt = now;
    this.#waiting = 0;
  }
}
