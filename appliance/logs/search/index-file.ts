import { closeSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { FrameInfo } from '../record/frame.ts';
import { bloomOf, bloomSize, positions } from './bloom.ts';
import { Cache } from './cache.ts';
import { IndexCipher, SALT_BYTES, TAG_BYTES } from './cipher.ts';
import { COLUMN_NAMES, type Column } from './columns.ts';
import { isIpName, type Name } from './names.ts';
import type { Group, Part, PartBuilder } from './part.ts';

/**
 * `GHIX | u32 version | u32 length of the head | salt, 16 bytes | head: zstd of JSON | sections`, head and sections
 * encrypted. Part 0 is the head, section n is part n.
 */
const MAGIC = 0x47484958;
const VERSION = 4;
const PREFIX = 12 + SALT_BYTES;
/** Bytes of the bloom filter that are checked at once. */
const PIECE = 2 ** 16;
const MAX_HEAD = 16 * 2 ** 20;
/** Bytes a record of a column that isn't an address: a value that is rare is found by the bloom filter. */
const COLUMN_BUDGET = 1.5;
const FRAME_NUMBERS = 7;
const GROUP_NUMBERS = 8;

/** An index that is missing or isn't as it was written: it is made anew from the records. */
export class IndexError extends Error {
  override name = 'IndexError';
}

/** Where a section is, from the end of the head on; `packing`: as it is, zstd, or two values of 4 bits a byte. */
interface Section {
  at: number;
  length: number;
  part: number;
  packing: 'plain' | 'zstd' | 'nibbles';
  /** The least and the most of a plane's values; indexes that were written before this was are without. */
  range?: readonly [number, number];
}

interface Head {
  first: number;
  rows: number;
  /** Where the last frame ends in the segment. */
  end: number;
  groups: number[];
  frames: Section;
  bloom: { at: number; length: number; crc: number; rows: number; stride: number };
  columns: Record<string, { planes: (Section | number)[]; texts?: Section }>;
  /** Columns that were left out. */
  unknown: string[];
}

const pack = (bytes: Uint8Array, level = 1): Buffer =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } });

/**
 * Writes the index of a segment, a piece at a time; the file stands there whole or not at all. `key` is derived with the
 * salt.
 */
