import { randomFillSync } from 'node:crypto';
import { AttributeWriter } from './encode.ts';
import { arena, digest, md5Arena, type Secret } from './md5.ts';
import { MAX_PASSWORD, MAX_SALTED, VENDOR } from './numbers.ts';
import type { Packet } from './packet.ts';

/** RFC 2548, sections 2.4.2 and 2.4.3. */
const MPPE_SEND_KEY = 16;
const MPPE_RECV_KEY = 17;

const scratch = new Uint8Array(256);

/** RFC 2865, section 5.2. Undefined where the length can't be. Zeros at the end are padding. A wrong secret gives noise. */
export function decryptPassword(value: Uint8Array, authenticator: Uint8Array, secret: Secret): Uint8Array | undefined {
  let length = value.length;
  if (length < 16 || length > MAX_PASSWORD || length % 16 !== 0 || authenticator.length !== 16) return undefined;
  unmask(value, 0, authenticator, 0, secret);
  while (length > 0 && scratch[length - 1] === 0) length--;
  return take(length, value.length);
}

/** RFC 2865, section 5.2: 16 to 128 bytes. RangeError where the password has over 128. */
export function encryptPassword(password: Uint8Array, authenticator: Uint8Array, secret: Secret): Uint8Array {
  if (password.length > MAX_PASSWORD) throw new RangeError(`a password has ${MAX_PASSWORD} bytes at most`);
  const out = new Uint8Array(Math.max(16, (password.length + 15) & ~15));
  out.set(password);
  mask(out, 0, authenticator, 0, secret);
  return out;
}

/**
 * RFC 2868, section 3.5, and RFC 2548, section 2.4.2: salt, then length, value and padding under the secret. Without a
 * `salt` (two bytes, the highest bit set) each call takes another. RangeError where the value has over 239 bytes.
 */
export function encryptSalted(
  value: Uint8Array,
  authenticator: Uint8Array,
  secret: Secret,
  salt: Uint8Array = nextSalt(),
): Uint8Array {
  if (value.length > MAX_SALTED) throw new RangeError(`an encrypted value has ${MAX_SALTED} bytes at most`);
  if (salt.length !== 2) throw new RangeError('a salt has two bytes');
  const out = new Uint8Array(2 + ((value.length + 16) & ~15));
  out.set(salt);
  out[2] = value.length;
  out.set(value, 3);
  mask(out, 2, authenticator, 2, secret);
  return out;
}

/** Undefined where the length, or the length within, can't be: most often a wrong secret. */
export function decryptSalted(value: Uint8Array, authenticator: Uint8Array, secret: Secret): Uint8Array | undefined {
  const length = value.length - 2;
  if (length < 16 || length > MAX_SALTED + 1 || length % 16 !== 0 || authenticator.length !== 16) return undefined;
  unmask(value, 2, authenticator, 2, secret);
  const inner = scratch[0]!;
  if (inner >= length) {
    scratch.fill(0, 0, length);
    return undefined;
  }
  scratch.copyWithin(0, 1, 1 + inner);
  return take(inner, length);
}

/** MS-MPPE-Send-Key and MS-MPPE-Recv-Key for the reply to a request: RFC 2548, sections 2.4.2 and 2.4.3. */
export function mppeKeys(send: Uint8Array, recv: Uint8Array, request: Packet, secret: Secret): Uint8Array {
  return new AttributeWriter()
    .vendor(VENDOR.microsoft, MPPE_SEND_KEY, encryptSalted(send, request.authenticator, secret))
    .vendor(VENDOR.microsoft, MPPE_RECV_KEY, encryptSalted(recv, request.authenticator, secret))
    .done();
}

/** The plain text of `value` from `at` into `scratch`; the first `salt` bytes of the value are one. */
function unmask(value: Uint8Array, at: number, authenticator: Uint8Array, salt: number, secret: Secret): void {
  firstBlock(value, authenticator, salt, secret);
  for (let from = at; ; ) {
    for (let i = 0; i < 16; i++) scratch[from - at + i] = value[from + i]! ^ digest[i]!;
    from += 16;
    if (from >= value.length) return;
    nextBlock(value, from - 16, secret);
  }
}

/** Hides `out` from `at` in place; the first `salt` bytes are one. */
function mask(out: Uint8Array, at: number, authenticator: Uint8Array, salt: number, secret: Secret): void {
  if (authenticator.length !== 16) throw new RangeError('an authenticator has 16 bytes');
  firstBlock(out, authenticator, salt, secret);
  for (let from = at; ; ) {
    for (let i = 0; i < 16; i++) out[from + i] = out[from + i]! ^ digest[i]!;
    from += 16;
    if (from >= out.length) return;
    nextBlock(out, from - 16, secret);
  }
}

function firstBlock(value: Uint8Array, authenticator: Uint8Array, salt: number, { bytes }: Secret): void {
  arena.set(bytes);
  let at = bytes.length;
  for (let i = 0; i < 16; i++) arena[at++] = authenticator[i]!;
  for (let i = 0; i < salt; i++) arena[at++] = value[i]!;
  md5Arena(at);
}

function nextBlock(value: Uint8Array, from: number, { bytes }: Secret): void {
  arena.set(bytes);
  for (let i = 0; i < 16; i++) arena[bytes.length + i] = value[from + i]!;
  md5Arena(bytes.length + 16);
}

/** A copy of the scratch's beginning, which is then wiped: it held a secret. */
function take(length: number, used: number): Uint8Array {
  const out = scratch.slice(0, length);
  scratch.fill(0, 0, used);
  return out;
}

const salts = randomFillSync(new Uint16Array(1));

/** Salts must differ within a packet; counting makes sure of it. */
function nextSalt(): Uint8Array {
  salts[0] = salts[0]! + 1;
  return Uint8Array.of((salts[0]! >> 8) | 0x80, salts[0]! & 0xff);
}
