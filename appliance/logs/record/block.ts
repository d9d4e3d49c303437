import { Reader, Writer } from './bytes.ts';
import { ArchiveError } from './error.ts';
import { MAX_PEER_BYTES } from './leaf.ts';
import { SEED_BYTES, saltsOf } from './salts.ts';
import { type Block, CLASSES, HASH_BYTES, MAX_RAW_BYTES, SALT_BYTES } from './types.ts';

const VERSION = 1;
/** Records of one block; what a reader believes. */
const MAX_RECORDS = 65_536;
/** What a record's columns need at most: three numbers of 8 bytes, the others of 3. */
const COLUMN_BYTES = 48;
const ALL_ONE = 0;
const EACH = 1;
const SEEDED = 0;
const LISTED = 1;

/**
 * A block's bytes, before they are compressed: columns, so that like stands by like, the messages last. `seed` is what
 * its salts were made of; without one they are listed.
 */
export function encodeBlock(block: Block, seed?: Uint8Array): Buffer {
  const { count, raw } = block;
  const peers = block.peers.map((peer) => Buffer.from(peer, 'latin1'));
  const fixed = 128 + peers.length * (1 + MAX_PEER_BYTES) + block.erased.size * (HASH_BYTES + 4);
  const out = new Writer(fixed + count * (COLUMN_BYTES + (seed ? 0 : SALT_BYTES)) + raw.length);
  out.number(VERSION);
  out.number(count);
  out.number(block.boot);
  out.number(peers.length);
  for (const peer of peers) {
    out.number(peer.length);
    out.raw(peer);
  }
  let before = -1;
  for (let i = 0; i < count; i++) {
    out.number(block.index[i]! - before - 1);
    before = block.index[i]!;
  }
  for (const column of [block.kind, block.transport, block.flags, block.source, block.peer]) writeColumn(out, column);
  before = 0;
  for (let i = 0; i < count; i++) {
    out.signed(block.receiveUs[i]! - before);
    before = block.receiveUs[i]!;
  }
  // One clock against the other hardly moves.
  before = 0;
  for (let i = 0; i < count; i++) {
    const apart = block.receiveUs[i]! - block.monotonicUs[i]!;
    out.signed(apart - before);
    before = apart;
  }
  before = 0;
  for (let i = 0; i < count; i++) {
    out.number(block.ends[i]! - before);
    before = block.ends[i]!;
  }
  out.number(seed ? SEEDED : LISTED);
  out.raw(seed ?? block.salts);
  out.number(block.erased.size);
  for (const [place, commitment] of block.erased) {
    out.number(place);
    out.raw(commitment);
  }
  out.raw(raw);
  return out.bytes.subarray(0, out.at);
}

function writeColumn(out: Writer, column: Uint8Array | Uint16Array): void {
  const first = column[0] ?? 0;
  if (column.every((value) => value === first)) {
    out.number(ALL_ONE);
    out.number(first);
    return;
  }
  out.number(EACH);
  for (let i = 0; i < column.length; i++) out.number(column[i]!);
}

export interface DecodedBlock {
  block: Block;
  /** What the salts are made of; absent where they are listed. */
  seed?: Uint8Array;
}

