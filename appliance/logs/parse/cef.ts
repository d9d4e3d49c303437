import { actionOf, type Event, type Fields, MAX_VALUE, protocolOf, put, putBytes } from './fields.ts';
import { readFortigateCef } from './fortigate.ts';
import type { Line } from './syslog.ts';
import { bsdTime, isoTime } from './time.ts';
import { ipOf, macOf, numberOf, portOf } from './values.ts';

/** The most pairs of an extension that are looked at. */
const MAX_PAIRS = 256;
/** Version, vendor, product, version, id, name, severity. */
const PARTS = 7;

/** What a CEF or LEEF line says, the same for both. */
type Extension = [key: string, value: string][];

/** ArcSight's Common Event Format: `CEF:0|vendor|product|version|id|name|severity|key=value …`. */
export const readCef = (line: Line): boolean => readVendor(line) !== '';

export const readFortigateLine = (line: Line): boolean => readVendor(line, 'Fortinet') !== '';
export const readUnifiLine = (line: Line): boolean => readVendor(line, 'Ubiquiti') !== '';

/** Reads the line if it's that vendor's; the vendor's name, or empty when it wasn't read. */
function readVendor(line: Line, wanted?: string): string {
  const { text, fields } = line;
  const at = cefAt(line);
  if (at < 0 || (wanted !== undefined && !text.startsWith(wanted, text.indexOf('|', at) + 1))) return '';
  const head = header(text, at);
  if (!head) return '';
  const [, vendor = '', product = '', , , name = '', severity = ''] = head.parts;
  const extension = extensionOf(text, head.end);
  delete fields.app;
  put(fields, 'vendor', vendor);
  put(fields, 'product', product);
  fields.severity ??= severityOf(severity);
  if (vendor === 'Fortinet' && product.toLowerCase() === 'fortigate') {
    readFortigateCef(fields, name, extension);
    return vendor;
  }
  put(fields, 'msg', name);
  readExtension(fields, extension);
  fields.event ??= eventOf(`${name} ${fields.app ?? ''}`, fields);
  return vendor;
}

/** Where `CEF:` or, without it, `0|` begins; -1 when it doesn't. */
function cefAt({ text, body }: Line): number {
  if (text.startsWith('0|', body) || text.startsWith('1|', body)) return body;
  const found = text.startsWith('CEF:', body) ? body : text.slice(body, body + 160).indexOf('CEF:') + body;
  return text.startsWith('CEF:', found) ? found + 4 : -1;
}

/** The parts before the extension; `\|` and `\\` are escaped. Undefined when there are fewer. */
function header(text: string, at: number): { parts: string[]; end: number } | undefined {
  const parts: string[] = [];
  let from = at;
  for (let i = at; i < text.length && parts.length < PARTS; i++) {
    const c = text.charCodeAt(i);
    if (c === 92) i++;
    else if (c === 124) {
      parts.push(unescaped(text.slice(from, Math.min(i, from + MAX_VALUE))));
      from = i + 1;
    }
  }
  return parts.length === PARTS ? { parts, end: from } : undefined;
}

/** `\=`, `\|`, `\\`; `\n` is a line's end. */
function unescaped(value: string): string {
  if (!value.includes('\\')) return value;
  let out = '';
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) !== 92 || i + 1 === value.length) out += value[i];
    else out += value[++i] === 'n' ? '\n' : value[i];
  }
  return out;
}

/** Values have blanks; a key is the word before an `=` that isn't escaped. One pass. */
function extensionOf(text: string, at: number): Extension {
  const pairs: Extension = [];
  let blank = at - 1;
  let key = '';
  let from = at;
  const close = (to: number) => {
    if (key !== '') pairs.push([key, unescaped(text.slice(from, Math.min(to, from + MAX_VALUE)).trim())]);
  };
  for (let i = at; i < text.length && pairs.length < MAX_PAIRS; i++) {
    const c = text.charCodeAt(i);
    if (c === 92) i++;
    else if (c === 32) blank = i;
    else if (c === 61 && blank + 1 < i && (key === '' || blank >= from)) {
      close(blank);
      key = text.slice(blank + 1, Math.min(i, blank + 1 + MAX_VALUE));
      from = i + 1;
    }
  }
  if (pairs.length < MAX_PAIRS) close(text.length);
  return pairs;
}

