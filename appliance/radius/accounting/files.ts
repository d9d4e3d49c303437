import { close, fdatasync, fsync, ftruncate, open, write } from 'node:fs';
import { readdir, readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createFolder } from '../../store/index.ts';

/**
 * A segment grows by this much at once, filled with zeros: a sync of bytes that the file has already costs half of one
 * that makes it longer.
 */
const GROW_BYTES = 1024 * 1024;

/** A segment that is being written. */
export interface SegmentFile {
  /** All of `bytes` at `position`, or it rejects. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Resolves when what was written is on the disk. */
  sync(): Promise<void>;
  cut(length: number): Promise<void>;
  close(): Promise<void>;
}

/** The folder of a journal. */
export interface JournalFolder {
  list(): Promise<string[]>;
  read(name: string): Promise<Buffer>;
  /** Makes a new file; its name is on the disk when it resolves. */
  create(name: string): Promise<SegmentFile>;
  remove(name: string): Promise<void>;
}

const zeros = new Uint8Array(GROW_BYTES);
const openFile = promisify(open);
const writeFile = promisify(write);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const truncate = promisify(ftruncate);
const closeFile = promisify(close);

/** A journal's folder on a disk; everything waits in the thread pool, never in the event loop. */
export function journalFolder(folder: string): JournalFolder {
  createFolder(folder);
  return {
    list: () => readdir(folder),
    read: (name) => readFile(path.join(folder, name)),
    async create(name) {
      const handle = await openFile(path.join(folder, name), 'wx', 0o600);
      try {
        const parent = await openFile(folder, 'r');
        await syncAll(parent).finally(() => closeFile(parent));
      } catch (error) {
        await closeFile(handle);
        throw error;
      }
      const writeAll = async (bytes: Uint8Array, position: number): Promise<void> => {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await writeFile(handle, bytes, done, bytes.length - done, position + done);
          done += bytesWritten;
        }
      };
      let grown = 0;
      return {
        async write(bytes, position) {
          await writeAll(bytes, position);
          const end = position + bytes.length;
          if (end <= grown) return;
          grown = end + GROW_BYTES;
          // Where there is no room for it, it is slower, no more.
          await writeAll(zeros, end).catch(() => undefined);
        },
        sync: () => syncData(handle),
        async cut(length) {
          await truncate(handle, length);
          grown = length;
        },
        close: () => closeFile(handle),
      };
    },
    remove: (name) => unlink(path.join(folder, name)),
  };
}
