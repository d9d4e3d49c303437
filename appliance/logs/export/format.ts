import type { Parsed } from '../parse/index.ts';
import { FLAG, KIND, TRANSPORT } from '../record/types.ts';
import type { Leafed } from './records.ts';

export const FORMAT = 'gatehouse/export/v1';
export const PROOF_FORMAT = 'gatehouse/proofs/v1';
/** Up to this many records have a proof in a file each. */
export const MAX_SINGLE_PROOFS = 256;

const KIND_NAMES: Readonly<Record<number, string>> = {
  [KIND.log]: 'log',
  [KIND.audit]: 'audit',
  [KIND.access]: 'access',
  [KIND.timeSync]: 'time-sync',
  [KIND.beacon]: 'beacon',
  [KIND.gap]: 'gap',
  [KIND.keyRotation]: 'key-rotation',
  [KIND.erasure]: 'erasure',
  [KIND.recovery]: 'recovery',
};
const TRANSPORT_NAMES: Readonly<Record<number, string>> = {
  [TRANSPORT.internal]: 'internal',
  [TRANSPORT.udp]: 'udp',
  [TRANSPORT.tcp]: 'tcp',
  [TRANSPORT.tls]: 'tls',
};

export const kindName = (kind: number): string => KIND_NAMES[kind] ?? `kind ${kind}`;
export const isUnsynchronised = (flags: number): boolean => (flags & FLAG.unsynchronised) !== 0;

/** RFC 3339, UTC, microseconds. */
export function timeOf(us: number): string {
  const ms = Math.floor(us / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1000).padStart(3, '0')}Z`;
}

/** A line of records.jsonl: what the leaf says, what was sealed, and how it was read. */
export interface Line {
  index: number;
  received: string;
  kind: string;
  source: number;
  peer: string;
  transport: string;
  boot: number;
  monotonic_us: number;
  flags: number;
  /** Base64, 58 bytes. */
  leaf: string;
  erased?: true;
  /** Base64, 16 bytes; absent once erased. */
  salt?: string;
  /** The exact bytes, as text where they are UTF-8. */
  raw?: string;
  raw_base64?: string;
  source_name?: string;
  parser?: string;
  fields?: object;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function lineOf({ record, leaf }: Leafed, read?: Parsed, sourceName?: string): Line {
  return {
    index: record.index,
    received: timeOf(record.receiveUs),
    kind: kindName(record.kind),
    source: record.source,
    ...(sourceName && { source_name: sourceName }),
    peer: record.erased ? '' : record.peer,
    transport: TRANSPORT_NAMES[record.transport] ?? `transport ${record.transport}`,
    boot: record.boot,
    monotonic_us: record.monotonicUs,
    flags: record.flags,
    leaf: base64(leaf),
    ...(record.erased ? { erased: true } : { salt: base64(record.salt), ...rawOf(record.raw) }),
    ...(read && !record.erased && { parser: read.parser, fields: read.fields }),
  };
}

export const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

function rawOf(raw: Uint8Array): { raw: string } | { raw_base64: string } {
  try {
    return { raw: strict.decode(raw) };
  } catch {
    return { raw_base64: base64(raw) };
  }
}

const PROVED = ['index', 'received', 'kind', 'source', 'peer', 'transport', 'boot', 'monotonic_us', 'flags'] as const;
// biome-ignore format: a list
const FIELDS = [
  'device_time', 'host', 'app', 'severity', 'event', 'action', 'srcip', 'srcport', 'dstip', 'dstport', 'natip', 'natport',
  'natdstip', 'natdstport', 'proto', 'user', 'mac', 'ip', 'hostname', 'ssid', 'bytes_in', 'bytes_out', 'rule', 'session',
];

/** The same as in verifier/table.mjs, which checks it. */
export const CSV_HEAD = [...PROVED, 'source_name', 'parser', ...FIELDS, 'message'].map(cell).join(',');

export function csvRow(line: Line): string {
  const fields = (line.fields ?? {}) as Record<string, unknown>;
  const message = line.erased ? '' : (line.raw ?? `base64:${line.raw_base64}`);
  const named = PROVED.map((name) => line[name]);
  return [...named, line.source_name, line.parser, ...FIELDS.map((name) => fields[name]), message].map(cell).join(',');
}

/** One line in one direction whatever is in it, and no formula: a spreadsheet would run what a sender has written. */
function cell(value: unknown): string {
  const text = String(value ?? '').replace(
    /[\0-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const safe = /^[\s"']*[=+\-@\uff0b\uff0d\uff1d\uff20\\]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