/** 0 to 10, or a word, as RFC 5424 counts. */
function severityOf(word: string): number {
  const words: Readonly<Record<string, number>> = { low: 6, medium: 4, high: 3, 'very-high': 2, unknown: 6 };
  const value = numberOf(word) ?? -1;
  if (value < 0) return words[word.toLowerCase()] ?? 6;
  if (value >= 9) return 2;
  if (value >= 7) return 3;
  return value >= 4 ? 4 : 6;
}

type Setter = (fields: Fields, value: string) => void;

const ip =
  (key: 'srcip' | 'dstip' | 'natip' | 'natdstip' | 'ip'): Setter =>
  (fields, value) =>
    put(fields, key, ipOf(value));
const port =
  (key: 'srcport' | 'dstport' | 'natport' | 'natdstport'): Setter =>
  (fields, value) =>
    put(fields, key, portOf(value));
const text =
  (key: 'user' | 'host' | 'hostname' | 'ssid' | 'rule' | 'in' | 'out' | 'session' | 'msg' | 'app'): Setter =>
  (fields, value) =>
    put(fields, key, value);
const mac: Setter = (fields, value) => put(fields, 'mac', macOf(value));
const inward: Setter = (fields, value) => putBytes(fields, numberOf(value), fields.bytes_out);
const outward: Setter = (fields, value) => putBytes(fields, fields.bytes_in, numberOf(value));
const total: Setter = (fields, value) => put(fields, 'bytes', numberOf(value));
const action: Setter = (fields, value) => put(fields, 'action', actionOf(value));
const proto: Setter = (fields, value) => put(fields, 'proto', protocolOf(value));

/** Milliseconds since 1970, or a time of syslog's. */
const time: Setter = (fields, value) => {
  const read = isoTime(value, 0) ?? bsdTime(value, 0, undefined);
  const since = value.length === 13 ? numberOf(value) : undefined;
  put(fields, 'device_time', since === undefined ? read?.time : new Date(since).toISOString());
};

/** ArcSight's dictionary, UniFi's own names, and IBM's of LEEF. */
const SETTERS: ReadonlyMap<string, Setter> = new Map<string, Setter>([
  ['src', ip('srcip')],
  ['dst', ip('dstip')],
  ['spt', port('srcport')],
  ['dpt', port('dstport')],
  ['sourceTranslatedAddress', ip('natip')],
  ['sourceTranslatedPort', port('natport')],
  ['destinationTranslatedAddress', ip('natdstip')],
  ['destinationTranslatedPort', port('natdstport')],
  ['proto', proto],
  ['act', action],
  ['outcome', action],
  ['suser', text('user')],
  ['duser', text('user')],
  ['smac', mac],
  ['shost', text('hostname')],
  ['dvchost', text('host')],
  ['deviceInboundInterface', text('in')],
  ['deviceOutboundInterface', text('out')],
  ['externalId', text('session')],
  ['in', inward],
  ['out', outward],
  ['rt', time],
  ['msg', text('msg')],
  ['sproc', text('app')],
  ['UNIFIadmin', text('user')],
  ['UNIFIhost', text('host')],
  ['UNIFIclientMac', mac],
  ['UNIFIclientIp', ip('srcip')],
  ['UNIFIclientHostname', text('hostname')],
  ['UNIFIwifiName', text('ssid')],
  ['UNIFIpolicyName', text('rule')],
  ['UNIFItotalBytes', total],
  ['UNIFIutcTime', time],
  ['srcPort', port('srcport')],
  ['dstPort', port('dstport')],
  ['srcPostNAT', ip('natip')],
  ['dstPostNAT', ip('natdstip')],
  ['srcPostNATPort', port('natport')],
  ['dstPostNATPort', port('natdstport')],
  ['usrName', text('user')],
  ['accountName', text('user')],
  ['srcMAC', mac],
  ['identMAC', mac],
  ['identHostName', text('hostname')],
  ['dstBytes', inward],
  ['srcBytes', outward],
  ['totalBytes', total],
  ['policy', text('rule')],
  ['action', action],
  ['devTime', time],
]);

