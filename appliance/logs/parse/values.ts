import { isIPv6 } from 'node:net';
import { type Fields, put } from './fields.ts';

/** The longest text of an IPv6 address with a zone that is looked at. */
const MAX_ADDRESS = 64;

/** Whether text[from, to) is a dotted IPv4 address without leading zeros. */
export function isIpv4(text: string, from: number, to: number): boolean {
  if (to - from < 7 || to - from > 15) return false;
  let parts = 1;
  let digits = 0;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      if (digits === 0) return false;
      parts++;
      digits = 0;
      value = 0;
    } else {
      if (c < 48 || c > 57 || (digits > 0 && value === 0)) return false;
      value = value * 10 + c - 48;
      digits++;
      if (value > 255) return false;
    }
  }
  return parts === 4 && digits > 0;
}

/** An address as it is compared: IPv4 dotted, IPv6 as RFC 5952, without zone and brackets; undefined when it is none. */
export function ipOf(text: string): string | undefined {
  if (isIpv4(text, 0, text.length)) return text;
  if (text.length < 2 || text.length > MAX_ADDRESS || !text.includes(':')) return undefined;
  let bare = text.charCodeAt(0) === 91 && text.endsWith(']') ? text.slice(1, -1) : text;
  const zone = bare.indexOf('%');
  if (zone > 0) bare = bare.slice(0, zone);
  return isIPv6(bare) ? canonical(bare) : undefined;
}

function canonical(text: string): string {
  const gap = text.indexOf('::');
  const before = groups(gap < 0 ? text : text.slice(0, gap));
  const after = gap < 0 ? [] : groups(text.slice(gap + 2));
  const all = gap < 0 ? before : [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  if (all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff)
    return `${all[6]! >> 8}.${all[6]! & 255}.${all[7]! >> 8}.${all[7]! & 255}`;
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = i;
    while (run < 8 && all[run] === 0) run++;
    if (run - i > length) [start, length] = [i, run - i];
    if (run > i) i = run;
  }
  const hex = all.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** `aa:bb:cc:dd:ee:ff` of a MAC with `:`, `-`, `.` or without; undefined when it is none, or all zeros. */
export function macOf(text: string): string | undefined {
  const { length } = text;
  if (length !== 17 && length !== 12 && length !== 14) return undefined;
  let hex = '';
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if ((c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70)) hex += text[i];
    else if (c !== (length === 14 ? 46 : text.charCodeAt(2)) || (c !== 58 && c !== 45 && c !== 46)) return undefined;
    else if (length === 17 ? i % 3 !== 2 : i % 5 !== 4) return undefined;
  }
  if (hex.length !== 12 || hex === '000000000000') return undefined;
  hex = hex.toLowerCase();
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`;
}

/** A whole number of 0 to 2^53-1; undefined for anything else. */
export function numberOf(text: string): number | undefined {
  if (text.length === 0 || text.length > 16) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return undefined;
    value = value * 10 + c - 48;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** 0 to 65535. */
export function portOf(text: string): number | undefined {
  const value = numberOf(text);
  return value !== undefined && value <= 65_535 ? value : undefined;
}

/** An address with its port: `1.2.3.4:80`, `1.2.3.4/80`, `[2001:db8::1]:80`, `2001:db8::1/80`, `2001:db8::1`. */
export function endpointOf(text: string): { ip: string; port?: number } | undefined {
  if (text.length > MAX_ADDRESS + 8) return undefined;
  let cut = text.lastIndexOf('/');
  if (cut < 0 && text.charCodeAt(0) === 91) cut = text.indexOf(']') + 1;
  else if (cut < 0 && text.indexOf(':') === text.lastIndexOf(':')) cut = text.indexOf(':');
  const ip = ipOf(cut > 0 ? text.slice(0, cut) : text);
  if (ip === undefined) return undefined;
  const port = cut > 0 ? portOf(text.slice(cut + 1)) : undefined;
  return port === undefined ? { ip } : { ip, port };
}

/** Sets `srcip` and `srcport`, or those of another end, of an address with its port. */
export function putEnd(fields: Fields, end: 'src' | 'dst' | 'nat' | 'natdst', text: string): void {
  const read = endpointOf(text);
  if (!read) return;
  fields[`${end}ip`] = read.ip;
  put(fields, `${end}port`, read.port);
}
