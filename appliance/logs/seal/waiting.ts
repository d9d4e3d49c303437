import type { Received } from '../record/types.ts';
import type { Part } from './assemble.ts';

interface Entry {
  received: Received;
  /** What of it is in the log already. */
  taken: number;
  /** Monotonic µs of when it came. */
  since: number;
  sources?: number[];
}

/** What was received and isn't written yet, in the order of its arrival. */
export class Waiting {
  #entries: Entry[] = [];
  records = 0;
  bytes = 0;

  add(received: Received, since: number): void {
    this.records += received.count;
    this.bytes += received.raw.length;
    this.#entries.push({ received, taken: 0, since });
  }

  /** Monotonic µs of when the oldest came; `Infinity` where nothing waits. */
  get since(): number {
    return this.#entries[0]?.since ?? Number.POSITIVE_INFINITY;
  }

  /** The oldest, `records` at most, and about `bytes` of messages; one record at least. */
  peek(records: number, bytes: number, sourcesOf: (peers: readonly string[], firstUs: number) => number[]): Part[] {
    const parts: Part[] = [];
    let [left, leftBytes] = [records, bytes];
    for (const entry of this.#entries) {
      const { received, taken } = entry;
      let to = Math.min(received.count, taken + left);
      const start = startOf(received, taken);
      while (to > taken + 1 && startOf(received, to) - start > leftBytes) to = taken + ((to - taken) >> 1);
      entry.sources ??= sourcesOf(received.peers, received.receiveUs[0]!);
      if (to > taken) parts.push({ received, sources: entry.sources, from: taken, to });
      left -= to - taken;
      leftBytes -= startOf(received, to) - start;
      if (left <= 0 || leftBytes <= 0 || to < received.count) break;
    }
    return parts;
  }

  /** They are in the log. Returns the bytes of batches all of which are. */
  take(parts: readonly Part[]): number {
    let done = 0;
    for (const { received, from, to } of parts) {
      const entry = this.#entries[0]!;
      entry.taken = to;
      this.records -= to - from;
      this.bytes -= startOf(received, to) - startOf(received, from);
      if (to < received.count) break;
      done += received.raw.length;
      this.#entries.shift();
    }
    // Bytes of `raw` that belong to no message.
    if (this.#entries.length === 0) this.bytes = 0;
    return done;
  }
}

/** Where message `i` begins; of `count`, where the last one ends. */
const startOf = (received: Received, i: number): number => (i === 0 ? 0 : received.ends[i - 1]!);
