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
  a = (a + (d ^ (b & (c ^ d))) + x0 - 680876936) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x1 - 389564586) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x2 + 606105819) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x3 - 1044525330) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x4 - 176418897) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x5 + 1200080426) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x6 - 1473231341) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x7 - 45705983) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x8 + 1770035416) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x9 - 1958414417) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x10 - 42063) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x11 - 1990404162) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (d ^ (b & (c ^ d))) + x12 + 1804603682) | 0;
  a = (((a << 7) | (a >>> 25)) + b) | 0;
  d = (d + (c ^ (a & (b ^ c))) + x13 - 40341101) | 0;
  d = (((d << 12) | (d >>> 20)) + a) | 0;
  c = (c + (b ^ (d & (a ^ b))) + x14 - 1502002290) | 0;
  c = (((c << 17) | (c >>> 15)) + d) | 0;
  b = (b + (a ^ (c & (d ^ a))) + x15 + 1236535329) | 0;
  b = (((b << 22) | (b >>> 10)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x1 - 165796510) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x6 - 1069501632) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x11 + 643717713) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x0 - 373897302) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x5 - 701558691) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x10 + 38016083) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x15 - 660478335) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x4 - 405537848) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x9 + 568446438) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x14 - 1019803690) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x3 - 187363961) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x8 + 1163531501) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (c ^ (d & (b ^ c))) + x13 - 1444681467) | 0;
  a = (((a << 5) | (a >>> 27)) + b) | 0;
  d = (d + (b ^ (c & (a ^ b))) + x2 - 51403784) | 0;
  d = (((d << 9) | (d >>> 23)) + a) | 0;
  c = (c + (a ^ (b & (d ^ a))) + x7 + 1735328473) | 0;
  c = (((c << 14) | (c >>> 18)) + d) | 0;
  b = (b + (d ^ (a & (c ^ d))) + x12 - 1926607734) | 0;
  b = (((b << 20) | (b >>> 12)) + c) | 0;
  a = (a + (b ^ c ^ d) + x5 - 378558) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x8 - 2022574463) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x11 + 1839030562) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x14 - 35309556) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x1 - 1530992060) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x4 + 1272893353) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x7 - 155497632) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x10 - 1094730640) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x13 + 681279174) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x0 - 358537222) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x3 - 722521979) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x6 + 76029189) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (b ^ c ^ d) + x9 - 640364487) | 0;
  a = (((a << 4) | (a >>> 28)) + b) | 0;
  d = (d + (a ^ b ^ c) + x12 - 421815835) | 0;
  d = (((d << 11) | (d >>> 21)) + a) | 0;
  c = (c + (d ^ a ^ b) + x15 + 530742520) | 0;
  c = (((c << 16) | (c >>> 16)) + d) | 0;
  b = (b + (c ^ d ^ a) + x2 - 995338651) | 0;
  b = (((b << 23) | (b >>> 9)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x0 - 198630844) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x7 + 1126891415) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x14 - 1416354905) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x5 - 57434055) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x12 + 1700485571) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x3 - 1894986606) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x10 - 1051523) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x1 - 2054922799) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x8 + 1873313359) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x15 - 30611744) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x6 - 1560198380) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x13 + 1309151649) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;
  a = (a + (c ^ (b | ~d)) + x4 - 145523070) | 0;
  a = (((a << 6) | (a >>> 26)) + b) | 0;
  d = (d + (b ^ (a | ~c)) + x11 - 1120210379) | 0;
  d = (((d << 10) | (d >>> 22)) + a) | 0;
  c = (c + (a ^ (d | ~b)) + x2 + 718787259) | 0;
  c = (((c << 15) | (c >>> 17)) + d) | 0;
  b = (b + (d ^ (c | ~a)) + x9 - 343485551) | 0;
  b = (((b << 21) | (b >>> 11)) + c) | 0;

  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
}
