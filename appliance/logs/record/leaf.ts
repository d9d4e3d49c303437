import { createHash } from 'node:crypto';
import { type Block, HASH_BYTES, SALT_BYTES } from './types.ts';

/** `u8 version | u8 kind | u64 receive ns | u32 boot | u64 monotonic µs | u16 source | u8 transport | u8 flags | C[32]` */
export const LEAF_BYTES = 58;
export const LEAF_COMMITMENT = 26;
const LEAF_VERSION = 1;
/** What a commitment begins with, so that its hash can't stand for anything else. */
export const COMMITMENT_DOMAIN = 'gatehouse/log/v1\0';
/** A peer's length is one byte of the payload. */
export const MAX_PEER_BYTES = 255;

const TWO_32 = 2 ** 32;

/** One record, apart from the others of its block. `raw` is a view. */
export interface LogRecord {
  /** Leaf index. */
  index: number;
  kind: number;
  /** µs since 1970. */
  receiveUs: number;
  monotonicUs: number;
  boot: number;
  source: number;
  transport: number;
  flags: number;
  peer: string;
  raw: Uint8Array;
  salt: Uint8Array;
  /** The commitment of a record whose payload was erased. */
  erased?: Uint8Array;
}

/** Writes leaf `i` of the block, but for its commitment, which has its place `LEAF_COMMITMENT` bytes on. */
export function writeLeaf(block: Block, i: number, out: Uint8Array, at: number): void {
  out[at] = LEAF_VERSION;
  out[at + 1] = block.kind[i]!;
  // × 1000 in two halves: nanoseconds are beyond what a number holds.
  const us = block.receiveUs[i]!;
  const low = (us % TWO_32) * 1000;
  writeU64(out, at + 2, Math.floor(us / TWO_32) * 1000 + Math.floor(low / TWO_32), low % TWO_32);
  writeU32(out, at + 10, block.boot);
  const monotonic = block.monotonicUs[i]!;
  writeU64(out, at + 14, Math.floor(monotonic / TWO_32), monotonic % TWO_32);
  const source = block.source[i]!;
  out[at + 22] = source >>> 8;
  out[at + 23] = source;
  out[at + 24] = block.transport[i]!;
  out[at + 25] = block.flags[i]!;
}

function writeU64(out: Uint8Array, at: number, high: number, low: number): void {
  writeU32(out, at, high);
  writeU32(out, at + 4, low);
}

function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** Leaf `i` of the block, 58 bytes: what the tree's hash is over. */
export function leafOf(block: Block, i: number): Uint8Array {
  const leaf = new Uint8Array(LEAF_BYTES);
  writeLeaf(block, i, leaf, 0);
  const { salt, peer, raw, erased } = recordOf(block, i);
  leaf.set(erased ?? commitmentOf(salt, peer, raw), LEAF_COMMITMENT);
  return leaf;
}

/** `SHA-256("gatehouse/log/v1\0" ‖ salt ‖ u8 n ‖ peer ‖ raw)`: what the leaf says about a message without telling it. */
export function commitmentOf(salt: Uint8Array, peer: string, raw: Uint8Array): Uint8Array {
  const name = Buffer.from(peer, 'latin1');
  return createHash('sha256')
    .update(COMMITMENT_DOMAIN)
    .update(salt)
    .update(Uint8Array.of(name.length))
    .update(name)
    .update(raw)
    .digest();
}

/** Record `i` of the block. */
export function recordOf(block: Block, i: number): LogRecord {
  const erased = block.erased.get(i);
  return {
    index: block.index[i]!,
    kind: block.kind[i]!,
    receiveUs: block.receiveUs[i]!,
    monotonicUs: block.monotonicUs[i]!,
    boot: block.boot,
    source: block.source[i]!,
    transport: block.transport[i]!,
    flags: block.flags[i]!,
    peer: block.peers[block.peer[i]!]!,
    raw: block.raw.subarray(i === 0 ? 0 : block.ends[i - 1]!, block.ends[i]!),
    salt: block.salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES),
    ...(erased && { erased }),
  };
}

/** A leaf taken apart, for those who check it: the commitment is a view of 32 bytes. */
export function parseLeaf(leaf: Uint8Array): Omit<LogRecord, 'index' | 'peer' | 'raw' | 'salt' | 'erased'> & {
  commitment: Uint8Array;
} {
  if (leaf.length !== LEAF_BYTES || leaf[0] !== LEAF_VERSION) throw new Error('not a leaf of version 1');
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.byteLength);
  return {
    kind: view.getUint8(1),
    receiveUs: Number(view.getBigUint64(2) / 1000n),
    boot: view.getUint32(10),
    monotonicUs: Number(view.getBigUint64(14)),
    source: view.getUint16(22),
    transport: view.getUint8(24),
    flags: view.getUint8(25),
    commitment: leaf.subarray(LEAF_COMMITMENT, LEAF_COMMITMENT + HASH_BYTES),
  };
}
