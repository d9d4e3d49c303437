import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { CREDENTIAL_PREFIX } from '@gatehouse/protocol';

/** DER before the 32 bytes of an X25519 private key (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** A new WireGuard private key: 32 bytes, clamped (RFC 7748 section 5), in base64. */
export function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('x25519');
  const raw = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  raw[0] = raw[0]! & 248;
  raw[31] = (raw[31]! & 127) | 64;
  return raw.toString('base64');
}

/** The public key to a WireGuard private key, both in base64. */
export function publicKeyOf(privateKey: string): string {
  const der = Buffer.concat([PKCS8_PREFIX, Buffer.from(privateKey, 'base64')]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
}

export const newCredential = (): string => CREDENTIAL_PREFIX + randomBytes(32).toString('hex');

/** SHA-256 in lower-case hex, as the controller keeps it. */
export const credentialHash = (credential: string): string => createHash('sha256').update(credential).digest('hex');
