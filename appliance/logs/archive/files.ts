import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { ArchiveError } from '../record/error.ts';
import { type FrameInfo, HEAD_BYTES, parseHead } from '../record/frame.ts';

export const SEGMENTS = 'segments';
export const CHECKPOINT = 'checkpoint';
/** Many heads of small frames, and little of what stands between those of large ones. */
const WINDOW_BYTES = 4096;

/** `segments/<first leaf, 16 hexadecimal digits>.seg` */
export const segmentFile = (folder: string, first: number): string =>
  path.join(folder, SEGMENTS, `${first.toString(16).padStart(16, '0')}.seg`);

/** Opens a file for as long as `work` takes; undefined where there is none. */
export function withFile<T>(file: string, work: (fd: number, size: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ArchiveError(`${file} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
  try {
    return work(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

/** Bytes `[at, at + length)`, or as many as there are. */
export function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const read = readSync(fd, bytes, done, length - done, at + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

/** The frames from `from` on, by their heads, and where the first thing begins that isn't one, or isn't all there. */
export function readHeads(fd: number, from: number, size: number): { frames: FrameInfo[]; end: number } {
  const frames: FrameInfo[] = [];
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  let at = from;
  while (at + HEAD_BYTES <= size) {
    if (at < windowAt || at + HEAD_BYTES > windowAt + window.length) {
      window = readAt(fd, at, Math.min(WINDOW_BYTES, size - at));
      windowAt = at;
    }
    const frame = parseHead(window, at - windowAt, at);
    if (!frame || at + frame.length > size) break;
    frames.push(frame);
    at += frame.length;
  }
  return { frames, end: at };
}
