import { LANES, type MakeLanes, multiLanes, plainLanes, singleLanes } from './lanes.ts';
import { COMMITMENT_DOMAIN, LEAF_BYTES, LEAF_COMMITMENT, MAX_PEER_BYTES, writeLeaf } from './leaf.ts';
import { type Block, HASH_BYTES, MAX_RAW_BYTES, SALT_BYTES } from './types.ts';

type Ffi = typeof import('node:ffi');

/**
 * The tree's hashes in batches. `node:crypto` costs 2 µs a hash, whatever its length; OpenSSL's own functions, called by
 * `node:ffi` over memory that is laid out here, 0.1 µs where eight are made at once.
 */
export interface Hasher {
  readonly way: 'openssl, eight at once' | 'openssl' | 'node:crypto';
  /** The commitment of each record into `out`, 32 bytes each; an erased record's is the one that was kept. */
  commitments(block: Block, out: Uint8Array): void;
  /** Each record's leaf hash, `SHA-256(0x00 ‖ leaf)` (RFC 6962, 2.1), into `out`. */
  leaves(block: Block, commitments: Uint8Array, out: Uint8Array): void;
  /** `SHA-256(0x01 ‖ left ‖ right)` of the first `count` pairs of hashes; `out` may be where the hashes are. */
  nodes(hashes: Uint8Array, count: number, out: Uint8Array): void;
}

const PREFIX_BYTES = COMMITMENT_DOMAIN.length;
const PEER_AT = PREFIX_BYTES + SALT_BYTES;
const PADDED_BYTES = 128;
/** The longest payload, with what goes before it and its padding. */
const MESSAGE_BYTES = PEER_AT + 1 + MAX_PEER_BYTES + MAX_RAW_BYTES + PADDED_BYTES;

/** The fastest hasher that works here: what OpenSSL answers is compared with what `node:crypto` does. */
export async function createHasher(importFfi: () => Promise<Ffi>): Promise<Hasher> {
  const ways = [['openssl, eight at once', multiLanes] as const, ['openssl', singleLanes] as const];
  for (const [way, lanes] of ways) {
    try {
      const hasher = hasherOver(way, lanes(await importFfi()));
      if (agree(hasher, plainHasher())) return hasher;
    } catch {
      // Not built in, or not allowed (--permission): another way is as right.
    }
  }
  return plainHasher();
}

/** By `node:crypto`: for those who have few hashes to make. */
export const plainHasher = (): Hasher => hasherOver('node:crypto', plainLanes);

function hasherOver(way: Hasher['way'], lanes: MakeLanes): Hasher {
  const message = lanes(MESSAGE_BYTES);
  const text = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length);
  for (let k = 0; k < LANES; k++) text.write(COMMITMENT_DOMAIN, k * MESSAGE_BYTES, 'latin1');
  const leaf = lanes(PADDED_BYTES);
  leaf.lengths.fill(1 + LEAF_BYTES);
  const pair = lanes(PADDED_BYTES);
  pair.lengths.fill(1 + 2 * HASH_BYTES);
  for (let k = 0; k < LANES; k++) pair.bytes[k * PADDED_BYTES] = 1;
  /** Of each lane: the peer that is written there, and where the message goes behind it. */
  const peers = new Int32Array(LANES);
  const rawAt = new Uint32Array(LANES);

  function writeMessage(block: Block, raw: Buffer, i: number, k: number): void {
    const at = k * MESSAGE_BYTES;
    const { salts } = block;
    for (let b = 0, from = i * SALT_BYTES; b < SALT_BYTES; b++) text[at + PREFIX_BYTES + b] = salts[from + b]!;
    const peer = block.peer[i]!;
    if (peer !== peers[k]) {
      peers[k] = peer;
      const length = text.write(block.peers[peer]!, at + PEER_AT + 1, 'latin1');
      text[at + PEER_AT] = length;
      rawAt[k] = PEER_AT + 1 + length;
    }
    const start = i === 0 ? 0 : block.ends[i - 1]!;
    const end = block.ends[i]!;
    raw.copy(text, at + rawAt[k]!, start, end);
    message.lengths[k] = rawAt[k]! + end - start;
  }

  return {
    way,
    commitments(block, out) {
      const raw = Buffer.from(block.raw.buffer, block.raw.byteOffset, block.raw.length);
      const hashes = viewOf(out);
      peers.fill(-1);
      for (let first = 0; first < block.count; first += LANES) {
        const count = Math.min(LANES, block.count - first);
        for (let k = 0; k < count; k++) writeMessage(block, raw, first + k, k);
        message.digest(count, hashes, first * HASH_BYTES);
      }
      for (const [i, kept] of block.erased) out.set(kept, i * HASH_BYTES);
    },
    leaves(block, commitments, out) {
      const [from, to, hashes] = [viewOf(commitments), viewOf(leaf.bytes), viewOf(out)];
      for (let first = 0; first < block.count; first += LANES) {
        const count = Math.min(LANES, block.count - first);
        for (let k = 0; k < count; k++) {
          const at = k * PADDED_BYTES + 1;
          writeLeaf(block, first + k, leaf.bytes, at);
          copyHashes(from, (first + k) * HASH_BYTES, to, at + LEAF_COMMITMENT, 1);
        }
        leaf.digest(count, hashes, first * HASH_BYTES);
      }
    },
    nodes(hashes, total, out) {
      const [from, to, above] = [viewOf(hashes), viewOf(pair.bytes), viewOf(out)];
      for (let first = 0; first < total; first += LANES) {
        const count = Math.min(LANES, total - first);
        for (let k = 0; k < count; k++) {
          copyHashes(from, (first + k) * 2 * HASH_BYTES, to, k * PADDED_BYTES + 1, 2);
        }
        pair.digest(count, above, first * HASH_BYTES);
      }
    },
  };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function copyHashes(from: DataView, at: number, to: DataView, toAt: number, count: number): void {
  for (let b = 0; b < count * HASH_BYTES; b += 4) to.setInt32(toAt + b, from.getInt32(at + b));
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
    hasher.nodes(leaves, count >> 1, leaves);
    return leaves;
  };
  return Buffer.compare(of(a), of(b)) === 0;
}
