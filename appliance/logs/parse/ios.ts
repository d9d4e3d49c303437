import { type Fields, MAX_VALUE, protocolOf, put, putBytes } from './fields.ts';
import type { Line } from './syslog.ts';
import { after, between, until, word, wordAfter, wordsOf } from './text.ts';
import { ipOf, macOf, numberOf, portOf, putEnd } from './values.ts';

/** Cisco IOS, IOS XE and NX-OS: `%FACILITY-severity-MNEMONIC: text`. */
export function readIos(line: Line): boolean {
  const { text, body, fields } = line;
  const from = text.charCodeAt(body) === 37 ? body : text.slice(body, body + 96).indexOf('%') + body;
  if (text.charCodeAt(from) !== 37) return false;
  const colon = text.indexOf(':', from);
  if (colon < 0 || colon - from > 80) return false;
  const head = text.slice(from + 1, colon);
  const dash = head.lastIndexOf('-');
  const level = numberOf(head.slice(dash - 1, dash));
  if (dash < 3 || level === undefined || level > 7 || head.charCodeAt(dash - 2) !== 45 || head.includes(' '))
    return false;
  const facility = head.slice(0, dash - 2);
  const mnemonic = head.slice(dash + 1);
  if (facility === 'ASA' || facility === 'PIX' || facility === 'FTD') return false;
  const message = text.slice(colon + 1, colon + 1 + 2 * MAX_VALUE).trim();
  fields.vendor = 'Cisco';
  fields.product = 'IOS';
  fields.app = facility;
  fields.severity ??= level;
  readMessage(fields, facility, mnemonic, message);
  fields.event ??= 'system';
  if (fields.event !== 'traffic') put(fields, 'msg', message);
  return true;
}

function readMessage(fields: Fields, facility: string, mnemonic: string, message: string): void {
  if (mnemonic.startsWith('IPACCESSLOG') || mnemonic.startsWith('ACCESSLOG')) readAccessList(fields, message);
  else if (facility === 'IPNAT') readNat(fields, message);
  else if (mnemonic.startsWith('SESS_AUDIT_TRAIL')) readAudit(fields, message);
  else if (mnemonic.startsWith('LOGIN_')) readLogin(fields, mnemonic, message);
  else if (mnemonic === 'CONFIG_I') {
    fields.event = 'config';
    fields.action = 'change';
    put(fields, 'user', wordAfter(message, ' by '));
    put(fields, 'srcip', ipOf(between(message, '(', ')')));
  } else if (mnemonic === 'CFGLOG_LOGGEDCMD') {
    fields.event = 'config';
    fields.action = 'change';
    put(fields, 'user', wordAfter(message, 'User:'));
  } else if (mnemonic === 'LOGOUT') {
    fields.event = 'auth';
    fields.action = 'logout';
    put(fields, 'user', wordAfter(message, 'User '));
    put(fields, 'srcip', ipOf(between(message, '(', ')')));
  } else if (mnemonic.includes('USERAUTH')) {
    fields.event = 'auth';
    fields.action = message.includes('ucceeded') ? 'success' : 'fail';
    put(fields, 'user', between(message, "User '", "'"));
    put(fields, 'srcip', ipOf(wordAfter(message, ' from ')));
  } else if (facility.startsWith('DOT1X') || facility === 'AUTHMGR' || facility === 'MAB' || facility === 'SESSION_MGR')
    readPort(fields, mnemonic, message);
  else if (facility.startsWith('DOT11') || facility.startsWith('CLIENT_ORCH')) readStation(fields, mnemonic, message);
  else if (mnemonic === 'UPDOWN') {
    put(fields, 'in', wordAfter(message, 'nterface '));
    fields.action = message.endsWith(' up') ? 'up' : 'down';
  }
}

