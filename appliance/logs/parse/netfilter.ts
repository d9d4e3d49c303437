import { type Fields, MAX_VALUE, protocolOf, put, verdictIn } from './fields.ts';
import type { Line } from './syslog.ts';
import { pairs, until, word } from './text.ts';
import { accessTime } from './time.ts';
import { ipOf, macOf, numberOf, portOf } from './values.ts';

/** What the kernel's LOG target writes of a packet; ulogd writes two of them for a connection. */
interface Packet {
  ips: string[];
  ports: string[];
  fields: Fields;
}

/** iptables, nftables and what is made of them: Shorewall, Proxmox VE, SuSEfirewall, conntrack by ulogd. */
export function readNetfilter(line: Line): boolean {
  const { text, fields, at } = line;
  const shorewall = text.startsWith('Shorewall:', prefixAt(text, at));
  const source = text.indexOf('SRC=', at);
  if (source < 0 || !text.includes(' DST=', source)) {
    if (!shorewall) return false;
    readShorewall(fields, until(text, ' ', prefixAt(text, at)));
    return true;
  }
  const start = firstPair(text, at);
  const prefix = text.slice(prefixAt(text, at), Math.min(start, at + MAX_VALUE)).trim();
  if (shorewall) readShorewall(fields, prefix);
  else if (!readProxmox(fields, prefix)) {
    fields.product = 'netfilter';
    put(fields, 'action', verdictIn(prefix));
    if (!prefix.includes('=')) put(fields, 'rule', prefix.endsWith(':') ? prefix.slice(0, -1) : prefix);
  }
  fields.vendor ??= 'Linux';
  readPackets(fields, text, start);
  if (prefix.startsWith('[NEW]') || prefix.startsWith('[DESTROY]')) {
    fields.action = prefix.startsWith('[NEW]') ? 'start' : 'close';
    fields.event = fields.natip !== undefined || fields.natdstip !== undefined ? 'nat' : 'traffic';
    delete fields.rule;
  }
  return true;
}

/** Behind the kernel's `[ 203.842973] `. */
function prefixAt(text: string, at: number): number {
  if (text.charCodeAt(at) !== 91) return at;
  const end = text.indexOf('] ', at);
  const inside = end < 0 || end - at > 24 ? '' : text.slice(at + 1, end).trim();
  return inside !== '' && Number.isFinite(Number(inside)) ? end + 2 : at;
}

/** Where the pairs begin, of which IN or OUT is the first, but not always. */
function firstPair(text: string, at: number): number {
  for (const key of ['IN=', 'OUT=', 'SRC=']) {
    const found = text.indexOf(key, at);
    if (found === at || (found > at && !isUpper(text.charCodeAt(found - 1)))) return found;
  }
  return at;
}

const isUpper = (c: number): boolean => c >= 65 && c <= 90;

/** `Shorewall:net2fw:DROP:` */
function readShorewall(fields: Fields, prefix: string): void {
  fields.vendor = 'Shorewall';
  fields.product = 'Shorewall';
  fields.event = 'traffic';
  const [, chain = '', verdict = ''] = prefix.split(':', 3);
  put(fields, 'rule', chain);
  put(fields, 'action', verdictIn(verdict));
}

/** `101 1 tap101i0-IN 20/Jun/2022:13:13:14 +0200 policy DROP:` of pve-firewall's log. */
function readProxmox(fields: Fields, prefix: string): boolean {
  const [vm = '', level = '', chain = '', at = ''] = prefix.split(' ', 4);
  if (numberOf(vm) === undefined || numberOf(level) === undefined) return false;
  const from = prefix.indexOf(at, vm.length + level.length + chain.length);
  const time = at === '' ? undefined : accessTime(prefix, from);
  if (!time) return false;
  fields.vendor = 'Proxmox';
  fields.product = 'Proxmox VE';
  fields.device_time = time.time;
  put(fields, 'rule', chain);
  put(fields, 'action', verdictIn(prefix.slice(time.end)));
  return true;
}

/** The pairs of a packet, or of a connection's two directions. */
export function readPackets(fields: Fields, text: string, at: number): void {
  const packet: Packet = { ips: [], ports: [], fields };
  fields.event = 'traffic';
  pairs(text, at, (key, value) => takePair(packet, key, value));
  const [src, dst, replySrc, replyDst] = packet.ips;
  put(fields, 'srcip', src && ipOf(src));
  put(fields, 'dstip', dst && ipOf(dst));
  put(fields, 'srcport', portOf(packet.ports[0] ?? ''));
  put(fields, 'dstport', portOf(packet.ports[1] ?? ''));
  if (!replySrc || !replyDst) return;
  const [, , replySport = '', replyDport = ''] = packet.ports;
  if (replyDst !== src || replyDport !== packet.ports[0]) {
    put(fields, 'natip', ipOf(replyDst));
    put(fields, 'natport', portOf(replyDport));
  }
  if (replySrc !== dst || replySport !== packet.ports[1]) {
    put(fields, 'natdstip', ipOf(replySrc));
    put(fields, 'natdstport', portOf(replySport));
  }
}

function takePair({ ips, ports, fields }: Packet, key: string, value: string): void {
  if (value === '') return;
  switch (key) {
    case 'SRC':
    case 'DST':
      if (ips.length < 4) ips.push(value);
      break;
    case 'SPT':
    case 'DPT':
      if (ports.length < 4) ports.push(value);
      break;
    case 'PROTO':
      fields.proto ??= protocolOf(value) ?? '';
      break;
    case 'IN':
      put(fields, 'in', value);
      break;
    case 'OUT':
      put(fields, 'out', value);
      break;
    case 'MAC':
      // Destination, source, type of an Ethernet header.
      if (value.length >= 35) put(fields, 'mac', macOf(value.slice(18, 35)));
      break;
    case 'LEN':
      // The first is the packet's, a second one UDP's.
      fields.bytes ??= numberOf(value) ?? 0;
      break;
  }
}

/** WireGuard's kernel module: `wireguard: wg0: Invalid handshake initiation from 192.0.2.1:51820`. */
export function readWireguard(line: Line): boolean {
  const { text, fields, at } = line;
  const found = text.indexOf('wireguard: ', at);
  if (found < 0 || found > at + 64) return false;
  const name = word(text, found + 11);
  const from = found + 11 + name.length + 2;
  put(fields, 'vendor', 'WireGuard');
  put(fields, 'product', 'WireGuard');
  put(fields, 'event', 'vpn');
  put(fields, 'in', name);
  put(fields, 'msg', until(text, '\n', from));
  readPeer(fields, text, from);
  return true;
}

function readPeer(fields: Fields, text: string, at: number): void {
  const message = text.slice(at, at + MAX_VALUE);
  const open = message.lastIndexOf('(');
  const inBrackets = message.indexOf(')', open);
  const from = message.lastIndexOf(' from ');
  let end = '';
  if (open > 0 && inBrackets > open && open > from) end = message.slice(open + 1, inBrackets);
  else if (from >= 0) end = word(message, from + 6);
  const colon = end.lastIndexOf(':');
  put(fields, 'srcip', ipOf(colon < 0 ? end : end.slice(0, colon)));
  if (fields.srcip !== undefined) put(fields, 'srcport', portOf(end.slice(colon + 1)));
  if (message.startsWith('Invalid') || message.includes('did not complete')) fields.action = 'fail';
  else if (message.startsWith('Packet has')) fields.action = 'drop';
  else if (message.startsWith('Keypair') && message.includes('created')) fields.action = 'up';
}
