import type { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../../store/index.ts';
import type { Source } from '../archive/index.ts';
import { anchorIn } from '../rounds/anchor.ts';
import { defaultName, keyOf } from '../sources/book.ts';

/** What the appliance's database knows of its log. */
export interface Memory {
  /** How large the log was when it was remembered last, its root then, and when that was (RFC 3339). */
  anchor?: { size: number; root: Uint8Array; at: string };
  /** What was set for senders, by address. */
  sources: Map<string, { name: string; parser: string | null }>;
}

export interface NamedSource extends Source {
  name: string;
  /** Null where lines are recognised. */
  parser: string | null;
}

/** Reads it from the file of the database, also while the appliance runs. */
export function readMemory(file: string): Memory {
  const db = openDatabase(file, true);
  try {
    const anchor = anchorIn(db);
    return {
      ...(anchor && { anchor: { ...anchor, root: Buffer.from(anchor.root, 'base64') } }),
      sources: sourcesIn(db),
    };
  } finally {
    db.close();
  }
}

function sourcesIn(db: DatabaseSync): Memory['sources'] {
  const table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'log_sources'";
  const rows = db.prepare(table).get() ? db.prepare('SELECT address, name, parser FROM log_sources').all() : [];
  return new Map(
    rows.map(({ address, name, parser }) => [
      String(address),
      { name: String(name), parser: parser === null ? null : String(parser) },
    ]),
  );
}

/** Senders with what people call them. */
export const nameSources = (sources: readonly Source[], memory: Memory): NamedSource[] =>
  sources.map((source) => {
    const { name = defaultName(source), parser = null } = memory.sources.get(source.address) ?? {};
    return { ...source, name, parser };
  });

/** Those that a text means: by id, address or name. */
export function findSources(sources: readonly NamedSource[], text: string): NamedSource[] {
  const key = keyOf(text.trim());
  return sources.filter(({ id, address, name }) => [String(id), address, keyOf(name)].includes(key) && key !== '');
}
