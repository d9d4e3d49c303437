import type { Traffic } from '@gatehouse/protocol';
import * as Type from 'typebox';
import type { Now } from '../tunnel/index.ts';

/** Bytes that the device has counted, both ways. */
export interface Bytes {
  rx: number;
  tx: number;
}

type Series = Traffic['seconds'];

const SECONDS = 600;
const MINUTES = 1_440;
const MINUTE_MS = 60_000;

const Counts = Type.Array(Type.Number({ minimum: 0 }), { maxItems: MINUTES });
/** What is kept of it over restarts: the bytes by minute, the last one being that of `saved`. */
export const TrafficFile = Type.Object({
  /** When this was written, in milliseconds. */
  saved: Type.Integer(),
  rx: Counts,
  tx: Counts,
});
export type TrafficFile = Type.Static<typeof TrafficFile>;

/** Between two readings further apart nobody knows when the bytes came (sleep): they count where they were read. */
const SPREAD = 10_000;

/** Bytes in equal steps of monotonic time, as many as fit. What wasn't added is 0. */
class Ring {
  readonly #step: number;
  readonly #rx: Float64Array;
  readonly #tx: Float64Array;
  #newest = 0;

  /** `step` in milliseconds. */
  constructor(size: number, step: number, mono: number) {
    this.#step = step;
    this.#rx = new Float64Array(size);
    this.#tx = new Float64Array(size);
    this.#newest = Math.floor(mono / step);
  }

  /** Spreads bytes that came from `from` to `to` over the steps between. */
  add(from: number, to: number, bytes: Bytes): void {
    this.#advance(to);
    const size = this.#rx.length;
    const first = Math.max(Math.floor(from / this.#step), this.#newest - size + 1);
    let given = { rx: 0, tx: 0 };
    for (let step = first; step <= this.#newest; step++) {
      // Rounded sums, not rounded parts: no byte is lost or counted twice.
      const share = step === this.#newest || to <= from ? 1 : ((step + 1) * this.#step - from) / (to - from);
      const until = { rx: Math.round(bytes.rx * share), tx: Math.round(bytes.tx * share) };
      this.#rx[step % size]! += until.rx - given.rx;
      this.#tx[step % size]! += until.tx - given.tx;
      given = until;
    }
  }

  /** Adds what came `age` steps before the newest; what is too old, or still to come, is left out. */
  addAged(age: number, bytes: Bytes): void {
    const size = this.#rx.length;
    if (age < 0 || age >= size) return;
    const at = (((this.#newest - age) % size) + size) % size;
    this.#rx[at]! += bytes.rx;
    this.#tx[at]! += bytes.tx;
  }

  clear(): void {
    this.#rx.fill(0);
    this.#tx.fill(0);
  }

  read({ mono, wall }: Now): Series {
    this.#advance(mono);
    const size = this.#rx.length;
    const oldest = this.#newest - size + 1;
    const order = (values: Float64Array) =>
      Array.from(values, (_, i) => values[(((oldest + i) % size) + size) % size]!);
    const start = new Date(wall - (mono - oldest * this.#step)).toISOString();
    return { start, step: this.#step / 1000, rx: order(this.#rx), tx: order(this.#tx) };
  }

  #advance(mono: number): void {
    const step = Math.floor(mono / this.#step);
    const size = this.#rx.length;
    for (let next = Math.max(this.#newest + 1, step - size + 1); next <= step; next++) {
      this.#rx[next % size] = 0;
      this.#tx[next % size] = 0;
    }
    this.#newest = Math.max(this.#newest, step);
  }
}

/**
 * What the tunnel carried: the last 10 minutes by second and the last 24 hours by minute. It takes what the daemon reads of
 * the device anyway. A counter that goes back (an interface made anew, a peer removed) begins anew.
 */
export class TrafficMeter {
  readonly #seconds: Ring;
  readonly #minutes: Ring;
  #last: (Bytes & { mono: number }) | null = null;
  /** There are bytes that `dump` hasn't given yet. */
  changed = false;

  constructor({ mono }: Now) {
    this.#seconds = new Ring(SECONDS, 1_000, mono);
    this.#minutes = new Ring(MINUTES, MINUTE_MS, mono);
  }

  /** What came since the last reading; `null` when there is no device, whose first reading then only begins. */
  sample(bytes: Bytes | null, { mono }: Now): Bytes {
    const last = this.#last;
    this.#last = bytes && { ...bytes, mono };
    if (!bytes || !last) return { rx: 0, tx: 0 };
    const passed = { rx: Math.max(0, bytes.rx - last.rx), tx: Math.max(0, bytes.tx - last.tx) };
    if (passed.rx > 0 || passed.tx > 0) {
      const from = mono - last.mono > SPREAD ? mono : last.mono;
      this.#seconds.add(from, mono, passed);
      this.#minutes.add(from, mono, passed);
      this.changed = true;
    }
    return passed;
  }

  read(now: Now): Traffic {
    return { seconds: this.#seconds.read(now), minutes: this.#minutes.read(now) };
  }

  /** The minutes, to be kept. */
  dump(now: Now): TrafficFile {
    this.changed = false;
    const { rx, tx } = this.#minutes.read(now);
    return { saved: Math.round(now.wall), rx, tx };
  }

  /** Takes up what was kept. By the wall clock, for no other runs while the machine is off; from the future nothing. */
  restore({ saved, rx, tx }: TrafficFile, now: Now): void {
    this.#minutes.read(now);
    const since = Math.round((now.wall - saved) / MINUTE_MS);
    if (since < 0) return;
    const newest = rx.length - 1;
    for (const [i, bytes] of rx.entries()) this.#minutes.addAged(since + newest - i, { rx: bytes, tx: tx[i] ?? 0 });
  }

  /** Forgets all of it. */
  clear(): void {
    this.#seconds.clear();
    this.#minutes.clear();
    this.changed = false;
  }
}
