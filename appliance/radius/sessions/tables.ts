import type { LiveSession } from './live.ts';
import { type Session, TOLD_COUNT } from './merge.ts';

/** Times are RFC 3339 in UTC, flags 0 or 1. Ids ascend in the order in which the sessions were first heard of. */
export interface SessionRow {
  id: string;
  status: string;
  site_id: string;
  nas_id: string;
  device: string;
  acct_session_id: string;
  multi_session_id: string | null;
  username: string;
  /** The name in lower case, to be found by. */
  login: string;
  user_id: string | null;
  user_key: string;
  named: number;
  mac: string | null;
  ip: string | null;
  ipv6: string | null;
  nas_port: string | null;
  ssid: string | null;
  called_station: string | null;
  class: string | null;
  address: string | null;
  /** Base64; null once the session has ended, as nobody asks its NAS any more. */
  identity: string | null;
  started_at: string;
  start_seen: number;
  updated_at: string;
  heard_at: string;
  ended_at: string | null;
  ending: string | null;
  terminate_cause: string | null;
  interims: number;
  interval_ms: number;
  seconds: number | null;
  bytes_in: number;
  bytes_out: number;
  packets_in: number;
  packets_out: number;
  policy: string | null;
  method: string | null;
  decided: string | null;
  quota_bytes: number | null;
  quota_seconds: number | null;
  day_start: number;
  day_bytes: number;
  day_seconds: number;
}

export interface SessionTables {
  radius_sessions: SessionRow;
}

const texts = new Map<number, string>();
const MAX_TEXTS = 4096;

/** RFC 3339 of milliseconds since 1970. Kept for a while: many rows have the same seconds. */
export function rfc3339(ms: number): string {
  let text = texts.get(ms);
  if (text === undefined) {
    if (texts.size >= MAX_TEXTS) texts.clear();
    text = new Date(ms).toISOString();
    texts.set(ms, text);
  }
  return text;
}

/** In the order of `COLUMNS`. */
export function rowOf(session: LiveSession): (string | number | null)[] {
  const isActive = session.endedAt === null;
  const username = session.username ?? '';
  return [
    session.id,
    isActive ? 'active' : 'ended',
    session.siteId,
    session.nasId,
    session.device,
    session.acctSessionId,
    session.multiSessionId,
    username,
    username.toLowerCase(),
    session.userId,
    session.userKey,
    session.named ? 1 : 0,
    session.mac,
    session.ip,
    session.ipv6,
    session.nasPort,
    session.ssid,
    session.calledStation,
    session.class,
    session.address,
    isActive && session.identity !== null ? Buffer.from(session.identity, 'latin1').toString('base64') : null,
    rfc3339(session.startedAt),
    session.startSeen ? 1 : 0,
    rfc3339(session.updatedAt),
    rfc3339(session.heardAt),
    session.endedAt === null ? null : rfc3339(session.endedAt),
    session.ending,
    session.cause,
    session.interims ? 1 : 0,
    session.intervalMs,
    session.seconds,
    session.bytesIn,
    session.bytesOut,
    session.packetsIn,
    session.packetsOut,
    session.policy,
    session.method,
    session.decided,
    session.quotaBytes,
    session.quotaSeconds,
    session.dayStart,
    session.dayBytes,
    session.daySeconds,
  ];
}

export const COLUMNS = [
  'id',
  'status',
  'site_id',
  'nas_id',
  'device',
  'acct_session_id',
  'multi_session_id',
  'username',
  'login',
  'user_id',
  'user_key',
  'named',
  'mac',
  'ip',
  'ipv6',
  'nas_port',
  'ssid',
  'called_station',
  'class',
  'address',
  'identity',
  'started_at',
  'start_seen',
  'updated_at',
  'heard_at',
  'ended_at',
  'ending',
  'terminate_cause',
  'interims',
  'interval_ms',
  'seconds',
  'bytes_in',
  'bytes_out',
  'packets_in',
  'packets_out',
  'policy',
  'method',
  'decided',
  'quota_bytes',
  'quota_seconds',
  'day_start',
  'day_bytes',
  'day_seconds',
] as const satisfies readonly (keyof SessionRow)[];

/** What never changes in a session. */
const FIXED: ReadonlySet<string> = new Set(['id', 'site_id', 'nas_id', 'device', 'acct_session_id']);

/** Writes `count` rows, new or not, in one statement that both databases take. */
export function upsertSql(count: number, dialect: 'sqlite' | 'postgres'): string {
  let parameter = 0;
  const place = () => (dialect === 'sqlite' ? '?' : `$${++parameter}`);
  const values = Array.from({ length: count }, () => `(${COLUMNS.map(place).join(', ')})`).join(', ');
  const names = COLUMNS.map((name) => `"${name}"`);
  const updates = COLUMNS.filter((name) => !FIXED.has(name)).map((name) => `"${name}" = excluded."${name}"`);
  return (
    `INSERT INTO radius_sessions (${names.join(', ')}) VALUES ${values} ` +
    `ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`
  );
}

/** A row as memory has it. What it tells counts as of its newest record. */
export function sessionOf(row: SessionRow): Session {
  const updatedAt = Date.parse(row.updated_at);
  return {
    id: row.id,
    nasId: row.nas_id,
    siteId: row.site_id,
    device: row.device,
    acctSessionId: row.acct_session_id,
    userId: row.user_id,
    userKey: row.user_key,
    named: row.named === 1,
    username: row.username === '' ? null : row.username,
    mac: row.mac,
    ip: row.ip,
    ipv6: row.ipv6,
    nasPort: row.nas_port,
    ssid: row.ssid,
    calledStation: row.called_station,
    class: row.class,
    multiSessionId: row.multi_session_id,
    identity: row.identity === null ? null : Buffer.from(row.identity, 'base64').toString('latin1'),
    address: row.address,
    startedAt: Date.parse(row.started_at),
    startSeen: row.start_seen === 1,
    endedAt: row.ended_at === null ? null : Date.parse(row.ended_at),
    ending: row.ending as Session['ending'],
    cause: row.terminate_cause,
    updatedAt,
    heardAt: Date.parse(row.heard_at),
    interims: row.interims === 1,
    intervalMs: row.interval_ms,
    seconds: row.seconds,
    bytesIn: row.bytes_in,
    bytesOut: row.bytes_out,
    packetsIn: row.packets_in,
    packetsOut: row.packets_out,
    policy: row.policy,
    method: row.method,
    decided: row.decided,
    quotaBytes: row.quota_bytes,
    quotaSeconds: row.quota_seconds,
    dayStart: row.day_start,
    dayBytes: row.day_bytes,
    daySeconds: row.day_seconds,
    orders: new Array<number>(TOLD_COUNT).fill(updatedAt * 4),
  };
}
