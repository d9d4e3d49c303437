import { actionOf, type Event, type Fields, protocolOf, put, putBytes } from './fields.ts';
import { eachParam, type Line } from './syslog.ts';
import { bytesOf } from './text.ts';
import { dateTime } from './time.ts';
import { ipOf, macOf } from './values.ts';

/** What is read before it can be told what it means. Texts are empty, numbers -1 when they weren't there. */
interface Reading {
  fields: Fields;
  /** Without time and message. */
  brief: boolean;
  type: string;
  subtype: string;
  status: string;
  logdesc: string;
  hostname: string;
  date: string;
  time: string;
  zone: string;
  eventtime: string;
  sent: number;
  received: number;
  dhcp: string;
  config: boolean;
}

const LEVELS: Readonly<Record<string, number>> = {
  emergency: 0,
  alert: 1,
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  information: 6,
  debug: 7,
};

/**
 * FortiOS' log message reference: `key=value` pairs, as a whole message, behind an RFC 5424 header, or as its structured
 * data. By far the most lines of a site are these, so values are cut out only where a key is known.
 */
export function readFortigate(line: Line): boolean {
  const { text, body } = line;
  if (text.startsWith('date=', body) || isPairs(text, body)) {
    const reading = begin(line.fields, line.brief);
    readPairs(reading, text, bytesOf(text, line.raw), body);
    finish(reading);
    return true;
  }
  if (!text.startsWith('[FTNTFGT', line.structured[0])) return false;
  const reading = begin(line.fields);
  eachParam(line, (_id, key, value) => takeNamed(reading, key, value));
  finish(reading);
  return true;
}

/** Without `date=` (RFC 5424 mode, analyzers): pairs that only FortiOS has, among the first ones. */
function isPairs(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c !== 101 && c !== 108 && c !== 116 && c !== 100 && c !== 105 && c !== 118 && c !== 115) return false;
  const start = ['eventtime=', 'logver=', 'timestamp=', 'devname=', 'devid=', 'itime=', 'logid=', 'tz=', 'vd='];
  if (!start.some((key) => text.startsWith(key, at))) return false;
  const head = text.slice(at, at + 400);
  return head.includes('logid=') && head.includes('type=');
}

/** FortiOS' own names for those that its CEF gives away to the standard's ones. */
const CEF_NAMES: Readonly<Record<string, string>> = {
  src: 'srcip',
  spt: 'srcport',
  dst: 'dstip',
  dpt: 'dstport',
  act: 'action',
  suser: 'user',
  duser: 'user',
  in: 'rcvdbyte',
  out: 'sentbyte',
  externalId: 'sessionid',
  deviceInboundInterface: 'srcintf',
  deviceOutboundInterface: 'dstintf',
  sourceTranslatedAddress: 'transip',
  sourceTranslatedPort: 'transport',
  destinationTranslatedAddress: 'tranip',
  destinationTranslatedPort: 'tranport',
  dvchost: 'devname',
  dhost: 'hostname',
  shost: 'srcname',
  smac: 'srcmac',
  outcome: 'status',
};

/** CEF of FortiOS: the pairs of its extension; `name` is `type:subtype action status`. */
export function readFortigateCef(fields: Fields, name: string, extension: [key: string, value: string][]): void {
  const reading = begin(fields);
  const [kind = ''] = name.split(' ', 1);
  const colon = kind.indexOf(':');
  reading.type = colon < 0 ? kind : kind.slice(0, colon);
  reading.subtype = colon < 0 ? '' : kind.slice(colon + 1);
  for (const [key, value] of extension) {
    const own = key.startsWith('FTNTFGT')
      ? key.slice(7)
      : key.startsWith('FortinetFortiGate')
        ? key.slice(17)
        : undefined;
    const known = own ?? (Object.hasOwn(CEF_NAMES, key) ? CEF_NAMES[key]! : key);
    takeNamed(reading, known, value);
  }
  finish(reading);
}

const begin = (fields: Fields, brief = false): Reading => ({
  fields,
  brief,
  type: '',
  subtype: '',
  status: '',
  logdesc: '',
  hostname: '',
  date: '',
  time: '',
  zone: '',
  eventtime: '',
  sent: -1,
  received: -1,
  dhcp: '',
  config: false,
});

/** One pair's value: text[from, to), of which `bytes` are the bytes. Never empty. */
type Take = (reading: Reading, text: string, bytes: Uint8Array, from: number, to: number) => void;

const MAX_TEXT = 512;
const cut = (text: string, from: number, to: number): string =>
  text.slice(from, to - from > MAX_TEXT ? from + MAX_TEXT : to);

/** A dotted IPv4 address is cut out as it is; whatever else is looked at closely. */
function address(text: string, bytes: Uint8Array, from: number, to: number): string | undefined {
  let dots = 0;
  let value = 0;
  let digits = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c === 46 && digits > 0) {
      dots++;
      digits = value = 0;
    } else if (c >= 48 && c <= 57 && (digits === 0 || value > 0)) {
      value = value * 10 + c - 48;
      digits++;
      if (value > 255) return ipOf(cut(text, from, to));
    } else return ipOf(cut(text, from, to));
  }
  return dots === 3 && digits > 0 ? text.slice(from, to) : undefined;
}