function readExtension(fields: Fields, extension: Extension): void {
  for (const [key, value] of extension) if (value !== '') SETTERS.get(key)?.(fields, value);
}

const KINDS: readonly [mark: string, event: Event][] = [
  ['threat', 'threat'],
  ['intrusion', 'threat'],
  ['virus', 'threat'],
  ['malware', 'threat'],
  ['dhcp', 'dhcp'],
  ['vpn', 'vpn'],
  ['wifi', 'wifi'],
  ['wi-fi', 'wifi'],
  ['admin accessed', 'auth'],
  ['login', 'auth'],
  ['logon', 'auth'],
  ['authenticat', 'auth'],
  ['config', 'config'],
];

/** What an event's name tells of it; the join and leave of UniFi's stations besides. */
function eventOf(name: string, fields: Fields): Event {
  const lower = name.toLowerCase();
  if (fields.action === undefined) {
    if (lower.includes('disconnected')) fields.action = 'leave';
    else if (lower.includes('connected')) fields.action = 'join';
    else if (lower.includes('admin accessed')) fields.action = 'success';
    else if (lower.includes('blocked')) fields.action = 'deny';
  }
  const kind = KINDS.find(([mark]) => lower.includes(mark))?.[1];
  return kind ?? (fields.dstip === undefined ? 'system' : 'traffic');
}

/** IBM's LEEF 1.0 and 2.0: `LEEF:2.0|vendor|product|version|id|delimiter|key=value…`. */
export function readLeef(line: Line): boolean {
  const { text, body, fields } = line;
  const at = text.startsWith('LEEF:', body) ? body : text.slice(body, body + 160).indexOf('LEEF:') + body;
  if (!text.startsWith('LEEF:', at)) return false;
  const second = text.startsWith('2', at + 5);
  const parts: string[] = [];
  let from = at + 5;
  while (parts.length < (second ? 6 : 5)) {
    const end = text.indexOf('|', from);
    if (end < 0) return false;
    parts.push(text.slice(from, Math.min(end, from + MAX_VALUE)));
    from = end + 1;
  }
  const [, vendor = '', product = '', , id = '', delimiter = ''] = parts;
  delete fields.app;
  put(fields, 'vendor', vendor);
  put(fields, 'product', product);
  put(fields, 'msg', id);
  readExtension(fields, leefPairs(text, from, delimiterOf(delimiter)));
  fields.event ??= eventOf(id, fields);
  return true;
}

/** A character, or its code as `x09` or `0x09`; a tab when it isn't said. */
function delimiterOf(text: string): string {
  if (text.length === 1) return text;
  const code = Number.parseInt(text.replace(/^0?x/, ''), 16);
  return code > 0 && code < 0xffff ? String.fromCharCode(code) : '\t';
}

function leefPairs(text: string, at: number, delimiter: string): Extension {
  const pairs: Extension = [];
  let from = at;
  while (from < text.length && pairs.length < MAX_PAIRS) {
    let end = text.indexOf(delimiter, from);
    if (end < 0) end = text.length;
    const pair = text.slice(from, Math.min(end, from + MAX_VALUE));
    const equals = pair.indexOf('=');
    if (equals > 0) pairs.push([pair.slice(0, equals).trim(), pair.slice(equals + 1)]);
    from = end + 1;
  }
  return pairs;
}
