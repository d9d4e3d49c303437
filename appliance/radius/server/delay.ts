/** Things that each wait the same time: one queue, one timer for its head. */
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

  /** False where too many wait already. */
  add(item: T): boolean {
    if (this.size >= this.#max) return false;
    this.#queue.push({ due: this.#monotonic() + this.#ms, item });
    this.#timer ??= setTimeout(this.#run, this.#ms);
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
