import { askHub } from './probe.ts';

/** Milliseconds between two questions. */
const EVERY = 15_000;
/** The value is the median of this many answers: one that was held up doesn't show. */
const KEPT = 3;
/** Nothing is known after this many losses in a row. */
const LOSSES = 3;

/** The round trip to a hub through the tunnel, asked for every 15 s. */
export class LatencyMeter {
  readonly #probe: (address: string) => Promise<number | null>;
  #target: string | null = null;
  #nextAt = 0;
  #busy = false;
  #answers: number[] = [];
  #losses = 0;

  constructor(probe: (address: string) => Promise<number | null> = askHub) {
    this.#probe = probe;
  }

  /** Milliseconds; null while unknown. */
  get value(): number | null {
    const sorted = [...this.#answers].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
  }

  /** Asks `target`, an address in the overlay, when it is time to; null is nobody, and forgets what was known. */
  tick(target: string | null, mono: number): void {
    if (target !== this.#target) {
      this.#target = target;
      this.#answers = [];
      this.#losses = 0;
      this.#nextAt = mono;
    }
    if (target === null || this.#busy || mono < this.#nextAt) return;
    this.#nextAt = mono + EVERY;
    this.#busy = true;
    void this.#probe(target).then((answer) => {
      this.#busy = false;
      if (this.#target === target) this.#record(answer);
    });
  }

  #record(answer: number | null): void {
    this.#losses = answer === null ? this.#losses + 1 : 0;
    if (answer !== null) this.#answers = [...this.#answers, answer].slice(-KEPT);
    else if (this.#losses >= LOSSES) this.#answers = [];
  }
}
