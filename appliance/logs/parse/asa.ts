import { type Fields, MAX_VALUE, protocolOf, put, putBytes } from './fields.ts';
import type { Line } from './syslog.ts';
import { after, between, until, word, wordAfter, wordsOf } from './text.ts';
import { bsdTime } from './time.ts';
import { endpointOf, ipOf, macOf, numberOf } from './values.ts';

const PREFIXES = ['%ASA-', 'ASA-', '%PIX-', '%FTD-', '%FWSM-'];

/** How messages begin that come without their id, as some collectors cut it off. */
const STARTS = [
  'Deny ',
  'Built ',
  'Teardown ',
  'access-list ',
  '(Primary) ',
  '(Secondary) ',
  'No matching connection for ICMP',
];

/** Cisco ASA, PIX, FWSM and FTD: "Cisco Secure Firewall ASA Series Syslog Messages". */
export function readAsa(line: Line): boolean {
  const { text, body, fields } = line;
  const head = identify(text, body);
  if (!head) return false;
  if (fields.app?.includes('ASA-') || fields.app === head.id) delete fields.app;
  if (head.time !== undefined) put(fields, 'device_time', head.time);
  fields.vendor = 'Cisco';
  fields.product = 'ASA';
  if (head.level >= 0) fields.severity ??= head.level;
  const message = text.slice(head.at, head.at + 3 * MAX_VALUE);
  readMessage(fields, message);
  fields.event ??= eventOf(head.id, message);
  put(fields, 'msg', message);
  return true;
}

interface Head {
  /** Six digits, or empty. */
  id: string;
  /** -1 when it isn't said. */
  level: number;
  at: number;
  time?: string;
}

function identify(text: string, body: number): Head | undefined {
  for (const prefix of PREFIXES) {
    // With `logging device-id`, or `emblem`, something is before it.
    const found = text.startsWith(prefix, body) ? body : text.slice(body, body + 96).indexOf(prefix) + body;
    if (!text.startsWith(prefix, found)) continue;
    const from = found + prefix.length;
    const dash = text.indexOf('-', from);
    const colon = text.indexOf(':', dash);
    // `%ASA-session-6-…`: a class of messages before the level.
    const number = text.lastIndexOf('-', colon);
    if (dash < 0 || colon < 0 || colon - from > 40) return undefined;
    const level = numberOf(text.slice(number - 1, number)) ?? -1;
    return { id: text.slice(number + 1, colon), level, at: behind(text, colon + 1) };
  }
  if (isId(text, body)) return { id: text.slice(body, body + 6), level: -1, at: behind(text, body + 7) };
  const logged = fromBuffer(text, body);
  if (logged) return logged;
  const urls = text.slice(body, body + 200).indexOf(' Accessed URL ');
  if (!STARTS.some((start) => text.startsWith(start, body)) && (urls < 0 || text.charCodeAt(body) > 57))
    return undefined;
  return { id: '', level: -1, at: body };
}

const behind = (text: string, at: number): number => (text.charCodeAt(at) === 32 ? at + 1 : at);

const isId = (text: string, at: number): boolean =>
  text.charCodeAt(at + 6) === 58 && numberOf(text.slice(at, at + 6)) !== undefined;

/** `6|Nov 28 2014 12:59:03|302021: …` */
function fromBuffer(text: string, body: number): Head | undefined {
  if (text.charCodeAt(body + 1) !== 124) return undefined;
  const time = bsdTime(text, body + 2, undefined);
  if (!time || text.charCodeAt(time.end) !== 124 || !isId(text, time.end + 1)) return undefined;
  const id = text.slice(time.end + 1, time.end + 7);
  return { id, level: numberOf(text.charAt(body)) ?? -1, at: behind(text, time.end + 8), time: time.time };
}

function eventOf(id: string, message: string): 'vpn' | 'auth' | 'config' | 'threat' | 'system' {
  const group = id.slice(0, 3);
  if (['402', '602', '702', '713', '714', '715', '716', '722', '725', '734', '737', '750', '751'].includes(group))
    return 'vpn';
  if (message.startsWith('IPSEC')) return 'vpn';
  if (group === '109' || group === '113' || group === '605' || group === '611') return 'auth';
  if (group === '111' || group === '112') return 'config';
  return group === '733' || group === '400' ? 'threat' : 'system';
}

