import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { syncFile } from '../../store/index.ts';
import { segmentFile } from './files.ts';

/** The segment that is written to. */
export class SegmentWriter {
  readonly first: number;
  readonly #fd: number;
  #bytes: number;
  /** Something that was written may be on the disk though it doesn't count. */
  #dirty = false;

  /** Opens the file, or makes it; `bytes` of it are good, what is behind them is cut off. */
  constructor(folder: string, first: number, bytes = 0) {
    const file = segmentFile(folder, first);
    this.first = first;
    this.#fd = openSync(file, bytes > 0 ? 'r+' : 'w', 0o600);
    this.#bytes = bytes;
    if (bytes === 0) syncFile(path.dirname(file));
    else if (fstatSync(this.#fd).size !== bytes) ftruncateSync(this.#fd, bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends with one write. Where that fails the file is as it was before, and the error is thrown. */
  append(bytes: Uint8Array): void {
    if (this.#dirty) this.truncate(this.#bytes);
    this.#dirty = true;
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#bytes + done);
    }
    this.#bytes += bytes.length;
    this.#dirty = false;
  }

  /** Cuts off what stands behind `bytes`. */
  truncate(bytes: number): void {
    ftruncateSync(this.#fd, bytes);
    this.#bytes = bytes;
    this.#dirty = false;
  }

  /** Waits until what was appended is on the disk. */
  sync(): void {
    fdatasyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
