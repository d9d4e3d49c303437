// Bytes and texts. Nothing here or in the files beside it needs more than the language itself, so that the same code
// runs under Node (verify.mjs) and in a page (verify.html).

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Int16Array(128).fill(-1);
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param {string} text @returns {Uint8Array} */
export const utf8 = (text) => encoder.encode(text);

/** Throws where it isn't UTF-8. @param {Uint8Array} bytes @returns {string} */
export const textOf = (bytes) => strictDecoder.decode(bytes);

/**
 * Standard base64 with padding, in its one canonical spelling (RFC 4648, sections 3.5 and 4).
 * @param {unknown} text @param {number} [length] what it must be long @returns {Uint8Array | undefined}
 */
export function base64(text, length) {
  if (typeof text !== 'string' || text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  if (length !== undefined && bytes.length !== length) return undefined;
  let at = 0;
  for (let i = 0; i < text.length; i += 4) {
    let word = 0;
    for (let j = 0; j < 4; j++) {
      const code = text.charCodeAt(i + j);
      const value = i + j >= text.length - padding ? 0 : code < 128 ? VALUES[code] : -1;
      if (value < 0) return undefined;
      word = word * 64 + value;
    }
    const last = i + 4 === text.length;
    if (last && padding > 0 && word & (padding === 2 ? 0xffff : 0xff)) return undefined;
    bytes[at++] = word >>> 16;
    if (at < bytes.length) bytes[at++] = word >>> 8;
    if (at < bytes.length) bytes[at++] = word;
  }
  return bytes;
}

/** @param {Uint8Array} bytes @returns {string} */
export function toBase64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let j = 0; j < 4; j++) text += i + j > bytes.length ? '=' : ALPHABET[(word >>> (18 - 6 * j)) & 63];
  }
  return text;
}

/** @param {Uint8Array} bytes @returns {string} */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {Uint8Array[]} parts @returns {Uint8Array} */
export function concat(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @param {Uint8Array | undefined} a @param {Uint8Array | undefined} b @returns {boolean} */
export function equal(a, b) {
  if (!a || !b || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A whole number from 0 without signs or leading zeros, below 2^53. @param {unknown} text @returns {number | undefined} */
export function whole(text) {
  if (typeof text !== 'string' || !/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** RFC 3339, UTC, microseconds. @param {number} us microseconds since 1970 @returns {string} */
export function timeOf(us) {
  const ms = Math.floor(us / 1000);
  const rest = String(us - ms * 1000).padStart(3, '0');
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}

/** As people read it: `2026-11-22 19:00:00 UTC`. @param {number} us @returns {string} */
export const readable = (us) => `${timeOf(us).slice(0, 19).replace('T', ' ')} UTC`;

/** No line of an export is longer: 65,535 bytes of which each becomes `\u0000`, and fields of the same size. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * The lines of a file, without their ends. Throws where one is too long or isn't UTF-8.
 * @param {import('./proofs.mjs').Folder} folder @param {string} name @returns {AsyncGenerator<string>}
 */
export async function* lines(folder, name) {
  let at = 0;
  const line = (/** @type {Uint8Array} */ bytes) => {
    at++;
    try {
      return textOf(bytes);
    } catch {
      throw new Error(`line ${at} of ${name} isn’t UTF-8`);
    }
  };
  /** @type {Uint8Array} */
  let rest = new Uint8Array(0);
  for await (const chunk of folder.stream(name)) {
    const bytes = rest.length === 0 ? chunk : concat(rest, chunk);
    let start = 0;
    for (let end = bytes.indexOf(10, rest.length); end >= 0; end = bytes.indexOf(10, start)) {
      yield line(bytes.subarray(start, end));
      start = end + 1;
    }
    rest = bytes.slice(start);
    if (rest.length > MAX_LINE) throw new Error(`line ${at + 1} of ${name} is longer than 4 MiB`);
  }
  if (rest.length > 0) yield line(rest);
}

/** The files that are read at once are no longer. */
const MAX_SMALL = 64 * 1024 * 1024;

/** @param {AsyncIterable<Uint8Array>} stream */
export async function collect(stream) {
  const parts = [];
  let length = 0;
  for await (const part of stream) {
    parts.push(part);
    length += part.length;
    if (length > MAX_SMALL) throw new Error('a file is too large');
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
