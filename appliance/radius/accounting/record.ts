import ipaddr from 'ipaddr.js';
import { ATTRIBUTE, type Packet, VENDOR } from '../codec/index.ts';
import { macOf } from '../directory/index.ts';

export type RecordKind = 'start' | 'interim' | 'stop' | 'on' | 'off';

/** Acct-Status-Type (RFC 2866, section 5.1). Others, of tunnels and links, say nothing of sessions. */
const KINDS: Readonly<Record<number, RecordKind>> = { 1: 'start', 2: 'stop', 3: 'interim', 7: 'on', 8: 'off' };

/** Acct-Terminate-Cause: RFC 2866, section 5.10; RFC 3580, section 3.3. */
const CAUSES: readonly string[] = [
  '',
  'User-Request',
  'Lost-Carrier',
  'Lost-Service',
  'Idle-Timeout',
  'Session-Timeout',
  'Admin-Reset',
  'Admin-Reboot',
  'Port-Error',
  'NAS-Error',
  'NAS-Request',
  'NAS-Reboot',
  'Port-Unneeded',
  'Port-Preempted',
  'Port-Suspended',
  'Service-Unavailable',
  'Callback',
  'User-Error',
  'Host-Request',
  'Supplicant-Restart',
  'Reauthentication-Failure',
  'Port-Reinit',
  'Port-Disabled',
];

/** An Event-Timestamp that is further from the time of receipt comes from a clock that was never set. */
export const MAX_TIMESTAMP_AGE_MS = 7 * 24 * 3600 * 1000;
export const MAX_TIMESTAMP_AHEAD_MS = 5 * 60 * 1000;

/** 4 PiB: both directions of a session together are still a number that is exact. */
export const MAX_OCTETS = 2 ** 52 - 1;

/** What a record may tell anew of a session; null where it doesn't. */
export interface Told {
  username: string | null;
  /** `02:00:00:11:22:33`, where Calling-Station-Id is one. */
  mac: string | null;
  ip: string | null;
  /** An address, or a prefix with its length. */
  ipv6: string | null;
  /** NAS-Port-Id, else NAS-Port. */
  nasPort: string | null;
  ssid: string | null;
  calledStation: string | null;
  /** Hexadecimal. */
  class: string | null;
  multiSessionId: string | null;
  /** The attributes that name the session to its NAS, encoded as they came, one character a byte. */
  identity: string | null;
  /** Where the packet came from, which is where CoA and Disconnect go. */
  address: string | null;
}

/** An Accounting-Request, read. Times are milliseconds since 1970. */
export interface AccountingRecord extends Told {
  kind: RecordKind;
  nasId: string;
  siteId: string;
  /** Which of the devices behind `nasId`, whose address may be a whole network: NAS-Identifier and NAS-IP-Address. */
  device: string;
  /** Acct-Session-Id; empty for `on` and `off`. */
  sessionId: string;
  receivedAt: number;
  /** When it happened: Event-Timestamp, else the receipt less Acct-Delay-Time. */
  at: number;
  /** Acct-Session-Time. */
  seconds: number | null;
  /** Octets and packets that the NAS received from the user and sent to it, with the gigawords. */
  bytesIn: number;
  bytesOut: number;
  packetsIn: number;
  packetsOut: number;
  cause: string | null;
}

export interface Source {
  nasId: string;
  siteId: string;
  address: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
}

const IDENTITY: ReadonlySet<number> = new Set([
  ATTRIBUTE.userName,
  ATTRIBUTE.nasIpAddress,
  ATTRIBUTE.nasIpv6Address,
  ATTRIBUTE.nasIdentifier,
  ATTRIBUTE.nasPort,
  ATTRIBUTE.nasPortId,
  ATTRIBUTE.acctSessionId,
  ATTRIBUTE.callingStationId,
  ATTRIBUTE.framedIpAddress,
]);
const identityScratch = Buffer.alloc(4096);

/**
 * Reads an Accounting-Request that was verified (RFC 2866, 2869). `ignored`: a status type that is none of sessions; a
 * string: what it lacks. Octets beyond `MAX_OCTETS` count as that.
 */
