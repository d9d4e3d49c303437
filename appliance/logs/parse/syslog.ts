import { type Fields, MAX_VALUE, put } from './fields.ts';
import { decode } from './text.ts';
import { bsdTime, isoTime, type ReadTime } from './time.ts';

/** A line behind its syslog header, with what the header says already in `fields`. */
export interface Line {
  text: string;
  /** As it came. */
  raw: Uint8Array;
  fields: Fields;
  /** Nobody asks for `device_time` and `msg`. */
  brief: boolean;
  /** Where the text behind time and host begins: at the tag, if there is one. */
  body: number;
  /** Where the message begins, behind the tag. */
  at: number;
  /** TAG of RFC 3164, APP-NAME of RFC 5424; empty when there is none. */
  app: string;
  /** MSGID of RFC 5424; empty when there is none. */
  id: string;
  /** Where the structured data of RFC 5424 is; both 0 when there is none. */
  structured: [from: number, to: number];
}

/** RFC 5424, section 6: HOSTNAME 255, APP-NAME 48, PROCID 128, MSGID 32 characters. */
const MAX_TOKEN = 255;
const MAX_TAG = 128;
/** A sequence number of Cisco's `service sequence-numbers`. */
const MAX_SEQUENCE = 10;

/**
 * Reads the header of RFC 5424 or RFC 3164 with what vendors and relays make of it: no PRI, ISO times, no host, no tag,
 * Cisco's sequence numbers. What isn't a header is left to the message.
 */
export function readHeader(raw: Uint8Array, receivedUs?: number): Line {
  const text = decode(raw);
  const line: Line = { text, raw, fields: {}, brief: false, body: 0, at: 0, app: '', id: '', structured: [0, 0] };
  let at = priority(line);
  if (text.charCodeAt(at) === 32) at++;
  line.body = line.at = at;
  const c = text.charCodeAt(at);
  // By far the most lines: FortiGate's begin with their first pair at once.
  if (c === 100 && text.startsWith('date=', at)) return line;
  if (c === 49 && text.charCodeAt(at + 1) === 32 && readRfc5424(line, at + 2)) return line;
  at = sequence(text, at);
  const time = readTime(text, at, receivedUs);
  if (time) {
    put(line.fields, 'device_time', time.time);
    at = time.end;
    // With a blank for the T and no PRI it's a program's own file, such as OpenVPN's, and names no host.
    const file = text.charCodeAt(10) === 32 && text.charCodeAt(4) === 45 && line.fields.facility === undefined;
    line.body = at = file ? skipBlanks(text, at) : readHost(line, at);
  } else if (at > line.body) {
    const host = tokenEnd(text, at, MAX_TOKEN);
    const later = text.charCodeAt(host - 1) === 58 ? readTime(text, skipBlanks(text, host), receivedUs) : undefined;
    if (later) {
      put(line.fields, 'host', text.slice(at, host - 1));
      put(line.fields, 'device_time', later.time);
      line.body = skipColon(text, later.end);
    } else if (text.charCodeAt(at) === 37) line.body = at;
  }
  readTag(line);
  return line;
}

/** `<0>` to `<191>`; a larger number is read over. Where the text goes on. */
function priority({ text, fields }: Line): number {
  if (text.charCodeAt(0) !== 60) return 0;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const c = text.charCodeAt(i);
    if (c === 62 && i > 1) {
      if (value <= 191) {
        fields.severity = value & 7;
        fields.facility = value >> 3;
      }
      return i + 1;
    }
    if (!(c >= 48 && c <= 57)) return 0;
    value = value * 10 + c - 48;
  }
  return 0;
}

const skipBlanks = (text: string, at: number): number => {
  let i = at;
  while (text.charCodeAt(i) === 32) i++;
  return i;
};

/** Behind `: ` or ` : `. */
function skipColon(text: string, at: number): number {
  let i = skipBlanks(text, at);
  if (text.charCodeAt(i) === 58) i = skipBlanks(text, i + 1);
  return i;
}

