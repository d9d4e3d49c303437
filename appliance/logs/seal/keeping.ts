import type { Days, Expiring, Settings } from '../backend.ts';
import { ArchiveError } from '../record/error.ts';
import { erase, expire, expiring, finishRetention, RetentionError, type Vault } from '../retention/index.ts';
import type { ToSealer } from './messages.ts';

interface KeepingOptions {
  /** What retention may do here. */
  vault: Vault;
  /** The time to expire by. */
  trustedUs(): number;
  /** Between two looks at what has expired. */
  expiryUs: number;
}

/** What goes: records that are past their days, and those that somebody has erased. */
export class Keeping {
  readonly #options: KeepingOptions;
  #settings: Settings | undefined;
  /** Monotonic. */
  #next = 0;

  constructor(options: KeepingOptions) {
    this.#options = options;
  }

  set(settings: Settings): void {
    this.#settings = settings;
    this.#next = 0;
  }

  /** What a crash has cut short. */
  finish(): void {
    finishRetention(this.#options.vault);
  }

  /** Destroys what is past its days, if it is time to; a little at a time. `now` is monotonic. */
  look(now: number): void {
    if (now < this.#next || !this.#settings) return;
    const { vault, trustedUs, expiryUs } = this.#options;
    const { retention, holds } = this.#settings;
    const left = expire(vault, { days: retention, holds, nowUs: trustedUs() });
    this.#next = left > 0 ? now : now + expiryUs;
  }

  /** What would go if these were the days. */
  expiring(days: Days): Expiring[] {
    const { vault, trustedUs } = this.#options;
    return expiring(vault, { days, holds: this.#settings?.holds ?? [], nowUs: trustedUs() });
  }

  /** How many were erased. `guarded` runs it, and says why it didn't come about. */
  erase(
    { indexes, reason, by }: Extract<ToSealer, { type: 'erase' }>,
    guarded: (work: () => void) => string | undefined,
  ): { count: number; error?: string } {
    let count = 0;
    try {
      const error = guarded(() => {
        count = erase(this.#options.vault, { indexes, reason, by, holds: this.#settings?.holds ?? [] });
      });
      return { count, ...(error !== undefined && { error }) };
    } catch (error) {
      if (!(error instanceof RetentionError || error instanceof ArchiveError)) throw error;
      return { count: 0, error: error.message };
    }
  }
}
