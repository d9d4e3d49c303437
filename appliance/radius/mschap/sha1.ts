/**
 * SHA-1 (FIPS 180-4) of short messages. In JavaScript because MS-CHAPv2 asks for six of at most three blocks a request,
 * where each call into OpenSSL costs more than that.
 */

/** The longest message: 4 KiB, which is a whole packet. */
const MAX_BYTES = 4096;
const BLOCK = 64;
const W = new Int32Array(80);
const state = new Int32Array(5);
const scratch = new Uint8Array(MAX_BYTES + 72);

/** SHA-1 of the parts joined: 20 bytes. Throws RangeError over 4096 bytes. */
export function sha1(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > MAX_BYTES) throw new RangeError('at most 4096 bytes');
    // Short parts: a loop is quicker than the call of `set`.
    for (let at = 0; at < part.length; at++) scratch[length++] = part[at]!;
  }
  const end = pad(scratch, length);
  start();
  for (let from = 0; from < end; from += BLOCK) {
    load(scratch, from);
    mix(W);
  }
  return taken(20);
}

/** A message of which only the beginning, within its first block, changes. What is constant is worked out once. */
export class Prefixed {
  readonly #first = new Uint8Array(BLOCK);
  readonly #rest: Int32Array[] = [];

  /** `length` bytes that change, then `constant`; together up to 4096. */
  constructor(length: number, constant: Uint8Array) {
    const message = new Uint8Array(length + constant.length + 72);
    message.set(constant, length);
    const end = pad(message, length + constant.length);
    this.#first.set(message.subarray(0, BLOCK));
    for (let from = BLOCK; from < end; from += BLOCK) {
      load(message, from);
      this.#rest.push(W.slice());
    }
  }

  /** SHA-1 with the parts at the beginning: the first `bytes` of it. */
  digest(a: Uint8Array, b: Uint8Array, bytes: number): Uint8Array {
    const first = this.#first;
    for (let at = 0; at < a.length; at++) first[at] = a[at]!;
    for (let at = 0; at < b.length; at++) first[a.length + at] = b[at]!;
    start();
    load(first, 0);
    mix(W);
    for (const words of this.#rest) mix(words);
    return taken(bytes);
  }
}

/** FIPS 180-4, section 5.1.1: a one bit, zeros, the length in bits. The end of the last block. */
function pad(message: Uint8Array, length: number): number {
  const end = ((length + 72) >> 6) << 6;
  message[length] = 0x80;
  for (let at = length + 1; at < end - 2; at++) message[at] = 0;
  message[end - 1] = length << 3;
  message[end - 2] = length >> 5;
  return end;
}

function start(): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
}

function taken(bytes: number): Uint8Array {
  const digest = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) digest[at] = state[at >> 2]! >>> (24 - ((at & 3) << 3));
  return digest;
}

/** The message schedule of the block at `from`. */
function load(message: Uint8Array, from: number): void {
  for (let t = 0, at = from; t < 16; t++, at += 4) {
    W[t] = (message[at]! << 24) | (message[at + 1]! << 16) | (message[at + 2]! << 8) | message[at + 3]!;
  }
  for (let t = 16; t < 80; t++) {
    const word = W[t - 3]! ^ W[t - 8]! ^ W[t - 14]! ^ W[t - 16]!;
    W[t] = (word << 1) | (word >>> 31);
  }
}

/** Section 6.1.2, step 3, by five rounds at a time: so the five variables change places by name and not by a move. */
function mix(w: Int32Array): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let t = 0; t < 20; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + 0x5a827999 + w[t]!) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + (c ^ (a & (b ^ c))) + 0x5a827999 + w[t + 1]!) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + (b ^ (e & (a ^ b))) + 0x5a827999 + w[t + 2]!) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + (a ^ (d & (e ^ a))) + 0x5a827999 + w[t + 3]!) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + (e ^ (c & (d ^ e))) + 0x5a827999 + w[t + 4]!) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (let t = 20; t < 40; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + 0x6ed9eba1 + w[t]!) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + 0x6ed9eba1 + w[t + 1]!) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + 0x6ed9eba1 + w[t + 2]!) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + 0x6ed9eba1 + w[t + 3]!) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + 0x6ed9eba1 + w[t + 4]!) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (let t = 40; t < 60; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + 0x8f1bbcdc + w[t]!) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + ((a & b) | (c & (a | b))) + 0x8f1bbcdc + w[t + 1]!) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + ((e & a) | (b & (e | a))) + 0x8f1bbcdc + w[t + 2]!) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + ((d & e) | (a & (d | e))) + 0x8f1bbcdc + w[t + 3]!) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + ((c & d) | (e & (c | d))) + 0x8f1bbcdc + w[t + 4]!) | 0;
    c = (c << 30) | (c >>> 2);
  }
  for (let t = 60; t < 80; t += 5) {
    e = (e + ((a << 5) | (a >>> 27)) + (b ^ c ^ d) + 0xca62c1d6 + w[t]!) | 0;
    b = (b << 30) | (b >>> 2);
    d = (d + ((e << 5) | (e >>> 27)) + (a ^ b ^ c) + 0xca62c1d6 + w[t + 1]!) | 0;
    a = (a << 30) | (a >>> 2);
    c = (c + ((d << 5) | (d >>> 27)) + (e ^ a ^ b) + 0xca62c1d6 + w[t + 2]!) | 0;
    e = (e << 30) | (e >>> 2);
    b = (b + ((c << 5) | (c >>> 27)) + (d ^ e ^ a) + 0xca62c1d6 + w[t + 3]!) | 0;
    d = (d << 30) | (d >>> 2);
    a = (a + ((b << 5) | (b >>> 27)) + (c ^ d ^ e) + 0xca62c1d6 + w[t + 4]!) | 0;
    c = (c << 30) | (c >>> 2);
  }
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
  state[4] = state[4]! + e;
}
