import { setImmediate } from 'node:timers/promises';
import { HttpError, notFound } from '../http/index.ts';

/** The numbers of MCP's limits. */
export const MAX_SESSIONS = 256;
export const MAX_SESSIONS_OF_USER = 16;
/** A session ends this long after its last message. */
export const IDLE_MS = 30 * 60_000;

/** A client's session: it belongs to the user who opened it. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  /** Streams and requests of the client that are open now. */
  open: number;
  /** Calls that have no answer yet. */
  readonly calls: Set<Promise<unknown>>;
  close(): Promise<void>;
}

/** The open sessions. `now` is a monotonic clock in milliseconds. */
export class Sessions<S extends Session = Session> {
  readonly #now: () => number;
  /** The longest unused first: a session moves to the end with each message. */
  readonly #byId = new Map<string, { session: S; usedAt: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#byId.size;
  }

  /**
   * Takes a new session in. Clients seldom say goodbye, so the user's longest unused session that nobody listens to
   * makes room; 429 where each is in use, 503 where the whole appliance has no room.
   */
  async add(session: S): Promise<void> {
    const evicted = this.#makeRoom(session.userId);
    this.#byId.set(session.id, { session, usedAt: this.#now() });
    await evicted?.close();
  }

  #makeRoom(userId: string): S | undefined {
    const own = [...this.#byId.values()].filter(({ session }) => session.userId === userId);
    if (own.length < MAX_SESSIONS_OF_USER && this.size < MAX_SESSIONS) return;
    const unused = own.find(({ session }) => session.open === 0 && session.calls.size === 0)?.session;
    if (unused) {
      this.#byId.delete(unused.id);
      return unused;
    }
    if (own.length >= MAX_SESSIONS_OF_USER) {
      throw new HttpError(429, `you have ${MAX_SESSIONS_OF_USER} MCP sessions in use: end one first`);
    }
    throw new HttpError(503, `all ${MAX_SESSIONS} MCP sessions are taken: try again later`, { 'retry-after': '60' });
  }

  /** The user's session of this id, used now; 404 for another's as for none. */
  use(id: unknown, userId: string): S {
    const entry = typeof id === 'string' ? this.#byId.get(id) : undefined;
    if (!entry || entry.session.userId !== userId || this.#expired(entry)) throw notFound('MCP session');
    this.#byId.delete(entry.session.id);
    this.#byId.set(entry.session.id, { session: entry.session, usedAt: this.#now() });
    return entry.session;
  }

  #expired = ({ session, usedAt }: { session: S; usedAt: number }): boolean =>
    session.calls.size === 0 && this.#now() - usedAt >= IDLE_MS;

  /** Forgets a session that has ended. */
  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** Ends the sessions that nobody has used for `IDLE_MS`. */
  async sweep(): Promise<void> {
    await this.#close([...this.#byId.values()].filter(this.#expired));
  }

  /** Lets running calls finish and their answers go out, then ends every session. */
  async finish(): Promise<void> {
    await Promise.allSettled([...this.#byId.values()].flatMap(({ session }) => [...session.calls]));
    await setImmediate();
    await this.#close([...this.#byId.values()]);
  }

  async #close(entries: { session: S }[]): Promise<void> {
    for (const { session } of entries) this.#byId.delete(session.id);
    await Promise.allSettled(entries.map(({ session }) => session.close()));
  }
}
