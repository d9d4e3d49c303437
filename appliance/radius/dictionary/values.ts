import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { DictionaryAttribute } from './parse.ts';

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/** A value as octets, without header, tag or encryption; a string says what is wrong with it. */
export function encodeValue(attribute: DictionaryAttribute, value: string | number): Uint8Array | string {
  const bytes = byType(attribute, value);
  if (typeof bytes === 'string') return `${attribute.name} ${bytes}`;
  if (attribute.size !== undefined && bytes.length !== attribute.size) {
    return `${attribute.name} has ${bytes.length} octets, not ${attribute.size}`;
  }
  return bytes;
}

function byType(attribute: DictionaryAttribute, value: string | number): Uint8Array | string {
  const text = String(value);
  switch (attribute.type) {
    case 'string':
      return Buffer.from(text, 'utf8');
    case 'byte':
      return unsigned(attribute, text, 1);
    case 'short':
      return unsigned(attribute, text, 2);
    case 'integer':
      return unsigned(attribute, text, 4);
    case 'integer64':
      return unsigned(attribute, text, 8);
    case 'signed': {
      const number = Number(text);
      if (!Number.isInteger(number) || number < -(2 ** 31) || number >= 2 ** 31)
        return `is ${text}, not a 32-bit number`;
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(number);
      return bytes;
    }
    case 'date': {
      const seconds = /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1000;
      if (!(seconds >= 0 && seconds < 2 ** 32)) return `is ${text}: write RFC 3339 or seconds since 1970`;
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(Math.floor(seconds));
      return bytes;
    }
    case 'ipaddr':
      return isIPv4(text) ? Uint8Array.from(ipaddr.parse(text).toByteArray()) : `is ${text}, not an IPv4 address`;
    case 'ipv6addr':
      return isIPv6(text) ? Uint8Array.from(ipaddr.parse(text).toByteArray()) : `is ${text}, not an IPv6 address`;
    case 'combo-ip':
      return isIPv4(text) || isIPv6(text)
        ? Uint8Array.from(ipaddr.parse(text).toByteArray())
        : `is ${text}, not an IP address`;
    case 'ipv4prefix':
      return prefix(text, 'ipv4');
    case 'ipv6prefix':
      return prefix(text, 'ipv6');
    case 'ether': {
      const digits = text.replace(/[:-]/g, '');
      return /^[0-9a-f]{12}$/i.test(digits) ? Buffer.from(digits, 'hex') : `is ${text}, not a MAC address`;
    }
    case 'ifid': {
      const parts = text.split(':');
      const good = parts.length === 4 && parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part));
      return good
        ? Buffer.from(parts.map((part) => part.padStart(4, '0')).join(''), 'hex')
        : `is ${text}, not an interface id such as 0:0:0:1`;
    }
    case 'octets':
      return /^0x([0-9a-f]{2})*$/i.test(text) ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text, 'utf8');
    default:
      return 'holds other attributes: name one of those';
  }
}

function unsigned(attribute: DictionaryAttribute, text: string, octets: number): Uint8Array | string {
  const named = attribute.values.get(text.toLowerCase());
  if (named === undefined && !/^(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text)) {
    const known = [...attribute.values.keys()].length > 0 ? ' or a name that the dictionary has for it' : '';
    return `is ${JSON.stringify(text)}, not a number${known}`;
  }
  const number = named ?? BigInt(text);
  if (number >= 1n << BigInt(8 * octets)) return `is ${text}, more than ${octets} octets hold`;
  return Buffer.from(number.toString(16).padStart(2 * octets, '0'), 'hex');
}

/** RFC 3162, section 2.3 and RFC 6572: reserved, length, address; IPv6 without its trailing zero octets. */
function prefix(text: string, kind: 'ipv4' | 'ipv6'): Uint8Array | string {
  try {
    const [address, length] = ipaddr.parseCIDR(text);
    if (address.kind() !== kind) return `is ${text}, not an ${kind === 'ipv4' ? 'IPv4' : 'IPv6'} prefix`;
    const bytes = Uint8Array.from(address.toByteArray());
    const kept = kind === 'ipv4' ? 4 : Math.ceil(length / 8);
    return Uint8Array.from([0, length, ...bytes.subarray(0, kept)]);
  } catch {
    return `is ${text}, not a prefix such as ${kind === 'ipv4' ? '10.0.0.0/8' : '2001:db8::/32'}`;
  }
}

/** A value as text; what doesn't fit its type is shown in hexadecimal. */
export function decodeValue(attribute: DictionaryAttribute, bytes: Uint8Array): string {
  const octets = { byte: 1, short: 2, integer: 4, signed: 4, date: 4, integer64: 8, ipaddr: 4, ipv6addr: 16 } as const;
  const wanted = (octets as Partial<Record<string, number>>)[attribute.type];
  if (wanted !== undefined && bytes.length !== wanted) return hex(bytes);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (attribute.type) {
    case 'string': {
      const text = view.toString('utf8');
      return Buffer.compare(Buffer.from(text, 'utf8'), view) === 0 ? text : hex(bytes);
    }
    case 'byte':
    case 'short':
    case 'integer':
    case 'integer64': {
      const number = BigInt(hex(bytes));
      return attribute.names.get(number) ?? number.toString();
    }
    case 'signed':
      return String(view.readInt32BE());
    case 'date':
      return new Date(view.readUInt32BE() * 1000).toISOString();
    case 'ipaddr':
      return bytes.join('.');
    case 'ipv6addr':
      return ipaddr.fromByteArray([...bytes]).toString();
    case 'combo-ip':
      return bytes.length === 4 || bytes.length === 16 ? ipaddr.fromByteArray([...bytes]).toString() : hex(bytes);
    case 'ipv4prefix':
    case 'ipv6prefix': {
      const size = attribute.type === 'ipv4prefix' ? 4 : 16;
      const length = bytes[1] ?? 255;
      if (bytes.length < 2 || bytes.length > 2 + size || length > size * 8) return hex(bytes);
      const address = [...bytes.subarray(2), ...new Array<number>(2 + size - bytes.length).fill(0)];
      return `${ipaddr.fromByteArray(address).toString()}/${length}`;
    }
    case 'ether':
      return bytes.length === 6 ? view.toString('hex').replace(/..(?=.)/g, '$&:') : hex(bytes);
    case 'ifid':
      return bytes.length === 8 ? view.toString('hex').replace(/....(?=.)/g, '$&:') : hex(bytes);
    default:
      return hex(bytes);
  }
}
