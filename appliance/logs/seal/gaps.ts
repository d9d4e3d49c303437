import type { ToSeal } from '../receive/messages.ts';

/** Senders that a gap record names; the others are counted together. */
const MAX_NAMED = 500;
const UNNAMED = 'others';

/** What a gap record says: JSON. Times are µs since 1970. */
export interface Gap {
  reason: string;
  from_us: number;
  to_us: number;
  count: number;
  by_source: Record<string, number>;
  /** Of `oversize` messages, whose beginnings are kept: what was left out. */
  bytes?: number;
}

interface Open {
  fromUs: number;
  toUs: number;
  bySource: Map<string, number>;
  bytes: number;
}

/** What was dropped and isn't in the log yet. */
export class Gaps {
  #open = new Map<string, Open>();

  add({
    reason,
    fromUs,
    atUs,
    bySource,
    bytes = 0,
  }: Omit<Extract<ToSeal, { type: 'dropped' }>, 'type' | 'reason'> & { reason: string }): void {
    const known = this.#open.get(reason);
    const gap = known ?? { fromUs, toUs: atUs, bySource: new Map<string, number>(), bytes: 0 };
    gap.fromUs = Math.min(gap.fromUs, fromUs);
    gap.toUs = Math.max(gap.toUs, atUs);
    gap.bytes += bytes;
    for (const [address, count] of bySource) {
      const name = gap.bySource.has(address) || gap.bySource.size < MAX_NAMED ? address : UNNAMED;
      gap.bySource.set(name, (gap.bySource.get(name) ?? 0) + count);
    }
    this.#open.set(reason, gap);
  }

  /** What is to be recorded, one gap for each reason. */
  list(): Gap[] {
    return [...this.#open].map(([reason, { fromUs, toUs, bySource, bytes }]) => ({
      reason,
      from_us: fromUs,
      to_us: toUs,
      count: [...bySource.values()].reduce((sum, count) => sum + count, 0),
      by_source: Object.fromEntries(bySource),
      ...(bytes > 0 && { bytes }),
    }));
  }

  /** It was recorded. */
  clear(): void {
    this.#open.clear();
  }
}
