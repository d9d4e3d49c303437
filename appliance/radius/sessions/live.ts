import { randomUUIDv7 } from 'node:crypto';
import type { AccountingRecord } from '../accounting/index.ts';
import { choose, conclude, merge, newSession, type Session } from './merge.ts';
import type { Authentication } from './pending.ts';
import { type UsageBook, usageKey, usedOf } from './usage.ts';

/** Sessions that haven't ended, of all NAS. Beyond it, new ones are not accounted (no answer). */
export const MAX_ACTIVE = 200_000;
/** A session that has ended stays in memory this long, for records that are late, */
export const ENDED_KEPT_MS = 3600 * 1000;
/** and so many of them at most; a record of one that is gone is looked up in the database. */
export const MAX_ENDED = 20_000;
/** A session whose interims stop is lost after three intervals, but not before five minutes, */
export const LOST_INTERVALS = 3;
export const MIN_LOST_MS = 5 * 60 * 1000;
/** after an hour where its interval isn't known, */
export const LOST_MS = 3600 * 1000;
/** and after a day where its NAS sends none at all. */
export const LOST_WITHOUT_INTERIMS_MS = 24 * 3600 * 1000;
/** A NAS that has acknowledged a Disconnect owes a Stop for this long. */
export const STOP_DUE_MS = 60_000;
/** A Start that is older than this when it comes may be a copy of one that was dealt with long ago. */
const FRESH_MS = 10_000;
/** Sessions with one Acct-Session-Id of one device that are kept in memory. */
const MAX_INCARNATIONS = 8;

/** Memory's own view of a session. */
export interface LiveSession extends Session {
  /** The end was told (`session.disconnected`). */
  told: boolean;
  /** The day on which it was told that it is over its quota. */
  overQuotaOn: number;
  /** The name in the accounting, which may be an outer identity. */
  outer: string | null;
  /** A Disconnect was acknowledged: without a Stop it is over then. 0: none was. */
  stopDueAt: number;
}

const keyOf = (of: { nasId: string; device: string }, sessionId: string): string =>
  `${of.nasId}|${of.device}|${sessionId}`;
/** One device, or one person, at one port of one NAS: what is there once at most. */
const portOf = (session: Session): string | undefined =>
  session.nasPort === null
    ? undefined
    : `${session.nasId}|${session.device}|${session.nasPort}|${session.mac ?? session.username ?? ''}`;

function put<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const known = index.get(key);
  if (known) known.add(value);
  else index.set(key, new Set([value]));
}
function drop<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const known = index.get(key);
  if (known?.delete(value) && known.size === 0) index.delete(key);
}

/**
 * The sessions in memory: all that are active, and those that ended lately. Records go in, what has changed comes out by
 * `changed`; the database follows.
 */
