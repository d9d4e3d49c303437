/** Levels of the tree in one tile: c2sp.org/tlog-tiles. */
export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;

/**
 * Where the hash of a complete subtree comes from: `count` hashes (a power of two) of tile `tile` at the tile level
 * `level`, from the `first` on. One hash is itself, more are folded.
 */
export interface TileRange {
  level: number;
  tile: number;
  first: number;
  count: number;
}

/** The subtree at `level` (of the tree; 0 are the leaf hashes) with number `index`. */
export function tileRange(level: number, index: number): TileRange {
  const count = 2 ** (level % TILE_HEIGHT);
  const start = index * count;
  const first = start % TILE_WIDTH;
  return { level: Math.floor(level / TILE_HEIGHT), tile: (start - first) / TILE_WIDTH, first, count };
}

/** How many hashes tile `tile` at the tile level `level` has in a tree of `size` leaves: 0 to 256. */
export function tileWidth(level: number, tile: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - tile * TILE_WIDTH));
}

/** `tile/<L>/<N>`, `tile/0/x001/x234/067`; with a width below 256 it is a partial tile's, `….p/<W>`. */
export function tilePath(level: number, tile: number, width = TILE_WIDTH): string {
  const digits = String(tile);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g)!;
  const name = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${name}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}
