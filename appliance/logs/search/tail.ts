import type { Filter, Found } from '../backend.ts';
import type { Block } from '../record/types.ts';
import { queryOf } from './compile.ts';
import { matcherOf, type ParseOf, Row } from './match.ts';

/** Records of one message, and messages that may be on their way to a listener. */
export const MAX_TAIL = 200;
const MAX_ON_THE_WAY = 4;

interface Listener {
  matches: (row: Row) => boolean;
  filter: Filter;
  onTheWay: number;
  dropped: number;
}

/** Tells of new records. Who doesn't keep up is told how many were left out. */
export class Tail {
  private readonly listeners = new Map<number, Listener>();
  private readonly parse: ParseOf;
  private readonly tell: (sub: number, records: Found[], dropped: number) => void;

  constructor(parse: ParseOf, tell: (sub: number, records: Found[], dropped: number) => void) {
    this.parse = parse;
    this.tell = tell;
  }

  /** Throws QueryFault. */
  subscribe(sub: number, filter: Filter): void {
    this.listeners.set(sub, { matches: matcherOf(queryOf(filter)), filter, onTheWay: 0, dropped: 0 });
  }

  unsubscribe(sub: number): void {
    this.listeners.delete(sub);
  }

  /** The listener has taken a message. */
  taken(sub: number): void {
    const listener = this.listeners.get(sub);
    if (!listener) return;
    listener.onTheWay--;
    if (listener.dropped > 0) this.send(sub, listener, []);
  }

  /** New blocks: the listeners hear of those of their records that match, in their order. */
  add(blocks: readonly Block[]): void {
    if (this.listeners.size === 0) return;
    const row = new Row(this.parse);
    for (const [sub, listener] of this.listeners) {
      const { matches, filter } = listener;
      const found: Found[] = [];
      for (const block of blocks) {
        row.open(block);
        for (let i = 0; i < block.count; i++) {
          const us = block.receiveUs[i]!;
          if (us < (filter.fromUs ?? 0) || us > (filter.toUs ?? Number.MAX_SAFE_INTEGER)) continue;
          row.go(i);
          if (!matches(row)) continue;
          if (found.length < MAX_TAIL && listener.onTheWay < MAX_ON_THE_WAY) found.push(row.found());
          else listener.dropped++;
        }
      }
      if (found.length === 0) continue;
      this.send(
        sub,
        listener,
        found.sort((a, b) => a.index - b.index),
      );
    }
  }

  private send(sub: number, listener: Listener, records: Found[]): void {
    const { dropped } = listener;
    listener.dropped = 0;
    listener.onTheWay++;
    this.tell(sub, records, dropped);
  }
}
