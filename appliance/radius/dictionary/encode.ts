import { AttributeWriter, encryptPassword, encryptSalted, type Secret } from '../codec/index.ts';
import type { DictionaryAttribute, Vendor } from './parse.ts';
import { encodeValue } from './values.ts';

/** What an encrypted attribute is made with: the authenticator of the request, and the secret of its sender. */
export interface Cipher {
  authenticator: Uint8Array;
  secret: Secret;
}

const MAX_VALUE = 253;
/** RFC 2868, section 3.1 */
const MAX_TAG = 0x1f;
const EVS = 26;

/** One attribute, encoded; a string says what is wrong. `tag` as it was written. */
export function encodeAttribute(
  attribute: DictionaryAttribute,
  tag: string | undefined,
  value: string | number,
  cipher: Cipher | undefined,
): Uint8Array | string {
  if (tag !== undefined && !attribute.tagged) return `${attribute.name} takes no tag`;
  if (Number(tag ?? 0) > MAX_TAG) return `the tag of ${attribute.name} is ${tag}; it goes from 0 to ${MAX_TAG}`;
  const clear = encodeValue(attribute, value);
  if (typeof clear === 'string') return clear;
  const hidden = hide(attribute, clear, cipher);
  if (typeof hidden === 'string') return hidden;
  return wrap(attribute, withTag(attribute, hidden, Number(tag ?? 0)));
}

function hide(attribute: DictionaryAttribute, clear: Uint8Array, cipher: Cipher | undefined): Uint8Array | string {
  if (attribute.encrypt !== 1 && attribute.encrypt !== 2) return clear;
  if (!cipher) return `${attribute.name} is encrypted, and there is no request to encrypt it for`;
  const longest = attribute.encrypt === 1 ? 128 : 239;
  if (clear.length > longest) return `${attribute.name} has ${clear.length} octets; ${longest} fit`;
  const { authenticator, secret } = cipher;
  return attribute.encrypt === 1
    ? encryptPassword(clear, authenticator, secret)
    : encryptSalted(clear, authenticator, secret);
}

/** RFC 2868, section 3: in an integer the tag is the first of four octets, before a text it is there when it is not 0. */
function withTag(attribute: DictionaryAttribute, value: Uint8Array, tag: number): Uint8Array {
  if (!attribute.tagged) return value;
  if (attribute.type === 'integer') return Uint8Array.from([tag, ...value.subarray(1)]);
  // The tag of Tunnel-Password is always there (section 3.5): without it the salt would be read as one.
  return tag > 0 || attribute.encrypt === 2 ? Uint8Array.from([tag, ...value]) : value;
}

function wrap(attribute: DictionaryAttribute, value: Uint8Array): Uint8Array | string {
  const { path, vendor, extendedVendor, name } = attribute;
  const [first = 0, second = 0] = path;
  const tooLong = (most: number) => `${name} has ${value.length} octets; ${most} fit`;
  const writer = new AttributeWriter();
  try {
    if (vendor && extendedVendor !== undefined) {
      const inner = nest(path.slice(1), value);
      const body = Uint8Array.from([...u32(vendor.number), first, ...inner]);
      return writer.extended(extendedVendor, EVS, body).done();
    }
    if (vendor) {
      const inner = nest(path.slice(1), value);
      const encoded = vendorAttribute(vendor, first, inner);
      return encoded.length > MAX_VALUE ? tooLong(MAX_VALUE - 6) : writer.add(26, encoded).done();
    }
    if (first >= 241 && first <= 246) {
      if (path.length < 2) return `${name} holds other attributes: name one of those`;
      return writer.extended(first, second, nest(path.slice(2), value)).done();
    }
    if (attribute.concat) return writer.long(first, value).done();
    const inner = nest(path.slice(1), value);
    return inner.length > MAX_VALUE ? tooLong(MAX_VALUE) : writer.add(first, inner).done();
  } catch (error) {
    if (error instanceof RangeError) return `${name}: ${error.message}`;
    throw error;
  }
}

const u32 = (number: number): number[] => [number >>> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255];

function vendorAttribute({ number, typeOctets, lengthOctets }: Vendor, type: number, value: Uint8Array): Uint8Array {
  const length = typeOctets + lengthOctets + value.length;
  return Uint8Array.from([
    ...u32(number),
    ...u32(type).slice(-typeOctets),
    ...u32(length).slice(4 - lengthOctets),
    ...value,
  ]);
}

/** TLVs inside each other (RFC 6929, section 2.3), innermost last. */
function nest(path: readonly number[], value: Uint8Array): Uint8Array {
  let inner = value;
  for (const type of path.toReversed()) {
    if (inner.length > MAX_VALUE) throw new RangeError(`${inner.length} octets; ${MAX_VALUE} fit`);
    inner = Uint8Array.from([type, inner.length + 2, ...inner]);
  }
  return inner;
}
