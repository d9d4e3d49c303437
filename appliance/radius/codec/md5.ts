/**
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104) in plain JavaScript: for packets of a hundred bytes a call into OpenSSL costs
 * several times the hash itself. Messages are laid into one arena that belongs to this module, so that nothing is
 * allocated and nothing is ever written behind somebody else's bytes.
 *
 * Words are read as the machine has them, little-endian, as MD5 wants them.
 */

/** RFC 2865, section 3, says 16 at least and not how many at most. */
const MAX_SECRET_BYTES = 1024;
const BLOCK = 64;
/** A packet (4096), a secret behind it and two blocks of padding; a multiple of 64. */
const ARENA_BYTES = 4096 + MAX_SECRET_BYTES + 4 * BLOCK;

if (new Uint8Array(Int32Array.of(1).buffer)[0] !== 1) throw new Error('this processor is big-endian');

const words = new Int32Array(ARENA_BYTES / 4);
/** Where messages are laid before they are hashed. Whoever lays one there hashes it before anybody else can. */
export const arena = new Uint8Array(words.buffer);

const state = new Int32Array(4);
/** The digest, after `finish` or `hmac`. */
export const digest = new Uint8Array(state.buffer);

/** The second hash of HMAC has 64 bytes of key before it and 16 of message: its only block but for the digest. */
const outerBlock = new Int32Array(16);
outerBlock[4] = 0x80;
outerBlock[14] = (BLOCK + 16) * 8;

/** A shared secret of 1 to 1024 bytes (else RangeError), with the states of HMAC-MD5 behind its pads. */
export class Secret {
  readonly bytes: Uint8Array;
  /** The inner pad's state in 0–3, the outer one's in 4–7. */
  readonly pads: Int32Array;

  constructor(bytes: Uint8Array | string) {
    this.bytes = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : Uint8Array.from(bytes);
    if (this.bytes.length < 1 || this.bytes.length > MAX_SECRET_BYTES) {
      throw new RangeError(`a secret has 1 to ${MAX_SECRET_BYTES} bytes, not ${this.bytes.length}`);
    }
    const key = this.bytes.length > BLOCK ? md5(this.bytes) : this.bytes;
    this.pads = new Int32Array(8);
    for (const [at, pad] of [
      [0, 0x36],
      [4, 0x5c],
    ] as const) {
      arena.fill(pad, 0, BLOCK);
      for (let i = 0; i < key.length; i++) arena[i] = key[i]! ^ pad;
      begin();
      block(words, 0);
      this.pads.set(state, at);
    }
    arena.fill(0, 0, BLOCK);
  }
}

/** The digest of all parts, one after the other; any length. */
export function md5(...parts: readonly Uint8Array[]): Uint8Array {
  begin();
  let [held, before] = [0, 0];
  for (const part of parts) {
    for (let from = 0; from < part.length; ) {
      const piece = Math.min(part.length - from, BLOCK * BLOCK - held);
      arena.set(part.subarray(from, from + piece), held);
      held += piece;
      from += piece;
      if (held === BLOCK * BLOCK) {
        for (let at = 0; at < held; at += BLOCK) block(words, at >> 2);
        before += held;
        held = 0;
      }
    }
  }
  finish(held, before);
  return digest.slice();
}

/** HMAC-MD5 (RFC 2104) of `bytes`; any length. */
export function hmacMd5(secret: Secret, bytes: Uint8Array): Uint8Array {
  resume(secret.pads, 0);
  let from = 0;
  for (; bytes.length - from > BLOCK * BLOCK; from += BLOCK * BLOCK) {
    arena.set(bytes.subarray(from, from + BLOCK * BLOCK));
    for (let at = 0; at < BLOCK * BLOCK; at += BLOCK) block(words, at >> 2);
  }
  arena.set(from === 0 ? bytes : bytes.subarray(from));
  finish(bytes.length - from, BLOCK + from);
  outer(secret);
  return digest.slice();
}

/** MD5 of the first `length` bytes of the arena, into `digest`. Pads behind them. */
export function md5Arena(length: number): void {
  begin();
  finish(length, 0);
}

/** HMAC-MD5 of the first `length` bytes of the arena, into `digest`. Pads behind them. */
export function hmacArena(secret: Secret, length: number): void {
  resume(secret.pads, 0);
  finish(length, BLOCK);
  outer(secret);
}

function begin(): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89 | 0;
  state[2] = 0x98badcfe | 0;
  state[3] = 0x10325476;
}

function resume(pads: Int32Array, at: number): void {
  state[0] = pads[at]!;
  state[1] = pads[at + 1]!;
  state[2] = pads[at + 2]!;
  state[3] = pads[at + 3]!;
}

function outer(secret: Secret): void {
  outerBlock[0] = state[0]!;
  outerBlock[1] = state[1]!;
  outerBlock[2] = state[2]!;
  outerBlock[3] = state[3]!;
  resume(secret.pads, 4);
  block(outerBlock, 0);
}

/** Pads the first `length` bytes of the arena, of a message that had `before` bytes already, and hashes them. */
function finish(length: number, before: number): void {
  arena[length] = 0x80;
  const aligned = (length + 4) & ~3;
  for (let at = length + 1; at < aligned; at++) arena[at] = 0;
  // One bit and eight bytes of length have to fit behind the message.
  const end = (((length + 8) >> 6) + 1) << 4;
  for (let at = aligned >> 2; at < end - 2; at++) words[at] = 0;
  const total = before + length;
  words[end - 2] = total << 3;
  words[end - 1] = Math.floor(total / 0x2000_0000);
  for (let at = 0; at < end; at += 16) block(words, at);
}

