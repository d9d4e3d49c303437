/**
 * One element of DER (X.690, section 10): tags of one byte, definite lengths.
 * @typedef {{ tag: number, whole: Uint8Array, body: Uint8Array }} Element
 */

export const TAG = { integer: 2, bits: 3, octets: 4, oid: 6, utcTime: 23, time: 24, sequence: 48, set: 49 };

/** Throws where it isn't DER. @param {Uint8Array} bytes @param {number} [at] @returns {Element} */
export function readElement(bytes, at = 0) {
  const tag = bytes[at];
  let length = bytes[at + 1];
  let start = at + 2;
  if (tag === undefined || length === undefined || (tag & 31) === 31) throw new Error('it isn’t DER');
  if (length >= 128) {
    const digits = length - 128;
    if (digits < 1 || digits > 4) throw new Error('it isn’t DER');
    length = 0;
    for (let i = 0; i < digits; i++) length = length * 256 + (bytes[start++] ?? Number.NaN);
  }
  if (!(start + length <= bytes.length)) throw new Error('it is cut short');
  return { tag, whole: bytes.subarray(at, start + length), body: bytes.subarray(start, start + length) };
}

/** What a constructed element holds. @param {Element | undefined} element @returns {Element[]} */
export function children(element) {
  if (!element || (element.tag & 32) === 0) throw new Error('an element is missing');
  const found = [];
  for (let at = 0; at < element.body.length; ) {
    const child = readElement(element.body, at);
    found.push(child);
    at += child.whole.length;
  }
  return found;
}

/** An object identifier in digits and dots. @param {Element | undefined} element @returns {string} */
export function oidOf(element) {
  if (element?.tag !== TAG.oid) return '';
  const numbers = [];
  let value = 0;
  for (const byte of element.body) {
    value = value * 128 + (byte & 127);
    if (byte < 128) {
      numbers.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const arc = Math.min(2, Math.floor(first / 40));
  return [arc, first - arc * 40, ...rest].join('.');
}

/** UTCTime or GeneralizedTime, microseconds since 1970. @param {Element | undefined} element @returns {number} */
export function timeIn(element) {
  const text = String.fromCharCode(...(element?.body ?? []));
  const digits = element?.tag === TAG.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, y, mo, d, h, mi, s, fraction = ''] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d+)?Z$/.exec(digits) ?? [];
  if (!y) throw new Error('a time cannot be read');
  return Date.UTC(+y, +mo - 1, +d, +h, +mi, +s) * 1000 + Math.round(Number(`0${fraction}`) * 1e6);
}
