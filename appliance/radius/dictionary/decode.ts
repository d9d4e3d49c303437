import { decryptSalted, type Packet } from '../codec/index.ts';
import type { Cipher } from './encode.ts';
import type { DictionaryAttribute, Vendor } from './parse.ts';
import { decodeValue } from './values.ts';

/** An attribute of a packet as text; `tag` where its kind has one (RFC 2868, section 3). */
export interface Named {
  name: string;
  value: string;
  tag?: number;
}

type Lookup = (vendor: number | undefined, path: readonly number[]) => DictionaryAttribute | undefined;

const VENDOR_SPECIFIC = 26;
/** TLVs inside TLVs; a packet of 4,096 octets could nest thousands. */
const MAX_NESTING = 4;

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/** Every attribute of a packet by name. What can't be taken apart is shown whole, in hexadecimal. */
export function decodeAttributes(
  packet: Packet,
  find: Lookup,
  vendorOf: (number: number) => Vendor | undefined,
  cipher: Cipher | undefined,
): Named[] {
  const found: Named[] = [];
  /** Fragments of a long extended attribute so far (RFC 6929, section 2.2). */
  let open: { type: number; extended: number; parts: Uint8Array[] } | undefined;

  const show = (vendor: number | undefined, path: readonly number[], value: Uint8Array, depth = 0): void => {
    const attribute = find(vendor, path);
    const label = vendor === undefined ? `Attr-${path.join('.')}` : `Attr-26.${vendor}.${path.join('.')}`;
    if (!attribute) found.push({ name: label, value: hex(value) });
    else if (attribute.type === 'tlv' && depth < MAX_NESTING) {
      const parts = split(value, 1, 1);
      if (!parts) found.push({ name: attribute.name, value: hex(value) });
      for (const part of parts ?? []) show(vendor, [...path, part.type], part.value, depth + 1);
    } else found.push(named(attribute, value, cipher));
  };
  const showVendor = (value: Uint8Array): void => {
    const number = Buffer.from(value.buffer, value.byteOffset, value.length);
    const id = value.length > 4 ? number.readUInt32BE() : 0;
    const vendor = vendorOf(id);
    const parts =
      value.length > 4 ? split(value.subarray(4), vendor?.typeOctets ?? 1, vendor?.lengthOctets ?? 1) : undefined;
    if (!parts) found.push({ name: `Attr-${VENDOR_SPECIFIC}`, value: hex(value) });
    for (const part of parts ?? []) show(id, [part.type], part.value);
  };
  const showExtended = (type: number, extended: number, value: Uint8Array): void => {
    if (extended !== VENDOR_SPECIFIC || value.length < 5) {
      show(undefined, [type, extended], value);
      return;
    }
    const id = Buffer.from(value.buffer, value.byteOffset, 4).readUInt32BE();
    const number = value[4] ?? 0;
    if (find(id, [number])?.extendedVendor === type) show(id, [number], value.subarray(5));
    else found.push({ name: `Attr-${type}.26.${id}.${number}`, value: hex(value.subarray(5)) });
  };

  for (const { type, value } of packet) {
    const extended = value[0];
    if (type === VENDOR_SPECIFIC) showVendor(value);
    else if (type >= 241 && type <= 244 && extended !== undefined) showExtended(type, extended, value.subarray(1));
    else if ((type === 245 || type === 246) && extended !== undefined && value.length >= 2) {
      if (open && (open.type !== type || open.extended !== extended)) open = undefined;
      open ??= { type, extended, parts: [] };
      open.parts.push(value.subarray(2));
      if (((value[1] ?? 0) & 0x80) === 0) {
        showExtended(type, extended, Buffer.concat(open.parts));
        open = undefined;
      }
    } else show(undefined, [type], value);
  }
  return found;
}

function named(attribute: DictionaryAttribute, value: Uint8Array, cipher: Cipher | undefined): Named {
  const { name, encrypt, tagged, type } = attribute;
  if (encrypt === 1) return { name, value: '(hidden)' };
  // Text without a tag begins with an octet above 0x1f (RFC 2868, section 3.3).
  const tag =
    tagged && (type === 'integer' || encrypt === 2 || (value[0] ?? 255) <= 0x1f) ? (value[0] ?? 0) : undefined;
  let inner = value;
  if (tag !== undefined) inner = type === 'integer' ? Uint8Array.from([0, ...value.subarray(1)]) : value.subarray(1);
  if (encrypt === 2) {
    const clear = cipher && decryptSalted(inner, cipher.authenticator, cipher.secret);
    if (!clear) return { name, value: '(hidden)' };
    inner = clear;
  }
  return { name, value: decodeValue(attribute, inner), ...(tag ? { tag } : {}) };
}

/** Sub-attributes; undefined where the lengths don't fit. */
function split(
  bytes: Uint8Array,
  typeOctets: number,
  lengthOctets: number,
): { type: number; value: Uint8Array }[] | undefined {
  const parts: { type: number; value: Uint8Array }[] = [];
  const header = typeOctets + lengthOctets;
  const number = (from: number, octets: number): number =>
    bytes.subarray(from, from + octets).reduce((sum, octet) => sum * 256 + octet, 0);
  for (let at = 0; at < bytes.length; ) {
    if (at + header > bytes.length) return undefined;
    const length = lengthOctets === 0 ? bytes.length - at : number(at + typeOctets, lengthOctets);
    if (length < header || at + length > bytes.length) return undefined;
    parts.push({ type: number(at, typeOctets), value: bytes.subarray(at + header, at + length) });
    at += length;
  }
  return parts.length > 0 ? parts : undefined;
}
