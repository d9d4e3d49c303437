import type { AccountingRecord, Told } from '../accounting/index.ts';

/** A Start's time may differ this much between its copies: a NAS's Acct-Delay-Time is whole seconds, or missing. */
export const START_SLACK_MS = 60_000;

/** What a record may tell anew; the newest record that tells it counts. */
const TOLD = [
  'username',
  'mac',
  'ip',
  'ipv6',
  'nasPort',
  'ssid',
  'calledStation',
  'class',
  'multiSessionId',
  'identity',
  'address',
] as const satisfies readonly (keyof Told)[];
export const TOLD_COUNT = TOLD.length;

/** One session of one user, as its records tell. Times are milliseconds since 1970. */
export interface Session extends Told {
  readonly id: string;
  readonly nasId: string;
  readonly siteId: string;
  readonly device: string;
  readonly acctSessionId: string;
  userId: string | null;
  /** Whose usage it counts for: see `usageKey`. */
  userKey: string;
  /** The name comes from an authentication, so records no longer tell it. */
  named: boolean;
  startedAt: number;
  /** False: the start was worked out of a later record. */
  startSeen: boolean;
  endedAt: number | null;
  /** `stop`: the NAS has said so. `inferred`: we have concluded it, and a later record may tell otherwise. */
  ending: 'stop' | 'inferred' | null;
  cause: string | null;
  /** Of the newest record, by its own time. */
  updatedAt: number;
  /** When the last record was received. */
  heardAt: number;
  interims: boolean;
  /** The longest time between two records; 0 before there were two. */
  intervalMs: number;
  seconds: number | null;
  bytesIn: number;
  bytesOut: number;
  packetsIn: number;
  packetsOut: number;
  policy: string | null;
  method: string | null;
  /** Digest of the encoded attributes of the decision that holds; null where it isn't known. */
  decided: string | null;
  quotaBytes: number | null;
  quotaSeconds: number | null;
  /** The last day on which it was used, and what of it: the start of the day in the site's zone. */
  dayStart: number;
  dayBytes: number;
  daySeconds: number;
  /** Order of the record that told each of `TOLD`. */
  orders: number[];
}

const RANK = { start: 0, interim: 1, stop: 2, on: 0, off: 0 } as const;

/** Newer records have higher orders; of one time, Stop over Interim over Start. */
const orderOf = (record: AccountingRecord): number => record.at * 4 + RANK[record.kind];

/** When the session began, by a record that isn't its Start. */
const impliedStart = (record: AccountingRecord): number =>
  record.seconds === null ? record.at : record.at - record.seconds * 1000;

/** An empty session: `merge` the record into it. */
export function newSession(id: string, record: AccountingRecord): Session {
  return {
    id,
    nasId: record.nasId,
    siteId: record.siteId,
    device: record.device,
    acctSessionId: record.sessionId,
    userId: null,
    userKey: '',
    named: false,
    username: null,
    mac: null,
    ip: null,
    ipv6: null,
    nasPort: null,
    ssid: null,
    calledStation: null,
    class: null,
    multiSessionId: null,
    identity: null,
    address: null,
    startedAt: record.kind === 'start' ? record.at : impliedStart(record),
    startSeen: false,
    endedAt: null,
    ending: null,
    cause: null,
    updatedAt: 0,
    heardAt: 0,
    interims: false,
    intervalMs: 0,
    seconds: null,
    bytesIn: 0,
    bytesOut: 0,
    packetsIn: 0,
    packetsOut: 0,
    policy: null,
    method: null,
    decided: null,
    quotaBytes: null,
    quotaSeconds: null,
    dayStart: 0,
    dayBytes: 0,
    daySeconds: 0,
    orders: new Array<number>(TOLD.length).fill(0),
  };
}

/** How long it has lasted up to its newest record: seconds by the NAS, else by the times. */
export function usedSeconds(session: Session): number {
  if (session.seconds !== null) return session.seconds;
  return Math.max(0, Math.floor(((session.endedAt ?? session.updatedAt) - session.startedAt) / 1000));
}

