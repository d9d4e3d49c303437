import { Registry } from 'prom-client';
import { ATTRIBUTE, AttributeWriter, CODE, encodeRequest, type Packet, parsePacket, Secret } from '../codec/index.ts';
import type { Nas } from '../types.ts';
import { type AccountingRecord, readRecord } from './record.ts';

export const SECRET = new Secret('testing123');
export const newRegistry = (): Registry => new Registry();
export const NOW = Date.UTC(2026, 0, 15, 12);
const STATUS = { start: 1, stop: 2, interim: 3, on: 7, off: 8 } as const;

/** What a test says of a record; times in seconds after `NOW`. */
export interface TestRecord {
  kind: keyof typeof STATUS;
  id?: string;
  user?: string | null;
  mac?: string | null;
  at?: number;
  /** No Event-Timestamp. */
  untimed?: boolean;
  delay?: number;
  seconds?: number;
  in?: number;
  out?: number;
  gigaIn?: number;
  gigaOut?: number;
  cause?: number;
  port?: number | null;
  ip?: string;
  nasIdentifier?: string | null;
  called?: string | null;
  class?: string;
}

/** Encoded attributes of an Accounting-Request. */
export function attributesOf(record: TestRecord): Uint8Array {
  const { user = 'alice', mac = '02-00-00-11-22-33', port = 7, nasIdentifier = 'ap-1' } = record;
  const writer = new AttributeWriter().add(ATTRIBUTE.acctStatusType, STATUS[record.kind]);
  const session = record.kind !== 'on' && record.kind !== 'off';
  if (session) writer.add(ATTRIBUTE.acctSessionId, record.id ?? 'S1');
  if (session && user !== null) writer.add(ATTRIBUTE.userName, user);
  if (session && mac !== null) writer.add(ATTRIBUTE.callingStationId, mac);
  if (session && port !== null) writer.add(ATTRIBUTE.nasPort, port);
  if (nasIdentifier !== null) writer.add(ATTRIBUTE.nasIdentifier, nasIdentifier);
  if (record.called !== null && session) {
    writer.add(ATTRIBUTE.calledStationId, record.called ?? 'AA-BB-CC-DD-EE-FF:campus');
  }
  if (record.called && !session) writer.add(ATTRIBUTE.calledStationId, record.called);
  if (!record.untimed) writer.add(ATTRIBUTE.eventTimestamp, NOW / 1000 + (record.at ?? 0));
  if (record.delay !== undefined) writer.add(ATTRIBUTE.acctDelayTime, record.delay);
  if (record.seconds !== undefined) writer.add(ATTRIBUTE.acctSessionTime, record.seconds);
  if (record.in !== undefined) writer.add(ATTRIBUTE.acctInputOctets, record.in);
  if (record.out !== undefined) writer.add(ATTRIBUTE.acctOutputOctets, record.out);
  if (record.gigaIn !== undefined) writer.add(ATTRIBUTE.acctInputGigawords, record.gigaIn);
  if (record.gigaOut !== undefined) writer.add(ATTRIBUTE.acctOutputGigawords, record.gigaOut);
  if (record.cause !== undefined) writer.add(ATTRIBUTE.acctTerminateCause, record.cause);
  if (record.ip !== undefined) {
    writer.add(ATTRIBUTE.framedIpAddress, Uint8Array.from(record.ip.split('.').map(Number)));
  }
  if (record.class !== undefined) writer.add(ATTRIBUTE.class, record.class);
  return writer.done();
}

/** An Accounting-Request, parsed. */
export function packetOf(record: TestRecord, id = 1): Packet {
  const packet = parsePacket(encodeRequest(CODE.accountingRequest, id, SECRET, attributesOf(record)));
  if (typeof packet === 'string') throw new Error(packet);
  return packet;
}

export const testNas = (more: Partial<Nas> = {}): Nas => ({
  id: 'nas-1',
  siteId: 'default',
  name: 'Access point',
  address: '127.0.0.1',
  type: 'generic',
  groups: [],
  protocol: 'udp',
  secret: SECRET,
  requireMessageAuthenticator: false,
  coa: { port: 3799, secret: SECRET },
  source: undefined,
  ...more,
});

/** A record as memory reads it; received when it happened, or `receivedAt` seconds after `NOW`. */
export function recordOf(record: TestRecord, receivedAt = record.at ?? 0): AccountingRecord {
  const source = { nasId: 'nas-1', siteId: 'default', address: '192.0.2.1', receivedAt: NOW + receivedAt * 1000 };
  const read = readRecord(packetOf(record), source);
  if (read === 'ignored' || 'invalid' in read) throw new Error(JSON.stringify(read));
  return read;
}
