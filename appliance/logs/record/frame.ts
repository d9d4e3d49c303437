import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type DecodedBlock, decodeBlock, encodeBlock } from './block.ts';
import { crc32c } from './crc32c.ts';
import { ArchiveError } from './error.ts';
import type { Block } from './types.ts';

/**
 * `u32 len(body) | u32 crc32c(body) | body`, the body being
 * `u8 version | u8 class | u16 0 | u64 batch's first leaf | u32 batch's count | u32 count | u32 key id | u64 0`,
 * a nonce of 12 bytes, the compressed block under AES-256-GCM, its tag of 16.
 */
export const PREFIX_BYTES = 8;
const HEADER_BYTES = 32;
/** What is read of a frame to know what is in it. */
export const HEAD_BYTES = PREFIX_BYTES + HEADER_BYTES;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MIN_BODY = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;
/** A body, and a block inside of it, are no longer than this. */
export const MAX_BODY = 64 * 2 ** 20;
const VERSION = 1;
const LEVEL = 1;
export const KEY_BYTES = 32;

/** Where a frame is in its segment, and what is in it. */
export interface FrameInfo {
  /** Of its first byte, the length's, in the file. */
  offset: number;
  /** All of it, in bytes. */
  length: number;
  class: number;
  /** Leaf index of the first record of its batch, and how many they are in all the batch's frames. */
  batchFirst: number;
  batchCount: number;
  /** Records in this frame. */
  count: number;
  keyId: number;
}

/** One block as it stands in a segment. `seed` is what its salts were made of. */
export function encodeFrame(
  block: Block,
  batch: { first: number; count: number },
  key: { id: number; key: Uint8Array },
  seed?: Uint8Array,
): Buffer {
  const plain = encodeBlock(block, seed);
  const packed = zstdCompressSync(plain, {
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
    chunkSize: Math.min(Math.max(1024, plain.length), 2 ** 18),
  });
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + MIN_BODY + packed.length);
  const header = frame.subarray(PREFIX_BYTES, HEAD_BYTES).fill(0);
  header[0] = VERSION;
  header[1] = block.class;
  header.writeBigUInt64BE(BigInt(batch.first), 4);
  header.writeUInt32BE(batch.count, 12);
  header.writeUInt32BE(block.count, 16);
  header.writeUInt32BE(key.id, 20);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(header);
  nonce.copy(frame, HEAD_BYTES);
  cipher.update(packed).copy(frame, HEAD_BYTES + NONCE_BYTES);
  cipher.final();
  cipher.getAuthTag().copy(frame, frame.length - TAG_BYTES);
  frame.writeUInt32BE(frame.length - PREFIX_BYTES, 0);
  frame.writeUInt32BE(crc32c(frame, PREFIX_BYTES), 4);
  return frame;
}

/** What the first 40 bytes of a frame say; undefined where they aren't a frame's. */
export function parseHead(bytes: Buffer, at: number, offset: number): FrameInfo | undefined {
  if (at + HEAD_BYTES > bytes.length) return undefined;
  const body = bytes.readUInt32BE(at);
  const header = at + PREFIX_BYTES;
  if (body < MIN_BODY || body > MAX_BODY || bytes[header] !== VERSION || bytes.readUInt16BE(header + 2) !== 0) {
    return undefined;
  }
  if (bytes.readUInt32BE(header + 4) >= 2 ** 21 || bytes.readBigUInt64BE(header + 24) !== 0n) return undefined;
  const info = {
    offset,
    length: PREFIX_BYTES + body,
    class: bytes[header + 1]!,
    batchFirst: Number(bytes.readBigUInt64BE(header + 4)),
    batchCount: bytes.readUInt32BE(header + 12),
    count: bytes.readUInt32BE(header + 16),
    keyId: bytes.readUInt32BE(header + 20),
  };
  return info.count > 0 && info.count <= info.batchCount ? info : undefined;
}

/** Is the frame as it was written? `bytes` are all of it. */
export const isWhole = (bytes: Buffer): boolean =>
  bytes.length >= HEAD_BYTES && bytes.readUInt32BE(4) === crc32c(bytes, PREFIX_BYTES);

/** The records of a frame, all of whose bytes are given. Throws ArchiveError where it isn't as it was written. */
export const decodeFrame = (bytes: Buffer, key: Uint8Array): Block => openFrame(bytes, key).block;

/** The same, with the seed that the salts are made of, where they are: for who writes the frame anew. */
export function openFrame(bytes: Buffer, key: Uint8Array): DecodedBlock {
  const info = parseHead(bytes, 0, 0);
  if (!info || info.length !== bytes.length || !isWhole(bytes)) throw new ArchiveError('a frame is damaged');
  const [sealed, tag] = [HEAD_BYTES + NONCE_BYTES, bytes.length - TAG_BYTES];
  let plain: Buffer;
  try {
    const nonce = bytes.subarray(HEAD_BYTES, sealed);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(bytes.subarray(PREFIX_BYTES, HEAD_BYTES));
    decipher.setAuthTag(bytes.subarray(tag));
    // GCM gives all out at once; nothing is done with it before it is found to be whole.
    const packed = decipher.update(bytes.subarray(sealed, tag));
    decipher.final();
    const chunkSize = Math.min(Math.max(1024, packed.length * 16), 2 ** 21);
    plain = zstdDecompressSync(packed, { maxOutputLength: MAX_BODY, chunkSize });
  } catch (cause) {
    throw new ArchiveError('a frame was changed, or its key is another one', { cause });
  }
  const decoded = decodeBlock(plain, info.class);
  const { index, count } = decoded.block;
  if (count !== info.count || index[0]! < info.batchFirst || index[count - 1]! >= info.batchFirst + info.batchCount) {
    throw new ArchiveError('a frame holds other records than it says');
  }
  return decoded;
}