export function readRecord(packet: Packet, source: Source): AccountingRecord | 'ignored' | { invalid: string } {
  const record: AccountingRecord = {
    kind: 'interim',
    nasId: source.nasId,
    siteId: source.siteId,
    device: '',
    sessionId: '',
    receivedAt: source.receivedAt,
    at: source.receivedAt,
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
    address: source.address,
    seconds: null,
    bytesIn: 0,
    bytesOut: 0,
    packetsIn: 0,
    packetsOut: 0,
    cause: null,
  };
  const bytes = Buffer.from(packet.bytes.buffer, packet.bytes.byteOffset, packet.bytes.length);
  let [status, delay, timestamp, gigaIn, gigaOut, identityLength] = [0, 0, 0, 0, 0, 0];
  let identifier: string | null = null;
  let nasIp: string | null = null;
  let portId: string | null = null;
  let prefix: string | null = null;
  for (let at = 20; at < bytes.length; at += bytes[at + 1]!) {
    const type = bytes[at]!;
    const [start, end] = [at + 2, at + bytes[at + 1]!];
    if (IDENTITY.has(type)) identityLength += bytes.copy(identityScratch, identityLength, at, end);
    const number = end - start === 4 ? bytes.readUInt32BE(start) : 0;
    switch (type) {
      case ATTRIBUTE.acctStatusType:
        status = number;
        break;
      case ATTRIBUTE.acctSessionId:
        record.sessionId = text(bytes, start, end);
        break;
      case ATTRIBUTE.userName:
        record.username = text(bytes, start, end);
        break;
      case ATTRIBUTE.nasIdentifier:
        identifier = text(bytes, start, end);
        break;
      case ATTRIBUTE.nasIpAddress:
        if (end - start === 4) nasIp = dotted(bytes, start);
        break;
      case ATTRIBUTE.nasIpv6Address:
        if (end - start === 16) nasIp ??= colons(bytes, start, end);
        break;
      case ATTRIBUTE.nasPort:
        if (end - start === 4) record.nasPort = String(number);
        break;
      case ATTRIBUTE.nasPortId:
        portId = text(bytes, start, end);
        break;
      case ATTRIBUTE.framedIpAddress:
        // RFC 2865, section 5.8: these two let the user or the NAS choose and are no address.
        if (end - start === 4 && number < 0xff_ff_ff_fe) record.ip = dotted(bytes, start);
        break;
      case ATTRIBUTE.framedIpv6Address:
        if (end - start === 16) record.ipv6 ??= colons(bytes, start, end);
        break;
      case ATTRIBUTE.framedIpv6Prefix:
        prefix ??= prefixOf(bytes, start, end);
        break;
      case ATTRIBUTE.callingStationId:
        record.mac = macOf(bytes.toString('latin1', start, end)) ?? null;
        break;
      case ATTRIBUTE.calledStationId:
        record.calledStation = text(bytes, start, end);
        break;
      case ATTRIBUTE.class:
        record.class ??= bytes.toString('hex', start, end);
        break;
      case ATTRIBUTE.acctMultiSessionId:
        record.multiSessionId = text(bytes, start, end);
        break;
      case ATTRIBUTE.acctSessionTime:
        if (end - start === 4) record.seconds = number;
        break;
      case ATTRIBUTE.acctInputOctets:
        record.bytesIn = number;
        break;
      case ATTRIBUTE.acctOutputOctets:
        record.bytesOut = number;
        break;
      case ATTRIBUTE.acctInputGigawords:
        gigaIn = number;
        break;
      case ATTRIBUTE.acctOutputGigawords:
        gigaOut = number;
        break;
      case ATTRIBUTE.acctInputPackets:
        record.packetsIn = number;
        break;
      case ATTRIBUTE.acctOutputPackets:
        record.packetsOut = number;
        break;
      case ATTRIBUTE.acctTerminateCause:
        record.cause = CAUSES[number] || String(number);
        break;
      case ATTRIBUTE.acctDelayTime:
        delay = number;
        break;
      case ATTRIBUTE.eventTimestamp:
        timestamp = number * 1000;
        break;
      case ATTRIBUTE.vendorSpecific:
        record.ssid ??= vendorSsid(bytes, start, end);
        break;
      default:
    }
  }
  const kind = KINDS[status];
  if (kind === undefined) return status === 0 ? { invalid: 'it has no Acct-Status-Type' } : 'ignored';
  record.kind = kind;
  if (kind === 'on' || kind === 'off') record.sessionId = '';
  else if (record.sessionId === '') return { invalid: 'it has no Acct-Session-Id' };
  record.device = identifier === null && nasIp === null ? source.address : `${identifier ?? ''}|${nasIp ?? ''}`;
  record.nasPort = portId ?? record.nasPort;
  record.ipv6 ??= prefix;
  record.ssid ??= ssidOf(record.calledStation);
  record.identity = identityScratch.toString('latin1', 0, identityLength);
  record.bytesIn = Math.min(gigaIn * 2 ** 32 + record.bytesIn, MAX_OCTETS);
  record.bytesOut = Math.min(gigaOut * 2 ** 32 + record.bytesOut, MAX_OCTETS);
  const age = source.receivedAt - timestamp;
  const plausible = timestamp !== 0 && age <= MAX_TIMESTAMP_AGE_MS && -age <= MAX_TIMESTAMP_AHEAD_MS;
  record.at = plausible ? timestamp : source.receivedAt - Math.min(delay * 1000, MAX_TIMESTAMP_AGE_MS);
  return record;
}

