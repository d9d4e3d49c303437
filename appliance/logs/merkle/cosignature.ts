import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { MerkleError } from './hash.ts';
import { ALGORITHM, formatVkey, parseVkey, signatureLine, type Verifier } from './note.ts';

const TIME_BYTES = 8;

/** A witness's key: it says of a checkpoint that it has seen its log grow to it, and when. */
export interface Cosigner {
  vkey: string;
  /** The signature line over the body of a checkpoint; `seconds` since 1970. */
  cosign(body: string, seconds: number): string;
}

/** cosignature/v1 of c2sp.org/tlog-cosignature, with an Ed25519 key. */
export function createCosigner(name: string, privateKey: KeyObject): Cosigner {
  const vkey = formatVkey(name, ALGORITHM.cosignature, createPublicKey(privateKey));
  const { id } = parseVkey(vkey);
  return {
    vkey,
    cosign(body, seconds) {
      const time = Buffer.alloc(TIME_BYTES);
      time.writeBigUInt64BE(BigInt(seconds));
      const signature = Buffer.concat([time, sign(null, message(body, seconds), privateKey)]);
      return signatureLine({ name, id, signature });
    },
  };
}

/** Throws a MerkleError when the key isn't a witness's. */
export function cosignatureVerifier(vkey: string): Verifier {
  const { name, id, algorithm, publicKey } = parseVkey(vkey);
  if (algorithm !== ALGORITHM.cosignature) throw new MerkleError(`the key of ${name} is not one of a witness`);
  return {
    name,
    id,
    verify(text, signature) {
      const seconds = cosignatureTime(signature);
      return seconds > 0 && verify(null, message(text, seconds), publicKey, signature.subarray(TIME_BYTES));
    },
  };
}

/** When a cosignature was made, in seconds since 1970; 0 where it doesn't say so in a way that can be read. */
export function cosignatureTime(signature: Uint8Array): number {
  if (signature.length <= TIME_BYTES) return 0;
  const seconds = Number(Buffer.from(signature.subarray(0, TIME_BYTES)).readBigUInt64BE());
  return Number.isSafeInteger(seconds) ? seconds : 0;
}

const message = (body: string, seconds: number): Buffer => Buffer.from(`cosignature/v1\ntime ${seconds}\n${body}`);
