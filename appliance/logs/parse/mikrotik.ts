import { type Fields, MAX_VALUE, protocolOf, put, putBytes, verdictIn } from './fields.ts';
import type { Line } from './syslog.ts';
import { after, between, until, word, wordAfter, wordsOf } from './text.ts';
import { ipOf, macOf, numberOf, putEnd } from './values.ts';

/** One of these ends the topics of a RouterOS message: `firewall,info`, `system,error,critical`. */
const LEVELS = new Set(['info', 'warning', 'error', 'critical', 'debug', 'account', 'raw', 'packet']);

/** RouterOS: topics, or a BSD header without them, and a text for people. */
export function readMikrotik(line: Line): boolean {
  const { text, fields } = line;
  const topics = topicsAt(text, line.body);
  const at = topics === '' ? line.body : line.body + topics.length + 1;
  const message = text.slice(at, at + 2 * MAX_VALUE);
  if (!readMessage(fields, message, topics) && topics === '') return false;
  fields.vendor = 'MikroTik';
  fields.product = 'RouterOS';
  fields.event ??= topics.includes('wireless') ? 'wifi' : 'system';
  if (fields.event !== 'traffic') put(fields, 'msg', message);
  else delete fields.app;
  if (topics !== '' && fields.severity === undefined) put(fields, 'severity', severity(topics));
  return true;
}

function severity(topics: string): number {
  if (topics.includes('critical')) return 2;
  if (topics.includes('error')) return 3;
  if (topics.includes('warning')) return 4;
  return topics.includes('debug') ? 7 : 6;
}

/** The first word where it's lower case words with commas, of which the last is a level; else empty. */
function topicsAt(text: string, at: number): string {
  let comma = false;
  for (let i = at; i < text.length && i < at + 64; i++) {
    const c = text.charCodeAt(i);
    if (c === 44) comma = true;
    else if (c === 32) {
      const topics = text.slice(at, i);
      return comma && topics.split(',').some((topic) => LEVELS.has(topic)) ? topics : '';
    } else if ((c < 97 || c > 122) && (c < 48 || c > 57) && c !== 45) return '';
  }
  return '';
}

function readMessage(fields: Fields, message: string, topics: string): boolean {
  return (
    readPacket(fields, message) ||
    readLease(fields, message) ||
    readLogin(fields, message) ||
    readStation(fields, message) ||
    readHotspot(fields, message, topics) ||
    readPpp(fields, message, topics) ||
    readChange(fields, message, topics)
  );
}

/** `prefix chain: in:ether1 out:(unknown 0), …, proto TCP (SYN), 192.0.2.1:5->192.0.2.2:6, NAT (…->…)->…, len 40` */
function readPacket(fields: Fields, message: string): boolean {
  const inward = message.indexOf('in:');
  const outward = message.indexOf(' out:', inward);
  const proto = message.indexOf('proto ', outward);
  if (inward < 0 || outward < 0 || proto < 0 || (inward > 0 && message.charCodeAt(inward - 1) !== 32)) return false;
  fields.event = 'traffic';
  put(fields, 'in', port(message.slice(inward + 3, outward)));
  put(fields, 'out', port(until(message, ',', outward + 5)));
  put(fields, 'mac', macOf(wordAfter(message, 'src-mac ', outward)));
  put(fields, 'proto', protocolOf(word(message, proto + 6)));
  const prefix = message.slice(0, inward).trim();
  put(fields, 'rule', prefix.endsWith(':') ? prefix.slice(0, -1) : prefix);
  put(fields, 'action', verdictIn(prefix));
  const arrow = message.indexOf('->', proto);
  if (arrow < 0) return true;
  const start = message.lastIndexOf(' ', arrow) + 1;
  putEnd(fields, 'src', message.slice(start, arrow));
  putEnd(fields, 'dst', word(message, arrow + 2));
  const nat = after(message, ', NAT ', arrow);
  if (nat >= 0) readNat(fields, word(message, nat));
  const length = numberOf(wordAfter(message, ', len ', arrow));
  if (length !== undefined) fields.bytes = length;
  return true;
}

const port = (name: string): string => (name.startsWith('(unknown') ? '' : name.trim());

/** `(src->natsrc)->dst` or `src->(dst->natdst)`. */
function readNat(fields: Fields, text: string): void {
  const open = text.indexOf('(');
  const close = text.indexOf(')', open);
  const arrow = text.indexOf('->', open);
  if (open < 0 || close < 0 || arrow < 0 || arrow > close) return;
  putEnd(fields, open === 0 ? 'nat' : 'natdst', text.slice(arrow + 2, close));
}

