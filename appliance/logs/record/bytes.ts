import { ArchiveError } from './error.ts';

/** Writes numbers in as few bytes as they need (LEB128, up to 2^53), into a buffer that must be large enough. */
export class Writer {
  readonly bytes: Buffer;
  at = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** `value` is whole and ≥ 0. */
  number(value: number): void {
    const { bytes } = this;
    let rest = value;
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) bytes[this.at++] = (rest % 128) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) bytes[this.at++] = (rest & 0x7f) | 0x80;
    bytes[this.at++] = rest;
  }

  /** Zigzag: 0, -1, 1, -2, … are 0, 1, 2, 3, … */
  signed(value: number): void {
    this.number(value < 0 ? -2 * value - 1 : 2 * value);
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

/** Reads what Writer wrote. Throws ArchiveError where there is less. */
export class Reader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  number(): number {
    const { bytes, at } = this;
    // Most have one byte or two; behind the end there is none, which is no smaller than anything.
    const first = bytes[at]!;
    if (first < 0x80) {
      this.at = at + 1;
      return first;
    }
    const second = bytes[at + 1]!;
    if (second < 0x80) {
      this.at = at + 2;
      return (first & 0x7f) + second * 128;
    }
    return this.long();
  }

  private long(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || scale > 2 ** 49) throw new ArchiveError('a block of records ends too early');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (!Number.isSafeInteger(value)) throw new ArchiveError('a block of records holds a number that is too large');
    return value;
  }

  /** A number of at most `most`. */
  upTo(most: number): number {
    const value = this.number();
    if (value > most) throw new ArchiveError(`a block of records holds ${value} where ${most} is the most`);
    return value;
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  raw(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new ArchiveError('a block of records ends too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
