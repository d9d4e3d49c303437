import { macOf } from '../directory/index.ts';
import { textOf } from './fields.ts';

/** `AA-BB-CC-DD-EE-FF:ssid` (RFC 3580, section 3.20), also with other notations of the MAC address. */
const MAC_AND_SSID = /^(?:(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f]{12}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}):(.+)$/is;

/** A Called-Station-Id or Calling-Station-Id. */
export interface Station {
  readonly text: string;
  /** As `macOf` writes it, where it is nothing but a MAC address. */
  readonly mac: string | undefined;
  /** What follows a MAC address. */
  readonly ssid: string | undefined;
}

/** The SSID in a Called-Station-Id. */
export const ssidOf = (calledStation: string): string | undefined =>
  calledStation.length > 13 ? MAC_AND_SSID.exec(calledStation)?.[1] : undefined;

/** Remembered at once; a power of two. Longer ones aren't. */
const SLOTS = 4096;
const MAX_BYTES = 64;
const slots: ({ bytes: Uint8Array; station: Station } | undefined)[] = Array.from({ length: SLOTS });

/** Reads a station. Access points and devices come again and again, and a look costs a tenth of the reading. */
export function stationOf(bytes: Uint8Array): Station {
  if (bytes.length > MAX_BYTES) return read(bytes);
  // FNV-1a
  let hash = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const known = slots[slot];
  if (known && isSame(known.bytes, bytes)) return known.station;
  const station = read(bytes);
  slots[slot] = { bytes: Uint8Array.from(bytes), station };
  return station;
}

/** PostgreSQL can't keep U+0000. */
export const withoutNul = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\u{fffd}') : text);

function read(bytes: Uint8Array): Station {
  const text = withoutNul(textOf(bytes));
  return { text, mac: macOf(text), ssid: ssidOf(text) };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
