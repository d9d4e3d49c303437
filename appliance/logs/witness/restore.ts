import type { DatabaseSync } from 'node:sqlite';
import type { WitnessedRow } from './tables.ts';

const hasTable = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'log_witnessed'").get() !== undefined;

/** What the file of a database remembers of the logs that were cosigned here. */
export const witnessedIn = (db: DatabaseSync): WitnessedRow[] =>
  hasTable(db) ? (db.prepare('SELECT * FROM log_witnessed').all() as unknown as WitnessedRow[]) : [];

/**
 * Has a database that is put in the place of another remember what that one had cosigned since: a witness that forgets
 * would cosign a second future of the same log.
 */
export function keepWitnessedIn(db: DatabaseSync, rows: readonly WitnessedRow[]): void {
  if (!hasTable(db)) return;
  const keep = db.prepare(
    `INSERT INTO log_witnessed (origin, size, root, note, at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note, at = excluded.at
     WHERE excluded.size > log_witnessed.size`,
  );
  for (const { origin, size, root, note, at } of rows) keep.run(origin, size, root, note, at);
}
