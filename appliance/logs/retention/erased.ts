import { commitmentOf, recordOf } from '../record/leaf.ts';
import { type Block, SALT_BYTES } from '../record/types.ts';

/** From the first to the last, both included. */
export type Range = [from: number, to: number];

/** The block without the payloads of the records in `ranges`; the block itself where it holds none of them. */
export function withoutPayloads(block: Block, ranges: readonly Range[]): Block {
  const places: number[] = [];
  for (let i = 0; i < block.count; i++) {
    if (isIn(ranges, block.index[i]!) && !block.erased.has(i)) places.push(i);
  }
  if (places.length === 0) return block;
  const gone = new Set(places);
  const erased = new Map(block.erased);
  const salts = new Uint8Array(block.salts);
  const peer = new Uint16Array(block.count);
  const ends = new Uint32Array(block.count);
  // A peer may be the address of the one who is to be forgotten: only those that are still needed stay.
  const peers: string[] = [];
  const numbers = new Map<string, number>();
  const parts: Uint8Array[] = [];
  let end = 0;
  for (let i = 0; i < block.count; i++) {
    const record = recordOf(block, i);
    if (gone.has(i)) {
      erased.set(i, commitmentOf(record.salt, record.peer, record.raw));
      salts.fill(0, i * SALT_BYTES, (i + 1) * SALT_BYTES);
    } else {
      parts.push(record.raw);
      end += record.raw.length;
    }
    ends[i] = end;
    const name = erased.has(i) ? '' : record.peer;
    if (!numbers.has(name)) numbers.set(name, peers.push(name) - 1);
    peer[i] = numbers.get(name)!;
  }
  return { ...block, raw: new Uint8Array(Buffer.concat(parts)), ends, salts, peer, peers, erased };
}

/** Ascending numbers as ranges. */
export function rangesOf(numbers: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

/** `ranges` ascend. */
export function isIn(ranges: readonly Range[], number: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] < number) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]![0] <= number;
}
