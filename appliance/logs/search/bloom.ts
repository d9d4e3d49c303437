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
  for (let i = 0, h = hash; i < HASHES; i++, h = (h + step) | 0) all.push((h >>> 0) % rows);
  return all;
}

/** Sets the bits of a group: row r of the filter has one bit a group, `stride` bytes in all. */
export function addTo(
  bits: Uint8Array,
  { rows, stride }: { rows: number; stride: number },
  group: number,
  hashes: Int32Array,
): void {
  const place = group >> 3;
  const bit = 1 << (group & 7);
  for (const hash of hashes) {
    const step = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) | 1;
    for (let i = 0, h = hash; i < HASHES; i++, h = (h + step) | 0) bits[((h >>> 0) % rows) * stride + place]! |= bit;
  }
}
