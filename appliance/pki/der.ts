/**
 * DER (X.690), as much as certificates, CRLs and OCSP need. Reading is strict about lengths and never goes beyond the
 * bytes; it throws DerError. CRLs have hundreds of thousands of entries, so there is no tree: nodes are made as asked for.
 */

export class DerError extends Error {
  override name = 'DerError';
}

/** One element: where its header starts, where its value starts, and where it ends. */
export interface Der {
  readonly bytes: Uint8Array;
  readonly tag: number;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[n]`, constructed (explicit tags, sequences) or primitive. */
export const context = (n: number): number => 0xa0 + n;
export const contextPrimitive = (n: number): number => 0x80 + n;

/** The element at `at`, which must end at `end` or before. */
export function readDer(bytes: Uint8Array, at = 0, end = bytes.length): Der {
  if (at + 2 > end) throw new DerError('an element is cut off');
  const tag = bytes[at]!;
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several bytes');
  const first = bytes[at + 1]!;
  if (first < 0x80) return element(bytes, tag, at, at + 2, first, end);
  const count = first & 0x7f;
  if (count === 0 || count > 4 || at + 2 + count > end) throw new DerError('a length that cannot be');
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + bytes[at + 2 + i]!;
  return element(bytes, tag, at, at + 2 + count, length, end);
}

function element(bytes: Uint8Array, tag: number, start: number, value: number, length: number, end: number): Der {
  if (value + length > end) throw new DerError('an element goes beyond its end');
  return { bytes, tag, start, value, end: value + length };
}

/** The only element of `bytes`, of this tag. */
export function only(bytes: Uint8Array, tag: number): Der {
  const der = readDer(bytes);
  if (der.end !== bytes.length) throw new DerError('bytes behind the element');
  return expect(der, tag);
}

export function expect(der: Der | undefined, tag: number): Der {
  if (der?.tag !== tag) throw new DerError(`tag ${tag} is missing`);
  return der;
}

/** What lies within, one after the other. */
export function* within(der: Der): Generator<Der> {
  for (let at = der.value; at < der.end; ) {
    const next = readDer(der.bytes, at, der.end);
    yield next;
    at = next.end;
  }
}

export const parts = (der: Der): Der[] => [...within(der)];
export const contentOf = ({ bytes, value, end }: Der): Uint8Array => bytes.subarray(value, end);
export const wholeOf = ({ bytes, start, end }: Der): Uint8Array => bytes.subarray(start, end);

/** `1.2.840.…` */
export function oidOf(der: Der): string {
  const bytes = contentOf(expect(der, TAG.oid));
  const numbers: number[] = [];
  let number = 0;
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f);
    if (number > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an OID that is too long');
    if (byte >= 0x80) continue;
    if (numbers.length > 0) numbers.push(number);
    else numbers.push(Math.min(2, Math.floor(number / 40)), number - Math.min(2, Math.floor(number / 40)) * 40);
    number = 0;
  }
  return numbers.join('.');
}

/** An INTEGER as lower-case hexadecimal without leading zeros. */
export function integerHex(der: Der): string {
  const hex = Buffer.from(contentOf(expect(der, TAG.integer))).toString('hex');
  return hex.replace(/^(00)+(?=..)/, '');
}

/** The content of a BIT STRING that has whole bytes. */
export function bitsOf(der: Der): Uint8Array {
  const bytes = contentOf(expect(der, TAG.bitString));
  if (bytes[0] !== 0) throw new DerError('a bit string that is not of whole bytes');
  return bytes.subarray(1);
}

/** UTCTime or GeneralizedTime as RFC 5280, section 4.1.2.5 wants them; milliseconds since 1970. */
export function timeOf(der: Der | undefined): number {
  if (der?.tag !== TAG.utcTime && der?.tag !== TAG.generalizedTime) throw new DerError('a time is missing');
  const text = Buffer.from(contentOf(der)).toString('latin1');
  const short = der.tag === TAG.utcTime;
  const match = (
    short ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/
  ).exec(text);
  if (!match) throw new DerError('a time that is not in UTC');
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  const [day = 0, hour = 0, minute = 0, second = 0] = rest;
  return Date.UTC(short ? (year < 50 ? 2000 : 1900) + year : year, month - 1, day, hour, minute, second);
}

/** Text of a name's or alternative name's string. */
export function textOf(der: Der): string {
  const bytes = Buffer.from(contentOf(der));
  if (der.tag === TAG.bmpString)
    return Buffer.from(bytes.subarray(0, bytes.length & ~1))
      .swap16()
      .toString('utf16le');
  return bytes.toString(der.tag === TAG.utf8String ? 'utf8' : 'latin1');
}

/** An element of this tag with these contents, one after the other. */
export function write(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(contents);
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Uint8Array.of(tag, length), value]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return Buffer.concat([Uint8Array.of(tag, 0x80 + bytes.length, ...bytes), value]);
}

export function writeOid(oid: string): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const out = [number & 0x7f];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      out.unshift((left & 0x7f) | 0x80);
    return out;
  });
  return write(TAG.oid, Uint8Array.from(bytes));
}

/** A number that isn't negative, from hexadecimal. */
export function writeInteger(hex: string): Buffer {
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return write(TAG.integer, ...(bytes[0]! >= 0x80 ? [Uint8Array.of(0)] : []), bytes);
}

/** UTCTime up to 2049, GeneralizedTime from 2050. */
export function writeTime(at: number): Buffer {
  const text = new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  const year = new Date(at).getUTCFullYear();
  return year < 2050 ? write(TAG.utcTime, Buffer.from(text.slice(2))) : write(TAG.generalizedTime, Buffer.from(text));
}
