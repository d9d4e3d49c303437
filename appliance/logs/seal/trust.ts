import type { Catalog } from '../archive/catalog.ts';

const DAY_US = 24 * 3600e6;
/** The wall clock is believed as long as it is no further than this from what the time should be. */
const BELIEVED_US = 2 * DAY_US;
/** After so long a time, in which the appliance ran, it is believed wherever it is. */
const CONVINCED_US = 7 * DAY_US;

/** In the catalog's state: the time that was believed last, and how long the wall clock has been doubted. */
const TRUSTED = 'trusted_us';
const DOUBTED = 'doubted_us';

/**
 * The time that records expire by. Who can set the system's clock, a false time server for one, must not have the
 * evidence destroyed: what should be the time is known from the last one that was believed, and from the monotonic
 * clock since then, and a wall clock that is days ahead of it counts only once it has stayed there for a week.
 * Times are µs.
 */
export class TrustedClock {
  readonly #catalog: Catalog;
  /** Of what is believed: both clocks at one moment. They only move at a start, or once a doubt has ended. */
  #wallUs: number;
  #monotonicUs: number;
  /** How long the wall clock has been too far away, while the appliance ran. */
  #doubtedUs: number;
  #lookedUs: number;
  #ahead = false;

  /** The first start of a log believes the clock. */
  constructor(catalog: Catalog, wallUs: number, monotonicUs: number) {
    this.#catalog = catalog;
    this.#wallUs = Number(catalog.get(TRUSTED) ?? wallUs);
    this.#doubtedUs = Number(catalog.get(DOUBTED) ?? 0);
    this.#monotonicUs = monotonicUs;
    this.#lookedUs = monotonicUs;
  }

  /** The time to expire by: the wall clock's, but one that is too far ahead isn't believed. */
  nowUs(wallUs: number, monotonicUs: number): number {
    const expected = this.#expected(monotonicUs);
    return wallUs > expected + BELIEVED_US ? expected : wallUs;
  }

  /** Call it once a second. Whether that is the moment from which on the clock is held to be too far ahead. */
  look(wallUs: number, monotonicUs: number): boolean {
    const passed = monotonicUs - this.#lookedUs;
    this.#lookedUs = monotonicUs;
    this.#doubtedUs = this.#isFar(wallUs, monotonicUs) ? this.#doubtedUs + passed : 0;
    if (this.#doubtedUs >= CONVINCED_US) {
      [this.#wallUs, this.#monotonicUs, this.#doubtedUs] = [wallUs, monotonicUs, 0];
    }
    const before = this.#ahead;
    this.#ahead = this.nowUs(wallUs, monotonicUs) < wallUs;
    return this.#ahead && !before;
  }

  /** Remembers it, on the disk when it returns: for the next start. */
  keep(wallUs: number, monotonicUs: number): void {
    const believed = this.#isFar(wallUs, monotonicUs) ? this.#expected(monotonicUs) : wallUs;
    this.#catalog.transaction(() => {
      this.#catalog.set(TRUSTED, String(Math.floor(believed)));
      this.#catalog.set(DOUBTED, this.#doubtedUs > 0 ? String(Math.floor(this.#doubtedUs)) : undefined);
    });
  }

  #expected(monotonicUs: number): number {
    return this.#wallUs + monotonicUs - this.#monotonicUs;
  }

  #isFar = (wallUs: number, monotonicUs: number): boolean =>
    Math.abs(wallUs - this.#expected(monotonicUs)) > BELIEVED_US;
}