/** `list 101 denied tcp a(1) (Gi0/0 aabb.ccdd.eeff) -> b(2), 1 packet`; a standard list has the source only. */
function readAccessList(fields: Fields, message: string): void {
  fields.event = 'traffic';
  const words = wordsOf(message, 0, 16);
  const verdict = words.findIndex((part) => part === 'denied' || part === 'permitted');
  if (verdict < 0) return;
  fields.action = words[verdict] === 'denied' ? 'deny' : 'allow';
  put(fields, 'rule', words[verdict - 1]);
  const plain = ipOf(words[verdict + 1] ?? '');
  if (plain !== undefined) {
    fields.srcip = plain;
    return;
  }
  put(fields, 'proto', words[verdict + 1] === '0' ? undefined : protocolOf(words[verdict + 1] ?? ''));
  readSide(fields, 'src', words[verdict + 2] ?? '');
  const arrow = words.indexOf('->', verdict);
  if (arrow < 0) return;
  readSide(fields, 'dst', words[arrow + 1] ?? '');
  const details = words.slice(verdict + 3, arrow);
  if (details[0]?.startsWith('(')) put(fields, 'in', details[0].replace(/[()]/g, ''));
  put(fields, 'mac', macOf((details[1] ?? '').replace(/\)$/, '')));
}

/** `192.0.2.1(1234),`, `2001:db8::1(80)` */
function readSide(fields: Fields, end: 'src' | 'dst', text: string): void {
  const open = text.indexOf('(');
  put(fields, `${end}ip`, ipOf(open < 0 ? word(text, 0) : text.slice(0, open)));
  if (open > 0) put(fields, `${end}port`, portOf(until(text, ')', open + 1)));
}

/** `Created tcp inside-local:1 inside-global:2 outside-local:3 outside-global:4` of `ip nat log translations syslog`. */
function readNat(fields: Fields, message: string): void {
  fields.event = 'nat';
  const words = wordsOf(message, 0, 8);
  if (words[0] === 'Created') fields.action = 'start';
  else if (words[0] === 'Deleted') fields.action = 'close';
  const first = words[0] === 'Created' || words[0] === 'Deleted' ? 1 : 0;
  put(fields, 'proto', protocolOf(words[first] ?? ''));
  putEnd(fields, 'src', words[first + 1] ?? '');
  putEnd(fields, 'nat', words[first + 2] ?? '');
  putEnd(fields, 'dst', words[first + 3] ?? '');
}

/** `Stop tcp session: initiator (a:1) sent 22 bytes -- responder (b:25) sent 208 bytes` */
function readAudit(fields: Fields, message: string): void {
  fields.event = 'traffic';
  fields.action = message.includes('Start ') ? 'start' : 'close';
  const initiator = after(message, 'initiator (');
  const responder = after(message, 'responder (');
  put(fields, 'proto', protocolOf(wordAfter(message, fields.action === 'start' ? 'Start ' : 'Stop ')));
  putEnd(fields, 'src', until(message, ')', initiator));
  putEnd(fields, 'dst', until(message, ')', responder));
  if (initiator < 0 || responder < 0) return;
  putBytes(
    fields,
    numberOf(wordAfter(message, ' sent ', responder)),
    numberOf(wordAfter(message, ' sent ', initiator)),
  );
}

/** `Login Success [user: admin] [Source: 192.0.2.1] [localport: 22] at …` */
function readLogin(fields: Fields, mnemonic: string, message: string): void {
  fields.event = 'auth';
  fields.action = mnemonic.includes('SUCCESS') ? 'success' : 'fail';
  put(fields, 'user', between(message, '[user: ', ']'));
  put(fields, 'srcip', ipOf(between(message, '[Source: ', ']')));
}

/** `Authentication failed for client (0050.5699.1111) on Interface Gi1/0/1` */
function readPort(fields: Fields, mnemonic: string, message: string): void {
  fields.event = 'auth';
  put(fields, 'mac', macOf(between(message, '(', ')')));
  put(fields, 'in', wordAfter(message, 'nterface '));
  if (mnemonic.includes('FAIL')) fields.action = 'fail';
  else if (mnemonic.includes('SUCCESS')) fields.action = 'success';
  else if (mnemonic === 'START') fields.action = 'start';
}

/** `Interface Dot11Radio0, Station aabb.ccdd.eeff Associated KEY_MGMT[NONE]` */
function readStation(fields: Fields, mnemonic: string, message: string): void {
  fields.event = 'wifi';
  put(fields, 'in', wordAfter(message, 'nterface '));
  put(fields, 'mac', macOf(wordAfter(message, 'tation ')));
  put(fields, 'ssid', between(message, 'SSID[', ']'));
  if (mnemonic.includes('DISASSOC') || mnemonic.includes('DEAUTH')) fields.action = 'leave';
  else if (mnemonic.includes('ASSOC')) fields.action = 'join';
}