function readMessage(fields: Fields, message: string): void {
  if (message.startsWith('Built ') || message.startsWith('Teardown ')) {
    if (message.includes(' translation ')) readTranslation(fields, message);
    else if (message.includes(' faddr ')) readIcmp(fields, message);
    else if (message.includes(' for ')) readConnection(fields, message);
  } else if (message.startsWith('access-list ')) readAccessList(fields, message);
  else if (message.startsWith('DHCP daemon interface ')) readLease(fields, message);
  else if (message.startsWith("User '") && message.includes(' executed ')) {
    fields.event = 'config';
    put(fields, 'user', between(message, "'", "'"));
  } else if (message.includes(' Accessed URL ')) {
    fields.event = 'web';
    takeSide(fields, 'src', word(message, 0));
    put(fields, 'dstip', ipOf(until(message, ':', after(message, ' Accessed URL '))));
  } else if (readVerdict(fields, message)) {
    // A packet that was let through, or not.
  } else if (readVpn(fields, message) || readLogin(fields, message)) {
    // Somebody.
  } else if (message.startsWith('[') && message.includes(' rate'))
    put(fields, 'srcip', ipOf(between(message, '[', ']')));
  else if (message.startsWith('IPSEC') || message.includes(' SA ')) readIpsec(fields, message);
}

interface Side {
  name: string;
  ip: string | undefined;
  port: number | undefined;
  user: string;
}

/** `outside:192.0.2.1/80`, `inside/192.0.2.1(80)`, `192.0.2.1/80`, each perhaps with `(LOCAL\user)` or `(type` behind. */
function sideOf(text: string): Side {
  let bare = text;
  let user = '';
  let port = '';
  const open = text.indexOf('(');
  if (open > 0) {
    const inside = until(text, ')', open + 1);
    bare = text.slice(0, open);
    if (numberOf(inside) !== undefined) port = inside;
    else if (!inside.startsWith('type')) user = inside;
  }
  if (port !== '') {
    const slash = bare.indexOf('/');
    const end = endpointOf(`${bare.slice(slash + 1)}/${port}`);
    return { name: slash < 0 ? '' : bare.slice(0, slash), ip: end?.ip, port: end?.port, user };
  }
  const whole = endpointOf(bare);
  if (whole) return { name: '', ip: whole.ip, port: whole.port, user };
  const colon = bare.indexOf(':');
  const end = colon < 0 ? undefined : endpointOf(bare.slice(colon + 1));
  return { name: colon < 0 ? '' : bare.slice(0, colon), ip: end?.ip, port: end?.port, user };
}

/** Sets the side's address and port and, for a connection's two ends, the interface and user. */
function takeSide(fields: Fields, end: 'src' | 'dst', text: string): void {
  const side = sideOf(text);
  put(fields, `${end}ip`, side.ip);
  put(fields, `${end}port`, side.port);
  put(fields, end === 'src' ? 'in' : 'out', side.name);
  if (end === 'src') put(fields, 'user', side.user);
}

const reversed = (fields: Fields): void => {
  const { srcip, srcport, dstip, dstport, in: inward, out: outward } = fields;
  for (const key of ['srcip', 'srcport', 'dstip', 'dstport', 'in', 'out'] as const) delete fields[key];
  put(fields, 'srcip', dstip);
  put(fields, 'srcport', dstport);
  put(fields, 'dstip', srcip);
  put(fields, 'dstport', srcport);
  put(fields, 'in', outward);
  put(fields, 'out', inward);
};

/**
 * 302013 to 302016: `Built outbound TCP connection 42 for outside:a/80 (a'/80) to inside:b/1772 (b'/1772)`. `for` is the
 * side of lower security; a teardown doesn't say who began, so there a well-known port tells.
 */
function readConnection(fields: Fields, message: string): void {
  fields.event = 'traffic';
  const built = message.startsWith('Built ');
  const outbound = message.startsWith('Built outbound');
  put(fields, 'proto', protocolOf(word(message, built ? (outbound ? 15 : 14) : 9)));
  put(fields, 'session', wordAfter(message, ' connection '));
  const first = after(message, ' for ');
  const second = after(message, ' to ', first);
  if (second < 0) return;
  takeSide(fields, 'src', word(message, first));
  takeSide(fields, 'dst', word(message, second));
  if (built) {
    fields.action = 'start';
    const mapped = [between(message, ' (', ')', first), between(message, ' (', ')', second)] as const;
    if (outbound) reversed(fields);
    const [remote, local] = mapped.map((text) => endpointOf(text));
    readMapped(fields, outbound ? [local, remote] : [remote, local], outbound);
    return;
  }
  const known = (port: number | undefined): boolean => port !== undefined && port < 1024;
  if (known(fields.srcport) && !known(fields.dstport)) reversed(fields);
  const reason = message.slice(Math.max(after(message, ' bytes '), 0));
  fields.action = reason.includes('Reset') ? 'reset' : reason.includes('imeout') ? 'timeout' : 'close';
  put(fields, 'bytes', numberOf(wordAfter(message, ' bytes ')));
}

type End = { ip: string; port?: number } | undefined;

