import { hkdfSync } from 'node:crypto';
import { sliceBlock } from '../record/block.ts';
import type { FrameInfo } from '../record/frame.ts';
import { type Block, KIND, TRANSPORT } from '../record/types.ts';
import type { Frames } from './library.ts';

/** A record as tests write it. */
export interface Line {
  raw: string | Uint8Array;
  us?: number;
  source?: number;
  kind?: number;
  class?: number;
  erased?: boolean;
}

const FRAME_BYTES = 1000;

/** An archive in memory: segments of batches, a frame for each class. */
export class MemoryArchive implements Frames {
  readonly list: { first: number; closed: boolean; frames: [FrameInfo, Block][] }[] = [];
  size = 0;
  reads = 0;
  /** Classes whose keys are gone. */
  readonly expired = new Set<number>();

  segments = (): { first: number; closed: boolean }[] => this.list.filter(({ frames }) => frames.length > 0);
  frames = (first: number): FrameInfo[] => this.find(first).frames.map(([frame]) => frame);
  readFrame = (first: number, frame: FrameInfo): Block | undefined => {
    this.reads++;
    if (this.expired.has(frame.class)) return undefined;
    return this.find(first).frames.find(([{ offset }]) => offset === frame.offset)?.[1];
  };

  *blocks({ from, to }: { from: number; to: number }): Generator<Block> {
    for (const { frames } of this.list) {
      for (const [, block] of frames) {
        const first = block.index.findIndex((index) => index >= from);
        const end = block.index.findLastIndex((index) => index < to) + 1;
        if (first >= 0 && first < end) yield sliceBlock(block, first, end);
      }
    }
  }

  /** Of each segment; deleted for one whose keys are destroyed. */
  readonly keys = new Map<number, Uint8Array>();
  deriveKey = (first: number, salt: Uint8Array, use: string, length: number): Uint8Array | undefined => {
    const key = this.keys.get(first) ?? Buffer.from(`key of ${first}`);
    return new Uint8Array(hkdfSync('sha256', key, salt, use, length));
  };

  find(first: number): MemoryArchive['list'][number] {
    const found = this.list.find((segment) => segment.first === first);
    if (!found) throw new Error(`no segment ${first}`);
    return found;
  }

  /** Writes a batch into the open segment, or a new one. */
  write(lines: readonly Line[]): { segment: number; frames: [FrameInfo, Block][] } {
    let open = this.list.at(-1);
    if (!open || open.closed) {
      open = { first: this.size, closed: false, frames: [] };
      this.list.push(open);
    }
    const classes = [...new Set(lines.map((line) => line.class ?? 3))];
    const frames = classes.map((retention): [FrameInfo, Block] => {
      const mine = lines.flatMap((line, i) =>
        (line.class ?? 3) === retention ? [{ line, index: this.size + i }] : [],
      );
      const block = blockOf(mine, retention);
      const offset = open.frames.length * FRAME_BYTES;
      const batch = { batchFirst: this.size, batchCount: lines.length, count: block.count, keyId: retention };
      const frame = { offset, length: FRAME_BYTES, class: retention, ...batch };
      open.frames.push([frame, block]);
      return [frame, block];
    });
    this.size += lines.length;
    return { segment: open.first, frames };
  }

  close(): number {
    const open = this.list.at(-1)!;
    open.closed = true;
    return open.first;
  }
}

function blockOf(lines: { line: Line; index: number }[], retention: number): Block {
  const count = lines.length;
  const raws = lines.map(({ line }) => (line.erased ? Buffer.alloc(0) : Buffer.from(line.raw as string)));
  let end = 0;
  return {
    ...{ count, class: retention, boot: 1 },
    index: Float64Array.from(lines, ({ index }) => index),
    receiveUs: Float64Array.from(lines, ({ line, index }) => line.us ?? 1e15 + index * 1e6),
    monotonicUs: Float64Array.from(lines, ({ index }) => index),
    transport: new Uint8Array(count).fill(TRANSPORT.udp),
    flags: new Uint8Array(count),
    peer: new Uint16Array(count),
    peers: ['192.0.2.1:514'],
    ends: Uint32Array.from(raws, (raw) => (end += raw.length)),
    raw: new Uint8Array(Buffer.concat(raws)),
    kind: Uint8Array.from(lines, ({ line }) => line.kind ?? KIND.log),
    source: Uint16Array.from(lines, ({ line }) => line.source ?? 1),
    salts: new Uint8Array(count * 16),
    erased: new Map(lines.flatMap(({ line }, i) => (line.erased ? [[i, new Uint8Array(32)] as const] : []))),
  };
}
