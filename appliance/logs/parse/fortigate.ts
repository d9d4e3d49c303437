import { actionOf, type Event, type Fields, protocolOf, put, putBytes } from './fields.ts';
import { eachParam, type Line } from './syslog.ts';
import { quoteEnd } from './text.ts';
import { dateTime } from './time.ts';
import { ipOf, isIpv4, macOf } from './values.ts';

/** What is read before it can be told what it means. Texts are empty, numbers -1 when they weren't there. */
interface Reading {
  fields: Fields;
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
    const reading = begin(line.fields);
    readPairs(reading, text, body);
    finish(reading);
    return true;
  }
  if (!text.startsWith('[FTNTFGT', line.structured[0])) return false;
  const reading = begin(line.fields);
  eachParam(line, (_id, key, value) =>
    take(reading, key + value, 0, key.length, key.length, key.length + value.length),
  );
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
    if (value !== '') take(reading, known + value, 0, known.length, known.length, known.length + value.length);
  }
  finish(reading);
}

const begin = (fields: Fields): Reading => ({
  fields,
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

function readPairs(reading: Reading, text: string, at: number): void {
  const { length } = text;
  let i = at;
  while (i < length) {
    let c = text.charCodeAt(i);
    // Comma separated where a device is set to `csv`.
    if (c <= 32 || c === 44) {
      i++;
      continue;
    }
    const key = i;
    while (c !== 61 && c > 32 && ++i < length) c = text.charCodeAt(i);
    if (i >= length || c !== 61) continue;
    const width = i++ - key;
    let from = i;
    let to: number;
    if (text.charCodeAt(i) === 34) {
      from = i + 1;
      to = quoteEnd(text, from);
      i = to + 1;
    } else {
      while (i < length && text.charCodeAt(i) > 32 && text.charCodeAt(i) !== 44) i++;
      to = i;
    }
    if (to > from) take(reading, text, key, width, from, to);
  }
}

const MAX_TEXT = 512;
const cut = (text: string, from: number, to: number): string => text.slice(from, Math.min(to, from + MAX_TEXT));

function address(text: string, from: number, to: number): string | undefined {
  return isIpv4(text, from, to) ? text.slice(from, to) : ipOf(text.slice(from, Math.min(to, from + MAX_TEXT)));
}

function whole(text: string, from: number, to: number): number {
  if (to - from > 15) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return -1;
    value = value * 10 + c - 48;
  }
  return value;
}

function port(text: string, from: number, to: number): number | undefined {
  const value = whole(text, from, to);
  return value > 0 && value <= 65_535 ? value : undefined;
}

/** One pair: the key is text[key, key + width), the value text[from, to) and not empty. */
function take(reading: Reading, text: string, key: number, width: number, from: number, to: number): void {
  const { fields } = reading;
  const is = (name: string): boolean => text.startsWith(name, key);
  const c = text.charCodeAt(key);
  switch (width) {
    case 2:
      if (is('tz')) reading.zone = cut(text, from, to);
      else if (is('ip')) put(fields, 'ip', address(text, from, to));
      break;
    case 3:
      if (is('msg')) put(fields, 'msg', cut(text, from, to));
      else if (is('mac')) put(fields, 'mac', macOf(cut(text, from, to)));
      break;
    case 4:
      if (is('date')) reading.date = cut(text, from, to);
      else if (is('time')) reading.time = cut(text, from, to);
      else if (is('type')) reading.type = cut(text, from, to);
      else if (is('user') && !isNone(text, from, to)) put(fields, 'user', cut(text, from, to));
      else if (is('ssid')) put(fields, 'ssid', cut(text, from, to));
      break;
    case 5:
      if (c === 115 && is('srcip')) put(fields, 'srcip', address(text, from, to));
      else if (c === 100 && is('dstip')) put(fields, 'dstip', address(text, from, to));
      else if (c === 114 && is('remip')) put(fields, 'srcip', address(text, from, to));
      else if (c === 112 && is('proto')) put(fields, 'proto', protocolOf(cut(text, from, to)));
      else if (c === 108 && is('level')) fields.severity ??= LEVELS[cut(text, from, to)] ?? 6;
      break;
    case 6:
      if (is('action')) put(fields, 'action', actionOf(cut(text, from, to)));
      else if (is('status')) reading.status = cut(text, from, to);
      else if (is('srcmac')) put(fields, 'mac', macOf(cut(text, from, to)));
      else if (is('stamac')) put(fields, 'mac', macOf(cut(text, from, to)));
      else if (is('tranip')) put(fields, 'natdstip', address(text, from, to));
      break;
    case 7:
      if (c === 100 && is('devname')) fields.host = cut(text, from, to);
      else if (c === 115 && is('subtype')) reading.subtype = cut(text, from, to);
      else if (c === 115 && is('srcport')) put(fields, 'srcport', port(text, from, to));
      else if (c === 100 && is('dstport')) put(fields, 'dstport', port(text, from, to));
      else if (c === 115 && is('srcintf')) fields.in = cut(text, from, to);
      else if (c === 100 && is('dstintf')) fields.out = cut(text, from, to);
      else if (c === 116 && is('transip')) put(fields, 'natip', address(text, from, to));
      else if (c === 108 && is('logdesc')) reading.logdesc = cut(text, from, to);
      else if (c === 99 && is('cfgpath')) reading.config = true;
      else if (c === 115 && is('srcname')) put(fields, 'hostname', cut(text, from, to));
      break;
    case 8:
      if (c === 115 && is('sentbyte')) reading.sent = whole(text, from, to);
      else if (c === 114 && is('rcvdbyte')) reading.received = whole(text, from, to);
      else if (c === 112 && is('policyid')) fields.rule = cut(text, from, to);
      else if (c === 116 && is('tunnelip')) put(fields, 'ip', unlessNone(address(text, from, to)));
      else if (c === 104 && is('hostname')) reading.hostname = cut(text, from, to);
      else if (c === 100 && is('dhcp_msg')) reading.dhcp = cut(text, from, to);
      else if (c === 116 && is('tranport')) put(fields, 'natdstport', port(text, from, to));
      break;
    case 9:
      if (is('eventtime')) reading.eventtime = cut(text, from, to);
      else if (is('sessionid')) fields.session = cut(text, from, to);
      else if (is('transport')) put(fields, 'natport', port(text, from, to));
      break;
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
  if (fields.msg === undefined) put(fields, 'msg', reading.logdesc);
  const time = dateTime(reading.date, reading.time, reading.zone, reading.eventtime);
  if (time !== undefined) fields.device_time = time;
  putBytes(fields, reading.received < 0 ? undefined : reading.received, reading.sent < 0 ? undefined : reading.sent);
}
