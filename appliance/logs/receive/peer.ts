import ipaddr from 'ipaddr.js';

/** A sender, and its place in the batch that is being collected. */
export interface Peer {
  /** Without port: what drops are counted by. */
  address: string;
  /** `192.0.2.1:514`, `[2001:db8::1]:514`. */
  name: string;
  /** The batch in which `index` holds. */
  batch: number;
  index: number;
}

export const createPeer = (address: string, port: number): Peer => ({
  address,
  name: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
  batch: -1,
  index: 0,
});

/** An address as Node tells it: IPv4 also where a socket of both families took it, IPv6 as short as can be, no zone. */
export function plainAddress(text: string): string {
  const zone = text.indexOf('%');
  const bare = zone < 0 ? text : text.slice(0, zone);
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare;
}

/** Numbers of 32 bits: one for IPv4, four for IPv6. */
export function addressWords(text: string): number[] {
  const bytes = ipaddr.parse(text).toByteArray();
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push(((bytes[i]! << 24) | (bytes[i + 1]! << 16) | (bytes[i + 2]! << 8) | bytes[i + 3]!) >>> 0);
  }
  return words;
}

/** An address as the system writes it into a `sockaddr`: see `Batch.sender`. */
export function textOf(sender: number | string): string {
  if (typeof sender === 'number') {
    // Four bytes as they lie in memory, read as little-endian.
    return `${sender & 255}.${(sender >>> 8) & 255}.${(sender >>> 16) & 255}.${sender >>> 24}`;
  }
  const bytes: number[] = [];
  for (let i = 0; i < 8; i++) bytes.push(sender.charCodeAt(i) >> 8, sender.charCodeAt(i) & 255);
  return ipaddr.process(ipaddr.fromByteArray(bytes).toString()).toString();
}
