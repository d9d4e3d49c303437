import { actionOf, type Event, type Fields, put, putBytes } from './fields.ts';
import { type Line, messageOf } from './syslog.ts';
import { after, between, until, word, wordAfter } from './text.ts';
import { ipOf, macOf, numberOf } from './values.ts';

const LEVELS: Readonly<Record<string, number>> = {
  EMRG: 0,
  ALRT: 1,
  CRIT: 2,
  ERRS: 3,
  WARN: 4,
  NOTI: 5,
  INFO: 6,
  DBUG: 7,
};

/** ArubaOS' message ids that say who is there: "ArubaOS Syslog Messages Reference Guide". */
const ARUBA: Readonly<Record<string, [event: Event, action: string]>> = {
  '501093': ['wifi', 'start'],
  '501095': ['wifi', 'start'],
  '501100': ['wifi', 'join'],
  '501102': ['wifi', 'leave'],
  '501104': ['wifi', 'join'],
  '501105': ['wifi', 'leave'],
  '501106': ['wifi', 'leave'],
  '501107': ['wifi', 'leave'],
  '501108': ['wifi', 'leave'],
  '501114': ['wifi', 'leave'],
  '522008': ['auth', 'success'],
  '522275': ['auth', 'fail'],
  '522010': ['auth', 'logout'],
  '522005': ['auth', 'logout'],
};

/** Aruba's controllers, gateways and Instant: `<522008> <4211> <NOTI> |authmgr| …`. */
export function readAruba(line: Line): boolean {
  const { text, at, fields } = line;
  if (text.charCodeAt(at) !== 60 || text.charCodeAt(at + 7) !== 62) return false;
  const id = text.slice(at + 1, at + 7);
  const levelAt = text.slice(at, at + 64).search(/<[A-Z]{4}>/);
  if (numberOf(id) === undefined || levelAt < 0) return false;
  const level = text.slice(at + levelAt + 1, at + levelAt + 5);
  if (!Object.hasOwn(LEVELS, level)) return false;
  fields.vendor = 'Aruba';
  fields.product = 'ArubaOS';
  fields.severity ??= LEVELS[level]!;
  const message = messageOf(line);
  put(fields, 'msg', message);
  const known = Object.hasOwn(ARUBA, id) ? ARUBA[id] : undefined;
  fields.event = known?.[0] ?? (id.startsWith('522') ? 'auth' : 'system');
  put(fields, 'action', known?.[1]);
  put(fields, 'user', wordAfter(message, 'username='));
  put(fields, 'mac', macOf(wordAfter(message, ' MAC=') || wordAfter(message, 'usermac=')));
  put(fields, 'srcip', ipOf(wordAfter(message, ' IP=') || wordAfter(message, 'userip=')));
  put(fields, 'ssid', wordAfter(message, ' SSID='));
  if (fields.event === 'wifi') readStation(fields, message, levelAt);
  return true;
}

/** `Assoc success @ 14:49:11.809533: aa:bb:…: AP 192.0.2.1-18:64:…-name`, `Deauth to sta: aa:bb:…: Ageout AP …` */
function readStation(fields: Fields, message: string, from: number): void {
  let at = message.indexOf(': ', from);
  for (let tries = 0; at >= 0 && tries < 3 && fields.mac === undefined; tries++) {
    put(fields, 'mac', macOf(message.slice(at + 2, at + 19)));
    at = message.indexOf(': ', at + 2);
  }
}

const VERBS: readonly [mark: string, action: string][] = [
  ['fails to join', 'fail'],
  ['fails authentication', 'fail'],
  ['joins', 'join'],
  ['roams', 'join'],
  ['leave', 'leave'],
  ['disconnects', 'leave'],
];

/** Ruckus: ZoneDirector's and Unleashed's sentences, SmartZone's `@@202,clientJoin,"clientMac"="…",…`. */
export function readRuckus(line: Line): boolean {
  return readSmartzone(line) || readZonedirector(line);
}

function named(fields: Fields, product: string): void {
  fields.vendor = 'Ruckus';
  fields.product = product;
}

/** `User[frank@e4:98:…] joins WLAN[guests] from AP[lobby@84:18:…]` */
function readZonedirector(line: Line): boolean {
  const { text, at, fields } = line;
  const head = text.slice(at, at + 64);
  const found = head.indexOf('User[');
  if (found < 0) return false;
  const message = text.slice(at + found, at + found + 512);
  const close = message.indexOf(']');
  const known = VERBS.find(([mark]) => message.startsWith(mark, close + 2));
  if (close < 0 || (!known && !message.includes('WLAN['))) return false;
  named(fields, 'ZoneDirector');
  fields.event = 'wifi';
  put(fields, 'action', known?.[1]);
  const who = message.slice(5, close);
  const cut = who.lastIndexOf('@');
  put(fields, 'mac', macOf(who.slice(cut + 1)));
  if (cut > 0) put(fields, 'user', who.slice(0, cut));
  put(fields, 'ssid', between(message, 'WLAN[', ']'));
  put(fields, 'in', between(message, 'AP[', ']'));
  put(fields, 'msg', messageOf(line));
  // As the access point counts: it received what the station sent.
  putBytes(fields, numberOf(between(message, 'TX Bytes[', ']')), numberOf(between(message, 'RX Bytes[', ']')));
  return true;
}

const SMARTZONE: Readonly<Record<string, [event: Event, action: string]>> = {
  clientJoin: ['wifi', 'join'],
  clientRoaming: ['wifi', 'join'],
  clientDisconnect: ['wifi', 'leave'],
  clientInactivityTimeout: ['wifi', 'leave'],
  clientJoinFailure: ['wifi', 'fail'],
  clientAuthFailure: ['auth', 'fail'],
  clientAuthorization: ['auth', 'success'],
  clientAuthorizationFailure: ['auth', 'fail'],
  clientSessionExpiration: ['auth', 'logout'],
};

function readSmartzone(line: Line): boolean {
  const { text, at, fields } = line;
  if (!text.startsWith('@@', at)) return false;
  const name = until(text, ',', after(text, ',', at));
  if (numberOf(until(text, ',', at + 2)) === undefined || name === '') return false;
  named(fields, 'SmartZone');
  const known = Object.hasOwn(SMARTZONE, name) ? SMARTZONE[name] : undefined;
  fields.event = known?.[0] ?? 'system';
  put(fields, 'action', known?.[1] ?? actionOf(name));
  put(fields, 'msg', name);
  const get = (key: string): string => between(text, `"${key}"="`, '"', at);
  put(fields, 'mac', macOf(get('clientMac')));
  put(fields, 'srcip', ipOf(word(get('clientIP'), 0)));
  put(fields, 'ssid', get('ssid'));
  put(fields, 'user', get('userName') || get('userId'));
  put(fields, 'hostname', get('hostname'));
  put(fields, 'in', get('apName'));
  return true;
}