function whole(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > 15) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c < 48 || c > 57) return -1;
    value = value * 10 + c - 48;
  }
  return value;
}

/** 1 to 65535, else 0. */
function port(bytes: Uint8Array, from: number, to: number): number {
  const value = whole(bytes, from, to);
  return value > 0 && value <= 65_535 ? value : 0;
}

/** The vendor's word that was read last, and what it means. */
let lastWord = '';
let lastAction: string | undefined;

const macTaker: Take = ({ fields }, text, _bytes, from, to) => put(fields, 'mac', macOf(cut(text, from, to)));

const TAKERS: Readonly<Record<string, Take>> = {
  date: (reading, text, _bytes, from, to) => {
    if (!reading.brief) reading.date = cut(text, from, to);
  },
  time: (reading, text, _bytes, from, to) => {
    if (!reading.brief) reading.time = cut(text, from, to);
  },
  tz: (reading, text, _bytes, from, to) => {
    if (!reading.brief) reading.zone = cut(text, from, to);
  },
  eventtime: (reading, text, _bytes, from, to) => {
    if (!reading.brief) reading.eventtime = cut(text, from, to);
  },
  type: (reading, text, _bytes, from, to) => {
    reading.type = cut(text, from, to);
  },
  subtype: (reading, text, _bytes, from, to) => {
    reading.subtype = cut(text, from, to);
  },
  status: (reading, text, _bytes, from, to) => {
    reading.status = cut(text, from, to);
  },
  logdesc: (reading, text, _bytes, from, to) => {
    reading.logdesc = cut(text, from, to);
  },
  hostname: (reading, text, _bytes, from, to) => {
    reading.hostname = cut(text, from, to);
  },
  dhcp_msg: (reading, text, _bytes, from, to) => {
    reading.dhcp = cut(text, from, to);
  },
  cfgpath: (reading) => {
    reading.config = true;
  },
  level: ({ fields }, text, _bytes, from, to) => {
    fields.severity ??= LEVELS[cut(text, from, to)] ?? 6;
  },
  devname: ({ fields }, text, _bytes, from, to) => {
    fields.host = cut(text, from, to);
  },
  srcip: ({ fields }, text, bytes, from, to) => {
    const ip = address(text, bytes, from, to);
    if (ip !== undefined) fields.srcip = ip;
  },
  dstip: ({ fields }, text, bytes, from, to) => {
    const ip = address(text, bytes, from, to);
    if (ip !== undefined) fields.dstip = ip;
  },
  srcport: ({ fields }, _text, bytes, from, to) => {
    const value = port(bytes, from, to);
    if (value > 0) fields.srcport = value;
  },
  dstport: ({ fields }, _text, bytes, from, to) => {
    const value = port(bytes, from, to);
    if (value > 0) fields.dstport = value;
  },
  transip: ({ fields }, text, bytes, from, to) => {
    const ip = address(text, bytes, from, to);
    if (ip !== undefined) fields.natip = ip;
  },
  transport: ({ fields }, _text, bytes, from, to) => {
    const value = port(bytes, from, to);
    if (value > 0) fields.natport = value;
  },
  tranip: ({ fields }, text, bytes, from, to) => put(fields, 'natdstip', address(text, bytes, from, to)),
  tranport: ({ fields }, _text, bytes, from, to) => put(fields, 'natdstport', port(bytes, from, to) || undefined),
  remip: ({ fields }, text, bytes, from, to) => put(fields, 'srcip', address(text, bytes, from, to)),
  ip: ({ fields }, text, bytes, from, to) => put(fields, 'ip', address(text, bytes, from, to)),
  tunnelip: ({ fields }, text, bytes, from, to) => put(fields, 'ip', unlessNone(address(text, bytes, from, to))),
  proto: ({ fields }, text, _bytes, from, to) => {
    const name = protocolOf(cut(text, from, to));
    if (name !== undefined) fields.proto = name;
  },
  action: ({ fields }, text, bytes, from, to) => {
    const end = bytes[to - 1] === 32 ? to - 1 : to;
    if (lastWord.length !== end - from || !text.startsWith(lastWord, from)) {
      lastWord = cut(text, from, end);
      lastAction = actionOf(lastWord);
    }
    if (lastAction !== undefined) fields.action = lastAction;
  },
  user: ({ fields }, text, _bytes, from, to) => {
    if (!isNone(text, from, to)) fields.user = cut(text, from, to);
  },
  srcintf: ({ fields }, text, _bytes, from, to) => {
    fields.in = cut(text, from, to);
  },
  dstintf: ({ fields }, text, _bytes, from, to) => {
    fields.out = cut(text, from, to);
  },
  sessionid: ({ fields }, text, _bytes, from, to) => {
    fields.session = cut(text, from, to);
  },
  policyid: ({ fields }, text, _bytes, from, to) => {
    fields.rule = cut(text, from, to);
  },
  srcname: ({ fields }, text, _bytes, from, to) => put(fields, 'hostname', cut(text, from, to)),
  msg: ({ fields }, text, _bytes, from, to) => put(fields, 'msg', cut(text, from, to)),
  ssid: ({ fields }, text, _bytes, from, to) => put(fields, 'ssid', cut(text, from, to)),
  mac: macTaker,
  srcmac: macTaker,
  stamac: macTaker,
  sentbyte: (reading, _text, bytes, from, to) => {
    reading.sent = whole(bytes, from, to);
  },
  rcvdbyte: (reading, _text, bytes, from, to) => {
    reading.received = whole(bytes, from, to);
  },
};

