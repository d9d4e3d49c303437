import type { FrameInfo } from '../record/frame.ts';
import type { Block } from '../record/types.ts';
import type { Column } from './columns.ts';
import type { Group } from './part.ts';

/** What is known of a source. */
export interface SenderStats {
  id: number;
  /** Since the start. */
  messages: number;
  lastSeenUs: number;
  /** The parser that understood its last line. */
  parser?: string;
}

/** Whether a parser tells who sent it: a syslog header is everybody's. */
const says = (parser: string): boolean => parser !== 'none' && parser !== 'generic';

/** Knows when each source was heard last, how often since the start, and who understands it. */
export class Senders {
  private readonly known = new Map<number, SenderStats>();
  /** The last frame that was counted: one that is read again later counts once. */
  private segment = -1;
  private offset = -1;
  counting = false;

  /** Records of a frame; `parserOf` says which parser understood the one at this place. */
  add(segment: number, frame: FrameInfo, block: Block, parserOf: (i: number) => string): void {
    if (segment < this.segment || (segment === this.segment && frame.offset <= this.offset)) return;
    this.segment = segment;
    this.offset = frame.offset;
    const { source, receiveUs, count } = block;
    const one = this.counting ? 1 : 0;
    for (let i = 0; i < count; ) {
      const id = source[i]!;
      const start = i;
      while (i < count && source[i] === id) i++;
      let parser = parserOf(i - 1);
      for (let k = i - 2; k >= start && !says(parser); k--) parser = parserOf(k);
      this.heard(id, receiveUs[i - 1]!, parser, one * (i - start));
    }
  }

  /** Looks at the records of a closed segment, for sources that weren't heard since. */
  addColumns(groups: readonly Group[], source: Column, parser: Column | undefined): void {
    const found = new Map<number, { lastSeenUs: number; parser: string }>();
    const valuesOf = (column: Column | undefined): ((row: number) => number) => {
      const planes = Array.from({ length: column?.count ?? 0 }, (_, i) => column!.plane(i));
      return (row) =>
        planes.reduce<number>((v, plane) => v * 256 + (typeof plane === 'number' ? plane : plane[row]!), 0);
    };
    const [sourceAt, parserAt, parsers] = [valuesOf(source), valuesOf(parser), parser?.texts() ?? []];
    for (const { row, rows, toUs } of groups.toReversed()) {
      for (let i = row + rows - 1; i >= row; i--) {
        const id = sourceAt(i);
        if (found.has(id)) continue;
        found.set(id, { lastSeenUs: toUs, parser: parsers[parserAt(i) - 1] ?? 'none' });
      }
    }
    for (const [id, seen] of found) if (!this.known.has(id)) this.heard(id, seen.lastSeenUs, seen.parser, 0);
  }

  private heard(id: number, us: number, parser: string, messages: number): void {
    let sender = this.known.get(id);
    if (!sender) {
      sender = { id, messages: 0, lastSeenUs: us };
      this.known.set(id, sender);
    }
    sender.messages += messages;
    sender.lastSeenUs = Math.max(sender.lastSeenUs, us);
    if (says(parser) || (parser === 'generic' && sender.parser === undefined)) sender.parser = parser;
  }

  all(): SenderStats[] {
    return [...this.known.values()];
  }
}
