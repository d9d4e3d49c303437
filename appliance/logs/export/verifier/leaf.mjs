import { base64, concat, timeOf, utf8 } from './bytes.mjs';

const LEAF_BYTES = 58;
const SALT_BYTES = 16;
const KINDS = ['', 'log', 'audit', 'access', 'time-sync', 'beacon', 'gap', 'key-rotation', 'erasure', 'recovery'];
const TRANSPORTS = ['internal', 'udp', 'tcp', 'tls'];
/** Bit 1 of the flags: the clock wasn't synchronised. */
const UNSYNCHRONISED = 2;
const PREFIX = utf8('gatehouse/log/v1\0');

/**
 * @typedef {{ version: number, kind: number, receiveUs: number, boot: number, monotonicUs: number, source: number,
 *   transport: number, flags: number, commitment: Uint8Array, unsynchronised: boolean }} Leaf
 */

/**
 * `u8 version | u8 kind | u64 receive ns | u32 boot | u64 monotonic µs | u16 source | u8 transport | u8 flags | C[32]`,
 * big-endian. @param {Uint8Array | undefined} bytes @returns {Leaf | undefined}
 */
export function readLeaf(bytes) {
  if (bytes?.length !== LEAF_BYTES || bytes[0] !== 1) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, LEAF_BYTES);
  return {
    version: bytes[0],
    kind: bytes[1],
    receiveUs: Number(view.getBigUint64(2) / 1000n),
    boot: view.getUint32(10),
    monotonicUs: Number(view.getBigUint64(14)),
    source: view.getUint16(22),
    transport: bytes[24],
    flags: bytes[25],
    commitment: bytes.subarray(26),
    unsynchronised: (bytes[25] & UNSYNCHRONISED) !== 0,
  };
}

/** @param {number} kind */
export const kindName = (kind) => KINDS[kind] ?? `kind ${kind}`;

/**
 * `C = SHA-256("gatehouse/log/v1\0" ‖ salt ‖ u8 n ‖ peer ‖ raw bytes)`.
 * @param {import('./tree.mjs').Sha256} sha256 @param {Uint8Array} salt @param {string} peer @param {Uint8Array} raw
 */
export function commitment(sha256, salt, peer, raw) {
  const name = utf8(peer);
  return sha256(concat(PREFIX, salt, new Uint8Array([name.length]), name, raw));
}

/** A line of records.jsonl. @typedef {Record<string, unknown> & { index: number }} Line */

/**
 * What of a record's line doesn't say the same as its leaf: the fields are there for people to read, so they have to.
 * @param {Line} line @param {Leaf} leaf @returns {string | undefined}
 */
export function differs(line, leaf) {
  const said = {
    received: timeOf(leaf.receiveUs),
    kind: kindName(leaf.kind),
    boot: leaf.boot,
    monotonic_us: leaf.monotonicUs,
    source: leaf.source,
    transport: TRANSPORTS[leaf.transport] ?? `transport ${leaf.transport}`,
    flags: leaf.flags,
  };
  return Object.entries(said).find(([name, value]) => line[name] !== value)?.[0];
}

/**
 * The message and its salt; undefined where they cannot be read.
 * @param {Line} line @returns {{ raw: Uint8Array, salt: Uint8Array, peer: string } | undefined}
 */
export function payloadOf(line) {
  const salt = base64(line.salt, SALT_BYTES);
  const raw = typeof line.raw === 'string' ? utf8(line.raw) : base64(line.raw_base64);
  if (!salt || !raw || typeof line.peer !== 'string' || line.peer.length > 255) return undefined;
  return { raw, salt, peer: line.peer };
}
