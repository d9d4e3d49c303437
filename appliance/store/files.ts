import {
  chmodSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

// The commands of the CLI are often run by root while the appliance has a user of its own: what root makes must
// belong to the one who has the folder.
const isRoot = (): boolean => process.getuid?.() === 0;

/** Makes an empty file of mode 0600. One that is there already is left alone: to close it would drop SQLite's locks. */
export function ensureFile(file: string): void {
  if (!existsSync(file)) createFile(file);
}

/** Makes an empty file of mode 0600; fails where there is one. */
export function createFile(file: string): void {
  const handle = openSync(file, 'wx', 0o600); // never through a symbolic link
  try {
    giveAway(handle, path.dirname(file));
  } finally {
    closeSync(handle);
  }
}

/** Makes a folder that is its owner's alone, or makes it so. */
export function createFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made === undefined) {
    chmodSync(folder, 0o700);
  } else if (isRoot()) {
    const { uid, gid } = statSync(path.dirname(made));
    for (let at = folder; at.length >= made.length; at = path.dirname(at)) lchownSync(at, uid, gid);
  }
}

/** Replaces a file in one step: after a crash there is the old one or the new one, whole and on the disk. */
export function replaceFile(file: string, content: string | Uint8Array, mode: number): void {
  const temporary = `${file}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  const handle = openSync(temporary, 'wx', mode);
  try {
    giveAway(handle, path.dirname(file));
    const bytes = Buffer.from(content);
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  syncFile(path.dirname(file));
}

function giveAway(handle: number, folder: string): void {
  if (!isRoot()) return;
  const { uid, gid } = statSync(folder);
  fchownSync(handle, uid, gid);
}

/** Waits until a file, or a folder's list of names, is on the disk. */
export function syncFile(file: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = openSync(file, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
