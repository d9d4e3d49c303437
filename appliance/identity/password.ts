import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Cost of Argon2id (RFC 9106): memory in KiB, passes over it, lanes. */
export interface Argon2Cost {
  memory: number;
  passes: number;
  parallelism: number;
}

/** What OWASP's password storage cheat sheet asks for: 19 MiB, two passes, one lane. */
export const ARGON2_COST: Argon2Cost = { memory: 19 * 1024, passes: 2, parallelism: 1 };

const SALT_BYTES = 16;
const TAG_BYTES = 32;
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

const run = promisify(argon2);

// The same letters may be typed composed or decomposed; RFC 8265 (section 4.2) compares passwords in NFC.
const derive = (password: string, nonce: Uint8Array, tagLength: number, cost: Argon2Cost): Promise<Buffer> =>
  run('argon2id', { message: password.normalize('NFC'), nonce, tagLength, ...cost });

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

/** Hashes a password into PHC string format: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export async function hashPassword(password: string, cost: Argon2Cost): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await derive(password, salt, TAG_BYTES, cost);
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${base64(salt)}$${base64(tag)}`;
}

/**
 * True when `hash` was made from `password`. Without a hash it does the same work for nothing, so that the time of an
 * answer doesn't tell whether the account exists.
 */
export async function verifyPassword(password: string, hash: string | null, cost: Argon2Cost): Promise<boolean> {
  if (hash === null) {
    await derive(password, randomBytes(SALT_BYTES), TAG_BYTES, cost);
    return false;
  }
  const { cost: used, salt, tag } = parse(hash);
  return timingSafeEqual(await derive(password, salt, tag.length, used), tag);
}

/** True when the hash was made at a lower cost than today's: it is to be made anew at the next sign-in. */
export function isOutdated(hash: string, cost: Argon2Cost): boolean {
  const { cost: used } = parse(hash);
  return used.memory < cost.memory || used.passes < cost.passes || used.parallelism < cost.parallelism;
}

function parse(hash: string): { cost: Argon2Cost; salt: Buffer; tag: Buffer } {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('a stored password hash is not Argon2id in PHC format');
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}
