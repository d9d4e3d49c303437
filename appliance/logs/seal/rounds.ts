import type { Catalog } from '../archive/catalog.ts';
import type { Clock } from '../clock.ts';
import type { LogKeys } from '../keys/index.ts';
import { toBase64 } from '../merkle/hash.ts';
import { KIND, type Kind } from '../record/types.ts';
import { StepWatch, type TimeSync } from './clock.ts';
import type { SealLimits } from './limits.ts';
import type { Log } from './log.ts';
import type { Notes } from './notes.ts';
import { TrustedClock } from './trust.ts';

export interface RoundsOptions {
  catalog: Catalog;
  clock: Clock;
  keys: LogKeys;
  limits: SealLimits;
  log: Log;
  notes: Notes;
  /** Writes records of class system. */
  record(kind: Kind, records: readonly object[]): void;
  /** Seals what waits. */
  seal(): void;
  /** Something is the matter that people should know of. */
  warn(reason: string): void;
}

/** What the log says of itself by the clock: the clocks, beacons, epochs. */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #steps = new StepWatch();
  readonly #trusted: TrustedClock;
  /** Monotonic. */
  #nextBeacon: number;
  #nextTimeSync = 0;

  constructor(options: RoundsOptions) {
    const { catalog, clock, limits } = options;
    this.#options = options;
    this.#trusted = new TrustedClock(catalog, clock.receiveUs(), clock.monotonicUs());
    this.#nextBeacon = clock.monotonicUs() + limits.beaconUs;
  }

  /** The time to expire by. */
  trustedUs(): number {
    const { clock } = this.#options;
    return this.#trusted.nowUs(clock.receiveUs(), clock.monotonicUs());
  }

  /** Call it once a second. What throws is done the next time. */
  look(): void {
    const { clock, limits, log, record, warn } = this.#options;
    const [wallUs, now] = [clock.receiveUs(), clock.monotonicUs()];
    const step = this.#steps.look(wallUs, now);
    const trustedUs = this.#trusted.nowUs(wallUs, now);
    if (this.#trusted.look(wallUs, now)) {
      warn(aheadText(wallUs - trustedUs));
      this.#nextTimeSync = 0;
    }
    if (step || now >= this.#nextTimeSync) {
      const sync: TimeSync = step ?? { step_us: 0, wall_us: wallUs, monotonic_us: now };
      record(KIND.timeSync, [trustedUs < wallUs ? { ...sync, trusted_us: trustedUs } : sync]);
      this.#trusted.keep(wallUs, now);
      this.#nextTimeSync = now + limits.timeSyncUs;
    }
    if (now >= this.#nextBeacon) {
      const { size, root } = log.sealed;
      record(KIND.beacon, [{ size, root: toBase64(root) }]);
      this.#nextBeacon = now + limits.beaconUs;
    }
    this.#rotateEpoch(wallUs);
  }

  /** A new epoch once a day: its key's predecessor signs it, and the checkpoint up to which that one has signed. */
  #rotateEpoch(wallUs: number): void {
    const { catalog, keys, limits, log, notes, seal } = this.#options;
    const last = Number(catalog.get('rotated_us') ?? Number.NaN);
    if (Number.isNaN(last)) catalog.set('rotated_us', String(Math.floor(wallUs)));
    // A clock that was far ahead for a while doesn't put it off for long.
    if (Number.isNaN(last) || Math.abs(wallUs - last) < limits.epochUs) return;
    seal();
    const { size, root } = log.sealed;
    notes.keep(size, 'epoch', wallUs);
    keys.rotate({ size, root, nowSeconds: Math.floor(wallUs / 1e6) });
    catalog.set('rotated_us', String(Math.floor(wallUs)));
    this.sealStatements();
  }

  /** Each statement that names an epoch becomes a record, once. */
  sealStatements(): void {
    const { catalog, keys, record } = this.#options;
    const statements = keys.statements();
    const done = Number(catalog.get('statements') ?? 0);
    if (done >= statements.length) return;
    record(
      KIND.keyRotation,
      statements.slice(done).map((statement) => ({ statement })),
    );
    catalog.set('statements', String(statements.length));
  }
}

const aheadText = (us: number): string =>
  `the system's clock is ${Math.floor(us / 86_400e6)} days ahead of what was expected. Records don't expire by it until it has been so for a week: set it right, or wait if it is right.`;
