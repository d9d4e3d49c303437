import type { PostureCheck, Standing } from '@gatehouse/protocol';
import { fetchStanding, type Identity } from '../controller/index.ts';
import { PostureCollector, type PostureReading, postureChecks } from '../posture/index.ts';

/** Every duration in milliseconds. */
const TIMES = {
  /** Starting programs has to wait until the tunnel stands. */
  first: 3_000,
  collect: 10 * 60_000,
  /** The same facts are sent again this often, so that the controller knows that they are fresh. */
  resend: 60 * 60_000,
  standing: 10 * 60_000,
  /** What was sent is judged by then. */
  judged: 2_000,
  /** After a failure. */
  retry: 60_000,
} as const;

export interface ComplianceParts {
  log(message: string): void;
  /** Hands facts to the controller; false when it can't now. */
  send(reading: PostureReading): boolean;
  collector?: Pick<PostureCollector, 'collect'> | undefined;
  fetch?: typeof fetchStanding | undefined;
}

/** What this device tells of itself for access policies, and what the controller makes of it. */
export class Compliance {
  readonly #parts: ComplianceParts;
  readonly #collector: Pick<PostureCollector, 'collect'>;
  #reading: PostureReading | null = null;
  #collecting: Promise<PostureReading> | null = null;
  #collectAt: number;
  #sent: { text: string; at: number } | null = null;
  #standing: Standing | null = null;
  #keptOut = false;
  /** When the standing is asked for next; null while nobody is there to ask. */
  #fetchAt: number | null = null;
  #turn = 0;
  #problem = '';

  constructor(parts: ComplianceParts, mono: number) {
    this.#parts = parts;
    this.#collector = parts.collector ?? new PostureCollector();
    this.#collectAt = mono + TIMES.first;
  }

  get standing(): Standing | null {
    return this.#standing;
  }

  /** Another profile, or none: nothing is known of it. */
  reset(): void {
    this.#turn += 1;
    this.#standing = null;
    this.#keptOut = false;
    this.disconnected();
  }

  /** A new connection has heard nothing yet. */
  connected(mono: number): void {
    this.#sent = null;
    this.#fetchAt = mono;
  }

  disconnected(): void {
    this.#sent = null;
    this.#fetchAt = null;
  }

  /** What the state says: shown at once, and asked after. */
  keptOut(keptOut: boolean, mono: number): void {
    if (keptOut === this.#keptOut) return;
    this.#keptOut = keptOut;
    const before = this.#standing ?? { missing: [], reported: null };
    this.#standing = { ...before, admitted: !keptOut, reason: null };
    this.#turn += 1;
    if (this.#fetchAt !== null) this.#fetchAt = mono;
  }

  tick(identity: Identity | null, mono: number): void {
    if (mono >= this.#collectAt) {
      this.#collectAt = mono + TIMES.collect;
      void this.#collect();
    }
    if (this.#fetchAt === null || !identity) return;
    this.#offer(mono);
    if (mono >= this.#fetchAt) void this.#fetch(identity, mono);
  }

  /** What was read last, or `anew`, with what the controller misses. Never rejects. */
  async checks(anew: boolean): Promise<{ collected: string; checks: PostureCheck[] }> {
    const reading = anew || !this.#reading ? await this.#collect() : this.#reading;
    return { collected: new Date(reading.collected).toISOString(), checks: postureChecks(reading, this.#standing) };
  }

  /** One at a time, whoever asks. */
  #collect(): Promise<PostureReading> {
    this.#collecting ??= this.#collector.collect().then((reading) => {
      this.#reading = reading;
      this.#collecting = null;
      return reading;
    });
    return this.#collecting;
  }

  #offer(mono: number): void {
    const reading = this.#reading;
    if (!reading) return;
    const text = JSON.stringify([reading.macs, reading.facts]);
    if (this.#sent?.text === text && mono - this.#sent.at < TIMES.resend) return;
    if (!this.#parts.send(reading)) return;
    this.#sent = { text, at: mono };
    this.#fetchAt = mono + TIMES.judged;
  }

  async #fetch(identity: Identity, mono: number): Promise<void> {
    this.#fetchAt = mono + TIMES.standing;
    const turn = this.#turn;
    try {
      const standing = await (this.#parts.fetch ?? fetchStanding)(identity);
      if (turn !== this.#turn) return;
      // An older controller says nothing here, and all it says in the state.
      if (standing) this.#standing = standing;
      this.#problem = '';
    } catch (error) {
      if (turn !== this.#turn) return;
      const { message } = error as Error;
      if (message !== this.#problem) this.#parts.log(`standing: ${message}`);
      this.#problem = message;
      if (this.#fetchAt !== null) this.#fetchAt = mono + TIMES.retry;
    }
  }
}
