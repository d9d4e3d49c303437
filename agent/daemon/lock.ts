import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Holds the state folder for this process. Node has no file locks of its own; SQLite's are the kernel's, so they end
 * with the process however it ends. Returns what lets go, or null when another process holds the folder.
 */
export function lockFolder(folder: string): (() => void) | null {
  const database = new DatabaseSync(path.join(folder, 'lock'), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return () => database.close();
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === 5) return null;
    throw error;
  }
}
