/** The app's only clock; tests turn their own. */
export interface Clock {
  /** Wall clock, ms. */
  now(): number;
  /** Runs `then` once after `ms`; returns what cancels it. */
  after(ms: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};
