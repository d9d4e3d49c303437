import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLite's result code for a database that another process holds. */
const SQLITE_BUSY = 5;

/**
 * Holds the state folder for this process. Node has no file locks of its own; SQLite's are the kernel's, so they end
 * with the process however it ends. Returns what lets go, or null when another process holds the folder.
 */
export function lockFolder(folder: string): (() => void) | null {
  const file = path.join(folder, 'lock');
  closeSync(openSync(file, 'a', 0o600));
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written; no journal is to lie beside.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return () => database.close();
  } catch (error) {
    database.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return null;
    throw error;
  }
}
