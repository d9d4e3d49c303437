import { hash } from 'node:crypto';
import { endianness } from 'node:os';
import { COMMITMENT_DOMAIN, LEAF_BYTES, LEAF_COMMITMENT, MAX_PEER_BYTES, writeLeaf } from './leaf.ts';
import { type Block, HASH_BYTES, MAX_RAW_BYTES, SALT_BYTES } from './types.ts';

type Ffi = typeof import('node:ffi');

/**
 * The tree's hashes in batches. `node:crypto` costs 2 µs a hash, whatever its length; OpenSSL's block function, called
 * by `node:ffi` over memory that is laid out here, 0.3 µs.
 */
export interface Hasher {
  readonly way: 'openssl' | 'node:crypto';
  /** The commitment of each record into `out`, 32 bytes each; an erased record's is the one that was kept. */
  commitments(block: Block, out: Uint8Array): void;
  /** Each record's leaf hash, `SHA-256(0x00 ‖ leaf)` (RFC 6962, 2.1), into `out`. */
  leaves(block: Block, commitments: Uint8Array, out: Uint8Array): void;
  /** `SHA-256(0x01 ‖ left ‖ right)`; `out` may be where left or right is. */
  node(left: Uint8Array, leftAt: number, right: Uint8Array, rightAt: number, out: Uint8Array, outAt: number): void;
}

const BLOCK_BYTES = 64;
/** Of a message: the bit 1 and its length in bits. */
const PADDING_BYTES = 9;
const PREFIX_BYTES = COMMITMENT_DOMAIN.length;
const PEER_AT = PREFIX_BYTES + SALT_BYTES;
/** The longest payload, with what goes before it and its padding. */
const MESSAGE_BYTES = PEER_AT + 1 + MAX_PEER_BYTES + MAX_RAW_BYTES + BLOCK_BYTES + PADDING_BYTES;
const MAX_BLOCKS = Math.floor(MESSAGE_BYTES / BLOCK_BYTES);
/** FIPS 180-4, 5.3.3. */
const INITIAL = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const;
/** `struct SHA256state_st`: h[8], Nl, Nh, data[16], num, md_len: 28 words. */
const CONTEXT_BYTES = 128;

/** A place for one message, and the function that hashes its first `length` bytes. */
interface Pad {
  bytes: Uint8Array;
  digest(length: number, out: Uint8Array, at: number): void;
}

/** The fastest hasher that works here: what OpenSSL answers is compared with what `node:crypto` does. */
export async function createHasher(importFfi: () => Promise<Ffi>): Promise<Hasher> {
  try {
    const hasher = hasherOver('openssl', opensslPads(await importFfi()));
    if (agree(hasher, plainHasher())) return hasher;
  } catch {
    // Not built in, or not allowed (--permission): the other way is as right.
  }
  return plainHasher();
}

/** By `node:crypto`: for those who have few hashes to make. */
export const plainHasher = (): Hasher => hasherOver('node:crypto', plainPad);

function plainPad(size: number): Pad {
  const bytes = new Uint8Array(size);
  return {
    bytes,
    digest: (length, out, at) => out.set(hash('sha256', bytes.subarray(0, length), 'buffer'), at),
  };
}

function opensslPads(ffi: Ffi): (size: number) => Pad {
  if (endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch)) throw new Error('another layout');
  const { lib, functions } = ffi.dlopen(null, {
    SHA256_Update: { arguments: ['pointer', 'pointer', 'uint64'], return: 'int32' },
  });
  const update = functions.SHA256_Update;
  const context = new ArrayBuffer(CONTEXT_BYTES);
  const words = new Uint32Array(context);
  const contextAt = ffi.getRawPointer(context);
  const lengths = Array.from({ length: MAX_BLOCKS + 1 }, (_, blocks) => BigInt(blocks * BLOCK_BYTES));
  return (size) => {
    const buffer = new ArrayBuffer(size);
    const bytes = new Uint8Array(buffer);
    const at = ffi.getRawPointer(buffer);
    /** For which length the padding lies there: the next message is often as long. */
    let padded = -1;
    return {
      bytes,
      digest(length, out, outAt) {
        const blocks = Math.ceil((length + PADDING_BYTES) / BLOCK_BYTES);
        const end = blocks * BLOCK_BYTES;
        if (padded !== length) {
          bytes[length] = 0x80;
          bytes.fill(0, length + 1, end - 4);
          const bits = length * 8;
          bytes[end - 4] = bits >>> 24;
          bytes[end - 3] = bits >>> 16;
          bytes[end - 2] = bits >>> 8;
          bytes[end - 1] = bits;
          padded = length;
        }
        for (let i = 0; i < 8; i++) words[i] = INITIAL[i]!;
        update(contextAt, at, lengths[blocks]!);
        for (let i = 0; i < 8; i++) {
          const word = words[i]!;
          const to = outAt + 4 * i;
          out[to] = word >>> 24;
          out[to + 1] = word >>> 16;
          out[to + 2] = word >>> 8;
          out[to + 3] = word;
        }
        void lib; // must not be collected while its function is in use
      },
    };
  };
}

