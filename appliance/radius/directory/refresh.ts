/** From an event to the read, so that what comes at once is read at once. */
const FIRST_DELAY_MS = 5;
/** From the start of one read to the next: a change holds well within a second, and a flood of them costs four reads. */
const GAP_MS = 250;
const RETRY_MS = 1000;
/** Over so many ids everything is read. */
export const MAX_IDS = 2000;

export interface Refresh {
  touch(id: string): void;
  /** Everything is to be read. */
  touchAll(): void;
  /** When nothing is left to read. */
  settled(): Promise<void>;
  stop(): void;
}

/**
 * Reads again what events have named: many events make few reads, a failed read is repeated until it succeeds, and one
 * that is named while a read is under way is read once more after it. `read` is given the ids, or undefined for all.
 */
export function createRefresh(
  read: (ids: readonly string[] | undefined) => Promise<void>,
  failed: (error: unknown) => void,
): Refresh {
  let ids = new Set<string>();
  let all = false;
  let reading = false;
  let stopped = false;
  let lastStart = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let waiters: (() => void)[] = [];

  const idle = (): boolean => stopped || (!reading && !all && ids.size === 0);
  const schedule = (atLeast: number): void => {
    if (reading || stopped || timer) return;
    timer = setTimeout(() => void run(), Math.max(atLeast, lastStart + GAP_MS - performance.now()));
  };
  const run = async (): Promise<void> => {
    timer = undefined;
    const wanted = all || ids.size > MAX_IDS ? undefined : [...ids];
    [ids, all, reading] = [new Set(), false, true];
    lastStart = performance.now();
    let wait = FIRST_DELAY_MS;
    try {
      await read(wanted);
    } catch (error) {
      failed(error);
      wait = RETRY_MS;
      if (wanted) for (const id of wanted) ids.add(id);
      else all = true;
    }
    reading = false;
    if (!idle()) return schedule(wait);
    for (const waiter of waiters) waiter();
    waiters = [];
  };
  return {
    touch(id) {
      // Once everything is to be read, names add nothing.
      if (!all && ids.size <= MAX_IDS) ids.add(id);
      schedule(FIRST_DELAY_MS);
    },
    touchAll() {
      all = true;
      schedule(FIRST_DELAY_MS);
    },
    settled: () => (idle() ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    stop() {
      stopped = true;
      clearTimeout(timer);
      for (const waiter of waiters) waiter();
      waiters = [];
    },
  };
}
