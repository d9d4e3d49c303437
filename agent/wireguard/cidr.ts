import { isIP } from 'node:net';

/** An address block: family, the address as a number (host bits kept) and the prefix length. */
export interface Cidr {
  family: 4 | 6;
  address: bigint;
  prefix: number;
}

function parse4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function parse6(text: string): bigint {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const low = parse4(tail[2]!);
    return parse6(`${tail[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`);
  }
  const [head = '', rest] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const left = words(head);
  const right = words(rest ?? '');
  const middle = new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
}

/** IPv6 text as RFC 5952 section 4 has it, without the mixed form. */
function format6(address: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (words[i + length] === '0') length++;
    if (length > best.length) best = { at: i, length };
  }
  if (best.at < 0) return words.join(':');
  return `${words.slice(0, best.at).join(':')}::${words.slice(best.at + best.length).join(':')}`;
}

function format4(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');
}

export function formatAddress(cidr: Cidr): string {
  return cidr.family === 4 ? format4(cidr.address) : format6(cidr.address);
}

/** `address` or `address/prefix`. Throws RangeError for anything else, so what it returns is safe in a command file. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const family = isIP(host);
  if ((family !== 4 && family !== 6) || host.includes('%'))
    throw new RangeError(`not an address: ${JSON.stringify(text)}`);
  const bits = family === 4 ? 32 : 128;
  const digits = slash < 0 ? String(bits) : text.slice(slash + 1);
  const prefix = /^\d{1,3}$/.test(digits) ? Number(digits) : 999;
  if (prefix > bits) throw new RangeError(`not a prefix length: ${JSON.stringify(text)}`);
  return { family, address: family === 4 ? parse4(host) : parse6(host), prefix };
}

/** The same block with the host bits cleared: `10.1.2.3/8` is `10.0.0.0/8`. */
export function network(cidr: Cidr): Cidr {
  const host = BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
  return { ...cidr, address: (cidr.address >> host) << host };
}

/** `address/prefix` in its one canonical spelling; host bits are kept. */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr)}/${cidr.prefix}`;
}

/** One spelling for each block of an allowed-IPs list or a route. */
export function canonicalNetwork(text: string): string {
  return formatCidr(network(parseCidr(text)));
}

export function contains(block: Cidr, inner: Cidr): boolean {
  if (block.family !== inner.family || block.prefix > inner.prefix) return false;
  const host = BigInt((block.family === 4 ? 32 : 128) - block.prefix);
  return block.address >> host === inner.address >> host;
}

/** `ip:port` or `[ip]:port` (an IPv6 zone may follow the address); undefined when it is something else. */
export function parseEndpoint(text: string): { address: Cidr; zone: string; port: number } | undefined {
  const match = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F:.]+)(%[\w.-]{1,15})?\]):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (!match || host === undefined || isIP(host) === 0 || Number(match[4]) > 65535) return undefined;
  return { address: parseCidr(host), zone: match[3] ?? '', port: Number(match[4]) };
}

/** One spelling for each endpoint; what isn't an address and port comes back as it was. */
export function canonicalEndpoint(text: string): string {
  const parsed = parseEndpoint(text);
  if (!parsed) return text;
  const host = formatAddress(parsed.address);
  return parsed.address.family === 4 ? `${host}:${parsed.port}` : `[${host}${parsed.zone}]:${parsed.port}`;
}
