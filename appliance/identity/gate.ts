import { HttpError } from '../http/index.ts';

/** Runs work a few at a time, in order of arrival. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** There are too many waiting already; 503 where it reaches HTTP. */
export class GateFull extends HttpError {
  constructor(what: string) {
    super(503, `too many ${what} at once: try again in 5 s`, { 'retry-after': '5' });
    this.name = 'GateFull';
  }
}

/**
 * At most `running` at once and `waiting` behind them; one more is refused. Keeps a flood of sign-ins from taking all
 * memory and every thread (an argon2id hash holds 19 MiB).
 */
export const createGate = (running: number, waiting: number, what?: string): Gate =>
  createGates(running, [waiting], what)[0] as Gate;

/**
 * Gates with a queue each and `running` places together. A free place goes to the queues by turns, so that a flood at
 * one door doesn't shut the other.
 */
export function createGates(running: number, waiting: readonly number[], what = 'passwords to check'): Gate[] {
  let busy = 0;
  let turn = 0;
  const queues = waiting.map((limit) => ({ limit, waiters: [] as (() => void)[] }));
  const next = (): (() => void) | undefined => {
    for (let step = 0; step < queues.length; step++) {
      turn = (turn + 1) % queues.length;
      const waiter = queues[turn]?.waiters.shift();
      if (waiter) return waiter;
    }
    return undefined;
  };
  return queues.map(({ limit, waiters }) => async (work) => {
    if (busy < running) busy++;
    else if (waiters.length < limit) await new Promise<void>((resolve) => waiters.push(resolve));
    else throw new GateFull(what);
    try {
      return await work();
    } finally {
      // The place goes to the next in a queue; only where nobody waits is it free.
      const waiter = next();
      if (waiter) waiter();
      else busy--;
    }
  });
}
