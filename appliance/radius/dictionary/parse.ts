import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Types of values; others of FreeRADIUS's are read as `octets`. */
export const TYPES = [
  'string',
  'octets',
  'integer',
  'signed',
  'byte',
  'short',
  'integer64',
  'date',
  'ipaddr',
  'ipv6addr',
  'ipv4prefix',
  'ipv6prefix',
  'combo-ip',
  'ifid',
  'ether',
  'tlv',
  'vsa',
  'extended',
  'long-extended',
  'evs',
] as const;
export type AttributeType = (typeof TYPES)[number];

/** How a vendor writes its attributes: octets of type and of length (RFC 2865, section 5.26 suggests 1 and 1). */
export interface Vendor {
  name: string;
  number: number;
  typeOctets: 1 | 2 | 4;
  lengthOctets: 0 | 1 | 2;
}

export interface DictionaryAttribute {
  name: string;
  /** `[27]`; `[241, 5, 1]` for a TLV in an extended attribute; the vendor's own numbers where there is one. */
  path: readonly number[];
  vendor: Vendor | undefined;
  /** Of a vendor attribute inside an extended one (RFC 6929, section 2.4): the first number, 241 to 246. */
  extendedVendor: number | undefined;
  type: AttributeType;
  /** Octets that a value has, where that is fixed by the file. */
  size: number | undefined;
  tagged: boolean;
  /** 1: User-Password (RFC 2865); 2: salted (RFC 2868); 3: Ascend's, which is read as clear. */
  encrypt: 0 | 1 | 2 | 3;
  /** Values over 253 octets go into several attributes (RFC 2869, section 5.13). */
  concat: boolean;
  /** Names of numbers. */
  values: Map<string, bigint>;
  names: Map<bigint, string>;
}

/** What files say: by lower-case name. */
export interface Definitions {
  attributes: Map<string, DictionaryAttribute>;
  vendors: Map<string, Vendor>;
}

/** A dictionary file that can't be read: the message has file, line and what to do. */
export class DictionaryError extends Error {
  override name = 'DictionaryError';
}

const MAX_DEPTH = 8;

/** Reads a dictionary in FreeRADIUS's file format (its man page `dictionary(5)`), with what it includes, into `into`. */
export function readDictionary(file: string, into: Definitions, depth = 0): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new DictionaryError(`The dictionary ${file} cannot be read: ${(error as Error).message}.`);
  }
  const scope: Scope = { vendor: undefined, extendedVendor: undefined, tlv: [] };
  for (const [index, line] of text.split('\n').entries()) {
    const fail = (message: string): never => {
      throw new DictionaryError(`${file}:${index + 1}: ${message}`);
    };
    const words = line.replace(/#.*$/, '').trim().split(/\s+/);
    const [keyword = ''] = words;
    if (keyword === '') continue;
    if (keyword.toUpperCase().startsWith('$INCLUDE')) {
      if (depth >= MAX_DEPTH) fail('files include each other too deeply');
      const name = words[1] ?? fail('$INCLUDE needs a file name');
      readDictionary(path.resolve(path.dirname(file), name), into, depth + 1);
    } else {
      readLine(words, scope, into, fail);
    }
  }
}

interface Scope {
  vendor: Vendor | undefined;
  extendedVendor: number | undefined;
  tlv: DictionaryAttribute[];
}
type Fail = (message: string) => never;

function readLine(words: string[], scope: Scope, into: Definitions, fail: Fail): void {
  const [keyword = '', first = '', second = '', third = '', fourth = ''] = words;
  switch (keyword.toUpperCase()) {
    case 'VENDOR':
      into.vendors.set(first.toLowerCase(), readVendor(first, second, third, fail));
      return;
    case 'BEGIN-VENDOR': {
      scope.vendor =
        into.vendors.get(first.toLowerCase()) ?? fail(`the vendor ${first} is not known: say VENDOR first`);
      const parent = /^parent=(.+)$/i.exec(second)?.[1];
      scope.extendedVendor = parent === undefined ? undefined : findAttribute(parent, into, fail).path[0];
      return;
    }
    case 'END-VENDOR':
      scope.vendor = undefined;
      scope.extendedVendor = undefined;
      return;
    case 'BEGIN-TLV':
      scope.tlv.push(findAttribute(first, into, fail));
      return;
    case 'END-TLV':
      scope.tlv.pop();
      return;
    case 'ATTRIBUTE': {
      const attribute = readAttribute(first, second, third, fourth, scope, fail);
      into.attributes.set(first.toLowerCase(), attribute);
      return;
    }
    case 'VALUE': {
      const attribute = into.attributes.get(first.toLowerCase());
      if (!/^(0x[0-9a-f]+|\d+)$/i.test(third)) fail(`${third} is not a number`);
      // As FreeRADIUS does, a value of an attribute that isn't there is passed over.
      attribute?.values.set(second.toLowerCase(), BigInt(third));
      if (attribute && !attribute.names.has(BigInt(third))) attribute.names.set(BigInt(third), second);
      return;
    }
    default:
      fail(`${keyword} is not known; known are ATTRIBUTE, VALUE, VENDOR, BEGIN-VENDOR, BEGIN-TLV, $INCLUDE`);
  }
}

function readVendor(name: string, number: string, format: string, fail: Fail): Vendor {
  if (!/^\d{1,8}$/.test(number) || Number(number) > 0xffffff) fail(`${number} is not a vendor's number`);
  const [, type = '1', length = '1', rest = ''] = /^format=(\d),(\d)(,c)?$/.exec(format) ?? [];
  if (format.startsWith('format=') && (!['1', '2', '4'].includes(type) || !['0', '1', '2'].includes(length) || rest)) {
    fail(`${format} is not supported: octets of type are 1, 2 or 4, octets of length 0, 1 or 2`);
  }
  return {
    name,
    number: Number(number),
    typeOctets: Number(type) as Vendor['typeOctets'],
    lengthOctets: Number(length) as Vendor['lengthOctets'],
  };
}

function readAttribute(
  name: string,
  number: string,
  typeText: string,
  flagText: string,
  scope: Scope,
  fail: Fail,
): DictionaryAttribute {
  if (!/^[\w.-]{1,128}$/.test(name)) fail(`${name} is not a name`);
  const own = number.split('.').map((part) => Number(part));
  if (own.some((part) => !Number.isInteger(part) || part < 0 || part > 0xffffffff)) fail(`${number} is not a number`);
  const tlv = scope.tlv.at(-1);
  const [, base = '', size] = /^([\w-]+)(?:\[(\d+)\])?$/.exec(typeText.toLowerCase()) ?? [];
  if (base === '') fail(`the type of ${name} is missing`);
  const flags = flagText.toLowerCase().split(',');
  const encrypt = flags.map((flag) => /^encrypt=([123])$/.exec(flag)?.[1]).find((level) => level !== undefined);
  return {
    name,
    path: tlv ? [...tlv.path, ...own] : own,
    vendor: scope.vendor,
    extendedVendor: scope.extendedVendor,
    type: (TYPES as readonly string[]).includes(base) ? (base as AttributeType) : 'octets',
    size: size === undefined ? undefined : Number(size),
    tagged: flags.includes('has_tag'),
    encrypt: encrypt === undefined ? 0 : (Number(encrypt) as 1 | 2 | 3),
    concat: flags.includes('concat'),
    values: new Map(),
    names: new Map(),
  };
}

function findAttribute(name: string, into: Definitions, fail: Fail): DictionaryAttribute {
  return into.attributes.get(name.toLowerCase()) ?? fail(`the attribute ${name} is not known: say ATTRIBUTE first`);
}