/** What the source became; and, of an inbound connection, that the client addressed the mapped destination. */
function readMapped(fields: Fields, [source, target]: [End, End], outbound: boolean): void {
  if (source && (source.ip !== fields.srcip || source.port !== fields.srcport)) {
    put(fields, 'natip', source.ip);
    put(fields, 'natport', source.port);
  }
  if (!target || (target.ip === fields.dstip && target.port === fields.dstport)) return;
  const { dstip, dstport } = fields;
  put(fields, 'natdstip', outbound ? target.ip : dstip);
  put(fields, 'natdstport', outbound ? target.port : dstport);
  if (outbound) return;
  put(fields, 'dstip', target.ip);
  put(fields, 'dstport', target.port);
}

/** 302020, 302021: `Built inbound ICMP connection for faddr a/0 gaddr b/0 laddr c/0`; what is behind `/` is no port. */
function readIcmp(fields: Fields, message: string): void {
  fields.event = 'traffic';
  fields.proto = message.includes('ICMPv6') ? 'icmp6' : 'icmp';
  fields.action = message.startsWith('Built ') ? 'start' : 'close';
  const [foreign, global, local] = [' faddr ', ' gaddr ', ' laddr '].map((mark) => sideOf(wordAfter(message, mark)).ip);
  const outbound = message.startsWith('Built outbound');
  put(fields, 'srcip', outbound ? local : foreign);
  put(fields, 'dstip', outbound ? foreign : global);
  if (global !== local) put(fields, outbound ? 'natip' : 'natdstip', outbound ? global : local);
}

/** 305009 to 305012: `Built dynamic TCP translation from inside:a/1772 to outside:b/8256 duration …` */
function readTranslation(fields: Fields, message: string): void {
  fields.event = 'nat';
  fields.action = message.startsWith('Built ') ? 'start' : 'close';
  const proto = wordsOf(message, 0, 3)[2] ?? '';
  if (proto !== 'translation') put(fields, 'proto', protocolOf(proto));
  const from = after(message, ' from ');
  takeSide(fields, 'src', word(message, from));
  const to = sideOf(wordAfter(message, ' to ', Math.max(from, 0)));
  put(fields, 'natip', to.ip);
  put(fields, 'natport', to.port);
  put(fields, 'out', to.name);
}

/** 106100: `access-list inside permitted tcp inside/a(51763) -> outside/b(80) hit-cnt 1 …` */
function readAccessList(fields: Fields, message: string): void {
  fields.event = 'traffic';
  const [, rule = '', verdict = '', proto = '', first = '', ...rest] = wordsOf(message, 0, 12);
  put(fields, 'rule', rule);
  fields.action = verdict === 'permitted' || verdict === 'est-allowed' ? 'allow' : 'deny';
  put(fields, 'proto', protocolOf(proto));
  takeSide(fields, 'src', first);
  const arrow = rest.indexOf('->');
  if (arrow >= 0) takeSide(fields, 'dst', rest[arrow + 1] ?? '');
}

/** 604103, 604104: `DHCP daemon interface inside: address granted 0050.5699.1111 (192.0.2.5)` */
function readLease(fields: Fields, message: string): void {
  fields.event = 'dhcp';
  put(fields, 'in', word(message, 22));
  const granted = message.includes('address granted');
  fields.action = granted ? 'assign' : 'release';
  const client = wordAfter(message, granted ? 'address granted ' : 'address released ');
  // The client's identifier is the type of the hardware and the MAC.
  put(fields, 'mac', macOf(client) ?? macOf(client.replaceAll('.', '').slice(-12)));
  put(fields, 'ip', ipOf(between(message, '(', ')')));
}

const PROTOCOLS = ['TCP', 'UDP', 'ICMPv6', 'ICMP', 'IGMP', 'GRE', 'ESP', 'SCTP', 'IP'];

/** 106xxx, 313xxx, 419xxx, 710xxx and their like. */
function readVerdict(fields: Fields, message: string): boolean {
  const start = message.slice(0, 64);
  const [first = ''] = start.split(' ', 1);
  let action: string | undefined;
  if (first === 'Deny' || first === 'Denied' || start.includes(' denied')) action = 'deny';
  else if (first === 'Dropping' || first === 'Dropped' || first === 'No' || first === 'Failed') action = 'drop';
  else if (first === 'Duplicate') action = 'alert';
  else if (start.includes(' access permitted')) action = 'allow';
  else if (start.includes(' access requested')) action = 'alert';
  if (action === undefined || start.startsWith('Login')) return false;
  if (first === 'No' && !message.startsWith('No matching')) return false;
  const number = wordAfter(start, ' protocol ');
  const proto = number === '' ? PROTOCOLS.find((name) => mentions(start, name)) : number;
  const named = message.includes(' src ') && message.includes(' dst ');
  const source = after(message, named ? ' src ' : ' from ');
  if (source < 0) return false;
  fields.event = 'traffic';
  fields.action = action;
  put(fields, 'proto', protocolOf(proto ?? ''));
  takeSide(fields, 'src', word(message, source).replace(/^\(|\)$/g, ''));
  const target = after(message, named ? ' dst ' : ' to ', source);
  if (target >= 0) takeSide(fields, 'dst', word(message, target));
  if (fields.dstip === undefined && named) readNamed(fields, word(message, target));
  put(fields, 'rule', between(message, 'access-group "', '"'));
  put(fields, 'in', wordAfter(message, 'on interface '));
  return true;
}

