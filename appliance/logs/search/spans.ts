import type { Found } from '../backend.ts';
import { ipOf, macOf } from '../parse/values.ts';
import { KIND } from '../record/types.ts';

const SECOND = 1e6;
/** A lease whose length isn't told. */
const LEASE_US = 86_400 * SECOND;
/** After so long without a word nothing is sure of a session: NASes send an interim record each hour at the latest. */
const SILENCE_US = 2 * 3600 * SECOND;

/** From when to when somebody had an address, as far as it is known. */
export interface Span {
  user?: string | undefined;
  mac?: string | undefined;
  hostname?: string | undefined;
  nas?: string | undefined;
  ssid?: string | undefined;
  fromUs: number;
  toUs?: number | undefined;
  records: number[];
  certain: boolean;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/**
 * Leases of `ip` that held at `atUs`. A server's next lease of the address ends the one before; two servers that both
 * lease it are two answers. `records` are in the order of their receipt.
 */
export function leases(records: readonly Found[], atUs: number, ip: string): Span[] {
  const servers = new Map<number, Found[]>();
  for (const record of records) {
    if (record.fields.ip !== ip) continue;
    const list = servers.get(record.source);
    if (list) list.push(record);
    else servers.set(record.source, [record]);
  }
  return [...servers.values()].flatMap((list) => leaseOf(list, atUs) ?? []);
}

function leaseOf(records: readonly Found[], atUs: number): Span | undefined {
  let lease: (Span & { until: number; told: boolean }) | undefined;
  for (const record of records) {
    const { receiveUs, index, fields, raw = '' } = record;
    const later = receiveUs > atUs;
    if (later && (!lease || lease.until < atUs)) return undefined;
    const mac = textOf(fields.mac);
    const ends = fields.action === 'release' || fields.action === 'expire';
    if (!ends && fields.action !== 'assign' && fields.action !== undefined) continue;
    const same = lease !== undefined && (mac === undefined || lease.mac === undefined || mac === lease.mac);
    if (ends) {
      if (!lease || !same) continue;
      if (!later) {
        lease = undefined;
        continue;
      }
      return { ...lease, toUs: Math.min(receiveUs, lease.until), records: [...lease.records, index], certain: true };
    }
    const length = Number(/\blease[ _-]?(?:time)?["':= ]{1,4}(\d{1,9})\b/i.exec(raw)?.[1] ?? 0) * SECOND;
    const until = receiveUs + (length || LEASE_US);
    if (lease && same && receiveUs <= lease.until) {
      const certain = lease.certain || later;
      lease = { ...lease, until, toUs: until, told: length > 0, records: [...lease.records, index], certain };
      lease.hostname ??= textOf(fields.hostname);
      continue;
    }
    if (later) {
      if (receiveUs > lease!.until) break;
      return { ...lease!, toUs: receiveUs, records: [...lease!.records, index], certain: true };
    }
    lease = {
      mac,
      hostname: textOf(fields.hostname),
      fromUs: receiveUs,
      until,
      toUs: until,
      told: length > 0,
      records: [index],
      certain: false,
    };
  }
  if (!lease || lease.until < atUs) return undefined;
  return { ...lease, certain: lease.certain || lease.told };
}

/** An accounting record, as the appliance writes it (RFC 2866). */
interface Accounting {
  index: number;
  atUs: number;
  status: string;
  user: string | undefined;
  mac: string | undefined;
  nas: string | undefined;
  ssid: string | undefined;
  seconds: number | undefined;
}

/** RADIUS sessions with this address, or of this MAC, that ran at `atUs`. */
export function sessions(records: readonly Found[], atUs: number, of: { ip?: string; mac?: string }): Span[] {
  const known = new Map<string, Accounting[]>();
  for (const record of records) {
    const read = accountingOf(record, of);
    if (!read) continue;
    const list = known.get(read.key);
    if (list) list.push(read);
    else known.set(read.key, [read]);
  }
  const spans: (Span & { last: number; place: string | undefined })[] = [];
  for (const list of known.values()) {
    const span = sessionOf(list, atUs);
    if (span) spans.push(span);
  }
  // A session that never said it ended, and another on the same NAS has the address since: it had ended.
  return spans.filter(
    (span) =>
      !of.ip ||
      span.certain ||
      !spans.some((other) => other !== span && other.place === span.place && other.fromUs > span.last),
  );
}

function accountingOf(record: Found, of: { ip?: string; mac?: string }): (Accounting & { key: string }) | undefined {
  if (record.kind !== KIND.access || record.raw === undefined) return undefined;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(record.raw) as Record<string, unknown>;
  } catch {
    return undefined; // erased
  }
  if (entry?.event !== 'radius.accounting') return undefined;
  const mac = macOf(textOf(entry.mac) ?? '');
  const addresses = [entry.framed_ip, entry.framed_ipv6].map((text) => ipOf(textOf(text) ?? ''));
  if (of.ip !== undefined && !addresses.includes(ipOf(of.ip))) return undefined;
  if (of.mac !== undefined && mac !== of.mac) return undefined;
  const nas = textOf(entry.nas) ?? textOf(entry.nas_id);
  const seconds = typeof entry.seconds === 'number' ? entry.seconds : undefined;
  return {
    key: JSON.stringify([nas, entry.session_id]),
    ...{ index: record.index, atUs: record.receiveUs, status: textOf(entry.status) ?? '' },
    ...{ user: textOf(entry.user), mac, nas, ssid: textOf(entry.ssid), seconds },
  };
}

function sessionOf(
  list: readonly Accounting[],
  atUs: number,
): (Span & { last: number; place: string | undefined }) | undefined {
  const before = list.filter((record) => record.atUs <= atUs);
  const after = list.filter((record) => record.atUs > atUs);
  const last = before.at(-1);
  if (last?.status === 'Stop') return undefined;
  const [next] = after;
  // The first that is heard of it is an interim record or its end: they tell how long it has run.
  const began = (record: Accounting): number => record.atUs - (record.seconds ?? 0) * SECOND;
  if (!last && (!next || next.status === 'Start' || began(next) > atUs)) return undefined;
  const certain = next !== undefined ? next.status !== 'Start' : atUs - last!.atUs <= SILENCE_US;
  const best = last ?? next!;
  const stop = after.find(({ status }) => status === 'Stop');
  return {
    ...{ user: best.user, mac: best.mac, nas: best.nas, ssid: best.ssid, certain },
    fromUs: list[0]!.status === 'Start' ? list[0]!.atUs : began(list[0]!),
    toUs: stop?.atUs,
    records: [before[0], last, next, stop].flatMap((record) => (record ? [record.index] : [])),
    ...{ last: best.atUs, place: best.nas },
  };
}

const ENDS: ReadonlySet<unknown> = new Set(['down', 'logout', 'close', 'timeout', 'reset', 'release', 'expire']);
const FAILS: ReadonlySet<unknown> = new Set(['fail', 'deny', 'reject', 'drop']);

/** Who had logged in from `ip`, or was given it by a VPN, and hadn't left at `atUs`. */
export function attachments(records: readonly Found[], atUs: number, ip: string): Span[] {
  const users = new Map<string, Span>();
  for (const { fields, receiveUs, index } of records) {
    const user = textOf(fields.user);
    const given = fields.ip === ip;
    if (user === undefined || FAILS.has(fields.action) || !(given || fields.srcip === ip)) continue;
    const there = users.get(user);
    if (receiveUs > atUs) {
      if (!there || there.toUs !== undefined || !ENDS.has(fields.action)) continue;
      there.toUs = receiveUs;
      there.records.push(index);
      there.certain ||= given;
    } else if (ENDS.has(fields.action)) users.delete(user);
    else if (there) there.records.push(index);
    else users.set(user, { user, mac: textOf(fields.mac), fromUs: receiveUs, records: [index], certain: given });
  }
  return [...users.values()];
}
