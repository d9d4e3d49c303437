import { concat, equal } from './bytes.mjs';

/** @typedef {(bytes: Uint8Array) => Uint8Array} Sha256 */

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** RFC 6962, section 2.1. @param {Sha256} sha256 @param {Uint8Array} leaf */
export const leafHash = (sha256, leaf) => sha256(concat(LEAF, leaf));

/** @param {Sha256} sha256 @param {Uint8Array} left @param {Uint8Array} right */
export const nodeHash = (sha256, left, right) => sha256(concat(NODE, left, right));

const half = (/** @type {number} */ value) => Math.floor(value / 2);

/** How many hashes an inclusion proof has. @param {number} index @param {number} size */
export function pathLength(index, size) {
  let [at, last, count] = [index, size - 1, 0];
  for (; last > 0; at = half(at), last = half(last)) if (at % 2 === 1 || at < last) count++;
  return count;
}

/**
 * Checks inclusion proofs (RFC 9162, section 2.1.3.2) against one root. It remembers the last path that led to the root:
 * where the next record meets it, the rest has been computed already.
 * @param {Sha256} sha256 @param {number} size @param {Uint8Array} root
 */
export function inclusionChecker(sha256, size, root) {
  /** By level: the proven nodes there, this side's and its sibling. @type {[number, Uint8Array][][]} */
  let proven = [];
  return {
    /** @param {number} index @param {Uint8Array} hash of the leaf @param {Uint8Array[]} path @returns {boolean} */
    check(index, hash, path) {
      if (index >= size || path.length !== pathLength(index, size)) return false;
      /** @type {[number, Uint8Array][][]} */
      const met = [];
      let [at, last, used, node] = [index, size - 1, 0, hash];
      for (let level = 0; ; level++) {
        const known = proven[level]?.find(([place]) => place === at);
        if (known) {
          if (!equal(known[1], node)) return false;
          proven = [...met, ...proven.slice(level)];
          return true;
        }
        if (last === 0) break;
        met[level] = [[at, node]];
        if (at % 2 === 1 || at < last) {
          const sibling = path[used++];
          met[level].push([at % 2 === 1 ? at - 1 : at + 1, sibling]);
          node = at % 2 === 1 ? nodeHash(sha256, sibling, node) : nodeHash(sha256, node, sibling);
        }
        [at, last] = [half(at), half(last)];
      }
      if (!equal(node, root)) return false;
      proven = met;
      return true;
    },
  };
}

/**
 * Checks that the log of `oldSize` records is the beginning of that of `size` (RFC 9162, section 2.1.4.2).
 * @param {Sha256} sha256 @param {number} oldSize @param {Uint8Array} oldRoot @param {number} size
 * @param {Uint8Array} root @param {Uint8Array[]} proof @returns {boolean}
 */
export function isConsistent(sha256, oldSize, oldRoot, size, root, proof) {
  if (oldSize > size) return false;
  if (oldSize === size) return proof.length === 0 && equal(oldRoot, root);
  if (oldSize === 0) return proof.length === 0;
  let [at, last] = [oldSize - 1, size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  const path = at === 0 ? [oldRoot, ...proof] : [...proof];
  const start = path.shift();
  if (!start) return false;
  let [before, now] = [start, start];
  for (const hash of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = nodeHash(sha256, hash, before);
      now = nodeHash(sha256, hash, now);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      now = nodeHash(sha256, now, hash);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && equal(before, oldRoot) && equal(now, root);
}
