import { constants, type KeyObject, verify } from 'node:crypto';
import { type Der, expect, oidOf, parts, TAG } from './der.ts';

/** RFC 5754, 5758, 8410. SHA-1 and MD5 are left out: signatures with them prove nothing any more. */
const ALGORITHMS: Readonly<Record<string, { key: string; hash: string | null }>> = {
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.3.101.112': { key: 'ed25519', hash: null },
  '1.3.101.113': { key: 'ed448', hash: null },
};
const RSASSA_PSS = '1.2.840.113549.1.1.10';
const PSS_HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** Whether `signature` by `algorithm` (an AlgorithmIdentifier) over `data` is this key's. Never throws. */
export function isSignedBy(algorithm: Der, data: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  try {
    const [oid, parameters] = parts(expect(algorithm, TAG.sequence));
    const name = oidOf(oid!);
    if (name === RSASSA_PSS) {
      if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return false;
      const hash = PSS_HASHES[oidOf(parts(parts(parts(parameters!)[0]!)[0]!)[0]!)];
      if (hash === undefined) return false;
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      return verify(hash, data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature);
    }
    const found = ALGORITHMS[name];
    return found !== undefined && found.key === key.asymmetricKeyType && verify(found.hash, data, key, signature);
  } catch {
    return false;
  }
}
