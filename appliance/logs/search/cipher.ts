import { createCipheriv, createDecipheriv } from 'node:crypto';

export const SALT_BYTES = 16;
const KEY_BYTES = 32;
export const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
/** What `IndexCipher` is made of. */
export const INDEX_KEY_BYTES = 2 * KEY_BYTES;

/**
 * How a file of the index is encrypted. Its keys are its own, for the salt they are derived with is random: parts that are
 * read whole under AES-256-GCM, each with its number as nonce, and the bloom filter, of which a few bytes are read at a
 * time, under AES-256-CTR with the other key.
 */
export class IndexCipher {
  private readonly parts: Uint8Array;
  private readonly stream: Uint8Array;

  constructor(key: Uint8Array) {
    this.parts = key.subarray(0, KEY_BYTES);
    this.stream = key.subarray(KEY_BYTES, INDEX_KEY_BYTES);
  }

  /** A number is never used twice. */
  seal(part: number, plain: Uint8Array, around?: Uint8Array): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.parts, nonceOf(part), { authTagLength: TAG_BYTES });
    if (around) cipher.setAAD(around);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** Throws where it isn't what was sealed, or with another key. */
  open(part: number, sealed: Uint8Array, around?: Uint8Array): Buffer {
    const end = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', this.parts, nonceOf(part), { authTagLength: TAG_BYTES });
    if (around) decipher.setAAD(around);
    decipher.setAuthTag(sealed.subarray(end));
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  }

  /** Encrypts or decrypts what stands at byte `at` of the stream. */
  mask(bytes: Uint8Array, at: number): Buffer {
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.writeUInt32BE(Math.floor(at / BLOCK_BYTES), BLOCK_BYTES - 4);
    const cipher = createCipheriv('aes-256-ctr', this.stream, counter);
    const skipped = at % BLOCK_BYTES;
    if (skipped > 0) cipher.update(Buffer.alloc(skipped));
    return cipher.update(bytes);
  }
}

function nonceOf(part: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(part, 8);
  return nonce;
}
