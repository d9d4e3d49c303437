import { type Clock, createClock } from '../clock.ts';

/** The wall clock may move so far against the monotonic one between two looks before it is a step, worth a record. */
const STEP_US = 1e6;

/** What a time-sync record says: JSON. */
export interface TimeSync {
  /** How far the system's clock was set; 0 where both clocks are only noted. */
  step_us: number;
  wall_us: number;
  monotonic_us: number;
  /** The time that records expire by, where the system's clock is too far ahead to be believed. */
  trusted_us?: number;
}

/** Notices when the system's clock is set. */
export class StepWatch {
  #offset: number | undefined;

  /** Both clocks at one moment, in µs. Call it once a second. */
  look(wallUs: number, monotonicUs: number): TimeSync | undefined {
    const before = this.#offset;
    this.#offset = wallUs - monotonicUs;
    const step = before === undefined ? 0 : this.#offset - before;
    if (Math.abs(step) <= STEP_US) return undefined;
    return { step_us: step, wall_us: wallUs, monotonic_us: monotonicUs };
  }
}

/** Milliseconds since the system's start. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export const systemClock = (): Clock => createClock({ now: Date.now, monotonic: monotonicMs });
