import { HASH_BYTES } from '../record/types.ts';
import { EMPTY_ROOT, MerkleError, nodeHash, sameHash } from './hash.ts';

/**
 * The hash of a complete subtree: of the leaves from `index * 2^level`, 2^level of them; level 0 is a leaf hash.
 * Undefined where it isn't there any more.
 */
export type ReadHash = (level: number, index: number) => Uint8Array | undefined;

/** The right edge of a tree: the roots of the complete subtrees that it is made of, the largest first. */
export interface FrontierState {
  size: number;
  hashes: Uint8Array[];
}

/** A tree that grows by appends and keeps its right edge only, which is enough for its root. */
export class Frontier {
  #size = 0;
  #hashes: Uint8Array[] = [];

  /** Throws a MerkleError when the state can't be one. */
  constructor(state?: FrontierState) {
    if (!state) return;
    assertSize(state.size);
    const expected = [...state.size.toString(2)].filter((bit) => bit === '1').length;
    if (state.hashes.length !== expected || state.hashes.some((hash) => hash.length !== HASH_BYTES)) {
      throw new MerkleError(`the right edge of a tree of ${state.size} leaves has ${expected} hashes`);
    }
    this.#size = state.size;
    this.#hashes = [...state.hashes];
  }

  /** The right edge of a tree whose hashes are stored. */
  static at(size: number, read: ReadHash): Frontier {
    const hashes: Uint8Array[] = [];
    for (let from = 0; from < size; ) {
      const { width, level } = largestPower(size - from);
      hashes.push(need(read, level, from / width));
      from += width;
    }
    return new Frontier({ size, hashes });
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf by its hash. `completed` is told of every subtree that it completes, from the leaf itself upwards. */
  append(leaf: Uint8Array, completed?: (level: number, index: number, hash: Uint8Array) => void): void {
    let hash = leaf;
    let index = this.#size;
    completed?.(0, index, hash);
    for (let level = 1; index % 2 === 1; level++) {
      hash = nodeHash(this.#hashes.pop()!, hash);
      index = (index - 1) / 2;
      completed?.(level, index, hash);
    }
    this.#hashes.push(hash);
    this.#size++;
  }

  root(): Uint8Array {
    return this.#hashes.length === 0 ? EMPTY_ROOT : this.#hashes.reduceRight((right, left) => nodeHash(left, right));
  }

  state(): FrontierState {
    return { size: this.#size, hashes: [...this.#hashes] };
  }
}

/** The root of the first `size` leaves. Throws a MerkleError when a hash that it needs isn't there. */
export function rootAt(size: number, read: ReadHash): Uint8Array {
  assertSize(size);
  return size === 0 ? EMPTY_ROOT : hashOf(0, size, read);
}

/** PATH of RFC 6962, section 2.1.1: from the leaf's sibling up. Throws a MerkleError when a hash isn't there. */
export function inclusionProof(index: number, size: number, read: ReadHash): Uint8Array[] {
  assertSize(size);
  assertSize(index);
  if (index >= size) throw new MerkleError(`a tree of ${size} leaves has no leaf ${index}`);
  const proof: Uint8Array[] = [];
  let from = 0;
  let count = size;
  while (count > 1) {
    const left = splitOf(count);
    if (index - from < left) {
      proof.push(hashOf(from + left, count - left, read));
      count = left;
    } else {
      proof.push(hashOf(from, left, read));
      from += left;
      count -= left;
    }
  }
  return proof.reverse();
}

/**
 * PROOF of RFC 6962, section 2.1.2: that the tree of `size` leaves begins with that of `old`. Empty where `old` is 0 or
 * `size`. Throws a MerkleError when a hash isn't there.
 */
export function consistencyProof(old: number, size: number, read: ReadHash): Uint8Array[] {
  assertSize(size);
  assertSize(old);
  if (old > size) throw new MerkleError(`a tree of ${size} leaves has not had ${old}`);
  if (old === 0 || old === size) return [];
  const proof: Uint8Array[] = [];
  let from = 0;
  let count = size;
  while (old - from < count) {
    const left = splitOf(count);
    if (old - from <= left) {
      proof.push(hashOf(from + left, count - left, read));
      count = left;
    } else {
      proof.push(hashOf(from, left, read));
      from += left;
      count -= left;
    }
  }
  // The verifier knows the old root itself where it is one complete subtree.
  if (from > 0) proof.push(hashOf(from, count, read));
  return proof.reverse();
}

/** Whether `leaf` (its hash) is leaf `index` of the tree: RFC 9162, section 2.1.3.2. */
export function verifyInclusion(claim: {
  leaf: Uint8Array;
  index: number;
  size: number;
  root: Uint8Array;
  proof: readonly Uint8Array[];
}): boolean {
  const { leaf, index, size, root, proof } = claim;
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, ...proof])) return false;
  let first = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (first % 2 === 1 || first === last) {
      hash = nodeHash(sibling, hash);
      while (first % 2 === 0 && first !== 0) [first, last] = [half(first), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [first, last] = [half(first), half(last)];
  }
  return last === 0 && sameHash(hash, root);
}

/** Whether the tree of `size` leaves begins with that of `old`: RFC 9162, section 2.1.4.2. */
export function verifyConsistency(claim: {
  old: number;
  oldRoot: Uint8Array;
  size: number;
  root: Uint8Array;
  proof: readonly Uint8Array[];
}): boolean {
  const { old, oldRoot, size, root, proof } = claim;
  if (!isSize(old) || !isSize(size) || old > size || !areHashes([oldRoot, root, ...proof])) return false;
  if (old === size) return proof.length === 0 && sameHash(oldRoot, root) && (size > 0 || sameHash(root, EMPTY_ROOT));
  if (old === 0) return proof.length === 0 && sameHash(oldRoot, EMPTY_ROOT);
  if (proof.length === 0) return false;
  const path = largestPower(old).width === old ? [oldRoot, ...proof] : proof;
  let first = old - 1;
  let last = size - 1;
  while (first % 2 === 1) [first, last] = [half(first), half(last)];
  let oldHash = path[0]!;
  let hash = oldHash;
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (first % 2 === 1 || first === last) {
      oldHash = nodeHash(sibling, oldHash);
      hash = nodeHash(sibling, hash);
      while (first % 2 === 0 && first !== 0) [first, last] = [half(first), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [first, last] = [half(first), half(last)];
  }
  return last === 0 && sameHash(oldHash, oldRoot) && sameHash(hash, root);
}

/** The root of a complete subtree from the hashes below it, one after another: a power of two of them. */
export function foldHashes(hashes: Uint8Array): Uint8Array {
  const level: Uint8Array[] = [];
  for (let at = 0; at < hashes.length; at += HASH_BYTES) level.push(hashes.subarray(at, at + HASH_BYTES));
  const count = level.length;
  if (count === 0 || largestPower(count).width !== count || level.at(-1)!.length !== HASH_BYTES) {
    throw new MerkleError(`${hashes.length} bytes are not the hashes of a complete subtree`);
  }
  for (let width = count; width > 1; width /= 2) {
    for (let i = 0; i < width; i += 2) level[i / 2] = nodeHash(level[i]!, level[i + 1]!);
  }
  return level[0]!;
}

/** MTH of RFC 6962, section 2.1; `from` is a multiple of the largest power of two within `count`. */
function hashOf(from: number, count: number, read: ReadHash): Uint8Array {
  const { width, level } = largestPower(count);
  const left = need(read, level, from / width);
  return width === count ? left : nodeHash(left, hashOf(from + width, count - width, read));
}

function need(read: ReadHash, level: number, index: number): Uint8Array {
  const hash = read(level, index);
  if (hash) return hash;
  const width = 2 ** level;
  throw new MerkleError(`the hash of the leaves ${index * width} to ${(index + 1) * width - 1} is not there any more`);
}

/** The largest power of two up to `count`; its exponent is the level. No logarithm: it would round near 2^49. */
function largestPower(count: number): { width: number; level: number } {
  let width = 1;
  let level = 0;
  while (width * 2 <= count) {
    width *= 2;
    level++;
  }
  return { width, level };
}

/** Where RFC 6962 splits two leaves or more: the largest power of two that is smaller. */
const splitOf = (count: number): number => largestPower(count - 1).width;

/** A shift by one; sizes can have more bits than `>>` takes. */
const half = (value: number): number => Math.floor(value / 2);

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function assertSize(size: number): void {
  if (!isSize(size)) throw new MerkleError(`${size} is not a number of leaves`);
}

const areHashes = (hashes: readonly Uint8Array[]): boolean => hashes.every((hash) => hash.length === HASH_BYTES);
