import { randomBytes } from 'node:crypto';
import { HttpError } from '../../http/index.ts';
import { sha256Hex } from '../../store/index.ts';
import type { Watch } from './watchers.ts';

export const TICKET_PREFIX = 'ghw_';
const TICKET_MS = 60_000;
/** Tokens that wait to be used: in all, and of one person. */
const MAX_TICKETS = 10_000;
const MAX_OF_ONE = 100;

/**
 * Tokens for one WebSocket each, for browsers, whose WebSocket can't send a header: good for a minute and for one use.
 * Kept as hashes, and in memory only: a restart ends connections too.
 */
export function createTickets(now: () => number) {
  // In the order of their ends, as all live equally long.
  const open = new Map<string, { watch: Watch; ends: number }>();

  return {
    /** Throws 429 or 503 where too many wait already. */
    issue(watch: Watch): { token: string; expiresAt: Date } {
      for (const [hash, { ends }] of open) if (ends <= now()) open.delete(hash);
      let own = 0;
      for (const other of open.values()) if (other.watch.userId === watch.userId) own += 1;
      const retry = { 'retry-after': String(TICKET_MS / 1000) };
      if (own >= MAX_OF_ONE) throw new HttpError(429, `${MAX_OF_ONE} of your WebSocket tokens are unused: wait`, retry);
      if (open.size >= MAX_TICKETS) throw new HttpError(503, 'too many WebSocket tokens are unused: wait', retry);
      const token = TICKET_PREFIX + randomBytes(32).toString('hex');
      const ends = now() + TICKET_MS;
      open.set(sha256Hex(token), { watch, ends });
      return { token, expiresAt: new Date(ends) };
    },
    /** What the token is for; undefined when it is unknown, used or over. It is used from now on. */
    take(token: string): Watch | undefined {
      const hash = sha256Hex(token);
      const found = open.get(hash);
      open.delete(hash);
      return found && found.ends > now() ? found.watch : undefined;
    },
  };
}
export type Tickets = ReturnType<typeof createTickets>;