/** RFC 3580, section 3.20: `00-10-A4-23-19-C0:SSID`. */
export function ssidOf(calledStation: string | null): string | null {
  if (calledStation === null || calledStation.length < 13) return null;
  return /^(?:[\da-f]{2}[:\-.]?){5}[\da-f]{2}:(.+)$/i.exec(calledStation)?.[1] ?? null;
}

/** Which device a packet is of, the same for access and accounting. */
export function deviceOf(packet: Packet, address: string): string {
  const identifier = packet.first(ATTRIBUTE.nasIdentifier);
  const v4 = packet.first(ATTRIBUTE.nasIpAddress);
  const v6 = v4?.length === 4 ? undefined : packet.first(ATTRIBUTE.nasIpv6Address);
  let ip = '';
  if (v4?.length === 4) ip = dotted(Buffer.from(v4), 0);
  else if (v6?.length === 16) ip = colons(Buffer.from(v6), 0, 16);
  if (identifier === undefined && ip === '') return address;
  const name = identifier === undefined ? '' : text(Buffer.from(identifier), 0, identifier.length);
  return `${name}|${ip}`;
}

/** UTF-8; PostgreSQL can't keep U+0000. */
function text(bytes: Buffer, start: number, end: number): string {
  const value = bytes.toString('utf8', start, end);
  return value.includes('\0') ? value.replaceAll('\0', '\u{fffd}') : value;
}

const dotted = (bytes: Buffer, at: number): string => `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;

const colons = (bytes: Buffer, start: number, end: number): string =>
  ipaddr.fromByteArray([...bytes.subarray(start, end)]).toString();

/** RFC 3162, section 2.3: a reserved byte, the length in bits, as many bytes as it takes. */
function prefixOf(bytes: Buffer, start: number, end: number): string | null {
  const bits = bytes[start + 1] ?? 255;
  if (end - start < 2 || end - start > 18 || bits > 128) return null;
  const address = new Array<number>(16).fill(0);
  for (let i = start + 2; i < end; i++) address[i - start - 2] = bytes[i]!;
  return `${ipaddr.fromByteArray(address).toString()}/${bits}`;
}

/** Aruba-Essid-Name (5) and Ruckus-SSID (3), where the SSID isn't in Called-Station-Id. */
function vendorSsid(bytes: Buffer, start: number, end: number): string | null {
  if (end - start < 7 || bytes[start + 5]! !== end - start - 4) return null;
  const [vendor, type] = [bytes.readUInt32BE(start), bytes[start + 4]];
  const known = (vendor === VENDOR.aruba && type === 5) || (vendor === VENDOR.ruckus && type === 3);
  return known ? text(bytes, start + 6, end) : null;
}
