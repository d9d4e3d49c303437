import { hash, randomBytes } from 'node:crypto';
import { Attempts } from './attempts.ts';
import { Bounded } from './bounded.ts';
import type { AccountProof } from './entries.ts';

/** Longer passwords are nobody's. RADIUS carries 128 bytes, TTLS more. */
export const MAX_PASSWORD_BYTES = 1024;
/** So long a wrong password is known to be wrong without another argon2, for devices that repeat it every second. */
export const WRONG_FOR_MS = 30_000;
export const MAX_WRONG = 10_000;
const KEY_BYTES = 32;
/** User ids are UUIDs. */
const MAX_ID = 64;

/** `busy`: it could not be checked now. `throttled`: too many wrong ones. */
export type Checked = 'right' | 'wrong' | 'busy' | 'throttled';

export interface ProofOptions {
  /** Argon2id; throws where it can't be checked now. */
  verify(userId: string, password: string): Promise<boolean>;
  /** Called with what `verify` threw. */
  failed(error: unknown): void;
  /** Milliseconds. */
  monotonic(): number;
}

/**
 * Checks account passwords without argon2 where it can. Once argon2 has proved one, a digest of it (SHA-256 with a key of
 * this process over user, version of the password, password) is kept in the user's entry and answers at once; a new
 * password has a new version. The same of a wrong one for half a minute. The key is never written down, so the digests
 * are worth nothing outside this process. That digests are compared as strings tells nothing: nobody else can make one.
 */
export class AccountPasswords {
  readonly #options: ProofOptions;
  readonly #attempts = new Attempts();
  /** Digest → when it is forgotten. */
  readonly #wrong = new Bounded<string, number>(MAX_WRONG);
  readonly #running = new Map<string, Promise<Checked>>();
  /** Key, user, version, password. */
  readonly #text = Buffer.alloc(KEY_BYTES + MAX_ID + 24 + MAX_PASSWORD_BYTES);

  constructor(options: ProofOptions) {
    this.#options = options;
    this.#text.set(randomBytes(KEY_BYTES));
  }

  /** At once where the password is known to be right or wrong. `caller` is who tries: a MAC address, or a NAS. */
  check(account: AccountProof, password: Uint8Array, caller: string): Checked | Promise<Checked> {
    if (password.length > MAX_PASSWORD_BYTES || account.userId.length > MAX_ID) return 'wrong';
    const digest = this.#digest(account, password);
    if (account.proven === digest) return 'right';
    const now = this.#options.monotonic();
    const until = this.#wrong.get(digest);
    if (until !== undefined) {
      if (now < until) return 'wrong';
      this.#wrong.delete(digest);
    }
    const running = this.#running.get(digest);
    if (running) return running;
    if (!this.#attempts.allowed(account.userId, caller, now)) return 'throttled';
    const check = this.#verify(account, Buffer.from(password).toString(), digest, caller);
    this.#running.set(digest, check);
    return check;
  }

  async #verify(account: AccountProof, password: string, digest: string, caller: string): Promise<Checked> {
    const { verify, failed, monotonic } = this.#options;
    try {
      if (await verify(account.userId, password)) {
        // Written to the entry that was asked for: had the password changed meanwhile, that entry is no longer in use.
        account.proven = digest;
        this.#attempts.succeeded(account.userId, caller);
        return 'right';
      }
      this.#attempts.failed(account.userId, caller, monotonic());
      this.#wrong.set(digest, monotonic() + WRONG_FOR_MS);
      return 'wrong';
    } catch (error) {
      failed(error);
      return 'busy';
    } finally {
      this.#running.delete(digest);
    }
  }

  #digest({ userId, version }: AccountProof, password: Uint8Array): string {
    const text = this.#text;
    let at = KEY_BYTES;
    at += text.write(`${userId} ${version} `, at, 'latin1');
    text.set(password, at);
    return hash('sha256', text.subarray(0, at + password.length), 'hex');
  }

  /** Wrong passwords remembered, for tests. */
  get remembered(): number {
    return this.#wrong.size;
  }
}
