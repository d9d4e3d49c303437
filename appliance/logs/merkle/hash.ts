import { hash } from 'node:crypto';
import { HASH_BYTES } from '../record/types.ts';

/** What was read isn't a hash, tree, note, checkpoint or proof as it has to be. The message says what is wrong. */
export class MerkleError extends Error {
  override name = 'MerkleError';
}

/** SHA-256 of nothing: the root of the tree without leaves (RFC 6962, section 2.1). */
export const EMPTY_ROOT: Uint8Array = hash('sha256', new Uint8Array(0), 'buffer');

/** SHA-256(0x00 ‖ leaf): RFC 6962, section 2.1. */
export function leafHash(leaf: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + leaf.length);
  input[0] = 0;
  input.set(leaf, 1);
  return hash('sha256', input, 'buffer');
}

const nodeInput = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** SHA-256(0x01 ‖ left ‖ right): RFC 6962, section 2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return hash('sha256', nodeInput, 'buffer');
}

export const sameHash = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === HASH_BYTES && b.length === HASH_BYTES && Buffer.compare(a, b) === 0;

export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** RFC 4648, section 4, in its one canonical spelling; otherwise undefined. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** A hash in base64; `what` is for the error. */
export function parseHash(text: string, what: string): Buffer {
  const bytes = fromBase64(text);
  if (bytes?.length !== HASH_BYTES) throw new MerkleError(`${what} is not a SHA-256 hash in base64`);
  return bytes;
}

/** A size or index in decimal without leading zeroes, up to 2^53 - 1. */
export function parseDecimal(text: string, what: string): number {
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new MerkleError(`${what} is not a whole number without leading zeroes`);
  return value;
}
