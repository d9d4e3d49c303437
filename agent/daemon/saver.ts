/** States that follow each other quickly are written this often, in milliseconds. */
const EVERY = 1_000;

/**
 * Writes the newest of what changes often: at once, then at most once a second. What a crash in between loses must
 * cost nothing.
 */
export class Saver {
  readonly #write: () => Promise<void>;
  #running: Promise<void> | null = null;
  #unsaved = false;
  #hurry: (() => void) | null = null;

  /** `write` takes the newest itself and doesn't throw. */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  save(): void {
    this.#unsaved = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    while (this.#running) {
      this.#hurry?.();
      await this.#running;
    }
  }

  async #loop(): Promise<void> {
    while (this.#unsaved) {
      this.#unsaved = false;
      await this.#write();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY);
        this.#hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
