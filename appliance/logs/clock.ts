/** Whole microseconds: since 1970 by the system's clock, and since the system's start. */
export interface Clock {
  receiveUs(): number;
  monotonicUs(): number;
}

/**
 * Times of records. `now` gives milliseconds since 1970, `monotonic` milliseconds with fractions that only go forward.
 * Within one of the system's milliseconds the monotonic clock tells the microseconds: the result is never further from
 * `now` than that, also right after the system's clock was set.
 */
export function createClock({ now, monotonic }: { now: () => number; monotonic: () => number }): Clock {
  let offset = Number.NaN;
  const monotonicUs = (): number => Math.floor(monotonic() * 1000);
  return {
    monotonicUs,
    receiveUs() {
      const [nowUs, sinceStart] = [now() * 1000, monotonicUs()];
      const ahead = sinceStart + offset - nowUs;
      if (!(ahead >= 0)) offset = nowUs - sinceStart;
      else if (ahead > 999) offset = nowUs + 999 - sinceStart;
      return sinceStart + offset;
    },
  };
}
