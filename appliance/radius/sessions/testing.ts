import { NOW, recordOf, type TestRecord } from '../accounting/testing.ts';
import { createLive, type LiveSession } from './live.ts';
import { createPending } from './pending.ts';
import { createUsage } from './usage.ts';

export const DAY = 24 * 3600 * 1000;

/** Sessions in memory with a clock that stands still, and room for 200 that are active. */
export function startLive() {
  const clock = { now: NOW };
  const over: string[] = [];
  const usage = createUsage((_site, at) => ({ start: at - (at % DAY), end: at - (at % DAY) + DAY }));
  const pending = createPending(() => clock.now);
  const changed = new Set<LiveSession>();
  const live = createLive({
    usage,
    now: () => clock.now,
    authentication: (record) => pending.find(record),
    userOf: (name) => (name === 'known' ? { userId: 'u-known' } : undefined),
    changed: (session) => changed.add(session),
    overQuota: (session, reason, told) => over.push(`${session.username}: ${reason}${told ? ' (again)' : ''}`),
    maxActive: 200,
  });
  const apply = (...records: TestRecord[]) => {
    for (const record of records) live.apply(recordOf(record));
  };
  /** All sessions that memory knows, the oldest first. */
  const all = () => [...live.byId.values()].sort((a, b) => a.startedAt - b.startedAt);
  return { live, usage, pending, clock, over, apply, all, changed };
}

/** What a person sees of a session, times in seconds after `NOW`. */
export const seen = (session: LiveSession | undefined) =>
  session && {
    user: session.username,
    started: (session.startedAt - NOW) / 1000,
    ended: session.endedAt === null ? null : (session.endedAt - NOW) / 1000,
    cause: session.cause,
    seconds: session.seconds,
    in: session.bytesIn,
  };
