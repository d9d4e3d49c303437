import { isIP } from 'node:net';
import { NEVER_USED } from '@gatehouse/protocol';
import ipaddr from 'ipaddr.js';

/** An IPv4 or IPv6 network. `base` is its first address as a number. */
export interface Cidr {
  family: 4 | 6;
  base: bigint;
  prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

const toNumber = (bytes: number[]): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function toBytes(value: bigint, length: number): number[] {
  const bytes = new Array<number>(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** An address as a number; undefined when the text is not an IPv4 or IPv6 address without zone. */
export function parseAddress(text: string): { family: 4 | 6; value: bigint } | undefined {
  const family = isIP(text);
  if ((family !== 4 && family !== 6) || text.includes('%')) return undefined;
  return { family, value: toNumber(ipaddr.parse(text).toByteArray()) };
}

/** The canonical text of an address (RFC 5952 for IPv6). */
export const formatAddress = (family: 4 | 6, value: bigint): string =>
  ipaddr.fromByteArray(toBytes(value, BITS[family] / 8)).toString();

/** `address/prefix`; undefined when it isn't one. Bits behind the prefix may be set: see `hostBits`. */
export function parseCidr(text: string): (Cidr & { hostBits: boolean }) | undefined {
  const [address = '', prefixText = '', ...rest] = text.split('/');
  const parsed = parseAddress(address);
  if (!parsed || rest.length > 0 || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  const bits = BITS[parsed.family];
  if (prefix > bits) return undefined;
  const hostMask = (1n << BigInt(bits - prefix)) - 1n;
  const base = parsed.value & ~hostMask;
  return { family: parsed.family, base, prefix, hostBits: base !== parsed.value };
}

export const formatCidr = ({ family, base, prefix }: Cidr): string => `${formatAddress(family, base)}/${prefix}`;

/** How many addresses the network has. */
export const sizeOf = ({ family, prefix }: Cidr): bigint => 1n << BigInt(BITS[family] - prefix);

export const contains = (outer: Cidr, inner: Cidr): boolean =>
  outer.family === inner.family &&
  outer.prefix <= inner.prefix &&
  inner.base >= outer.base &&
  inner.base < outer.base + sizeOf(outer);

/** `from` without `hole`: the networks that are left, at most one for each bit of prefix between the two. */
export function subtract(from: Cidr, hole: Cidr): Cidr[] {
  if (contains(hole, from)) return [];
  if (!contains(from, hole)) return [from];
  const rest: Cidr[] = [];
  for (let prefix = from.prefix + 1; prefix <= hole.prefix; prefix++) {
    const bit = 1n << BigInt(BITS[from.family] - prefix);
    // The half, at this prefix, that the hole is not in.
    const base = (hole.base & ~(bit - 1n)) ^ bit;
    rest.push({ family: from.family, base, prefix });
  }
  return rest;
}

export const overlaps = (a: Cidr, b: Cidr): boolean => contains(a, b) || contains(b, a);

/** The single-address network of an address: /32 or /128. */
export const hostCidr = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

/** Highest host number that a device may have: the network's broadcast address is left out for IPv4. */
export function lastHost(network: Cidr): number {
  const last = sizeOf(network) - (network.family === 4 ? 2n : 1n);
  return Number(last > 0x7fffffffn ? 0x7fffffffn : last);
}

/** The address with this host number (1 is the first) in the network. */
export const hostAddress = (network: Cidr, host: number): string =>
  formatAddress(network.family, network.base + BigInt(host));

/** Networks that no device may be in: RFC 6890 "this host", loopback, link-local, multicast, reserved. */
export const UNUSABLE = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/8',
  'fe80::/10',
  'ff00::/8',
].map((text) => parseCidr(text) as Cidr);

const NEVER = NEVER_USED.map(([text, what]) => ({ range: parseCidr(text) as Cidr, what }));

/** Why nothing may be routed to `cidr`, which lies in one such range, as the end of a sentence; undefined when it may. */
export function neverRouted(cidr: Cidr): string | undefined {
  const found = NEVER.find(({ range }) => contains(range, cidr));
  return found && `lies in ${formatCidr(found.range)} (${found.what}), which no device can use`;
}

/** Why a CIDR can't be an overlay network, as a sentence about `field`; undefined when it can. */
export function networkCidrProblem(field: string, text: string, family: 4 | 6): string | undefined {
  const example = family === 4 ? '10.10.0.0/16' : 'fd00:10::/64';
  const cidr = parseCidr(text);
  if (cidr?.family !== family) return `${field} must be an IPv${family} network such as ${example}`;
  if (cidr.hostBits) return `${field} has bits set behind its prefix; did you mean ${formatCidr(cidr)}?`;
  const [min, max] = family === 4 ? [8, 30] : [32, 126];
  if (cidr.prefix < min || cidr.prefix > max) return `${field} must have a prefix from /${min} to /${max}`;
  const unusable = UNUSABLE.find((range) => overlaps(range, cidr));
  if (unusable) return `${field} lies in ${formatCidr(unusable)}, which devices can't use`;
  return undefined;
}

/** Drops every network that another one in the list holds, and sorts the rest: what to route, without repeats. */
export function flatten(cidrs: readonly string[]): string[] {
  const parsed = [...new Set(cidrs)].map((text) => ({ text, cidr: parseCidr(text) as Cidr }));
  parsed.sort((a, b) => a.cidr.family - b.cidr.family || a.cidr.prefix - b.cidr.prefix || (a.text < b.text ? -1 : 1));
  const kept: typeof parsed = [];
  for (const entry of parsed) {
    if (!kept.some(({ cidr }) => contains(cidr, entry.cidr))) kept.push(entry);
  }
  return kept.map(({ text }) => text).sort();
}

/** The longest IPv4 prefix whose network has at least `hosts` usable addresses; undefined beyond /8. */
export function prefixFor(hosts: number): number | undefined {
  for (let prefix = 30; prefix >= 8; prefix--) if (2 ** (32 - prefix) - 2 >= hosts) return prefix;
  return undefined;
}

/** The first `count` networks of `prefix` within `base` that overlap none of `taken`, lowest first. */
export function freeCidrs(base: Cidr, prefix: number, count: number, taken: readonly Cidr[]): string[] {
  const step = 1n << BigInt(BITS[base.family] - prefix);
  const end = base.base + sizeOf(base);
  const found: string[] = [];
  for (let at = base.base; at + step <= end && found.length < count; ) {
    const candidate: Cidr = { family: base.family, base: at, prefix };
    const hit = taken.find((range) => overlaps(range, candidate));
    if (!hit) found.push(formatCidr(candidate));
    // Behind a taken network the search goes on at the next boundary, not address by address.
    const next = hit && !contains(candidate, hit) ? hit.base + sizeOf(hit) : at + step;
    at = next > at ? next : at + step;
  }
  return found;
}
