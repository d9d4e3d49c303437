import { AgentSession } from '@gatehouse/protocol';
import * as Type from 'typebox';
import type { Bytes } from './traffic.ts';

/** Sessions that are kept. */
const KEPT = 100;
/** How much of a session a crash may lose, in milliseconds. */
const SAVE_EVERY = 5 * 60_000;

type Ended = NonNullable<AgentSession['ended']>;

export const SessionsFile = Type.Object({
  /** When this was written, in milliseconds. */
  saved: Type.Integer(),
  /** The oldest first. */
  sessions: Type.Array(AgentSession, { maxItems: KEPT }),
});
export type SessionsFile = Type.Static<typeof SessionsFile>;

/** What the daemon sees at one moment: who is at the other end, or why traffic isn't carried. */
export type Carrying = { networkName: string | null; hub: string | null } | { why: Ended };

const time = (wall: number): string => new Date(wall).toISOString();

/** The times that the tunnel carried traffic, the last 100, on disk. `write` doesn't throw, and may skip to the newest. */
export class Sessions {
  readonly #write: (file: SessionsFile) => void;
  #ended: AgentSession[] = [];
  #current: AgentSession | null = null;
  /** Wall clock of the last moment that traffic was carried. */
  #carriedAt = 0;
  #savedAt = 0;

  constructor(write: (file: SessionsFile) => void) {
    this.#write = write;
  }

  /** Takes up what is on disk. What was going on ended with the daemon that wrote it, when it last wrote. */
  restore(file: SessionsFile | null): void {
    if (!file) return;
    this.#ended = file.sessions.map((session) =>
      session.until === null ? { ...session, until: time(file.saved), ended: 'stopped' } : session,
    );
  }

  /** When the session that goes on began. */
  get since(): string | null {
    return this.#current?.since ?? null;
  }

  /** The newest first. */
  list(): AgentSession[] {
    return [...this.#ended, ...(this.#current ? [this.#current] : [])].reverse();
  }

  /** `bytes` came since the last call; `wall` is now, in milliseconds. */
  observe(carrying: Carrying, bytes: Bytes, wall: number): void {
    if ('why' in carrying) {
      this.end(carrying.why, wall);
      return;
    }
    const before = this.#current;
    this.#carriedAt = wall;
    this.#current = before
      ? { ...before, ...carrying, rx: before.rx + bytes.rx, tx: before.tx + bytes.tx }
      : { since: time(wall), until: null, ...carrying, rx: 0, tx: 0, ended: null };
    if (!before || wall - this.#savedAt >= SAVE_EVERY || wall < this.#savedAt) this.#save(wall);
  }

  /** It ended when traffic was last carried: a machine that slept doesn't count its sleep. */
  end(why: Ended, wall: number): void {
    if (!this.#current) return;
    this.#ended.push({ ...this.#current, until: time(this.#carriedAt), ended: why });
    this.#ended.splice(0, this.#ended.length - KEPT);
    this.#current = null;
    this.#save(wall);
  }

  /** Forgets all of it. */
  clear(): void {
    this.#ended = [];
    this.#current = null;
  }

  #save(wall: number): void {
    this.#savedAt = wall;
    this.#write({ saved: Math.round(wall), sessions: this.list().slice(0, KEPT).reverse() });
  }
}