const mentions = (text: string, name: string): boolean => {
  const lower = text.toLowerCase();
  return lower.includes(` ${name.toLowerCase()} `) || lower.startsWith(`${name.toLowerCase()} `);
};

/** `inside:www.example.com/23`: the address has a name; the port and the interface still hold. */
function readNamed(fields: Fields, text: string): void {
  const colon = text.indexOf(':');
  const slash = text.indexOf('/', colon);
  if (colon < 0 || slash < 0) return;
  put(fields, 'out', text.slice(0, colon));
  put(fields, 'dstport', endpointOf(`0.0.0.0/${text.slice(slash + 1)}`)?.port);
}

/** 113xxx, 713xxx, 716xxx, 722xxx: `Group <g> User <u> IP <a> …`, `Group = g, Username = u, IP = a, …` */
function readVpn(fields: Fields, message: string): boolean {
  const angles =
    message.startsWith('Group <') || message.startsWith('TunnelGroup <') || message.startsWith('Group User <');
  if (!angles && !message.startsWith('Group = ') && !message.startsWith('IP = ')) return false;
  fields.event = 'vpn';
  const user = angles ? between(message, 'User <', '>') : until(message, ',', after(message, 'Username = '));
  put(fields, 'user', user);
  const ip = angles ? between(message, ' IP <', '>') : word(message, after(message, 'IP = '));
  put(fields, 'srcip', ipOf(ip));
  const assigned = ipOf(between(message, 'IPv4 Address <', '>')) ?? ipOf(between(message, 'IPv6 address <', '>'));
  if (assigned !== undefined) {
    put(fields, 'ip', assigned);
    fields.action = 'assign';
  } else if (message.includes('ession disconnected') || message.includes('terminated')) fields.action = 'down';
  else if (
    message.includes('session started') ||
    message.includes('PHASE 1 COMPLETED') ||
    message.includes(' established')
  )
    fields.action = 'up';
  else if (message.includes('rejected') || message.includes('denied') || message.includes('failed'))
    fields.action = 'fail';
  if (message.includes('Bytes xmt: '))
    putBytes(fields, numberOf(wordAfter(message, 'Bytes xmt: ')), numberOf(wordAfter(message, 'Bytes rcv: ')));
  return true;
}

/** 113004, 113005, 109xxx, 605004, 605005, 611101 to 611103. */
function readLogin(fields: Fields, message: string): boolean {
  const aaa = message.startsWith('AAA ');
  const login =
    message.startsWith('Login ') || message.startsWith('User authentication') || message.startsWith('User logged');
  if (!aaa && !login && !message.startsWith('Auth ')) return false;
  fields.event = 'auth';
  if (/^.{0,64}(?:denied|Rejected|failed|ailed)/.test(message.slice(0, 96))) fields.action = 'fail';
  else if (message.startsWith('User logged out')) fields.action = 'logout';
  else fields.action = 'success';
  put(
    fields,
    'user',
    wordAfter(message, ' user = ') || between(message, 'for user "', '"') || wordAfter(message, 'Uname: '),
  );
  const from = after(message, ' from ');
  if (from >= 0) {
    takeSide(fields, 'src', word(message, from));
    takeSide(fields, 'dst', wordAfter(message, ' to ', from).replace(/\/[a-z]+$/, ''));
  }
  const ip = wordAfter(message, 'user IP = ') || wordAfter(message, 'IP address: ');
  put(fields, 'srcip', ipOf(ip));
  return true;
}

/** 402117, 402119, 602303, 602304. */
function readIpsec(fields: Fields, message: string): void {
  fields.event = 'vpn';
  const names = [' from ', ' to '];
  const pair = after(message, ' between ');
  const from = pair < 0 ? after(message, names[0]!) : pair;
  put(fields, 'srcip', ipOf(word(message, from)));
  put(fields, 'dstip', ipOf(wordAfter(message, pair < 0 ? names[1]! : ' and ', Math.max(from, 0))));
  put(fields, 'user', between(message, '(user= ', ')'));
  put(fields, 'proto', protocolOf(between(message, 'protocol= ', ')') || (message.includes('an ESP') ? 'esp' : '')));
  if (message.includes('has been created')) fields.action = 'up';
  else if (message.includes('has been deleted')) fields.action = 'down';
  else if (message.includes('Received')) fields.action = 'drop';
}
