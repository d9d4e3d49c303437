import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let at = POOL_BYTES;

/** Random bytes out of a pool, 64 at most: a call of OpenSSL for each costs more than the bytes. */
export function randomOf(length: number): Uint8Array {
  if (at + length > POOL_BYTES) {
    randomFillSync(pool);
    at = 0;
  }
  const taken = pool.slice(at, at + length);
  // What was given away is nobody else's.
  pool.fill(0, at, at + length);
  at += length;
  return taken;
}
