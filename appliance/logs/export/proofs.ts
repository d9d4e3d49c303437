import type { Archive } from '../archive/index.ts';
import { consistencyProof, inclusionProof, type ReadHash } from '../merkle/tree.ts';
import { base64, PROOF_FORMAT } from './format.ts';

const MAX_HASHES = 65_536;
/** More than a number of subtrees at a level can be. */
const LEVEL = 2 ** 46;

/** The tree's hashes, the last of them kept: neighbours share almost all of their path. */
export function cachedHashes(archive: Archive): ReadHash {
  let [recent, older] = [new Map<number, Uint8Array>(), new Map<number, Uint8Array>()];
  return (level, index) => {
    const place = level * LEVEL + index;
    const known = recent.get(place) ?? older.get(place);
    const hash = known ?? archive.readHash(level, index);
    if (hash && !recent.has(place)) recent.set(place, hash);
    if (recent.size >= MAX_HASHES) [recent, older] = [new Map(), recent];
    return hash;
  };
}

/**
 * Writes inclusion proofs of records in the order of their indexes, into one text: of each what its path has other than
 * the one before, from the bottom up. That is two hashes on average where each has twenty.
 */
export function proofWriter(size: number, read: ReadHash) {
  let previous: readonly Uint8Array[] = [];
  return {
    head: `${PROOF_FORMAT}\n${size}\n`,
    next(index: number): { hashes: Uint8Array[]; text: string } {
      const hashes = inclusionProof(index, size, read);
      let shared = 0;
      const [now, before] = [hashes.length, previous.length];
      while (shared < now && shared < before && same(hashes[now - 1 - shared]!, previous[before - 1 - shared]!))
        shared++;
      previous = hashes;
      return { hashes, text: [`index ${index}`, ...hashes.slice(0, now - shared).map(base64), ''].join('\n') };
    },
  };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** A file of checkpoints/: that the log of `old` leaves is the beginning of the present one. */
export const consistencyText = (old: number, size: number, read: ReadHash): string =>
  [`old ${old}`, ...consistencyProof(old, size, read).map(base64), ''].join('\n');
