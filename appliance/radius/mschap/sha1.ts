/**
 * SHA-1 (FIPS 180-4) of short messages. In JavaScript because MS-CHAPv2 asks for six of at most four blocks a request,
 * where the call into OpenSSL costs more than the sum.
 */

const W = new Int32Array(80);
const state = new Int32Array(5);
/** The longest message: 4 KiB, which is a whole packet. */
const MAX_BYTES = 4096;
const buffer = new Uint8Array(MAX_BYTES + 72);

/** SHA-1 of the parts joined: 20 bytes. Throws RangeError over 4096 bytes. */
export function sha1(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > MAX_BYTES) throw new RangeError('at most 4096 bytes');
    buffer.set(part, length);
    length += part.length;
  }
  const end = ((length + 72) >> 6) << 6;
  buffer[length] = 0x80;
  buffer.fill(0, length + 1, end);
  buffer[end - 1] = length << 3;
  buffer[end - 2] = length >> 5;
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  for (let from = 0; from < end; from += 64) block(from);
  const digest = new Uint8Array(20);
  for (let index = 0; index < 5; index++) {
    const word = state[index]!;
    digest[index * 4] = word >>> 24;
    digest[index * 4 + 1] = word >>> 16;
    digest[index * 4 + 2] = word >>> 8;
    digest[index * 4 + 3] = word;
  }
  return digest;
}

function block(from: number): void {
  for (let t = 0, at = from; t < 16; t++, at += 4) {
    W[t] = (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
  }
  for (let t = 16; t < 80; t++) {
    const word = W[t - 3]! ^ W[t - 8]! ^ W[t - 14]! ^ W[t - 16]!;
    W[t] = (word << 1) | (word >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let t = 0;
  for (; t < 20; t++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (~b & d)) + e + 0x5a827999 + W[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (; t < 40; t++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + W[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (; t < 60; t++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d)) + e + 0x8f1bbcdc + W[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (; t < 80; t++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0xca62c1d6 + W[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = state[0]! + a;
  state[1] = state[1]! + b;
  state[2] = state[2]! + c;
  state[3] = state[3]! + d;
  state[4] = state[4]! + e;
}
