/** Writing may take this part of the time, so that a hub's large state that changes often doesn't wear out its card. */
const SHARE = 1 / 10;
/** Longest wait between two writes, in milliseconds. */
const MAX_WAIT = 1_000;

/** Writes the newest of what changes often: at once, then after a pause that grows with what a write costs. */
export class Saver {
  readonly #write: () => Promise<void>;
  #running: Promise<void> | null = null;
  #waiting: (() => void)[] = [];
  #hurry: () => void = () => undefined;

  /** `write` takes the newest itself and doesn't throw. */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when what is newest now is written. */
  save(): Promise<void> {
    const saved = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running ??= this.#loop().finally(() => {
      this.#running = null;
    });
    return saved;
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    while (this.#running) {
      this.#hurry();
      await this.#running;
    }
  }

  async #loop(): Promise<void> {
    while (this.#waiting.length > 0) {
      const saved = this.#waiting;
      this.#waiting = [];
      const began = performance.now();
      await this.#write();
      for (const resolve of saved) resolve();
      const wait = Math.min(MAX_WAIT, (performance.now() - began) / SHARE);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait);
        this.#hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