export function* writeIndex(file: string, part: PartBuilder, salt: Uint8Array, key: Uint8Array): Generator<void, void> {
  const cipher = new IndexCipher(key);
  const sections: Buffer[] = [];
  let at = 0;
  const append = (bytes: Buffer): { at: number; length: number } => {
    sections.push(bytes);
    at += bytes.length;
    return { at: at - bytes.length, length: bytes.length };
  };
  const put = (bytes: Uint8Array, packing: Section['packing']): Section => {
    const number = sections.length + 1;
    return { ...append(cipher.seal(number, bytes)), part: number, packing };
  };
  const putTexts = (texts: Uint8Array): Section => put(pack(texts), 'zstd');
  const { rows } = part.columns;
  const bloomRows = bloomSize(part.sets.map(({ size }) => size));
  const { bits, stride } = yield* bloomOf(part.sets, bloomRows);
  const head: Head = {
    ...{ first: part.first, rows, end: part.end },
    groups: part.groups.flatMap((g) => [g.row, g.rows, g.frame, g.frames, g.firstLeaf, g.lastLeaf, g.fromUs, g.toUs]),
    frames: put(pack(frameTable(part.all)), 'zstd'),
    bloom: { ...append(cipher.mask(bits, 0)), crc: crc32(bits), rows: bloomRows, stride },
    columns: {},
    unknown: [],
  };
  for (const name of COLUMN_NAMES) {
    const column = part.columns.column(name);
    if (!column) continue;
    yield;
    const planes = Array.from({ length: column.count }, (_, i) =>
      packPlane((column.plane(i) as Uint8Array).subarray(0, rows)),
    );
    const named = column.texts();
    const texts = named.length > 0 ? Buffer.from(JSON.stringify(named)) : undefined;
    const size = planes.reduce((sum: number, plane) => sum + (typeof plane === 'number' ? 0 : plane.bytes.length), 0);
    if (!isIpName(name) && name !== 'bytes' && size + (texts ? texts.length / 3 : 0) > 1024 + COLUMN_BUDGET * rows) {
      head.unknown.push(name);
      continue;
    }
    head.columns[name] = {
      planes: planes.map((plane) =>
        typeof plane === 'number' ? plane : { ...put(plane.bytes, plane.packing), range: plane.range },
      ),
      ...(texts && { texts: putTexts(texts) }),
    };
  }
  const text = pack(Buffer.from(JSON.stringify(head)), 3);
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(MAGIC, 0);
  prefix.writeUInt32BE(VERSION, 4);
  prefix.writeUInt32BE(text.length, 8);
  prefix.set(salt, 12);
  const whole = Buffer.concat([prefix, cipher.seal(0, text, prefix), ...sections]);
  // It can be made anew, so nobody waits for the disk; a torn one can't be opened.
  writeFileSync(`${file}.tmp`, whole, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

function frameTable(frames: readonly FrameInfo[]): Buffer {
  const n = frames.length;
  const table = new Float64Array(n * FRAME_NUMBERS);
  frames.forEach((frame, i) => {
    const { offset, length, class: retention, batchFirst, batchCount, count, keyId } = frame;
    [offset, length, retention, batchFirst, batchCount, count, keyId].forEach((value, k) => {
      table[k * n + i] = value;
    });
  });
  return Buffer.from(table.buffer);
}

function packPlane(
  plane: Uint8Array,
): { bytes: Buffer; packing: Section['packing']; range: readonly [number, number] } | number {
  let most = 0;
  let least = 255;
  let same = true;
  for (let i = 0; i < plane.length; i++) {
    if (plane[i]! > most) most = plane[i]!;
    if (plane[i]! < least) least = plane[i]!;
    if (plane[i] !== plane[0]) same = false;
  }
  if (same) return plane[0] ?? 0;
  const bytes = Buffer.from(plane.buffer, plane.byteOffset, plane.length);
  const packed = pack(bytes);
  const range = [least, most] as const;
  // What is not compressed is read faster: zstd must be worth it.
  if (most < 16) {
    const length = Math.ceil(plane.length / 2);
    if (packed.length < length * 0.7) return { bytes: packed, packing: 'zstd', range };
    const halves = Buffer.alloc(length);
    for (let i = 0; i < plane.length; i++) halves[i >> 1]! |= plane[i]! << ((i & 1) * 4);
    return { bytes: halves, packing: 'nibbles', range };
  }
  return packed.length < plane.length * 0.9
    ? { bytes: packed, packing: 'zstd', range }
    : { bytes, packing: 'plain', range };
}

/** What parts of closed segments share: files that are open, and planes and texts of columns that were read. */
export class Shelf {
  readonly sections = new Cache<Uint8Array | readonly string[]>(96 * 2 ** 20);
  readonly files = new Cache<number>(512, closeSync);

  forget(file: string): void {
    this.sections.forget(`${file}\0`);
    this.files.forget(file);
  }
}

/** The part of a closed segment: its head is in memory, the rest is read as it is asked for. */
export class ClosedPart implements Part {
  readonly first: number;
  readonly rows: number;
  readonly end: number;
  readonly groups: readonly Group[];
  private readonly head: Head;
  private readonly cipher: IndexCipher;
  private readonly base: number;
  private readonly file: string;
  private readonly shelf: Shelf;
  /** Frames of the segment, once they were asked for. */
  private known: readonly FrameInfo[] | undefined;

  /** Throws IndexError where the file is missing or damaged, or its segment's keys aren't there any more. */
  constructor(file: string, shelf: Shelf, keyOf: (salt: Uint8Array) => Uint8Array | undefined) {
    this.file = file;
    this.shelf = shelf;
    const prefix = this.read(0, PREFIX);
    const length = prefix.readUInt32BE(8) + TAG_BYTES;
    if (prefix.readUInt32BE(0) !== MAGIC || prefix.readUInt32BE(4) !== VERSION || length > MAX_HEAD) {
      throw new IndexError(`${file} is not an index of this version`);
    }
    const key = keyOf(prefix.subarray(12));
    if (!key) throw new IndexError(`the keys of ${file} are gone`);
    this.cipher = new IndexCipher(key);
    this.head = JSON.parse(zstdDecompressSync(this.opened(0, this.read(PREFIX, length), prefix)).toString()) as Head;
    this.base = PREFIX + length;
    const { first, rows, end, groups } = this.head;
    this.first = first;
    this.rows = rows;
    this.end = end;
    this.groups = Array.from({ length: groups.length / GROUP_NUMBERS }, (_, i) => {
      const [row, count, frame, frames, firstLeaf, lastLeaf, fromUs, toUs] = groups.slice(
        i * GROUP_NUMBERS,
        (i + 1) * GROUP_NUMBERS,
      ) as [number, number, number, number, number, number, number, number];
      return { row, rows: count, frame, frames, firstLeaf, lastLeaf, fromUs, toUs };
    });
  }

  private read(at: number, length: number): Buffer {
    const into = Buffer.allocUnsafe(length);
    let got: number;
    try {
      const fd = this.shelf.files.get(this.file, () => ({ value: openSync(this.file, 'r'), size: 1 }));
      got = readSync(fd, into, 0, length, at);
    } catch (cause) {
      throw new IndexError(`${this.file} can't be read`, { cause });
    }
    if (got !== length) throw new IndexError(`${this.file} is too short`);
    return into;
  }

  private opened(part: number, sealed: Buffer, around?: Uint8Array): Buffer {
    try {
      return this.cipher.open(part, sealed, around);
    } catch (cause) {
      throw new IndexError(`${this.file} is damaged, or its keys are others`, { cause });
    }
  }

  private section({ at, length, part, packing }: Section): Uint8Array {
    const bytes = this.opened(part, this.read(this.base + at, length));
    if (packing === 'plain') return bytes;
    if (packing === 'zstd') return zstdDecompressSync(bytes);
    const plane = new Uint8Array(this.head.rows + 1);
    for (let i = 0; i < bytes.length; i++) {
      plane[2 * i] = bytes[i]! & 15;
      plane[2 * i + 1] = bytes[i]! >>> 4;
    }
    return plane;
  }

  readonly column = (name: Name): Column | undefined | 'unknown' => {
    const stored = this.head.columns[name];
    if (!stored) return this.head.unknown.includes(name) ? 'unknown' : undefined;
    const { planes, texts } = stored;
    return {
      count: planes.length,
      plane: (i) => {
        const plane = planes[i]!;
        return typeof plane === 'number' ? plane : this.kept(plane, 1, (bytes) => bytes);
      },
      range: (i) => {
        const plane = planes[i]!;
        return typeof plane === 'number' ? [plane, plane] : plane.range;
      },
      texts: () => (texts ? this.kept(texts, 4, (bytes) => JSON.parse(Buffer.from(bytes).toString()) as string[]) : []),
    };
  };

  /** What a section holds, which is read once for a while; in memory it takes `times` as much. */
  private kept<T extends Uint8Array | readonly string[]>(
    section: Section,
    times: number,
    make: (bytes: Uint8Array) => T,
  ): T {
    return this.shelf.sections.get(`${this.file}\0${section.part}`, () => {
      const bytes = this.section(section);
      return { value: make(bytes), size: bytes.length * times + 256 };
    }) as T;
  }

  mayHold(clauses: Int32Array[][]): (group: number) => boolean {
    const { rows, stride } = this.head.bloom;
    const groups = new Uint8Array(stride).fill(255);
    for (const lists of clauses) {
      const some = new Uint8Array(stride);
      for (const list of lists) {
        const all = this.withAll(list, rows, stride);
        for (let i = 0; i < stride; i++) some[i]! |= all[i]!;
      }
      let left = 0;
      for (let i = 0; i < stride; i++) left |= groups[i]! &= some[i]!;
      if (left === 0) return () => false;
    }
    return (group) => (groups[group >> 3]! & (1 << (group & 7))) !== 0;
  }

  private bloom(at: number, length: number): Buffer {
    return this.cipher.mask(this.read(this.base + this.head.bloom.at + at, length), at);
  }

  /** One bit a group: whether all of the hashes may be there. */
  private withAll(hashes: Int32Array, rows: number, stride: number): Uint8Array {
    const all = new Uint8Array(stride).fill(255);
    for (const hash of hashes) {
      for (const position of positions(hash, rows)) {
        const row = this.bloom(position * stride, stride);
        let left = 0;
        for (let i = 0; i < stride; i++) left |= all[i]! &= row[i]!;
        if (left === 0) return all;
      }
    }
    return all;
  }

  frames({ frame, frames }: Group): readonly FrameInfo[] {
    this.known ??= this.table();
    return this.known.slice(frame, frame + frames);
  }

  private table(): FrameInfo[] {
    const bytes = this.section(this.head.frames);
    const table = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const n = table.length / FRAME_NUMBERS;
    const [offset, length, retention, batchFirst, batchCount, count, keyId] = Array.from(
      { length: FRAME_NUMBERS },
      (_, k) => table.subarray(k * n, (k + 1) * n),
    );
    return Array.from({ length: n }, (_, i) => ({
      ...{ offset: offset![i]!, length: length![i]!, class: retention![i]!, batchFirst: batchFirst![i]! },
      ...{ batchCount: batchCount![i]!, count: count![i]!, keyId: keyId![i]! },
    }));
  }

  /** Reads all that has no checksum of its own, and compares the frames. Throws IndexError. */
  check(frames: readonly FrameInfo[]): void {
    const { length, crc } = this.head.bloom;
    let found = 0;
    for (let at = 0; at < length; at += PIECE) found = crc32(this.bloom(at, Math.min(PIECE, length - at)), found);
    if (found !== crc) throw new IndexError(`${this.file} is damaged`);
    const table = this.table();
    const same =
      table.length === frames.length &&
      table.every(({ offset, length, keyId }, i) => {
        const there = frames[i]!;
        return there.offset === offset && there.length === length && there.keyId === keyId;
      });
    if (!same) throw new IndexError(`${this.file} is about records that were rewritten`);
  }
}
