/** The numbers of the server's limits. */
export interface Limits {
  /** Requests that one NAS may have in work; what comes beyond it is dropped. */
  workingPerClient: number;
  /** Requests in work altogether. */
  working: number;
  /** An answer that takes longer to work out is given up. */
  workMs: number;
  /** New requests a second of one NAS, with as many at once; 0: no limit. */
  requestsPerSecond: number;
  /** How long an answer is kept for retransmissions (RFC 5080, section 2.2.2). */
  duplicateMs: number;
  /** Answers kept, and their bytes; beyond it the oldest goes first. */
  duplicateEntries: number;
  duplicateBytes: number;
  /** An Access-Reject waits so long, so that guessing takes time; 0: it doesn't. */
  rejectDelayMs: number;
  /** Rejects that wait; beyond it they are dropped, not sent early. */
  delayed: number;
  /** Addresses, or NAS, whose last line in the log is remembered; others are counted and not logged. */
  logged: number;
  /** Time between two lines about the same. */
  logMs: number;
  /** At the end, what is in work gets so long. */
  closeMs: number;
}

export const LIMITS: Limits = {
  workingPerClient: 4_096,
  working: 65_536,
  workMs: 30_000,
  requestsPerSecond: 0,
  duplicateMs: 5_000,
  duplicateEntries: 131_072,
  duplicateBytes: 16 * 1024 * 1024,
  rejectDelayMs: 1_000,
  delayed: 16_384,
  logged: 1_024,
  logMs: 60_000,
  closeMs: 5_000,
};

/** RFC 2865, section 3. */
export const MAX_PACKET = 4_096;
/** Senders that a listener knows by a number; beyond it all get new ones. */
export const MAX_PEERS = 65_536;
/** What is asked of the system for what came in and wasn't read yet. */
export const RECEIVE_BUFFER = 4 * 1024 * 1024;

/** Whether something may be said about a key now: once in `ms`, and about `max` keys in that time. */
export function createOnce(max: number, ms: number): (key: string, now: number) => boolean {
  const said = new Map<string, number>();
  return (key, now) => {
    const last = said.get(key);
    if (last !== undefined && now - last < ms) return false;
    said.delete(key);
    if (said.size >= max) {
      // Oldest first, as a key that is said again goes to the end.
      for (const [old, at] of said) {
        if (now - at < ms) break;
        said.delete(old);
      }
      if (said.size >= max) return false;
    }
    said.set(key, now);
    return true;
  };
}

/** New requests of each key, at most `perSecond` a second with as many at once (token bucket). */
export function createRate(perSecond: number, max: number): (key: string, now: number) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (key, now) => {
    let bucket = buckets.get(key);
    if (!bucket) {
      if (buckets.size >= max) buckets.clear();
      bucket = { tokens: perSecond, at: now };
      buckets.set(key, bucket);
    }
    bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) * perSecond) / 1000);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  };
}
