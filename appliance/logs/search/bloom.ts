/** Bits a distinct word, and how many of them are set for each: one in 2,000 is said to be there and isn't. */
const BITS = 17;
const HASHES = 7;

/** Rows of the filter: enough for the fullest of the groups, where that isn't far from the others. */
export function bloomSize(sizes: readonly number[]): number {
  const most = Math.max(0, ...sizes);
  const mean = sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length);
  return Math.max(64, Math.ceil(Math.min(most, mean * 2) * BITS));
}

/** Which rows stand for a hash (Kirsch and Mitzenmacher: two hashes make all of them). */
export function positions(hash: number, rows: number): number[] {
  const step = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) | 1;
  const all: number[] = [];
  for (let i = 0, h = hash; i < HASHES; i++, h = (h + step) | 0) all.push(((h >>> 0) * (rows / 2 ** 32)) >>> 0);
  return all;
}

/**
 * The filter of groups of hashes: row r has one bit a group, `stride` bytes in all. Eight groups at a time are made apart
 * and then brought together, for the whole is too large to write all over it.
 */
export function* bloomOf(
  groups: readonly { hashes(): Int32Array }[],
  rows: number,
): Generator<void, { bits: Buffer; stride: number }> {
  const stride = Math.ceil(groups.length / 8);
  const bits = Buffer.alloc(rows * stride);
  const column = new Uint8Array(rows);
  const scale = rows / 2 ** 32;
  for (let place = 0; place < stride; place++) {
    column.fill(0);
    for (let k = 0; k < 8; k++) {
      const hashes = groups[place * 8 + k]?.hashes();
      if (!hashes) break;
      const bit = 1 << k;
      for (let j = 0; j < hashes.length; j++) {
        let h = hashes[j]!;
        const step = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) | 1;
        for (let i = 0; i < HASHES; i++, h = (h + step) | 0) column[((h >>> 0) * scale) >>> 0]! |= bit;
      }
    }
    for (let row = 0, at = place; row < rows; row++, at += stride) bits[at] = column[row]!;
    yield;
  }
  return { bits, stride };
}
