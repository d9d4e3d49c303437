import { type Action, type Fields, put } from './fields.ts';
import { type Line, messageOf } from './syslog.ts';
import { after, between, word, wordAfter, wordsOf } from './text.ts';
import { ipOf, macOf } from './values.ts';

/** RFC 2131's messages; REPLY is DHCPv6's. */
const TYPES: Readonly<Record<string, Action>> = {
  DHCPDISCOVER: 'discover',
  DHCPOFFER: 'offer',
  DHCPREQUEST: 'request',
  DHCPACK: 'assign',
  DHCPNAK: 'nak',
  DHCPDECLINE: 'decline',
  DHCPRELEASE: 'release',
  DHCPINFORM: 'inform',
  DHCPEXPIRE: 'expire',
  DHCPSOLICIT: 'discover',
  DHCPADVERTISE: 'offer',
  DHCPRENEW: 'request',
  DHCPREPLY: 'assign',
};

/** ISC dhcpd, dnsmasq and Kea, whoever runs them. */
export function readDhcp(line: Line): boolean {
  const { app } = line;
  if (app.startsWith('kea-') || line.text.startsWith('DHCP4_', keaAt(line))) return readKea(line);
  const message = messageOf(line);
  let start = message.startsWith('DHCP') ? 0 : -1;
  // dnsmasq with `log-dhcp`: the transaction first.
  if (start < 0 && app.startsWith('dnsmasq')) start = message.indexOf('DHCP');
  if (start > 12) start = -1;
  if (start >= 0 && readMessage(line.fields, message.slice(start), app)) return true;
  if (app === 'dhcpd' || app === 'dhcpd6') return readDaemon(line.fields, message);
  if (app !== 'dnsmasq-dhcp' && app !== 'dnsmasq') return false;
  server(line.fields, 'dnsmasq', app === 'dnsmasq' ? 'dns' : 'dhcp');
  put(line.fields, 'msg', message);
  return true;
}

function server(fields: Fields, product: string, event: 'dhcp' | 'dns' = 'dhcp'): void {
  fields.vendor = product === 'dnsmasq' ? 'dnsmasq' : 'ISC';
  fields.product = product;
  fields.event = event;
}

function readMessage(fields: Fields, message: string, app: string): boolean {
  const name = message.slice(0, 16).split(/[ (]/, 1)[0] ?? '';
  if (!Object.hasOwn(TYPES, name)) return false;
  const action = TYPES[name]!;
  const dnsmasq = message.charCodeAt(name.length) === 40;
  server(fields, dnsmasq || app.startsWith('dnsmasq') ? 'dnsmasq' : 'dhcpd');
  fields.action = action;
  const words = wordsOf(message, 0, 12);
  let ip: string | undefined;
  for (const [place, text] of words.entries()) {
    ip ??= ipOf(text);
    const mac = macOf(text.startsWith('(') ? text.slice(1, -1) : text);
    if (mac === undefined) continue;
    fields.mac ??= mac;
    const next = words[place + 1] ?? '';
    if (dnsmasq) put(fields, 'hostname', next);
    else if (next.startsWith('(') && next.endsWith(')')) put(fields, 'hostname', next.slice(1, -1));
  }
  if (action === 'assign' || action === 'release' || action === 'expire') put(fields, 'ip', ip);
  put(fields, 'in', dnsmasq ? between(message, '(', ')') : wordAfter(message, ' via '));
  return true;
}

/** dhcpd6: `Reply NA: address 2001:db8::1 to client with duid 00:01:… iaid = 1 valid for 300 seconds`; and all else of dhcpd. */
function readDaemon(fields: Fields, message: string): boolean {
  server(fields, 'dhcpd');
  put(fields, 'msg', message);
  if (message.startsWith('Reply NA: address ')) {
    fields.action = 'assign';
    put(fields, 'ip', ipOf(word(message, 18)));
    put(fields, 'mac', macInDuid(wordAfter(message, ' duid ')));
  } else if (message.startsWith('Client ') && message.includes(' releases address ')) {
    fields.action = 'release';
    put(fields, 'ip', ipOf(wordAfter(message, ' releases address ')));
    put(fields, 'mac', macInDuid(word(message, 7)));
  }
  return true;
}

/** DUID-LLT and DUID-LL of Ethernet (RFC 8415, section 11) end in the MAC. */
function macInDuid(duid: string): string | undefined {
  if (duid.startsWith('00:01:00:01:') && duid.length === 41) return macOf(duid.slice(24));
  return duid.startsWith('00:03:00:01:') && duid.length === 29 ? macOf(duid.slice(12)) : undefined;
}

/** Behind `INFO  [kea-dhcp4.leases.0x7f…] ` or `kea-dhcp4.leases: `. */
function keaAt({ text, at }: Line): number {
  const found = text.indexOf('DHCP4_', at);
  return found >= 0 && found < at + 80 && text.includes('kea', 0) ? found : at;
}

const KEA: readonly [mark: string, action: Action][] = [
  ['_LEASE_ALLOC', 'assign'],
  ['_LEASE_REUSE', 'assign'],
  ['_LEASE_RENEW', 'assign'],
  ['_RELEASE_EXPIRED', 'release'],
  ['_RELEASE_DELETED', 'release'],
  ['4_RELEASE ', 'release'],
  ['6_RELEASE_NA ', 'release'],
  ['_LEASE_RECLAIM', 'expire'],
  ['_LEASE_ADVERT', 'offer'],
  ['_LEASE_OFFER', 'offer'],
  ['_DECLINE', 'decline'],
  ['_NAK', 'nak'],
];

/** Kea's messages: kea.readthedocs.io, "Kea Messages Manual". */
function readKea(line: Line): boolean {
  const { fields } = line;
  const message = messageOf(line);
  server(fields, 'Kea');
  put(fields, 'msg', message);
  const known = KEA.find(([mark]) => message.includes(mark));
  put(fields, 'action', known?.[1]);
  const hardware = wordAfter(message, '[hwtype=');
  put(fields, 'mac', macOf(between(message, `[hwtype=${hardware} `, ']')));
  if (fields.mac === undefined) put(fields, 'mac', macInDuid(between(message, 'duid=[', ']')));
  if (!known || !['assign', 'release', 'expire'].includes(known[1])) return true;
  for (const mark of ['lease for address ', 'lease ', 'address ']) {
    const at = after(message, mark);
    const ip = at < 0 ? undefined : ipOf(word(message, at));
    if (ip === undefined) continue;
    fields.ip = ip;
    break;
  }
  return true;
}
