/**
 * DES (FIPS 46-3) of one block, encryption only: what MS-CHAP asks of it. In JavaScript because OpenSSL 3 keeps single
 * DES in its legacy provider, and a cipher object a block (3DES with three equal keys) costs more than ten times as much.
 */

/** S1 to S8 (FIPS 46-3, appendix 1): four rows of 16 entries each, a hexadecimal digit an entry. */
const S_BOXES = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
];
/** P, PC-1 and PC-2 (FIPS 46-3): which bit goes to each place; bit 1 is the highest. */
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];
const PC1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55,
  47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];
const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30,
  40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const ROTATIONS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/**
 * Which bit of the 7-byte key goes where in the schedule: 48 a round, in groups of six. PC-1 counts in bytes of 8 with a
 * parity bit at the end; ours have 7.
 */
const KEY_BITS = new Uint8Array(16 * 48);
for (let round = 0, turned = 0; round < 16; round++) {
  turned += ROTATIONS[round]!;
  for (const [place, bit] of PC2.entries()) {
    const half = bit > 28 ? 28 : 0;
    const from = PC1[half + ((bit - 1 - half + turned) % 28)]! - 1;
    KEY_BITS[round * 48 + place] = from - (from >> 3);
  }
}

/** Words of one key's schedule: two a round. */
export const SCHEDULE_WORDS = 32;

/** S boxes and P in one: 8 × 64 words, rotated left by one bit as the halves are in the rounds below. */
const SP = new Int32Array(512);
for (const [box, digits] of S_BOXES.entries()) {
  for (let input = 0; input < 64; input++) {
    const row = ((input >> 4) & 2) | (input & 1);
    const output = Number.parseInt(digits[row * 16 + ((input >> 1) & 15)]!, 16);
    let word = 0;
    for (const [place, from] of P.entries()) {
      const bit = from - 1 - box * 4;
      if (bit >= 0 && bit < 4 && output & (8 >> bit)) word |= 1 << (31 - place);
    }
    SP[box * 64 + input] = (word << 1) | (word >>> 31);
  }
}

/**
 * Writes the schedule of the 56-bit key at `key[from]` (7 bytes, no parity bits; RFC 2433, appendix A.6) to `schedule`.
 */
export function expandKey(key: Uint8Array, from: number, schedule: Int32Array, at: number): void {
  let bit = 0;
  for (let round = 0; round < 16; round++) {
    // The groups of six bits: odd ones in the first word, even ones in the second, as the rounds use them.
    let odd = 0;
    let even = 0;
    for (let shift = 24; shift >= 0; shift -= 8) {
      let group = 0;
      for (let place = 0; place < 6; place++, bit++) group = (group << 1) | keyBit(key, from, KEY_BITS[bit]!);
      odd |= group << shift;
      group = 0;
      for (let place = 0; place < 6; place++, bit++) group = (group << 1) | keyBit(key, from, KEY_BITS[bit]!);
      even |= group << shift;
    }
    schedule[at + round * 2] = odd;
    schedule[at + round * 2 + 1] = even;
  }
}

const keyBit = (key: Uint8Array, from: number, bit: number): number => (key[from + (bit >> 3)]! >> (7 - (bit & 7))) & 1;

/** Encrypts the 8 bytes at `block[0]` into `out[to]`, with the schedule at `schedule[at]`. */
export function encryptBlock(block: Uint8Array, schedule: Int32Array, at: number, out: Uint8Array, to: number): void {
  let l = (block[0]! << 24) | (block[1]! << 16) | (block[2]! << 8) | block[3]!;
  let r = (block[4]! << 24) | (block[5]! << 16) | (block[6]! << 8) | block[7]!;
  // The initial permutation by swapping bits, and both halves rotated left by one.
  let t = ((l >>> 4) ^ r) & 0x0f0f0f0f;
  r ^= t;
  l ^= t << 4;
  t = ((l >>> 16) ^ r) & 0x0000ffff;
  r ^= t;
  l ^= t << 16;
  t = ((r >>> 2) ^ l) & 0x33333333;
  l ^= t;
  r ^= t << 2;
  t = ((r >>> 8) ^ l) & 0x00ff00ff;
  l ^= t;
  r ^= t << 8;
  r = (r << 1) | (r >>> 31);
  t = (l ^ r) & 0xaaaaaaaa;
  l ^= t;
  r ^= t;
  l = (l << 1) | (l >>> 31);
  for (let word = at; word < at + SCHEDULE_WORDS; word += 4) {
    l ^= feistel(r, schedule[word]!, schedule[word + 1]!);
    r ^= feistel(l, schedule[word + 2]!, schedule[word + 3]!);
  }
  // The inverse permutation; the halves change places.
  r = (r << 31) | (r >>> 1);
  t = (l ^ r) & 0xaaaaaaaa;
  l ^= t;
  r ^= t;
  l = (l << 31) | (l >>> 1);
  t = ((l >>> 8) ^ r) & 0x00ff00ff;
  r ^= t;
  l ^= t << 8;
  t = ((l >>> 2) ^ r) & 0x33333333;
  r ^= t;
  l ^= t << 2;
  t = ((r >>> 16) ^ l) & 0x0000ffff;
  l ^= t;
  r ^= t << 16;
  t = ((r >>> 4) ^ l) & 0x0f0f0f0f;
  l ^= t;
  r ^= t << 4;
  out[to] = r >>> 24;
  out[to + 1] = r >>> 16;
  out[to + 2] = r >>> 8;
  out[to + 3] = r;
  out[to + 4] = l >>> 24;
  out[to + 5] = l >>> 16;
  out[to + 6] = l >>> 8;
  out[to + 7] = l;
}

function feistel(half: number, odd: number, even: number): number {
  const a = ((half << 28) | (half >>> 4)) ^ odd;
  const b = half ^ even;
  return (
    SP[(a >>> 24) & 63]! ^
    SP[128 + ((a >>> 16) & 63)]! ^
    SP[256 + ((a >>> 8) & 63)]! ^
    SP[384 + (a & 63)]! ^
    SP[64 + ((b >>> 24) & 63)]! ^
    SP[192 + ((b >>> 16) & 63)]! ^
    SP[320 + ((b >>> 8) & 63)]! ^
    SP[448 + (b & 63)]!
  );
}