/** `dhcp1 assigned 192.0.2.1 to AA:… host` (RouterOS 6), `… for AA:… host` (7), `deassigned`. */
function readLease(fields: Fields, message: string): boolean {
  const [server = '', verb = '', ip = '', to = '', mac = '', hostname = ''] = wordsOf(message, 0, 6);
  if ((verb !== 'assigned' && verb !== 'deassigned') || ipOf(ip) === undefined) return false;
  if (to !== 'to' && to !== 'for' && to !== 'from') return false;
  fields.event = 'dhcp';
  fields.action = verb === 'assigned' ? 'assign' : 'release';
  put(fields, 'ip', ipOf(ip));
  put(fields, 'mac', macOf(mac));
  put(fields, 'hostname', hostname);
  put(fields, 'in', server);
  return true;
}

/** `login failure for user admin from 192.0.2.1 via ssh`, `user admin logged in from 192.0.2.1 via winbox` */
function readLogin(fields: Fields, message: string): boolean {
  const failed = message.startsWith('login failure for user ');
  const verb = failed ? -1 : message.indexOf(' logged ');
  if (!failed && !(message.startsWith('user ') && verb > 0 && / logged (?:in|out) (?:from|via) /.test(message)))
    return false;
  fields.event = 'auth';
  fields.action = failed ? 'fail' : message.startsWith(' logged in', verb) ? 'success' : 'logout';
  const from = failed ? message.lastIndexOf(' from ') : verb;
  put(
    fields,
    'user',
    failed ? message.slice(23, from < 0 ? message.lastIndexOf(' via ') : from) : message.slice(5, verb),
  );
  put(fields, 'srcip', ipOf(wordAfter(message, ' from ', Math.max(from, 0))));
  return true;
}

/** `AA:…@wlan1: connected, signal strength -50`, without the colon since RouterOS 7. */
function readStation(fields: Fields, message: string): boolean {
  const mac = message.charCodeAt(17) === 64 ? macOf(message.slice(0, 17)) : undefined;
  if (mac === undefined) return false;
  const name = word(message, 18);
  fields.event = 'wifi';
  fields.mac = mac;
  put(fields, 'in', name);
  if (message.includes(' disconnected', 18)) fields.action = 'leave';
  else if (message.includes(' connected', 18)) fields.action = 'join';
  return true;
}

/** `->: user (192.0.2.1): logged in`; a user by MAC is `T-AA:…` */
function readHotspot(fields: Fields, message: string, topics: string): boolean {
  const close = message.indexOf('): ');
  const open = message.lastIndexOf(' (', close);
  if (!topics.includes('hotspot') || open < 0 || close < open) return false;
  fields.event = 'auth';
  const start = message.startsWith('->: ') ? 4 : 0;
  const user = message.slice(start, open).trim();
  put(fields, 'user', user);
  put(fields, 'mac', macOf(user.startsWith('T-') ? user.slice(2) : user));
  put(fields, 'srcip', ipOf(message.slice(open + 2, close)));
  const said = message.slice(close + 3);
  if (said.startsWith('logged in')) fields.action = 'success';
  else if (said.startsWith('login failed')) fields.action = 'fail';
  else if (said.startsWith('logged out')) fields.action = 'logout';
  return true;
}

/** `user logged in, 192.0.2.1 from 198.51.100.1`, `user logged out, 150 3423 3434 45 67 from …`, `<pppoe-user>: connected` */
function readPpp(fields: Fields, message: string, topics: string): boolean {
  if (!topics.includes('ppp') && !topics.includes('account')) return false;
  const verb = message.indexOf(' logged ');
  if (verb > 0) {
    fields.event = 'vpn';
    put(fields, 'user', message.slice(0, verb).trim());
    put(fields, 'srcip', ipOf(wordAfter(message, ' from ', verb)));
    const words = wordsOf(message, after(message, ',', verb), 4);
    fields.action = message.startsWith(' logged in', verb) ? 'success' : 'logout';
    if (fields.action === 'success') put(fields, 'ip', ipOf(words[0] ?? ''));
    // Seconds, then octets from and to the user.
    else putBytes(fields, numberOf(words[2] ?? ''), numberOf(words[1] ?? ''));
    return true;
  }
  if (message.charCodeAt(0) !== 60) return false;
  fields.event = 'vpn';
  put(fields, 'in', between(message, '<', '>'));
  if (message.includes('>: connected')) fields.action = 'up';
  else if (message.includes('>: disconnected') || message.includes('>: terminating')) fields.action = 'down';
  return true;
}

/** `filter rule added by admin` */
function readChange(fields: Fields, message: string, topics: string): boolean {
  if (!topics.startsWith('system')) return false;
  for (const [verb, action] of [
    [' added by ', 'add'],
    [' changed by ', 'change'],
    [' removed by ', 'delete'],
  ] as const) {
    const user = wordAfter(message, verb);
    if (user === '') continue;
    fields.event = 'config';
    fields.action = action;
    put(fields, 'user', user);
    return true;
  }
  return false;
}
