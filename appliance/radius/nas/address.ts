import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The widest network that one shared secret may be for: what is wider lets far too many senders guess at it. */
export const MIN_PREFIX = 8;

const BITS = { 4: 32, 6: 128 } as const;

/** A network of senders; an address is one of the longest prefix. `words` are 1 or 4 numbers of 32 bits. */
export interface Network {
  family: 4 | 6;
  words: readonly number[];
  prefix: number;
}

/**
 * An address as numbers of 32 bits, IPv4 in IPv6 (`::ffff:10.0.0.1`) as IPv4, a zone (`%eth0`) left out; undefined where
 * it is none.
 */
export function addressWords(text: string): readonly number[] | undefined {
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  if (isIP(bare) === 0) return undefined;
  const parsed = ipaddr.process(bare);
  const bytes = parsed.toByteArray();
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push(((bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!) >>> 0);
  }
  return words;
}

/** Canonical text (RFC 5952 for IPv6). */
export function formatWords(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
  return ipaddr.fromByteArray(bytes).toString();
}

/** `words` with everything behind the prefix zero. */
export const maskWords = (words: readonly number[], prefix: number): number[] =>
  words.map((word, i) => {
    const bits = Math.min(32, Math.max(0, prefix - 32 * i));
    return bits === 0 ? 0 : (word & (0xffffffff << (32 - bits))) >>> 0;
  });

/** An address or a CIDR; a string says what is wrong with it. Bits behind the prefix are dropped. */
export function parseNetwork(text: string): Network | string {
  const [address = '', prefixText, ...rest] = text.trim().split('/');
  const words = address.includes('%') ? undefined : addressWords(address);
  if (!words || rest.length > 0) return 'must be an IPv4 or IPv6 address, or a network such as 10.20.0.0/16';
  const family = words.length === 1 ? 4 : 6;
  // `::ffff:10.0.0.0/104` counts its prefix from the start of the IPv6 address.
  const offset = family === 4 && address.includes(':') ? 96 : 0;
  if (prefixText === undefined) return { family, words, prefix: BITS[family] };
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) - offset : -1;
  if (prefix < 0 || prefix > BITS[family]) return `must have a prefix from /0 to /${BITS[family] + offset}`;
  return { family, words: maskWords(words, prefix), prefix };
}

export const formatNetwork = ({ family, words, prefix }: Network): string =>
  prefix === BITS[family] ? formatWords(words) : `${formatWords(words)}/${prefix}`;

export const isHost = ({ family, prefix }: Network): boolean => prefix === BITS[family];

/** Whether the address lies in the network. */
export function covers(network: Network, words: readonly number[]): boolean {
  if (words.length !== network.words.length) return false;
  return maskWords(words, network.prefix).every((word, i) => word === network.words[i]);
}
