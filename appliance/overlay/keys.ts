import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';

/** A WireGuard key pair: X25519 (RFC 7748), both halves 32 bytes in base64. */
export interface KeyPair {
  publicKey: string;
  privateKey: string;
}

// The raw key is the end of its DER form: RFC 8410 puts a fixed header before the 32 bytes.
const rawBase64 = (der: Buffer): string => der.subarray(-32).toString('base64');

export function generateKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { publicKey: rawBase64(publicKey), privateKey: rawBase64(privateKey) };
}

/** An enrollment token: `ghe_` and 64 hex digits. */
export const generateToken = (): string => `ghe_${randomBytes(32).toString('hex')}`;

/** A network's secret that its links' preshared keys are made from: 32 bytes in base64. */
export const generatePskSecret = (): string => randomBytes(32).toString('base64');

/**
 * The preshared key of the link between two peers: HMAC-SHA-256 of both public keys under the network's secret. Every
 * link has its own, it changes when either device's key does, and nothing is stored for it.
 */
export function linkPresharedKey(secret: Buffer, keyA: string, keyB: string): string {
  const [first, second] = keyA < keyB ? [keyA, keyB] : [keyB, keyA];
  return createHmac('sha256', secret).update(`gatehouse/psk/v1\0${first}\0${second}`).digest('base64');
}
