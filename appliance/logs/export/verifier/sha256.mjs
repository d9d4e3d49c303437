// SHA-256 (FIPS 180-4) for the page: WebCrypto has it only for whole messages and answers later, too slow for a million
// short ones.

const K = new Uint32Array(64);
const INITIAL = new Uint32Array(8);
for (let n = 2, found = 0; found < 64; n++) {
  if (![...Array(n).keys()].slice(2).every((d) => n % d !== 0)) continue;
  if (found < 8) INITIAL[found] = Math.floor((Math.sqrt(n) % 1) * 2 ** 32);
  K[found++] = Math.floor((Math.cbrt(n) % 1) * 2 ** 32);
}
const W = new Int32Array(64);

/** @param {Uint32Array} state @param {Uint8Array} bytes @param {number} at */
function compress(state, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    W[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const [x, y] = [W[i - 15], W[i - 2]];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    W[i] = (W[i - 16] + s0 + W[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/** A hash that takes its message in parts. */
export function createSha256() {
  const state = INITIAL.slice();
  const block = new Uint8Array(64);
  let length = 0;
  return {
    /** @param {Uint8Array} bytes */
    update(bytes) {
      let at = 0;
      const filled = length % 64;
      length += bytes.length;
      if (filled > 0) {
        at = Math.min(64 - filled, bytes.length);
        block.set(bytes.subarray(0, at), filled);
        if (filled + at < 64) return;
        compress(state, block, 0);
      }
      for (; at + 64 <= bytes.length; at += 64) compress(state, bytes, at);
      block.set(bytes.subarray(at));
    },
    digest() {
      const tail = new Uint8Array(length % 64 < 56 ? 64 : 128);
      tail.set(block.subarray(0, length % 64));
      tail[length % 64] = 0x80;
      const view = new DataView(tail.buffer);
      view.setBigUint64(tail.length - 8, BigInt(length) * 8n);
      for (let at = 0; at < tail.length; at += 64) compress(state, tail, at);
      const digest = new Uint8Array(32);
      for (const [i, word] of state.entries()) new DataView(digest.buffer).setUint32(4 * i, word);
      return digest;
    },
  };
}

/** @param {Uint8Array} bytes @returns {Uint8Array} */
export function sha256(bytes) {
  const hash = createSha256();
  hash.update(bytes);
  return hash.digest();
}
