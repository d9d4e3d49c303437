import { HttpError } from '../http/index.ts';

/** Runs work a few at a time, in order of arrival. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * At most `running` at once and `waiting` behind them; one more is refused with 503. Keeps a flood of sign-ins from
 * taking all memory and every thread (an argon2id hash holds 19 MiB).
 */
export function createGate(running: number, waiting: number, what = 'passwords to check'): Gate {
  let busy = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (busy < running) busy++;
    else if (queue.length < waiting) await new Promise<void>((resolve) => queue.push(resolve));
    else throw new HttpError(503, `too many ${what} at once: try again in 5 s`, { 'retry-after': '5' });
    try {
      return await work();
    } finally {
      // The place goes to the next in the queue; only where nobody waits is it free.
      const next = queue.shift();
      if (next) next();
      else busy--;
    }
  };
}
