import { actionOf, type Event, type Fields, protocolOf, put, putBytes } from './fields.ts';
import type { Line } from './syslog.ts';
import { isoTime } from './time.ts';
import { ipOf, macOf, portOf } from './values.ts';

/** The most members that are looked at, and how deep. */
const MAX_MEMBERS = 512;
const MAX_DEPTH = 3;

/** Names are compared in lower case without `_`, `-`, `.` and `@`, those of nested objects joined: `source.ip`. */
const NAMES: ReadonlyMap<string, keyof Fields> = new Map<string, keyof Fields>([
  ...names('device_time', 'timestamp time devicetime ts eventtime datetime date'),
  ...names('host', 'host hostname0 devicename devname syslogsource observername hostname'),
  ...names('app', 'app program process programname appname application syslogidentifier processname'),
  ...names('msg', 'msg message log description eventdescription alertsignature rulename0'),
  ...names(
    'srcip',
    'srcip src source sourceip srcaddr sourceaddress clientip client remoteip remoteaddr sip saddr idorigh ipsrc',
  ),
  ...names(
    'dstip',
    'dstip dst destination destip destinationip dstaddr destinationaddress serverip dip daddr idresph ipdst',
  ),
  ...names('srcport', 'srcport sport spt sourceport clientport idorigp'),
  ...names('dstport', 'dstport dport dpt destport destinationport serverport idrespp'),
  ...names('natip', 'natip natsrcip srcnatip sourcenatip translatedsourceip'),
  ...names('natport', 'natport natsrcport srcnatport sourcenatport'),
  ...names('natdstip', 'natdstip dstnatip destinationnatip'),
  ...names('natdstport', 'natdstport dstnatport destinationnatport'),
  ...names('proto', 'proto protocol networktransport transport'),
  ...names('user', 'user username userid0 usr srcuser sourceuser sourceusername suser account accountname login'),
  ...names('mac', 'mac srcmac macaddress clientmac sourcemac stamac'),
  ...names('ip', 'assignedip leasedip framedip framedipaddress yiaddr'),
  ...names('hostname', 'clienthostname clientname'),
  ...names('ssid', 'ssid wlan essid wlanssid'),
  ...names('action', 'action act eventaction verdict disposition alertaction outcome eventoutcome result'),
  ...names('bytes', 'bytes totalbytes networkbytes'),
  ...names('bytes_in', 'bytesin rcvdbyte bytesreceived receivedbytes flowbytestoclient destinationbytes'),
  ...names('bytes_out', 'bytesout sentbyte bytessent sentbytes flowbytestoserver sourcebytes'),
  ...names('rule', 'rule ruleid rulename policy policyid policyname acl'),
  ...names('in', 'in ininterface srcintf inif iniface'),
  ...names('out', 'out outinterface dstintf outif outiface'),
  ...names('session', 'session sessionid flowid connectionid communityid'),
  ...names('event', 'eventtype eventcategory category type event eventdataset'),
]);

function names(key: keyof Fields, others: string): [string, keyof Fields][] {
  return others.split(' ').map((name) => [name, key]);
}

const EVENTS: ReadonlySet<string> = new Set<Event>([
  'traffic',
  'nat',
  'dhcp',
  'auth',
  'vpn',
  'wifi',
  'threat',
  'web',
  'dns',
  'config',
  'system',
]);
/** What others call those. */
const KINDS: Readonly<Record<string, Event>> = {
  flow: 'traffic',
  network: 'traffic',
  firewall: 'traffic',
  connection: 'traffic',
  alert: 'threat',
  intrusion_detection: 'threat',
  malware: 'threat',
  authentication: 'auth',
  login: 'auth',
  http: 'web',
  configuration: 'config',
  wireless: 'wifi',
};

/** A JSON object, also behind the cookie of CEE (`@cee:`); flat or nested, with the names that are common. */
export function readJson(line: Line): boolean {
  const { text } = line;
  let { at } = line;
  if (line.app === '@cee') delete line.fields.app;
  else if (text.startsWith('@cee:', at)) {
    at += 5;
    while (text.charCodeAt(at) === 32) at++;
  }
  if (text.charCodeAt(at) !== 123 || text.charCodeAt(text.length - 1) !== 125) return false;
  let value: unknown;
  try {
    value = JSON.parse(text.slice(at));
  } catch {
    return false;
  }
  readObject(line.fields, value);
  line.fields.event ??= line.fields.dstip === undefined ? 'system' : 'traffic';
  return true;
}

/** Takes what is known of an object into `fields`. */
export function readObject(fields: Fields, value: unknown): void {
  let left = MAX_MEMBERS;
  const walk = (object: object, prefix: string, depth: number): void => {
    for (const [key, member] of Object.entries(object)) {
      if (left-- <= 0) return;
      const name = key.length > 64 ? key : key.toLowerCase().replace(/[_.@-]/g, '');
      if (typeof member === 'object' && member !== null && !Array.isArray(member)) {
        if (depth < MAX_DEPTH) walk(member, prefix + name, depth + 1);
        continue;
      }
      const known = NAMES.get(prefix + name) ?? (depth > 1 ? undefined : NAMES.get(name));
      if (known !== undefined && (typeof member === 'string' || typeof member === 'number'))
        take(fields, known, member);
    }
  };
  if (typeof value === 'object' && value !== null) walk(value, '', 0);
}

function take(fields: Fields, key: keyof Fields, value: string | number): void {
  const text = String(value);
  switch (key) {
    case 'srcip':
    case 'dstip':
    case 'natip':
    case 'natdstip':
    case 'ip':
      put(fields, key, ipOf(text));
      break;
    case 'srcport':
    case 'dstport':
    case 'natport':
    case 'natdstport':
      put(fields, key, portOf(text));
      break;
    case 'mac':
      put(fields, 'mac', macOf(text));
      break;
    case 'proto':
      put(fields, 'proto', protocolOf(text));
      break;
    case 'action':
      put(fields, 'action', actionOf(text));
      break;
    case 'event': {
      const lower = text.slice(0, 64).toLowerCase();
      put(
        fields,
        'event',
        EVENTS.has(lower) ? (lower as Event) : Object.hasOwn(KINDS, lower) ? KINDS[lower] : undefined,
      );
      break;
    }
    case 'bytes':
      put(fields, 'bytes', count(value));
      break;
    case 'bytes_in':
      putBytes(fields, count(value), fields.bytes_out);
      break;
    case 'bytes_out':
      putBytes(fields, fields.bytes_in, count(value));
      break;
    case 'device_time':
      put(fields, 'device_time', timeOf(value));
      break;
    case 'severity':
    case 'facility':
      break;
    default:
      put(fields, key, text);
  }
}

function count(value: string | number): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** RFC 3339, or seconds or milliseconds since 1970. */
function timeOf(value: string | number): string | undefined {
  if (typeof value === 'string') return isoTime(value, 0)?.time;
  if (!(value > 1e9 && value < 4e12)) return undefined;
  return new Date(value < 1e11 ? Math.round(value * 1000) : value).toISOString();
}
