import { type Cidr, contains, network } from './cidr.ts';

// A controller may name thousands of routes and thousands of peers: each pair of them is too many to look at.

/** The index of the first of `sorted` whose address is not below `address`. */
function lowerBound(sorted: readonly Cidr[], address: bigint): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One family's blocks by their first address, the wider first. */
const ordered = (blocks: readonly Cidr[], family: 4 | 6): Cidr[] =>
  blocks
    .filter((block) => block.family === family)
    .map(network)
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.prefix - b.prefix));

/** Tells of a block whether one of `addresses` (whole ones) is in it; each answer takes logarithmic time. */
export function holdsAny(addresses: readonly Cidr[]): (block: Cidr) => boolean {
  const sorted = { 4: ordered(addresses, 4), 6: ordered(addresses, 6) };
  return (block) => {
    const all = sorted[block.family];
    const next = all[lowerBound(all, network(block).address)];
    return next !== undefined && contains(block, next);
  };
}

/** Tells of a block whether it is in one of `blocks`; each answer takes logarithmic time. */
export function insideAny(blocks: readonly Cidr[]): (inner: Cidr) => boolean {
  const widest = (family: 4 | 6): Cidr[] => {
    const found: Cidr[] = [];
    for (const block of ordered(blocks, family)) {
      const last = found.at(-1);
      // Two blocks are apart, or one is in the other.
      if (!last || !contains(last, block)) found.push(block);
    }
    return found;
  };
  const sorted = { 4: widest(4), 6: widest(6) };
  return (inner) => {
    const all = sorted[inner.family];
    const at = lowerBound(all, inner.address + 1n) - 1;
    return at >= 0 && contains(all[at]!, inner);
  };
}
