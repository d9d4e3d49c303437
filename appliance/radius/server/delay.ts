/**
 * Things that each wait the same time from when they began: one queue in the order of their ends, one timer for its head.
 * What took long to work out is put in where it belongs, so that its wait doesn't tell how long that was.
 */
export class DelayQueue<T> {
  #ms: number;
  #max: number;
  #monotonic: () => number;
  #release: (item: T) => void;
  #queue: { due: number; item: T }[] = [];
  #head = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `release` is called with each item after `ms`; `max` may wait at once. */
  constructor(ms: number, max: number, monotonic: () => number, release: (item: T) => void) {
    this.#ms = ms;
    this.#max = max;
    this.#monotonic = monotonic;
    this.#release = release;
  }

  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** `since`: when it began, as `monotonic` says. False where too many wait already. */
  add(item: T, since: number): boolean {
    if (this.size >= this.#max) return false;
    const now = this.#monotonic();
    const due = Math.max(now, since + this.#ms);
    let at = this.#queue.length;
    while (at > this.#head && this.#queue[at - 1]!.due > due) at--;
    if (at === this.#queue.length) this.#queue.push({ due, item });
    else this.#queue.splice(at, 0, { due, item });
    if (at === this.#head) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#run, Math.max(0, Math.ceil(due - now)));
    }
    return true;
  }

  #run = (): void => {
    this.#timer = undefined;
    const now = this.#monotonic();
    while (this.size > 0 && this.#queue[this.#head]!.due <= now) {
      const { item } = this.#queue[this.#head]!;
      this.#head++;
      if (this.#head >= 1024 && this.#head * 2 >= this.#queue.length) {
        this.#queue.splice(0, this.#head);
        this.#head = 0;
      }
      this.#release(item);
    }
    const next = this.#queue[this.#head];
    if (next) {
      this.#timer ??= setTimeout(this.#run, Math.max(1, Math.ceil(next.due - now)));
    } else {
      this.#queue = [];
      this.#head = 0;
    }
  };

  /** Forgets what waits. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue = [];
    this.#head = 0;
  }
}
