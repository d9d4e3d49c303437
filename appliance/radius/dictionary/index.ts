import path from 'node:path';
import type { Packet } from '../codec/index.ts';
import { decodeAttributes, type Named } from './decode.ts';
import { type Cipher, encodeAttribute } from './encode.ts';
import { type Definitions, type DictionaryAttribute, readDictionary } from './parse.ts';

export type { Named } from './decode.ts';
export type { Cipher } from './encode.ts';
export { type DictionaryAttribute, DictionaryError } from './parse.ts';

/** Names, numbers and types of attributes. */
export interface Dictionary {
  /** By name in any case; `Attr-26.9.1` finds what has no name. */
  find(name: string): DictionaryAttribute | undefined;
  /**
   * Encoded attributes (more than one where the value is split), or a sentence that says what is wrong. `name` may have
   * a tag: `Tunnel-Type:1`. `cipher` is needed for encrypted attributes only.
   */
  encode(name: string, value: string | number, cipher?: Cipher): Uint8Array | string;
  /** Every attribute of a packet. Passwords are never shown; keys and tunnel passwords are, with `cipher`. Never throws. */
  decode(packet: Packet, cipher?: Cipher): Named[];
  /** Whether the value can only be written for one request. */
  isEncrypted(name: string): boolean;
}

const FILES = path.join(import.meta.dirname, 'files');

/** Reads our dictionary and then the file `dictionary` of each of `folders`: the site's own. Throws DictionaryError. */
export function loadDictionary(folders: readonly string[] = []): Dictionary {
  const definitions: Definitions = { attributes: new Map(), vendors: new Map() };
  for (const folder of [FILES, ...folders]) readDictionary(path.join(folder, 'dictionary'), definitions);
  const byNumber = new Map<string, DictionaryAttribute>();
  // The first name of a number is its name; later ones are aliases.
  for (const attribute of definitions.attributes.values()) {
    const key = numberKey(attribute.vendor?.number, attribute.path);
    if (!byNumber.has(key)) byNumber.set(key, attribute);
  }
  const vendors = new Map([...definitions.vendors.values()].map((vendor) => [vendor.number, vendor]));
  const find = (name: string): DictionaryAttribute | undefined => {
    const base = name.replace(/:\d+$/, '').toLowerCase();
    return definitions.attributes.get(base) ?? nameless(base, byNumber);
  };
  return {
    find,
    encode(name, value, cipher) {
      const attribute = find(name);
      if (!attribute) return `${name} is not an attribute that the dictionary knows`;
      return encodeAttribute(attribute, /:(\d+)$/.exec(name)?.[1], value, cipher);
    },
    decode: (packet, cipher) =>
      decodeAttributes(
        packet,
        (vendor, numbers) => byNumber.get(numberKey(vendor, numbers)),
        (vendor) => vendors.get(vendor),
        cipher,
      ),
    isEncrypted: (name) => (find(name)?.encrypt ?? 0) !== 0,
  };
}

const numberKey = (vendor: number | undefined, numbers: readonly number[]): string =>
  `${vendor ?? 0}:${numbers.join('.')}`;

/** `attr-27` and `attr-26.9.1`, as FreeRADIUS writes them, for what no file names: octets. */
function nameless(name: string, byNumber: Map<string, DictionaryAttribute>): DictionaryAttribute | undefined {
  const [, type = '', vendor, number = ''] = /^attr-(\d{1,3})(?:\.(\d{1,8})\.(\d{1,3}))?$/.exec(name) ?? [];
  if (type === '' || Number(type) === 0 || Number(type) > 240 || (vendor !== undefined) !== (type === '26')) {
    return undefined;
  }
  const path = [Number(vendor === undefined ? type : number)];
  if ((path[0] ?? 0) > 255 || Number(vendor ?? 0) > 0xffffff) return undefined;
  const known = byNumber.get(numberKey(vendor === undefined ? undefined : Number(vendor), path));
  if (known) return known;
  return {
    name: name.replace('attr', 'Attr'),
    path,
    vendor:
      vendor === undefined
        ? undefined
        : { name: `Vendor-${vendor}`, number: Number(vendor), typeOctets: 1, lengthOctets: 1 },
    extendedVendor: undefined,
    type: 'octets',
    size: undefined,
    tagged: false,
    encrypt: 0,
    concat: false,
    values: new Map(),
    names: new Map(),
  };
}