/** Where the word at `at` ends, at most `limit` characters on. */
function tokenEnd(text: string, at: number, limit: number): number {
  const stop = Math.min(text.length, at + limit);
  for (let i = at; i < stop; i++) if (text.charCodeAt(i) <= 32) return i;
  return stop;
}

/** Behind `123: `, else `at`. */
function sequence(text: string, at: number): number {
  let i = at;
  while (i - at < MAX_SEQUENCE && text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
  return i > at && text.charCodeAt(i) === 58 && text.charCodeAt(i + 1) === 32 ? i + 2 : at;
}

function readTime(text: string, from: number, receivedUs: number | undefined): ReadTime | undefined {
  const mark = text.charCodeAt(from);
  // Cisco: `*` the clock was never set, `.` it is no longer synchronised.
  const at = mark === 42 || mark === 46 ? from + 1 : from;
  const c = text.charCodeAt(at);
  const time = c >= 48 && c <= 57 ? isoTime(text, at) : c >= 65 && c <= 83 ? bsdTime(text, at, receivedUs) : undefined;
  const next = time ? text.charCodeAt(time.end) : 0;
  return next > 32 && next !== 58 ? undefined : time;
}

/** The host behind the time, unless what is there is the tag or the message already. Where the text goes on. */
function readHost(line: Line, from: number): number {
  const { text } = line;
  if (text.charCodeAt(from) === 58) return skipColon(text, from);
  const at = skipBlanks(text, from);
  const end = tokenEnd(text, at, MAX_TOKEN);
  const token = text.slice(at, end);
  const next = skipBlanks(text, end);
  if (text.charCodeAt(next) === 58) {
    put(line.fields, 'host', token);
    return skipColon(text, next);
  }
  if (!isHost(token) || (token.endsWith(':') && text.charCodeAt(next) !== 37 && tagEnd(text, at) > 0)) return at;
  const host = token.endsWith(':') ? token.slice(0, -1) : token;
  const quoted = host.startsWith('("') && host.endsWith('")');
  put(line.fields, 'host', quoted ? host.slice(2, -2) : host);
  // UniFi's consoles say their name twice.
  if (text.startsWith(host, next) && text.charCodeAt(next + host.length) === 32)
    return skipBlanks(text, next + host.length);
  return next;
}

/** Not `CEF:0|…`, `key=value`, `topic,topic`, `%ASA-…`, JSON, `(text`; nor `1.2.3.4:514`, of which OpenVPN's begin. */
function isHost(token: string): boolean {
  if (token === '') return false;
  const first = token.charCodeAt(0);
  if (first === 37 || first === 123 || first === 91 || first === 64) return false;
  for (let i = 0; i < token.length; i++) {
    const c = token.charCodeAt(i);
    if (c === 61 || c === 124 || c === 123) return false;
  }
  if (token.startsWith('("')) return true;
  if (first === 40) return false;
  const comma = token.indexOf(',');
  // `U7PG2,788a20aabbcc,v4.0.66:` is a UniFi access point; `firewall,info` and `1,2026/…` are not hosts.
  if (comma >= 0) return token.endsWith(':') && token.indexOf(',', comma + 1) > 0;
  const colon = token.indexOf(':');
  return colon < 0 || colon === token.length - 1 || token.indexOf(':', colon + 1) > colon;
}

/** Where a tag's name at `at` ends, which is at `[` or at the `:` before a blank; 0 when there is none. */
function tagEnd(text: string, at: number): number {
  const stop = Math.min(text.length, at + MAX_TAG);
  for (let i = at; i < stop; i++) {
    const c = text.charCodeAt(i);
    if (c === 58) return i > at && !(text.charCodeAt(i + 1) > 32) ? i : 0;
    if (c === 91) return i > at && isPid(text, i) ? i : 0;
    if (c <= 32 || c === 61 || c === 44 || c === 124 || c === 34 || c === 123 || c === 37 || c === 40) return 0;
  }
  return 0;
}

const isPid = (text: string, at: number): boolean => {
  const close = text.indexOf(']', at);
  return close > at && close - at <= 24 && text.charCodeAt(close + 1) === 58;
};

function readTag(line: Line): void {
  const { text, body } = line;
  line.at = body;
  const end = tagEnd(text, body);
  if (end === 0) return;
  line.app = text.slice(body, end);
  line.fields.app = line.app;
  line.at = skipBlanks(text, text.charCodeAt(end) === 91 ? text.indexOf(']', end) + 2 : end + 1);
}

/** What is behind `1 `; false when it isn't RFC 5424 after all. */
function readRfc5424(line: Line, from: number): boolean {
  const { text, fields } = line;
  const time = text.charCodeAt(from) === 45 ? { time: '', end: from + 1 } : isoTime(text, from);
  if (!time || text.charCodeAt(time.end) !== 32) return false;
  put(fields, 'device_time', time.time);
  let at = time.end + 1;
  for (let part = 0; part < 4; part++) {
    const end = tokenEnd(text, at, MAX_TOKEN);
    const token = text.slice(at, end);
    if (token !== '-' && part === 0) put(fields, 'host', token);
    if (token !== '-' && part === 1) put(fields, 'app', token);
    if (token !== '-' && part === 3) line.id = token;
    at = Math.min(end + 1, text.length);
  }
  line.app = fields.app ?? '';
  line.body = line.at = readStructured(line, at);
  return true;
}

/** Behind the structured data; where that isn't well formed it's part of the message. */
function readStructured(line: Line, from: number): number {
  const { text } = line;
  if (text.charCodeAt(from) === 45 && !(text.charCodeAt(from + 1) > 32)) return skipMark(text, from + 1);
  let at = from;
  while (text.charCodeAt(at) === 91) {
    const end = element(text, at, () => {});
    if (end < 0) return skipMark(text, from);
    at = end;
  }
  if (at > from) line.structured = [from, at];
  return skipMark(text, at);
}

/** Behind blanks and the byte order mark of RFC 5424, section 6.4. */
function skipMark(text: string, at: number): number {
  const i = skipBlanks(text, at);
  return text.charCodeAt(i) === 0xfeff ? i + 1 : i;
}

/** One `[id name="value" …]`; where it ends, or -1. */
function element(text: string, from: number, each: (id: string, name: string, value: string) => void): number {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) > 32 && text.charCodeAt(at) !== 93) at++;
  const id = text.slice(from + 1, Math.min(at, from + 1 + MAX_VALUE));
  if (id === '') return -1;
  for (;;) {
    at = skipBlanks(text, at);
    const c = text.charCodeAt(at);
    if (c === 93) return at + 1;
    const start = at;
    while (at < text.length && text.charCodeAt(at) > 32 && text.charCodeAt(at) !== 61) at++;
    if (at === start || text.charCodeAt(at) !== 61 || text.charCodeAt(at + 1) !== 34) return -1;
    const name = text.slice(start, Math.min(at, start + MAX_VALUE));
    at += 2;
    const open = at;
    let escaped = false;
    while (at < text.length && text.charCodeAt(at) !== 34) {
      if (text.charCodeAt(at) === 92) {
        escaped = true;
        at++;
      }
      at++;
    }
    if (at >= text.length) return -1;
    const value = text.slice(open, Math.min(at, open + MAX_VALUE));
    each(id, name, escaped ? withoutEscapes(value) : value);
    at++;
  }
}

/** RFC 5424, section 6.3.3: `\"`, `\\`, `\]`. */
function withoutEscapes(value: string): string {
  let out = '';
  for (let i = 0; i < value.length; i++) {
    const next = value.charCodeAt(i + 1);
    if (value.charCodeAt(i) === 92 && (next === 34 || next === 92 || next === 93)) i++;
    out += value[i];
  }
  return out;
}

/** The structured data of RFC 5424 of a line, in order. */
export function eachParam(line: Line, each: (id: string, name: string, value: string) => void): void {
  let [at, end] = line.structured;
  while (at >= 0 && at < end) at = element(line.text, at, each);
}

/** The message's text for `msg`. */
export const messageOf = (line: Line): string => line.text.slice(line.at, line.at + MAX_VALUE);