function hasherOver(way: Hasher['way'], pad: (size: number) => Pad): Hasher {
  const message = pad(MESSAGE_BYTES);
  const text = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length);
  text.write(COMMITMENT_DOMAIN, 'latin1');
  const leaf = pad(2 * BLOCK_BYTES);
  const pair = pad(2 * BLOCK_BYTES);
  pair.bytes[0] = 1;

  return {
    way,
    commitments(block, out) {
      const raw = Buffer.from(block.raw.buffer, block.raw.byteOffset, block.raw.length);
      const { salts, ends } = block;
      let peer = -1;
      let rawAt = PEER_AT + 1;
      let start = 0;
      for (let i = 0; i < block.count; i++) {
        const end = ends[i]!;
        const kept = block.erased.size > 0 ? block.erased.get(i) : undefined;
        if (kept) {
          out.set(kept, i * HASH_BYTES);
        } else {
          for (let k = 0, from = i * SALT_BYTES; k < SALT_BYTES; k++) text[PREFIX_BYTES + k] = salts[from + k]!;
          if (block.peer[i] !== peer) {
            peer = block.peer[i]!;
            rawAt = PEER_AT + 1 + text.write(block.peers[peer]!, PEER_AT + 1, 'latin1');
            text[PEER_AT] = rawAt - PEER_AT - 1;
          }
          raw.copy(text, rawAt, start, end);
          message.digest(rawAt + end - start, out, i * HASH_BYTES);
        }
        start = end;
      }
    },
    leaves(block, commitments, out) {
      const { bytes } = leaf;
      for (let i = 0; i < block.count; i++) {
        writeLeaf(block, i, bytes, 1);
        const from = i * HASH_BYTES;
        for (let k = 0; k < HASH_BYTES; k++) bytes[1 + LEAF_COMMITMENT + k] = commitments[from + k]!;
        leaf.digest(1 + LEAF_BYTES, out, from);
      }
    },
    node(left, leftAt, right, rightAt, out, outAt) {
      const { bytes } = pair;
      for (let k = 0; k < HASH_BYTES; k++) {
        bytes[1 + k] = left[leftAt + k]!;
        bytes[1 + HASH_BYTES + k] = right[rightAt + k]!;
      }
      pair.digest(1 + 2 * HASH_BYTES, out, outAt);
    },
  };
}

/** Messages of every length about a block's and some long ones, leaves and nodes: the same from both? */
function agree(a: Hasher, b: Hasher): boolean {
  const lengths = [...Array.from({ length: 200 }, (_, i) => i), 199, 3, 4096, MAX_RAW_BYTES, 5];
  const count = lengths.length;
  let total = 0;
  const block: Block = {
    count,
    class: 0,
    boot: 7,
    index: Float64Array.from(lengths, (_, i) => i),
    receiveUs: Float64Array.from(lengths, (n) => 1.7e15 + n * 1e9),
    monotonicUs: Float64Array.from(lengths, (n) => n * 1e9),
    kind: new Uint8Array(count).fill(1),
    transport: new Uint8Array(count).fill(2),
    flags: new Uint8Array(count).fill(3),
    source: Uint16Array.from(lengths),
    peer: Uint16Array.from(lengths, (n) => n % 3),
    peers: ['', '192.0.2.1:514', 'x'.repeat(MAX_PEER_BYTES)],
    ends: Uint32Array.from(lengths, (n) => {
      total += n;
      return total;
    }),
    raw: new Uint8Array(total).map((_, i) => i * 7),
    salts: new Uint8Array(count * SALT_BYTES).map((_, i) => i * 5),
    erased: new Map(),
  };
  const of = (hasher: Hasher): Uint8Array => {
    const [commitments, leaves] = [new Uint8Array(count * HASH_BYTES), new Uint8Array(count * HASH_BYTES)];
    hasher.commitments(block, commitments);
    hasher.leaves(block, commitments, leaves);
    hasher.node(commitments, 0, leaves, HASH_BYTES, leaves, 0);
    return leaves;
  };
  return Buffer.compare(of(a), of(b)) === 0;
}