/** One block of 16 words from `at`. Unrolled: each step is RFC 1321, section 3.4, with its constant and rotation. */
function block(w: Int32Array, at: number): void {
  const x0 = w[at]!;
  const x1 = w[at + 1]!;
  const x2 = w[at + 2]!;
  const x3 = w[at + 3]!;
  const x4 = w[at + 4]!;
  const x5 = w[at + 5]!;
  const x6 = w[at + 6]!;
  const x7 = w[at + 7]!;
  const x8 = w[at + 8]!;
  const x9 = w[at + 9]!;
  const x10 = w[at + 10]!;
  const x11 = w[at + 11]!;
  const x12 = w[at + 12]!;
  const x13 = w[at + 13]!;
  const x14 = w[at + 14]!;
  const x15 = w[at + 15]!;
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  a = (a + x0 - 680876936 + (d ^ (b & (c ^ d)))) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + x1 - 389564586 + (c ^ (a & (b ^ c)))) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + x2 + 606105819 + (b ^ (d & (a ^ b)))) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + x3 - 1044525330 + (a ^ (c & (d ^ a)))) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + x4 - 176418897 + (d ^ (b & (c ^ d)))) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + x5 + 1200080426 + (c ^ (a & (b ^ c)))) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + x6 - 1473231341 + (b ^ (d & (a ^ b)))) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + x7 - 45705983 + (a ^ (c & (d ^ a)))) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + x8 + 1770035416 + (d ^ (b & (c ^ d)))) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + x9 - 1958414417 + (c ^ (a & (b ^ c)))) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + x10 - 42063 + (b ^ (d & (a ^ b)))) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + x11 - 1990404162 + (a ^ (c & (d ^ a)))) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + x12 + 1804603682 + (d ^ (b & (c ^ d)))) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + x13 - 40341101 + (c ^ (a & (b ^ c)))) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + x14 - 1502002290 + (b ^ (d & (a ^ b)))) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + x15 + 1236535329 + (a ^ (c & (d ^ a)))) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + x1 - 165796510 + (d & b) + (~d & c)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + x6 - 1069501632 + (c & a) + (~c & b)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + x11 + 643717713 + (b & d) + (~b & a)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + x0 - 373897302 + (a & c) + (~a & d)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + x5 - 701558691 + (d & b) + (~d & c)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + x10 + 38016083 + (c & a) + (~c & b)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + x15 - 660478335 + (b & d) + (~b & a)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + x4 - 405537848 + (a & c) + (~a & d)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + x9 + 568446438 + (d & b) + (~d & c)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + x14 - 1019803690 + (c & a) + (~c & b)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + x3 - 187363961 + (b & d) + (~b & a)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + x8 + 1163531501 + (a & c) + (~a & d)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + x13 - 1444681467 + (d & b) + (~d & c)) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + x2 - 51403784 + (c & a) + (~c & b)) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + x7 + 1735328473 + (b & d) + (~b & a)) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + x12 - 1926607734 + (a & c) + (~a & d)) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + x5 - 378558 + (b ^ (c ^ d))) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + x8 - 2022574463 + (a ^ (b ^ c))) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + x11 + 1839030562 + (d ^ (a ^ b))) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + x14 - 35309556 + (c ^ (d ^ a))) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + x1 - 1530992060 + (b ^ (c ^ d))) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + x4 + 1272893353 + (a ^ (b ^ c))) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + x7 - 155497632 + (d ^ (a ^ b))) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + x10 - 1094730640 + (c ^ (d ^ a))) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + x13 + 681279174 + (b ^ (c ^ d))) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + x0 - 358537222 + (a ^ (b ^ c))) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + x3 - 722521979 + (d ^ (a ^ b))) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + x6 + 76029189 + (c ^ (d ^ a))) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + x9 - 640364487 + (b ^ (c ^ d))) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + x12 - 421815835 + (a ^ (b ^ c))) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + x15 + 530742520 + (d ^ (a ^ b))) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + x2 - 995338651 + (c ^ (d ^ a))) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + x0 - 198630844 + (c ^ (b | ~d))) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + x7 + 1126891415 + (b ^ (a | ~c))) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + x14 - 1416354905 + (a ^ (d | ~b))) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + x5 - 57434055 + (d ^ (c | ~a))) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + x12 + 1700485571 + (c ^ (b | ~d))) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + x3 - 1894986606 + (b ^ (a | ~c))) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + x10 - 1051523 + (a ^ (d | ~b))) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + x1 - 2054922799 + (d ^ (c | ~a))) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + x8 + 1873313359 + (c ^ (b | ~d))) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + x15 - 30611744 + (b ^ (a | ~c))) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + x6 - 1560198380 + (a ^ (d | ~b))) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + x13 + 1309151649 + (d ^ (c | ~a))) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + x4 - 145523070 + (c ^ (b | ~d))) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + x11 - 1120210379 + (b ^ (a | ~c))) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + x2 + 718787259 + (a ^ (d | ~b))) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + x9 - 343485551 + (d ^ (c | ~a))) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
}
