import ipaddr from 'ipaddr.js';

/** Failures that cost no waiting: of an account (by whomever), and from an address (for whichever account). */
const FREE_PER_ACCOUNT = 5;
const FREE_PER_ADDRESS = 20;
export const MAX_WAIT_MS = 30_000;
/** Failures are forgotten after this long without another. */
export const FORGET_AFTER_MS = 15 * 60_000;
/** Accounts, addresses and pairs of them that are remembered; beyond it the longest untouched is forgotten. */
const MAX_REMEMBERED = 10_000;

/** A Map that keeps the `limit` entries that were set last. */
class Recent<V> extends Map<string, V> {
  readonly #limit: number;
  constructor(limit: number) {
    super();
    this.#limit = limit;
  }
  override set(key: string, value: V): this {
    this.delete(key);
    super.set(key, value);
    const oldest = this.size > this.#limit ? this.keys().next().value : undefined;
    if (oldest !== undefined) this.delete(oldest);
    return this;
  }
}

interface Failures {
  count: number;
  last: number;
}

/**
 * Slows down failing sign-ins. Pure: times are milliseconds that the caller gives.
 *
 * An account's failures count together wherever they come from, so a password can't be guessed from many addresses at
 * full speed. So that such an attack never shuts the owner out, an address that was told to wait for the account's sake
 * gets its turn when that time is over, whatever others did meanwhile: at most 30 s.
 */
export class Throttle {
  readonly #accounts: Recent<Failures>;
  readonly #addresses: Recent<Failures>;
  /** Failures of an account from one address: what a success from there takes back. */
  readonly #pairs: Recent<Failures>;
  /** When an address that was told to wait for an account may try it. */
  readonly #turns: Recent<number>;

  constructor(limit = MAX_REMEMBERED) {
    this.#accounts = new Recent(limit);
    this.#addresses = new Recent(limit);
    this.#pairs = new Recent(limit);
    this.#turns = new Recent(limit);
  }

  /** Milliseconds until this address may try this account; 0 means now. */
  wait(account: string, address: string, now: number): number {
    const byAddress = waitAfter(recall(this.#addresses, address, now), FREE_PER_ADDRESS, now);
    const byAccount = waitAfter(recall(this.#accounts, account, now), FREE_PER_ACCOUNT, now);
    return Math.max(byAddress, byAccount > 0 ? this.#untilTurn(account, address, now, byAccount) : 0);
  }

  #untilTurn(account: string, address: string, now: number, wait: number): number {
    const key = pair(account, address);
    const turn = this.#turns.get(key);
    // The second bound is for a clock that was set back, the first for a turn that nobody took.
    if (turn !== undefined && now - turn < FORGET_AFTER_MS && turn - now <= MAX_WAIT_MS) return Math.max(0, turn - now);
    this.#turns.set(key, now + wait);
    return wait;
  }

  failed(account: string, address: string, now: number): void {
    for (const [table, key] of [
      [this.#accounts, account],
      [this.#addresses, address],
      [this.#pairs, pair(account, address)],
    ] as const) {
      table.set(key, { count: (recall(table, key, now)?.count ?? 0) + 1, last: now });
    }
    this.#turns.delete(pair(account, address));
  }

  /** Takes back what the account had failed from this address; what the address failed elsewhere stays. */
  succeeded(account: string, address: string, now: number): void {
    const key = pair(account, address);
    const here = recall(this.#pairs, key, now)?.count ?? 0;
    const all = recall(this.#accounts, account, now);
    if (all && all.count > here) this.#accounts.set(account, { ...all, count: all.count - here });
    else this.#accounts.delete(account);
    this.#pairs.delete(key);
    this.#turns.delete(key);
  }

  /** Entries held, for tests. */
  get size(): number {
    return this.#accounts.size + this.#addresses.size + this.#pairs.size + this.#turns.size;
  }
}

/** 1, 2, 4 … 30 s from the last failure on, once the free ones are used up. */
function waitAfter(failures: Failures | undefined, free: number, now: number): number {
  if (!failures || failures.count < free) return 0;
  const wait = Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(failures.count - free, 10));
  return Math.max(0, failures.last + wait - now);
}

/** What is still remembered under the key. After a clock was set back, the last failure is now, not in the future. */
function recall(table: Recent<Failures>, key: string, now: number): Failures | undefined {
  const failures = table.get(key);
  if (!failures) return undefined;
  if (failures.last > now) failures.last = now;
  if (now - failures.last < FORGET_AFTER_MS) return failures;
  table.delete(key);
  return undefined;
}

const pair = (account: string, address: string): string => `${address} ${account}`;

/** What an address counts as: IPv4 as it is (also when mapped into IPv6), IPv6 by its /64, which one customer has. */
export function addressKey(address: string): string {
  const [bare = ''] = address.split('%');
  if (!ipaddr.isValid(bare)) return bare.slice(0, 64);
  const parsed = ipaddr.process(bare);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
