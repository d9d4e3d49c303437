import { leafHash, nodeHash } from './hash.ts';
import type { ReadHash } from './tree.ts';

/** The leaves of the published test vectors of RFC 6962's authors (certificate-transparency, merkle_tree_test). */
export const VECTOR_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));

/** Leaf hashes of a made-up log. */
export const leavesOf = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));

/** The hashes of the complete subtrees, each from its leaves. */
export function readFrom(leaves: readonly Uint8Array[]): ReadHash {
  const read: ReadHash = (level, index) => {
    if (level === 0) return leaves[index];
    const [left, right] = [read(level - 1, 2 * index), read(level - 1, 2 * index + 1)];
    return left && right && nodeHash(left, right);
  };
  return read;
}
