import { actionOf, type Event, type Fields, protocolOf, put, putBytes, withoutSame } from './fields.ts';
import type { Line } from './syslog.ts';
import { commas, wordAfter } from './text.ts';
import { isoTime } from './time.ts';
import { ipOf, numberOf, portOf } from './values.ts';

/** Columns that are of use; there are more behind them. */
const MAX_COLUMNS = 40;

const TYPES: Readonly<Record<string, Event>> = {
  TRAFFIC: 'traffic',
  THREAT: 'threat',
  SYSTEM: 'system',
  GLOBALPROTECT: 'vpn',
  USERID: 'auth',
  CONFIG: 'config',
  HIPMATCH: 'vpn',
  AUTHENTICATION: 'auth',
};

/** PAN-OS' "Syslog Field Descriptions": `1,2026/11/22 10:00:00,serial,TYPE,subtype,…`. */
export function readPaloalto(line: Line): boolean {
  const { text, body, fields } = line;
  const head = text.slice(body, body + 80).split(',', 4);
  const type = head[3] ?? '';
  if (!Object.hasOwn(TYPES, type) || !isoTime(head[1] ?? '', 0)) return false;
  const values = commas(text, body, MAX_COLUMNS);
  const get = (place: number): string => values[place] ?? '';
  delete fields.app;
  fields.vendor = 'Palo Alto Networks';
  fields.product = 'PAN-OS';
  fields.event = TYPES[type]!;
  // The header's is better where it says its zone.
  const own = isoTime(get(type === 'CONFIG' ? 1 : 6), 0) ?? isoTime(get(1), 0);
  if (
    own &&
    !(fields.device_time && fields.device_time.length > 19 && /[Z+]|-\d\d:\d\d$/.test(fields.device_time.slice(19)))
  )
    fields.device_time = own.time;
  if (type === 'TRAFFIC' || type === 'THREAT') readSession(fields, type, values);
  else if (type === 'SYSTEM') readSystem(fields, get);
  else if (type === 'GLOBALPROTECT') readGlobalProtect(fields, get);
  else if (type === 'USERID') {
    put(fields, 'srcip', ipOf(get(8)));
    put(fields, 'user', get(9));
    fields.action = get(4) === 'logout' ? 'logout' : 'success';
  } else if (type === 'CONFIG') {
    put(fields, 'srcip', ipOf(get(7)));
    put(fields, 'user', get(10));
    put(fields, 'action', actionOf(get(9)));
    put(fields, 'msg', get(13));
  }
  return true;
}

function readSession(fields: Fields, type: string, values: string[]): void {
  const get = (place: number): string => values[place] ?? '';
  put(fields, 'srcip', ipOf(get(7)));
  put(fields, 'dstip', ipOf(get(8)));
  put(fields, 'srcport', portOf(get(24)));
  put(fields, 'dstport', portOf(get(25)));
  put(fields, 'natip', translated(get(9)));
  put(fields, 'natdstip', translated(get(10)));
  if (fields.natip !== undefined) put(fields, 'natport', portOf(get(26)) || undefined);
  if (fields.natdstip !== undefined) put(fields, 'natdstport', portOf(get(27)) || undefined);
  withoutSame(fields);
  put(fields, 'rule', get(11));
  put(fields, 'user', get(12));
  put(fields, 'in', get(18) || get(16));
  put(fields, 'out', get(19) || get(17));
  put(fields, 'session', get(22));
  put(fields, 'proto', protocolOf(get(29)));
  put(fields, 'action', actionOf(get(30)));
  if (type === 'TRAFFIC') {
    putBytes(fields, numberOf(get(33)), numberOf(get(32)));
    const subtype = get(4);
    if (fields.action === 'allow' && (subtype === 'start' || subtype === 'end'))
      fields.action = subtype === 'start' ? 'start' : 'close';
    return;
  }
  if (get(4) === 'url') fields.event = 'web';
  put(fields, 'msg', get(4) === 'url' ? get(31) : get(32));
}

const translated = (text: string): string | undefined => {
  const ip = ipOf(text);
  return ip === '0.0.0.0' || ip === '::' ? undefined : ip;
};

function readSystem(fields: Fields, get: (place: number) => string): void {
  const name = get(8);
  put(fields, 'msg', get(14));
  const message = fields.msg ?? '';
  if (get(4) === 'auth' || name.includes('auth') || message.includes('logged in') || message.includes('logged out'))
    fields.event = 'auth';
  else if (get(4) === 'vpn' || get(4) === 'globalprotect') fields.event = 'vpn';
  else if (get(4) === 'dhcp') fields.event = 'dhcp';
  if (name.includes('fail') || message.includes('failed')) fields.action = 'fail';
  else if (name.includes('succ') || message.includes('succeeded') || message.includes('logged in'))
    fields.action = 'success';
  else if (message.includes('logged out')) fields.action = 'logout';
  const user = wordAfter(message, 'User name: ') || wordAfter(message, "user '") || wordAfter(message, 'User ');
  if (fields.event !== 'system') put(fields, 'user', user.replaceAll("'", ''));
  put(
    fields,
    'srcip',
    ipOf(wordAfter(message, 'Login from: ') || wordAfter(message, ' from ') || wordAfter(message, 'From: ')),
  );
}

function readGlobalProtect(fields: Fields, get: (place: number) => string): void {
  put(fields, 'user', get(12));
  put(fields, 'hostname', get(14));
  put(fields, 'srcip', translated(get(15)) ?? translated(get(16)));
  put(fields, 'ip', translated(get(17)) ?? translated(get(18)));
  put(fields, 'msg', get(8));
  const failed = get(28) === 'failure' || get(28) === 'failed';
  const stage = get(9);
  if (failed) fields.action = 'fail';
  else if (get(8).includes('logout') || stage === 'logout') fields.action = 'down';
  else if (get(8).includes('connected') || stage === 'connected') fields.action = 'up';
  else put(fields, 'action', actionOf(get(28)));
}
