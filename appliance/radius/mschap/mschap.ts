import { md4 } from '../codec/index.ts';
import { encryptBlock, expandKey, SCHEDULE_WORDS } from './des.ts';
import { Prefixed, sha1 } from './sha1.ts';

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');
/** RFC 2759, section 8.7: 16 and 24 bytes before the first, 20 and 8 before the second. */
const SIGNED = new Prefixed(40, ascii('Magic server to client signing constant'));
const PADDED = new Prefixed(28, ascii('Pad to make it do more than one iteration'));

/** The NT hash of a password: MD4 over UTF-16LE (RFC 2759, section 8.3). 16 bytes; as good as the password itself. */
export const ntHash = (password: string): Uint8Array => md4(Buffer.from(password, 'utf16le'));

/** MD4 of the NT hash (RFC 2759, section 8.4): 16 bytes. */
export const hashNtHash = (hash: Uint8Array): Uint8Array => md4(hash);

/**
 * The three DES key schedules that an NT hash makes (RFC 2433, appendix A.5: 16 bytes and five zeros, by sevens): 96
 * words. Worth keeping where the hash is used again.
 */
export function expandNtHash(hash: Uint8Array): Int32Array {
  const keys = new Uint8Array(21);
  keys.set(hash.subarray(0, 16));
  const schedules = new Int32Array(3 * SCHEDULE_WORDS);
  for (let key = 0; key < 3; key++) expandKey(keys, key * 7, schedules, key * SCHEDULE_WORDS);
  return schedules;
}

/** ChallengeResponse (RFC 2759, section 8.5): 24 bytes from 8 bytes of challenge and an NT hash's schedules. */
export function challengeResponse(challenge: Uint8Array, schedules: Int32Array): Uint8Array {
  const response = new Uint8Array(24);
  for (let key = 0; key < 3; key++) encryptBlock(challenge, schedules, key * SCHEDULE_WORDS, response, key * 8);
  return response;
}

/** NtChallengeResponse of version 1 (RFC 2433, appendix A.1): 24 bytes. */
export const ntResponseV1 = (challenge: Uint8Array, hash: Uint8Array): Uint8Array =>
  challengeResponse(challenge, expandNtHash(hash));

/** ChallengeHash (RFC 2759, section 8.2): 8 bytes. `userName` is without a domain. */
export const challengeHash = (peer: Uint8Array, authenticator: Uint8Array, userName: string): Uint8Array =>
  sha1(peer, authenticator, Buffer.from(userName)).subarray(0, 8);

/** GenerateNTResponse (RFC 2759, section 8.1): 24 bytes. */
export const ntResponse = (
  authenticator: Uint8Array,
  peer: Uint8Array,
  userName: string,
  hash: Uint8Array,
): Uint8Array => challengeResponse(challengeHash(peer, authenticator, userName), expandNtHash(hash));

/**
 * GenerateAuthenticatorResponse (RFC 2759, section 8.7) without the `S=`: 40 upper-case hexadecimal digits. Takes the hash
 * of the NT hash and what `challengeHash` said, so that nobody needs the password here.
 */
export function authenticatorResponse(ntHashHash: Uint8Array, response: Uint8Array, challenge: Uint8Array): string {
  const digest = PADDED.digest(SIGNED.digest(ntHashHash, response, 20), challenge, 20);
  return Buffer.from(digest.buffer).toString('hex').toUpperCase();
}

/**
 * The text of MS-CHAP-Error and of a Failure packet (RFC 2759, section 6; RFC 2433, section 9.3 for version 1). The
 * challenge has 16 bytes (8 in version 1). 691 is a failed authentication; `R=0`: this one may not be tried again.
 */
export function errorText(challenge: Uint8Array, message: string, version: 2 | 3 = 3): string {
  const hex = Buffer.from(challenge).toString('hex').toUpperCase();
  // 253 bytes hold it with the identifier before it; a peer doesn't need more of the sentence.
  const text = message.replace(/[^\x20-\x7e]/g, '?').slice(0, 160);
  return version === 3 ? `E=691 R=0 C=${hex} V=3 M=${text}` : `E=691 R=0 C=${hex} V=2`;
}
