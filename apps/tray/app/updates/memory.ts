import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Channel, Seen } from './release.ts';
import { isVersion } from './version.ts';

/** Remembers the newest release seen on each channel, so that no server can go back behind it. */
export interface Memory {
  get(channel: Channel): Seen | undefined;
  set(channel: Channel, seen: Seen): void;
}

const isInstant = (value: unknown): value is string => typeof value === 'string' && !Number.isNaN(Date.parse(value));

/** A memory in a JSON file. What can't be read counts as nothing seen; what can't be written throws. */
export function fileMemory(file: string): Memory {
  const read = (): Partial<Record<Channel, unknown>> => {
    try {
      const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
      return typeof value === 'object' && value !== null ? value : {};
    } catch {
      return {};
    }
  };
  return {
    get(channel) {
      const seen = read()[channel] as Partial<Seen> | null | undefined;
      const { version, releaseDate, expires } = seen ?? {};
      if (typeof version !== 'string' || !isVersion(version)) return undefined;
      return isInstant(releaseDate) && isInstant(expires) ? { version, releaseDate, expires } : undefined;
    },
    set(channel, { version, releaseDate, expires }) {
      mkdirSync(path.dirname(file), { recursive: true });
      const text = JSON.stringify({ ...read(), [channel]: { version, releaseDate, expires } }, null, 2);
      writeFileSync(`${file}.new`, `${text}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}
