import { createCipheriv } from 'node:crypto';
import { SALT_BYTES } from './types.ts';

export const SEED_BYTES = 32;
const NO_IV = new Uint8Array(16);

/** The salts of `count` records under a seed: AES-256-CTR's keystream, so that a frame keeps 32 bytes for all of them. */
export function saltsOf(seed: Uint8Array, count: number): Uint8Array {
  return createCipheriv('aes-256-ctr', seed, NO_IV).update(new Uint8Array(count * SALT_BYTES));
}
