import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Logger, StoreError } from './types.ts';

export const DATABASE_FILE = 'gatehouse.db';
const FIRST_FILES = /^(gatehouse\.(yaml|db.*)|keys\.json|lock\..*|tls|backups)$/;

/** Makes the data folder, for its owner alone (0700). A folder that holds other things too keeps its mode. */
export function prepareFolder(dataDir: string, log: Logger): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StoreError(`The data folder ${dataDir} cannot be made: ${(error as Error).message}. Set GATEHOUSE_DATA.`);
  }
  if (process.platform === 'win32' || (statSync(dataDir).mode & 0o077) === 0) return;
  const ours = existsSync(path.join(dataDir, DATABASE_FILE)) || readdirSync(dataDir).every((n) => FIRST_FILES.test(n));
  if (ours) chmodSync(dataDir, 0o700);
  else log.warn({ dataDir }, `other users may enter the data folder: chmod 700 ${dataDir}`);
}
