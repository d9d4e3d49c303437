import type { AccountingRecord } from '../accounting/index.ts';

const MOVED_MS = 60_000;
/** An accepted request is remembered this long: its Accounting-Start is due within seconds. */
export const REMEMBERED_MS = 5 * 60 * 1000;
/** Each request is found by up to three keys. */
export const MAX_REMEMBERED_KEYS = 60_000;

/** What an accepted request says of the session that is about to start. */
export interface Authentication {
  nasId: string;
  device: string;
  acctSessionId: string | undefined;
  mac: string | null;
  username: string;
  userId: string | null;
  userKey: string;
  method: string;
  policy: string | null;
  /** Digest of the decision's encoded attributes; null where they are not ours (a proxied request). */
  decided: string | null;
  quotaBytes: number | null;
  quotaSeconds: number | null;
  /** Hexadecimal, where the answer had a Class of its own. */
  class: string | undefined;
}

/** Accepted requests by what their accounting will be known by. Bounded; the oldest go. */
export function createPending(now: () => number) {
  /** In the order of time, as each key is put at the end anew. */
  const known = new Map<string, { at: number; authentication: Authentication }>();

  const find = (key: string): Authentication | undefined => {
    const entry = known.get(key);
    return entry && entry.at > now() - REMEMBERED_MS ? entry.authentication : undefined;
  };

  return {
    remember(authentication: Authentication): void {
      const at = now();
      for (const key of keysOf(authentication)) {
        const entry = known.get(key);
        // To the end once a minute only: somebody who comes again and again is remembered a minute less.
        if (entry && entry.at > at - MOVED_MS) {
          entry.authentication = authentication;
          continue;
        }
        known.delete(key);
        known.set(key, { at, authentication });
      }
      for (const [key, entry] of known) {
        if (known.size <= MAX_REMEMBERED_KEYS && entry.at > at - REMEMBERED_MS) break;
        known.delete(key);
      }
    },
    /** By Class, by NAS and Acct-Session-Id, by NAS and MAC address, else by NAS and name. */
    find(record: AccountingRecord): Authentication | undefined {
      const place = `${record.nasId}|${record.device}`;
      return (
        (record.class !== null ? find(`c${record.class}`) : undefined) ??
        find(`s${place}|${record.sessionId}`) ??
        (record.mac !== null ? find(`m${place}|${record.mac}`) : undefined) ??
        (record.username !== null ? find(`u${place}|${record.username.toLowerCase()}`) : undefined)
      );
    },
    get size(): number {
      return known.size;
    },
  };
}

function keysOf(by: Authentication): string[] {
  const place = `${by.nasId}|${by.device}`;
  const found: string[] = [];
  if (by.class !== undefined) found.push(`c${by.class}`);
  if (by.acctSessionId !== undefined) found.push(`s${place}|${by.acctSessionId}`);
  found.push(by.mac === null ? `u${place}|${by.username.toLowerCase()}` : `m${place}|${by.mac}`);
  return found;
}
