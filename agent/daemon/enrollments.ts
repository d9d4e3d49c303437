import type { IpcParams } from '@gatehouse/protocol';
import {
  Backoff,
  checkPem,
  controllerUrl,
  type EnrollStore,
  enroll,
  finishPending,
  type Identity,
} from '../controller/index.ts';
import { AgentError } from '../errors.ts';
import { MAX_PROFILES, type Profiles } from './profiles.ts';

/** Enrollments that may wait for the one before. */
const MAX_WAITING = 16;

export interface EnrollmentParts {
  profiles: Profiles;
  log(message: string): void;
  /** Does what touches profiles or tunnel, one at a time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  active(): Identity | null;
  /** The device is `identity` now, on disk; in a turn. */
  enter(identity: Identity): Promise<void>;
}

/**
 * Enrollments, one after another, beside all else that the daemon does: a controller that doesn't answer holds up nobody
 * but who else enrolls. Each touch of the profiles is a turn of its own, and none comes once the enrollment was ended, so
 * what ends it finds on disk what it left there.
 */
export class Enrollments {
  readonly #parts: EnrollmentParts;
  readonly #backoff = new Backoff(5_000, 300_000);
  #lane: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #end = new AbortController();
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: EnrollmentParts) {
    this.#parts = parts;
  }

  /** Trades the token of a request for an identity and makes it the active one. Throws AgentError. */
  enroll(request: IpcParams<'enroll'>): Promise<void> {
    if (this.#waiting > MAX_WAITING) {
      throw new AgentError('internal', `More than ${MAX_WAITING} enrollments wait for a controller: try again later.`);
    }
    return this.#next((store) => this.#enroll(request, store));
  }

  /** Goes on with an enrollment that a crash or an unreachable controller left halfway. */
  resume(): void {
    this.#next((store) => this.#finish(store)).catch(() => undefined);
  }

  /** Ends those that go on or wait, with the reason; what one has left on disk is the caller's to remove, in a turn. */
  end(why: string): void {
    clearTimeout(this.#retry);
    this.#end.abort(new AgentError('not-enrolled', `The enrollment was ended: ${why}.`));
    this.#end = new AbortController();
  }

  /** Ends them with the daemon; the next one goes on with what is pending. */
  stop(): void {
    this.#stopped = true;
    this.end('the agent stops');
  }

  async #next(work: (store: EnrollStore) => Promise<void>): Promise<void> {
    const { signal } = this.#end;
    const ended = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    ended.catch(() => undefined);
    this.#waiting += 1;
    const done = this.#lane.then(() => {
      signal.throwIfAborted();
      return Promise.race([work(this.#store(signal)), ended]);
    });
    this.#lane = done.catch(() => undefined);
    try {
      await Promise.race([done, ended]);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** The profiles as an enrollment has them until it is ended. */
  #store(signal: AbortSignal): EnrollStore {
    const { profiles, inTurn, enter } = this.#parts;
    const unlessEnded = <T>(work: () => Promise<T>): Promise<T> =>
      inTurn(() => {
        signal.throwIfAborted();
        return work();
      });
    return {
      readPending: () => unlessEnded(() => profiles.readPending()),
      writePending: (pending) => unlessEnded(() => profiles.writePending(pending)),
      commit: (identity, add) =>
        unlessEnded(async () => {
          await profiles.commit(identity, add);
          await enter(identity);
        }),
    };
  }

  async #enroll(request: IpcParams<'enroll'>, store: EnrollStore): Promise<void> {
    const current = this.#parts.active();
    const add = request.add ?? false;
    if (current && current.revoked === undefined && !add) {
      throw new AgentError(
        'already-enrolled',
        `This device is enrolled with ${current.url} as ${current.peerName}. To keep that and join another network ` +
          'too: gatehouse enroll --add. To enroll it anew, first: gatehouse leave.',
      );
    }
    if (this.#parts.profiles.full && (add || !current)) {
      throw new AgentError(
        'bad-request',
        `This device is enrolled in ${MAX_PROFILES} networks, which is all it keeps: leave one first, with gatehouse leave.`,
      );
    }
    const allowHttp = request.allowHttp ?? false;
    const url = controllerUrl(request.url, allowHttp);
    if (request.ca !== undefined) checkPem(request.ca);
    if (/[^\x21-\x7e]/.test(request.token)) {
      throw new AgentError('token-invalid', 'The token holds spaces or other characters: copy it whole and alone.');
    }
    clearTimeout(this.#retry);
    try {
      const { token, ca, pin } = request;
      await enroll({ url, token, allowHttp, ca, pin, add }, store);
    } catch (error) {
      await this.#retryLater(error, store);
      throw error;
    }
  }

  async #finish(store: EnrollStore): Promise<void> {
    const pending = await store.readPending();
    if (!pending) return;
    const current = this.#parts.active();
    const done = this.#parts.profiles.withKey(pending.privateKey);
    if (!done && current && current.revoked === undefined && !pending.add) {
      await store.writePending(null);
      return;
    }
    try {
      // Killed between the steps of the commit, or before the controller had answered.
      await (done ? store.commit(done, pending.add === true) : finishPending(pending, store));
    } catch (error) {
      this.#parts.log(`the enrollment with ${pending.url} isn't finished: ${(error as Error).message}`);
      await this.#retryLater(error, store);
    }
  }

  async #retryLater(error: unknown, store: EnrollStore): Promise<void> {
    if (error instanceof AgentError && error.code === 'token-invalid') return;
    const pending = await store.readPending().catch(() => null);
    if (!pending || this.#stopped) return;
    this.#retry = setTimeout(() => this.resume(), this.#backoff.next());
  }
}
