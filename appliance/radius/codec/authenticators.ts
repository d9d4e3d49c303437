import { arena, digest, hmacArena, md5Arena, type Secret } from './md5.ts';
import { ATTRIBUTE, CODE, MIN_PACKET } from './numbers.ts';
import type { Packet } from './packet.ts';

/**
 * The Message-Authenticator (RFC 3579, section 3.2): HMAC-MD5 over the packet, in which it is zero itself. The
 * authenticator of the header is taken as it is for Access- and Status-Server requests (RFC 5997), as zero for
 * accounting, CoA and Disconnect requests (RFC 5176, section 3.4), and for a reply as the request's, which must be given.
 * `invalid` also where it has another length, comes twice, or a reply comes without a request's authenticator.
 */
export function checkMessageAuthenticator(
  packet: Packet,
  secret: Secret,
  requestAuthenticator?: Uint8Array,
): 'valid' | 'absent' | 'invalid' {
  const { bytes, messageAuthenticatorAt: at } = packet;
  if (at === 0) return 'absent';
  if (bytes[at - 1] !== 18) return 'invalid';
  for (let next = at + 16; next < bytes.length; next += bytes[next + 1]!) {
    if (bytes[next] === ATTRIBUTE.messageAuthenticator) return 'invalid';
  }
  arena.set(bytes);
  if (requestAuthenticator !== undefined) arena.set(requestAuthenticator, 4);
  else if (hasComputedAuthenticator(packet.code)) arena.fill(0, 4, MIN_PACKET);
  else if (packet.code !== CODE.accessRequest && packet.code !== CODE.statusServer) return 'invalid';
  arena.fill(0, at, at + 16);
  hmacArena(secret, bytes.length);
  return sameDigest(bytes, at) ? 'valid' : 'invalid';
}

/** Accounting-, CoA- and Disconnect-Requests (RFC 2866, section 3): MD5 over the packet with a zero authenticator. */
export function checkRequestAuthenticator(packet: Packet, secret: Secret): boolean {
  const { bytes } = packet;
  arena.set(bytes);
  arena.fill(0, 4, MIN_PACKET);
  arena.set(secret.bytes, bytes.length);
  md5Arena(bytes.length + secret.bytes.length);
  return sameDigest(bytes, 4);
}

/**
 * A reply to a request of ours (RFC 2865, section 3): its Response Authenticator and, where it has one, its
 * Message-Authenticator. Whether it must have one is the caller's to ask.
 */
export function checkReply(packet: Packet, requestAuthenticator: Uint8Array, secret: Secret): boolean {
  const { bytes } = packet;
  if (requestAuthenticator.length !== 16) return false;
  arena.set(bytes);
  arena.set(requestAuthenticator, 4);
  arena.set(secret.bytes, bytes.length);
  md5Arena(bytes.length + secret.bytes.length);
  return sameDigest(bytes, 4) && checkMessageAuthenticator(packet, secret, requestAuthenticator) !== 'invalid';
}

/** Requests whose authenticator is a digest, not a random number. */
export function hasComputedAuthenticator(code: number): boolean {
  return code === CODE.accountingRequest || code === CODE.coaRequest || code === CODE.disconnectRequest;
}

/** Whether two values are the same, in a time that their content doesn't change. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let different = 0;
  for (let i = 0; i < a.length; i++) different |= a[i]! ^ b[i]!;
  return different === 0;
}

function sameDigest(bytes: Uint8Array, at: number): boolean {
  let different = 0;
  for (let i = 0; i < 16; i++) different |= digest[i]! ^ bytes[at + i]!;
  return different === 0;
}