export function createLive(options: {
  usage: UsageBook;
  now: () => number;
  /** What is known of the one who starts a session. */
  authentication: (record: AccountingRecord) => Authentication | undefined;
  /** By a name alone, where no request was seen. */
  userOf: (username: string) => { userId: string; userKey?: string } | undefined;
  changed: (session: LiveSession) => void;
  /** At each Interim that finds it so; `told`: it was on this day before. */
  overQuota: (session: LiveSession, reason: string, told: boolean) => void;
  maxActive?: number;
}) {
  const { usage } = options;
  const byId = new Map<string, LiveSession>();
  const byKey = new Map<string, LiveSession[]>();
  /** The device's last session. */
  const lastByMac = new Map<string, LiveSession>();
  const byPort = new Map<string, LiveSession>();
  const activeByNas = new Map<string, Set<LiveSession>>();
  const active = new Set<LiveSession>();
  /** In the order in which they ended; one that is active again is passed over. */
  const ended = new Map<LiveSession, number>();

  function activate(session: LiveSession): void {
    active.add(session);
    ended.delete(session);
    put(activeByNas, session.nasId, session);
    usage.setActive(session, true);
  }
  function deactivate(session: LiveSession): void {
    if (!active.delete(session)) return;
    ended.set(session, options.now());
    drop(activeByNas, session.nasId, session);
    usage.setActive(session, false);
    const port = portOf(session);
    if (port !== undefined && byPort.get(port) === session) byPort.delete(port);
  }
  function settle(session: LiveSession): void {
    if (session.endedAt === null) {
      if (!active.has(session)) {
        session.told = false;
        session.stopDueAt = 0;
        activate(session);
      }
    } else if (active.has(session)) {
      deactivate(session);
    } else if (!ended.has(session)) {
      ended.set(session, options.now());
    }
  }

  function insert(session: LiveSession): void {
    byId.set(session.id, session);
    const key = keyOf(session, session.acctSessionId);
    const known = byKey.get(key);
    if (known) known.push(session);
    else byKey.set(key, [session]);
    if (session.mac !== null) lastByMac.set(session.mac, session);
    if (known && known.length > MAX_INCARNATIONS) {
      const oldest = known.find((other) => !active.has(other)) ?? known[0]!;
      if (oldest.endedAt === null) end(oldest, oldest.updatedAt, 'superseded');
      forget(oldest);
    }
  }
  function forget(session: LiveSession): void {
    deactivate(session);
    ended.delete(session);
    byId.delete(session.id);
    const key = keyOf(session, session.acctSessionId);
    const rest = (byKey.get(key) ?? []).filter((other) => other !== session);
    if (rest.length > 0) byKey.set(key, rest);
    else byKey.delete(key);
    if (session.mac !== null && lastByMac.get(session.mac) === session) lastByMac.delete(session.mac);
  }

  /** Who it is: by the request that was accepted, else as in the device's last session, else by the name. */
  function identify(session: LiveSession, record: AccountingRecord): void {
    const found = options.authentication(record);
    if (found) {
      adopt(session, found);
      return;
    }
    const name = record.username?.toLowerCase();
    const before = record.mac === null ? undefined : lastByMac.get(record.mac);
    const sameName = before && (before.outer === record.username || before.username?.toLowerCase() === name);
    if (before && sameName && before.nasId === session.nasId) {
      const { username, named, userId, userKey, policy, method, decided, quotaBytes, quotaSeconds } = before;
      Object.assign(session, { username, named, userId, userKey, policy, method, decided, quotaBytes, quotaSeconds });
      return;
    }
    const user = record.username === null ? undefined : options.userOf(record.username);
    session.userId = user?.userId ?? null;
    session.userKey = user?.userKey ?? usageKey(session.userId, record.username ?? record.mac ?? '');
  }

  const find = (record: AccountingRecord): LiveSession | undefined => {
    const known = byKey.get(keyOf(record, record.sessionId));
    return known && (choose(known, record) as LiveSession | undefined);
  };

  function create(record: AccountingRecord): LiveSession {
    const fresh = newSession(randomUUIDv7(), record);
    const session: LiveSession = Object.assign(fresh, {
      told: false,
      overQuotaOn: 0,
      outer: record.username,
      stopDueAt: 0,
    });
    identify(session, record);
    session.mac = record.mac;
    insert(session);
    return session;
  }

  /** What was used counts for whom it counts now; a session whose person is only known later takes the rest along. */
  function adopt(session: LiveSession, found: Authentication): void {
    const wasActive = active.has(session);
    if (wasActive) usage.setActive(session, false);
    session.username = found.username;
    session.named = true;
    session.userId = found.userId;
    session.userKey = found.userKey;
    session.method = found.method;
    session.policy = found.policy;
    session.decided = found.decided;
    session.quotaBytes = found.quotaBytes;
    session.quotaSeconds = found.quotaSeconds;
    if (wasActive) usage.setActive(session, true);
  }

  /** Of two sessions of one device at one port, the one that started first is over. */
  function supersede(session: LiveSession): void {
    const port = portOf(session);
    if (port === undefined || session.endedAt !== null) return;
    const other = byPort.get(port);
    if (other === undefined || other === session || other.endedAt !== null) {
      byPort.set(port, session);
      return;
    }
    const [older, newer] = other.startedAt <= session.startedAt ? [other, session] : [session, other];
    end(older, newer.startedAt, 'superseded');
    byPort.set(port, newer);
  }

  function end(session: LiveSession, at: number, cause: string): void {
    conclude(session, at, cause);
    deactivate(session);
    options.changed(session);
  }

  /** Accounting-On and -Off: whatever the device had before is over. One that names a radio's BSSID is about that one. */
  function endOfDevice(record: AccountingRecord): void {
    for (const session of [...(activeByNas.get(record.nasId) ?? [])]) {
      if (session.device !== record.device || session.startedAt > record.at) continue;
      if (record.calledStation !== null && session.calledStation !== record.calledStation) continue;
      end(session, record.at, record.cause ?? 'NAS-Reboot');
    }
  }

  function checkQuota(session: LiveSession): void {
    if (session.quotaBytes === null && session.quotaSeconds === null) return;
    if (session.stopDueAt !== 0) return;
    const used = usage.of(session.userKey, options.now());
    const bytes = session.quotaBytes !== null && used.bytes >= session.quotaBytes;
    if (!bytes && !(session.quotaSeconds !== null && used.seconds >= session.quotaSeconds)) return;
    const told = session.overQuotaOn === session.dayStart;
    session.overQuotaOn = session.dayStart;
    options.overQuota(session, bytes ? 'daily quota of bytes' : 'daily quota of time', told);
  }

  function lostAfter(session: LiveSession): number {
    if (!session.interims) return LOST_WITHOUT_INTERIMS_MS;
    if (session.intervalMs === 0) return LOST_MS;
    return Math.min(Math.max(session.intervalMs * LOST_INTERVALS, MIN_LOST_MS), LOST_WITHOUT_INTERIMS_MS);
  }

  return {
    byId,
    active: active as ReadonlySet<LiveSession>,
    usage,
    adopt,
    end,
    activeOf: (nasId: string): ReadonlySet<LiveSession> => activeByNas.get(nasId) ?? new Set(),
    /** The active session of a device by its Acct-Session-Id. */
    activeByKey: (of: { nasId: string; device: string }, acctSessionId: string): LiveSession | undefined =>
      byKey.get(keyOf(of, acctSessionId))?.findLast((session) => session.endedAt === null),
    /** Whether a record can be taken: the number of sessions is bounded. */
    hasRoom: (record: AccountingRecord): boolean =>
      active.size < (options.maxActive ?? MAX_ACTIVE) ||
      (record.kind !== 'start' && record.kind !== 'interim') ||
      byKey.has(keyOf(record, record.sessionId)),
    /** Whether the database may know a session of it that memory doesn't. */
    isUnknown: (record: AccountingRecord): boolean =>
      record.sessionId !== '' &&
      !byKey.has(keyOf(record, record.sessionId)) &&
      (record.kind !== 'start' || record.receivedAt - record.at > FRESH_MS),

    /** Takes in a session from the database. */
    restore(session: Session): void {
      if (byId.has(session.id)) return;
      const live = Object.assign(session, {
        told: session.endedAt !== null,
        overQuotaOn: 0,
        outer: null,
        stopDueAt: 0,
      });
      insert(live);
      if (live.endedAt === null) {
        activate(live);
        const port = portOf(live);
        if (port !== undefined) byPort.set(port, live);
      } else {
        ended.set(live, options.now());
      }
    },

    apply(record: AccountingRecord): void {
      if (record.kind === 'on' || record.kind === 'off') {
        endOfDevice(record);
        return;
      }
      const session = find(record) ?? create(record);
      const before = session.updatedAt === 0 ? { bytes: 0, seconds: 0 } : usedOf(session);
      const [mac, port] = [session.mac, portOf(session)];
      if (!merge(session, record)) return;
      if (mac !== session.mac && session.mac !== null) lastByMac.set(session.mac, session);
      if (port !== undefined && port !== portOf(session) && byPort.get(port) === session) byPort.delete(port);
      settle(session);
      const used = usedOf(session);
      usage.count(session, record.at, used.bytes - before.bytes, used.seconds - before.seconds);
      if (record.kind === 'start') supersede(session);
      options.changed(session);
      if (session.endedAt === null && record.kind === 'interim') checkQuota(session);
    },

    /** The NAS has acknowledged a Disconnect. */
    disconnecting(session: LiveSession): void {
      if (session.endedAt === null) session.stopDueAt = options.now() + STOP_DUE_MS;
    },

    /** Ends what is lost. What was heard before `since` counts as heard then: nobody listened before. */
    sweepLost(since: number): void {
      const now = options.now();
      for (const session of [...active]) {
        if (session.stopDueAt !== 0 && session.stopDueAt <= now) {
          end(session, now, 'Admin-Reset');
        } else if (now - Math.max(session.heardAt, since) >= lostAfter(session)) {
          end(session, session.updatedAt, 'lost');
        }
      }
    },

    /** Lets go of sessions that ended long ago; `kept` is true for those that the database doesn't have yet. */
    sweepEnded(kept: (session: LiveSession) => boolean): void {
      const before = options.now() - ENDED_KEPT_MS;
      for (const [session, at] of ended) {
        if (ended.size <= MAX_ENDED && at > before) break;
        if (!kept(session)) forget(session);
      }
    },
  };
}
export type Live = ReturnType<typeof createLive>;