function takeNamed(reading: Reading, key: string, value: string): void {
  if (value !== '' && Object.hasOwn(TAKERS, key)) TAKERS[key]!(reading, value, bytesOf(value), 0, value.length);
}

/** Keys are found by the hash that reading over them makes. Who makes another key with the same one could write the key. */
const hashed = (hash: number, c: number): number => (Math.imul(hash, 31) + c) | 0;
const SLOTS = 512;
const hashes = new Int32Array(SLOTS);
const takers: (Take | undefined)[] = new Array(SLOTS).fill(undefined);
for (const [key, taker] of Object.entries(TAKERS)) {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = hashed(hash, key.charCodeAt(i));
  const slot = slotOf(hash);
  hashes[slot] = hash;
  takers[slot] = taker;
}

/** Where the hash is, or the free slot where it isn't. */
function slotOf(hash: number): number {
  let slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
  while (takers[slot] !== undefined && hashes[slot] !== hash) slot = (slot + 1) & (SLOTS - 1);
  return slot;
}

function readPairs(reading: Reading, text: string, bytes: Uint8Array, at: number): void {
  const { length } = text;
  let i = at;
  while (i < length) {
    let c = bytes[i]!;
    // Comma separated where a device is set to `csv`.
    if (c <= 32 || c === 44) {
      i++;
      continue;
    }
    let hash = 0;
    while (c !== 61 && c > 32) {
      hash = hashed(hash, c);
      if (++i >= length) return;
      c = bytes[i]!;
    }
    if (c !== 61) continue;
    i++;
    const quoted = bytes[i] === 34;
    const from = quoted ? i + 1 : i;
    if (quoted) {
      i = from;
      while (i < length && bytes[i] !== 34) i += bytes[i] === 92 ? 2 : 1;
    } else while (i < length && bytes[i]! > 32 && bytes[i] !== 44) i++;
    const to = Math.min(i, length);
    if (quoted) i++;
    const taker = takers[slotOf(hash)];
    if (taker !== undefined && to > from) taker(reading, text, bytes, from, to);
  }
}

/** FortiOS writes `N/A` where it has nobody. */
const isNone = (text: string, from: number, to: number): boolean => to - from === 3 && text.startsWith('N/A', from);

const unlessNone = (ip: string | undefined): string | undefined => (ip === '0.0.0.0' || ip === '::' ? undefined : ip);

/** dhcp_msg of FortiOS. Only `Ack` gives an address. */
const DHCP: Readonly<Record<string, string>> = { ack: 'assign', release: 'release', decline: 'decline', nak: 'nak' };

const EVENTS: Readonly<Record<string, Event>> = {
  traffic: 'traffic',
  webfilter: 'web',
  dns: 'dns',
  vpn: 'vpn',
  user: 'auth',
  wireless: 'wifi',
  virus: 'threat',
  ips: 'threat',
  anomaly: 'threat',
  utm: 'threat',
};

function finish(reading: Reading): void {
  const { fields, type, subtype } = reading;
  fields.vendor = 'Fortinet';
  fields.product = 'FortiGate';
  fields.event = type === 'traffic' ? 'traffic' : (EVENTS[subtype] ?? EVENTS[type] ?? 'system');
  if (type === 'traffic') {
    // The rest is of events only.
  } else if (reading.dhcp !== '') {
    fields.event = 'dhcp';
    const said = reading.dhcp.toLowerCase();
    put(fields, 'action', DHCP[said] ?? said);
    put(fields, 'hostname', reading.hostname);
    if (fields.action !== 'assign' && fields.action !== 'release') delete fields.ip;
  } else if (reading.config) fields.event = 'config';
  else if (fields.action === 'login' || fields.action === 'authentication') {
    fields.event = 'auth';
    put(fields, 'action', actionOf(reading.status || 'login'));
  } else if (fields.action === 'logout') fields.event = 'auth';
  else if (fields.action === undefined && reading.status !== '') put(fields, 'action', actionOf(reading.status));
  if (!reading.brief) {
    if (fields.msg === undefined) put(fields, 'msg', reading.logdesc);
    const time = dateTime(reading.date, reading.time, reading.zone, reading.eventtime);
    if (time !== undefined) fields.device_time = time;
  }
  putBytes(fields, reading.received < 0 ? undefined : reading.received, reading.sent < 0 ? undefined : reading.sent);
}
