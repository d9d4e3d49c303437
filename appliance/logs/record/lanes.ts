import { hash } from 'node:crypto';
import { endianness } from 'node:os';
import { HASH_BYTES } from './types.ts';

type Ffi = typeof import('node:ffi');

/** Messages that are hashed by one call. */
export const LANES = 8;

/** Places for messages, one after another, and the function that hashes them. */
interface Lanes {
  /** That of lane `k` begins at `k × size`. Nothing but messages is to be written here. */
  readonly bytes: Uint8Array;
  /** How long each message is. */
  readonly lengths: Uint32Array;
  /** SHA-256 of the first `count` messages into `out`, one after another. */
  digest(count: number, out: DataView, at: number): void;
}

/** `size` bytes for each message, its padding among them: 64 more than the longest, and 9. */
export type MakeLanes = (size: number) => Lanes;

const BLOCK_BYTES = 64;
/** Behind a message: the bit 1 and its length in bits (FIPS 180-4, 5.1.1). */
const PADDING_BYTES = 9;
/** FIPS 180-4, 5.3.3. */
const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const;
/** `struct SHA256state_st`: h[8], Nl, Nh, data[16], num, md_len: 28 words. */
const CONTEXT_BYTES = 128;
/** `SHA256_MB_CTX`: the eight words of the state, each of all lanes; it lies at a multiple of 32. */
const MULTI_BYTES = INITIAL.length * LANES * 4;
const MULTI_ALIGNMENT = 32;
/** `HASH_DESC`: where a message is, u64, and its blocks, u32, in 16 bytes. */
const DESCRIPTOR_WORDS = 4;

export const plainLanes: MakeLanes = (size) => {
  const bytes = new Uint8Array(size * LANES);
  const lengths = new Uint32Array(LANES);
  return {
    ...{ bytes, lengths },
    digest(count, out, at) {
      for (let k = 0; k < count; k++) {
        const message = bytes.subarray(k * size, k * size + lengths[k]!);
        const digest = hash('sha256', message, 'buffer');
        for (let b = 0; b < HASH_BYTES; b++) out.setUint8(at + k * HASH_BYTES + b, digest[b]!);
      }
    },
  };
};

/** OpenSSL's `SHA256_Update`, a message at a time. */
export function singleLanes(ffi: Ffi): MakeLanes {
  assertLayout();
  const { lib, functions } = ffi.dlopen(null, {
    SHA256_Update: { arguments: ['pointer', 'pointer', 'uint64'], return: 'int32' },
  });
  const update = functions.SHA256_Update;
  const context = new ArrayBuffer(CONTEXT_BYTES);
  const words = new Uint32Array(context, 0, INITIAL.length);
  const contextAt = ffi.getRawPointer(context);
  return (size) => {
    const { bytes, lengths, pad, pointers } = padded(ffi, size);
    return {
      ...{ bytes, lengths },
      digest(count, out, at) {
        for (let k = 0; k < count; k++) {
          const end = BigInt(pad(k) * BLOCK_BYTES);
          words.set(INITIAL);
          update(contextAt, pointers[k]!, end);
          for (let i = 0; i < INITIAL.length; i++) out.setUint32(at + k * HASH_BYTES + 4 * i, words[i]!);
        }
        void lib; // must not be collected while its function is in use
      },
    };
  };
}

/** The function of OpenSSL's that TLS hashes several records by at once; only where the processor is an x64. */
export function multiLanes(ffi: Ffi): MakeLanes {
  assertLayout();
  const { lib, functions } = ffi.dlopen(null, {
    sha256_multi_block: { arguments: ['pointer', 'pointer', 'int32'], return: 'void' },
  });
  const multi = functions.sha256_multi_block;
  const context = new ArrayBuffer(MULTI_BYTES + MULTI_ALIGNMENT);
  const at = ffi.getRawPointer(context);
  const offset = -Number(at % BigInt(MULTI_ALIGNMENT)) + MULTI_ALIGNMENT;
  const words = new Uint32Array(context, offset, INITIAL.length * LANES);
  const contextAt = at + BigInt(offset);
  const initial = Uint32Array.from(words, (_, i) => INITIAL[Math.floor(i / LANES)]!);
  return (size) => {
    const { bytes, lengths, pad, pointers } = padded(ffi, size);
    const descriptors = new Uint32Array(DESCRIPTOR_WORDS * LANES);
    new BigUint64Array(descriptors.buffer).set(pointers.flatMap((pointer) => [pointer, 0n]));
    const descriptorsAt = ffi.getRawPointer(descriptors.buffer);
    return {
      ...{ bytes, lengths },
      digest(count, out, outAt) {
        for (let k = 0; k < LANES; k++) descriptors[DESCRIPTOR_WORDS * k + 2] = k < count ? pad(k) : 0;
        words.set(initial);
        // Four lanes, or eight.
        multi(contextAt, descriptorsAt, count > 4 ? 2 : 1);
        for (let k = 0; k < count; k++) {
          const to = outAt + k * HASH_BYTES;
          for (let i = 0; i < INITIAL.length; i++) out.setUint32(to + 4 * i, words[i * LANES + k]!);
        }
        void lib;
      },
    };
  };
}

function assertLayout(): void {
  if (endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch)) throw new Error('another layout');
}

function padded(ffi: Ffi, size: number) {
  const buffer = new ArrayBuffer(size * LANES);
  const [bytes, view] = [new Uint8Array(buffer), new DataView(buffer)];
  const lengths = new Uint32Array(LANES);
  /** For which length the padding lies there: the next message is often as long. */
  const known = new Float64Array(LANES).fill(-1);
  const first = ffi.getRawPointer(buffer);
  /** Pads a message; the blocks it has then. */
  const pad = (k: number): number => {
    const length = lengths[k]!;
    const blocks = Math.ceil((length + PADDING_BYTES) / BLOCK_BYTES);
    if (known[k] !== length) {
      const start = k * size;
      const end = start + blocks * BLOCK_BYTES;
      bytes[start + length] = 0x80;
      bytes.fill(0, start + length + 1, end - 4);
      view.setUint32(end - 4, length * 8);
      known[k] = length;
    }
    return blocks;
  };
  return { bytes, lengths, pad, pointers: Array.from({ length: LANES }, (_, k) => first + BigInt(k * size)) };
}
