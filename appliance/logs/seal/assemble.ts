import { randomBytes } from 'node:crypto';
import { SEED_BYTES, saltsOf } from '../record/salts.ts';
import { type Block, CLASSES, KIND, type Kind, MAX_RAW_BYTES, type Received } from '../record/types.ts';
import type { ToSealer } from './messages.ts';

/** Messages that are on their way into the log: of one Received those from `from` to before `to`. */
export interface Part {
  received: Received;
  /** Source by peer, as `peers` has them. */
  sources: readonly number[];
  from: number;
  to: number;
}

export interface NewBlock {
  block: Block;
  /** What its salts are made of. */
  seed: Uint8Array;
}

export interface Fate {
  /** Index of the first leaf. */
  first: number;
  boot: number;
  kind: Kind;
  classOf(source: number): number;
}

/** One batch: its messages by class, each class a block, leaves given in the order of arrival. */
export function assemble(parts: readonly Part[], { first, boot, kind, classOf }: Fate): NewBlock[] {
  const groups = new Map<number, { count: number; bytes: number }>();
  // A class for each peer of each part: messages are many more than peers.
  const classes = parts.map(({ sources }) => sources.map(classOf));
  parts.forEach(({ received, from, to }, p) => {
    for (let start = from, i = from; start < to; start = i) {
      const one = classes[p]![received.peer[start]!]!;
      while (i < to && classes[p]![received.peer[i]!] === one) i++;
      const group = groups.get(one) ?? { count: 0, bytes: 0 };
      group.count += i - start;
      group.bytes += startOf(received, i) - startOf(received, start);
      groups.set(one, group);
    }
  });
  return [...groups].map(([one, size]) => fill(one, size, parts, classes, { first, boot, kind }));
}

function fill(
  wanted: number,
  { count, bytes }: { count: number; bytes: number },
  parts: readonly Part[],
  classes: readonly number[][],
  { first, boot, kind }: Omit<Fate, 'classOf'>,
): NewBlock {
  const seed = randomBytes(SEED_BYTES);
  const block: Block = {
    count,
    class: wanted,
    boot,
    index: new Float64Array(count),
    kind: new Uint8Array(count).fill(kind),
    receiveUs: new Float64Array(count),
    monotonicUs: new Float64Array(count),
    transport: new Uint8Array(count),
    flags: new Uint8Array(count),
    source: new Uint16Array(count),
    peer: new Uint16Array(count),
    peers: [],
    ends: new Uint32Array(count),
    raw: new Uint8Array(bytes),
    salts: ownBytes(saltsOf(seed, count)),
    erased: new Map(),
  };
  const places = new Map<string, number>();
  const place = (peer: string): number => {
    const known = places.get(peer);
    if (known !== undefined) return known;
    places.set(peer, block.peers.length);
    return block.peers.push(peer) - 1;
  };
  let [at, end, index] = [0, 0, first];
  parts.forEach(({ received, sources, from, to }, p) => {
    const peers: number[] = [];
    for (let start = from, i = from; i < to; start = ++i) {
      // Messages that follow each other are copied as one.
      while (i < to && classes[p]![received.peer[i]!] === wanted) i++;
      if (i === start) continue;
      for (const column of ['receiveUs', 'monotonicUs', 'transport', 'flags'] as const) {
        block[column].set(received[column].subarray(start, i), at);
      }
      const rawStart = startOf(received, start);
      block.raw.set(received.raw.subarray(rawStart, startOf(received, i)), end);
      for (let k = start; k < i; k++, at++) {
        const peer = received.peer[k]!;
        peers[peer] ??= place(received.peers[peer]!);
        block.index[at] = index + k - from;
        block.source[at] = sources[peer]!;
        block.peer[at] = peers[peer]!;
        block.ends[at] = end + received.ends[k]! - rawStart;
      }
      end = block.ends[at - 1]!;
    }
    index += to - from;
  });
  return { block, seed };
}

/** Where message `i` begins; of `count`, where the last one ends. */
const startOf = (received: Received, i: number): number => (i === 0 ? 0 : received.ends[i - 1]!);

/** A copy that has its buffer for itself, so that it can be handed to another thread. */
export const ownBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** Records of the appliance itself, as if they were received; none longer than MAX_RAW_BYTES. */
export function internalRecords(
  texts: readonly string[],
  now: { receiveUs: number; monotonicUs: number },
  flags = 0,
): Received {
  const parts = texts.map((text) => Buffer.from(text));
  let end = 0;
  const count = parts.length;
  return {
    count,
    receiveUs: new Float64Array(count).fill(now.receiveUs),
    monotonicUs: new Float64Array(count).fill(now.monotonicUs),
    transport: new Uint8Array(count),
    flags: new Uint8Array(count).fill(flags),
    peer: new Uint16Array(count),
    peers: [''],
    ends: Uint32Array.from(parts, (part) => {
      end += part.length;
      return end;
    }),
    raw: ownBytes(Buffer.concat(parts)),
  };
}

/** What is wrong with a batch that another thread has sent, if anything is. */
export function faultOf(batch: Received): string | undefined {
  const { count, peers, ends, peer, raw, receiveUs, monotonicUs } = batch;
  const columns = [receiveUs, monotonicUs, batch.transport, batch.flags, peer, ends];
  if (columns.some((column) => column.length < count)) return 'a column is too short';
  if (peers.some((name) => name.length > 255 || !/^[\x20-\x7e]*$/.test(name))) return 'a peer has no proper name';
  let before = 0;
  for (let i = 0; i < count; i++) {
    const end = ends[i]!;
    if (end < before || end - before > MAX_RAW_BYTES) return `message ${i} has a wrong length`;
    if (peer[i]! >= peers.length) return `message ${i} has no peer`;
    if (!isTime(receiveUs[i]!) || !isTime(monotonicUs[i]!)) return `message ${i} has no proper time`;
    before = end;
  }
  return before > raw.length ? 'messages are missing' : undefined;
}

/** Whole and below 2^52, so that differences and their zigzag are exact. */
const isTime = (us: number): boolean => us >= 0 && us < 2 ** 52 && Number.isInteger(us);

/** What is wrong with records that the main thread wants written, if anything is. */
export function appendFault({
  kind,
  class: retentionClass,
  records,
}: Extract<ToSealer, { type: 'append' }>): string | undefined {
  if (CLASSES[retentionClass] === undefined) return `there is no class ${retentionClass}`;
  if (!Object.values(KIND).includes(kind)) return `there is no kind ${kind}`;
  const long = records.find((text) => Buffer.byteLength(text) > MAX_RAW_BYTES);
  return long && `a record has ${Buffer.byteLength(long)} bytes: ${MAX_RAW_BYTES} are the most`;
}