/**
 * Adds a record. The outcome is the same in whatever order, and however often, the records of a session come: what is
 * told is the newest's, counters are the largest, the Start's time stands over one that was worked out. After a Stop an
 * Interim that is newer is ignored (false).
 */
export function merge(session: Session, record: AccountingRecord): boolean {
  if (record.kind === 'interim' && session.endedAt !== null && record.at > session.endedAt) {
    if (session.ending === 'stop') return false;
    session.endedAt = null;
    session.ending = null;
    session.cause = null;
  }
  const order = orderOf(record);
  for (let i = 0; i < TOLD.length; i++) {
    const field = TOLD[i]!;
    const value = record[field];
    if (value === null || (field === 'username' && session.named)) continue;
    const old = session[field];
    const known = session.orders[i]!;
    if (old !== null && (order < known || (order === known && value <= old))) continue;
    session[field] = value;
    session.orders[i] = order;
  }
  if (record.kind === 'start') {
    session.startedAt = session.startSeen ? Math.min(session.startedAt, record.at) : record.at;
    session.startSeen = true;
  } else if (!session.startSeen) {
    session.startedAt = Math.min(session.startedAt, impliedStart(record));
  }
  if (record.seconds !== null) session.seconds = Math.max(session.seconds ?? 0, record.seconds);
  session.bytesIn = Math.max(session.bytesIn, record.bytesIn);
  session.bytesOut = Math.max(session.bytesOut, record.bytesOut);
  session.packetsIn = Math.max(session.packetsIn, record.packetsIn);
  session.packetsOut = Math.max(session.packetsOut, record.packetsOut);
  if (record.kind === 'interim') session.interims = true;
  if (record.kind === 'stop') end(session, record.at, record.cause ?? 'unknown');
  if (session.updatedAt !== 0) session.intervalMs = Math.max(session.intervalMs, record.at - session.updatedAt);
  session.updatedAt = Math.max(session.updatedAt, record.at);
  session.heardAt = Math.max(session.heardAt, record.receivedAt);
  return true;
}

/** A Stop. Of two, the earlier counts; over what was concluded, any. */
function end(session: Session, at: number, cause: string): void {
  if (session.ending === 'stop' && session.endedAt !== null) {
    if (at > session.endedAt || (at === session.endedAt && cause >= (session.cause ?? ''))) return;
  }
  session.ending = 'stop';
  session.endedAt = at;
  session.cause = cause;
}

/** Ends a session that the NAS has not ended: why is our own word, or the NAS's for all of its sessions. */
export function conclude(session: Session, at: number, cause: string): void {
  session.ending = 'inferred';
  session.endedAt = at;
  session.cause = cause;
}

/**
 * Which of the sessions that a NAS has had under one Acct-Session-Id a record is of; undefined: of a new one. A NAS that
 * counts its ids from 1 after each start uses them again, for other devices and at other times.
 */
export function choose(sessions: readonly Session[], record: AccountingRecord): Session | undefined {
  let best: Session | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (const session of sessions) {
    if (session.mac !== null && record.mac !== null && session.mac !== record.mac) continue;
    if (!(record.kind === 'start' ? isStartOf(session, record) : isWithin(session, record))) continue;
    const start = record.kind === 'start' ? record.at : impliedStart(record);
    const away = record.kind === 'start' || record.seconds !== null ? Math.abs(start - session.startedAt) : 0;
    if (away > distance || (away === distance && best && best.startedAt > session.startedAt)) continue;
    best = session;
    distance = away;
  }
  return best;
}

function isStartOf(session: Session, record: AccountingRecord): boolean {
  if (session.endedAt !== null && record.at > session.endedAt) return false;
  if (session.startSeen) return Math.abs(record.at - session.startedAt) <= START_SLACK_MS;
  if (record.at > session.updatedAt) return false;
  return session.seconds === null || record.at >= session.startedAt - START_SLACK_MS;
}

function isWithin(session: Session, record: AccountingRecord): boolean {
  if (session.startSeen && record.at < session.startedAt - START_SLACK_MS) return false;
  return (
    session.endedAt === null || impliedStart(record) <= session.endedAt + START_SLACK_MS || record.seconds === null
  );
}