/** What `encodeBlock` wrote. Throws ArchiveError where it doesn't fit together. `raw` is a view of `bytes`. */
export function decodeBlock(bytes: Buffer, retentionClass: number): DecodedBlock {
  if (retentionClass >= CLASSES.length) throw new ArchiveError(`there is no retention class ${retentionClass}`);
  const from = new Reader(bytes);
  const version = from.number();
  if (version !== VERSION)
    throw new ArchiveError(`a block of records has version ${version}: a newer Gatehouse wrote it`);
  const count = from.upTo(MAX_RECORDS);
  const boot = from.upTo(2 ** 32 - 1);
  const peers = Array.from({ length: from.upTo(MAX_RECORDS) }, () =>
    from.raw(from.upTo(MAX_PEER_BYTES)).toString('latin1'),
  );
  const index = new Float64Array(count);
  let before = -1;
  for (let i = 0; i < count; i++) {
    before += from.number() + 1;
    index[i] = before;
  }
  const kind = readColumn(from, new Uint8Array(count), 0xff);
  const transport = readColumn(from, new Uint8Array(count), 0xff);
  const flags = readColumn(from, new Uint8Array(count), 0xff);
  const source = readColumn(from, new Uint16Array(count), 0xffff);
  const peer = readColumn(from, new Uint16Array(count), Math.max(0, peers.length - 1));
  if (count > 0 && peers.length === 0) throw new ArchiveError('a block of records names no peers');
  const receiveUs = readTimes(from, new Float64Array(count));
  const monotonicUs = readTimes(from, new Float64Array(count));
  for (let i = 0; i < count; i++) {
    monotonicUs[i] = receiveUs[i]! - monotonicUs[i]!;
    if (receiveUs[i]! < 0 || monotonicUs[i]! < 0) {
      throw new ArchiveError('a block of records holds a time before 1970');
    }
  }
  const ends = new Uint32Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    end += from.upTo(MAX_RAW_BYTES);
    ends[i] = end;
  }
  const seed = from.upTo(LISTED) === SEEDED ? new Uint8Array(from.raw(SEED_BYTES)) : undefined;
  const salts = new Uint8Array(seed ? saltsOf(seed, count) : from.raw(count * SALT_BYTES));
  const erased = new Map<number, Uint8Array>();
  for (let left = from.upTo(count); left > 0; left--) {
    const place = from.upTo(count - 1);
    erased.set(place, new Uint8Array(from.raw(HASH_BYTES)));
  }
  const raw = from.raw(end);
  if (from.at !== bytes.length) throw new ArchiveError('a block of records is followed by something else');
  const block: Block = {
    ...{
      count,
      class: retentionClass,
      boot,
      index,
      kind,
      transport,
      flags,
      source,
      peer,
      peers,
      receiveUs,
      monotonicUs,
    },
    ...{ ends, salts, erased, raw: new Uint8Array(raw.buffer, raw.byteOffset, raw.length) },
  };
  return { block, ...(seed && { seed }) };
}

/** Records `[from, to)` of a block, as views of it. */
export function sliceBlock(block: Block, from: number, to: number): Block {
  if (from <= 0 && to >= block.count) return block;
  const start = from === 0 ? 0 : block.ends[from - 1]!;
  const erased = [...block.erased].filter(([place]) => place >= from && place < to);
  return {
    ...block,
    count: to - from,
    index: block.index.subarray(from, to),
    kind: block.kind.subarray(from, to),
    transport: block.transport.subarray(from, to),
    flags: block.flags.subarray(from, to),
    source: block.source.subarray(from, to),
    peer: block.peer.subarray(from, to),
    receiveUs: block.receiveUs.subarray(from, to),
    monotonicUs: block.monotonicUs.subarray(from, to),
    ends: block.ends.subarray(from, to).map((end) => end - start),
    raw: block.raw.subarray(start, block.ends[to - 1]!),
    salts: block.salts.subarray(from * SALT_BYTES, to * SALT_BYTES),
    erased: new Map(erased.map(([place, commitment]) => [place - from, commitment])),
  };
}

function readColumn<T extends Uint8Array | Uint16Array>(from: Reader, column: T, most: number): T {
  if (from.upTo(EACH) === ALL_ONE) {
    column.fill(from.upTo(most));
  } else {
    for (let i = 0; i < column.length; i++) column[i] = from.upTo(most);
  }
  return column;
}

function readTimes(from: Reader, times: Float64Array): Float64Array {
  let before = 0;
  for (let i = 0; i < times.length; i++) {
    before += from.signed();
    times[i] = before;
  }
  return times;
}
