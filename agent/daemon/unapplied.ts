/** Who waits for a state to be applied: each `apply` takes the newest, and so does for all before it. */
export class Unapplied {
  #newest = 0;
  #waiting: { generation: number; resolve(): void }[] = [];

  /** The state that came last. */
  get newest(): number {
    return this.#newest;
  }

  /** A state has come; resolves once it, or one after it, is applied. Never when it is forgotten. */
  come(): Promise<void> {
    this.#newest += 1;
    const generation = this.#newest;
    return new Promise((resolve) => this.#waiting.push({ generation, resolve }));
  }

  applied(generation: number): void {
    for (const waiter of this.#waiting) if (waiter.generation <= generation) waiter.resolve();
    this.#waiting = this.#waiting.filter((waiter) => waiter.generation > generation);
  }

  forget(): void {
    this.#waiting = [];
  }
}
