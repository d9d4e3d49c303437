import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ensureFile, replaceFile } from './files.ts';
import { StoreError } from './types.ts';

const SQLITE_BUSY = 5;

/** Takes the data folder for this process's life; the system releases it with the process, even after SIGKILL. */
export function lockFolder(dataDir: string): { release(): void } {
  const pidFile = path.join(dataDir, 'lock.pid');
  const file = path.join(dataDir, 'lock.db');
  ensureFile(file);
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new StoreError(
      `The data folder ${dataDir} is in use by another Gatehouse (pid ${readPid(pidFile)}). Stop it or set GATEHOUSE_DATA.`,
    );
  }
  replaceFile(pidFile, `${process.pid}\n`, 0o600);
  return { release: () => db.close() };
}

function readPid(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
