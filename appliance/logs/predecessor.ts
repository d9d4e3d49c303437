import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { replaceFile } from '../store/index.ts';

/** In the data folder: what was set aside, until the log that comes after it has recorded that. */
const FILE = 'logs-set-aside.json';

/** A log that another one has followed, as that one's first record tells. */
export interface Predecessor {
  event: 'logs.set_aside';
  /** RFC 3339. */
  at: string;
  by: string;
  reason: string;
  /** Where it lies now. */
  folder: string;
  /** As far as its files could be read. Size and root (base64) are its last checkpoint's. */
  origin: string | null;
  log_key: string | null;
  size: number | null;
  root: string | null;
  /** What the database remembered of it. */
  remembered: { size: number; root: string; at: string } | null;
}

export const leavePredecessor = (dataDir: string, predecessor: Predecessor): void =>
  replaceFile(path.join(dataDir, FILE), JSON.stringify(predecessor), 0o600);

/** Undefined where nothing was set aside, or it is recorded already. */
export function readPredecessor(dataDir: string): Predecessor | undefined {
  let text: string;
  try {
    text = readFileSync(path.join(dataDir, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Predecessor;
  } catch {
    return undefined; // it is written whole or not at all: this is none of ours
  }
}

export const dropPredecessor = (dataDir: string): void => rmSync(path.join(dataDir, FILE), { force: true });
