import { isIPv4, isIPv6 } from 'node:net';

/** An address, or all with the same first `bits`. IPv4 in `v4`, IPv6 as eight groups. */
export interface Net {
  bits: number;
  v4?: number;
  v6?: readonly number[];
}

/** An IPv4 address as a number; -1 where the text is none. */
export function ipv4Of(text: string): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      if (octet < 0) return -1;
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else if (c >= 48 && c <= 57) {
      octet = (octet < 0 ? 0 : octet * 10) + c - 48;
      if (octet > 255) return -1;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}

/** Eight groups of an IPv6 address; undefined where the text is none. */
export function ipv6Of(text: string): number[] | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const before = groups(head);
  const after = groups(tail ?? '');
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const v4 = ipv4Of(group);
    return [Math.floor(v4 / 65536), v4 % 65536];
  });
}

/** `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`; undefined where the text is none of them. */
export function netOf(text: string): Net | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const most = isIPv4(address) ? 32 : 128;
  const bits = slash < 0 ? most : /^\d{1,3}$/.test(text.slice(slash + 1)) ? Number(text.slice(slash + 1)) : -1;
  if (bits < 0 || bits > most) return undefined;
  if (most === 32) return { bits, v4: ipv4Of(address) };
  const v6 = ipv6Of(address);
  if (!v6) return undefined;
  // As the fields have it: an address of IPv4 in IPv6 is one of IPv4.
  if (bits >= 96 && v6.slice(0, 5).every((group) => group === 0) && v6[5] === 0xffff) {
    return { bits: bits - 96, v4: v6[6]! * 65536 + v6[7]! };
  }
  return { bits, v6 };
}

/** Whether the address, as a field has it, is in the net. */
export function isIn(net: Net, address: string): boolean {
  if (net.v4 !== undefined) {
    const value = ipv4Of(address);
    return value >= 0 && isV4In(net, value);
  }
  const value = address.includes(':') ? ipv6Of(address) : undefined;
  return value !== undefined && isV6In(net, value);
}

export const isV4In = (net: Net, value: number): boolean =>
  net.bits === 0 || (value ^ net.v4!) >>> (32 - net.bits) === 0;

export function isV6In(net: Net, value: readonly number[]): boolean {
  let left = net.bits;
  for (let i = 0; i < 8 && left > 0; i++, left -= 16) {
    if (((value[i]! ^ net.v6![i]!) & 0xffff) >>> Math.max(0, 16 - left) !== 0) return false;
  }
  return true;
}
