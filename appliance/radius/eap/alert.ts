import { createCipheriv, createHmac } from 'node:crypto';

/** RFC 8446, section 6 */
export const ALERT = {
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateRevoked: 44,
  certificateExpired: 45,
  certificateUnknown: 46,
  unknownCa: 48,
  accessDenied: 49,
  certificateRequired: 116,
} as const;

const FATAL = 2;
const ALERT_RECORD = 21;
const APPLICATION_RECORD = 23;
const TAG_BYTES = 16;

/** The alert for what OpenSSL found wrong with a certificate (the name of its X509_V_ERR). */
export function alertFor(error: string, tls13: boolean): number {
  switch (error) {
    case 'NO_CERTIFICATE':
      return tls13 ? ALERT.certificateRequired : ALERT.handshakeFailure;
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return ALERT.certificateExpired;
    case 'CERT_REVOKED':
      return ALERT.certificateRevoked;
    case 'CERT_SIGNATURE_FAILURE':
      return ALERT.badCertificate;
    case 'INVALID_PURPOSE':
      return ALERT.unsupportedCertificate;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return ALERT.unknownCa;
    default:
      return ALERT.certificateUnknown;
  }
}

/**
 * A fatal alert as a server of TLS 1.2 sends it before its ChangeCipherSpec. Node has no way to refuse a certificate within
 * the handshake: it finishes, and tells. What OpenSSL would have said is then not sent, and this is sent instead.
 */
export const plainAlert = (code: number): Buffer => Buffer.of(ALERT_RECORD, 3, 3, 0, 2, FATAL, code);

/**
 * A fatal alert as the first record under the server's application traffic secret (RFC 8446, sections 5.2 and 7.3).
 * `cipher` by its TLS name. Undefined for a cipher that isn't one of the three.
 */
export function sealedAlert(secret: Buffer, cipher: string, code: number): Buffer | undefined {
  const suite = SUITES[cipher];
  if (suite === undefined) return undefined;
  const key = expandLabel(suite.hash, secret, 'key', suite.keyBytes);
  // The nonce of record 0 is the static one.
  const nonce = expandLabel(suite.hash, secret, 'iv', 12);
  const plain = Buffer.of(FATAL, code, ALERT_RECORD);
  const header = Buffer.of(APPLICATION_RECORD, 3, 3, 0, plain.length + TAG_BYTES);
  const seal = createCipheriv(suite.aead, key, nonce, { authTagLength: TAG_BYTES });
  seal.setAAD(header, { plaintextLength: plain.length });
  return Buffer.concat([header, seal.update(plain), seal.final(), seal.getAuthTag()]);
}

const SUITES: Record<string, { aead: 'aes-128-gcm'; hash: string; keyBytes: number } | undefined> = {
  TLS_AES_128_GCM_SHA256: { aead: 'aes-128-gcm', hash: 'sha256', keyBytes: 16 },
  // Node's types know one name of AEAD at a time.
  TLS_AES_256_GCM_SHA384: { aead: 'aes-256-gcm' as 'aes-128-gcm', hash: 'sha384', keyBytes: 32 },
  TLS_CHACHA20_POLY1305_SHA256: { aead: 'chacha20-poly1305' as 'aes-128-gcm', hash: 'sha256', keyBytes: 32 },
};

/** HKDF-Expand-Label (RFC 8446, section 7.1) without a context, for up to one hash of output. */
function expandLabel(hash: string, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1');
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
