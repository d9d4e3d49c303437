import type { DatabaseSync } from 'node:sqlite';
import { event, SYSTEM } from '../../events/index.ts';
import { type Migration, type Store, timestamp } from '../../store/index.ts';

/** What the main database remembers of the log: a folder that has less was exchanged for an older copy. */
export interface Anchor {
  size: number;
  /** Base64. */
  root: string;
}

interface AnchorTables {
  log_anchor: Anchor & { id: number; at: string };
}

/** There is one log. */
const ROW = 1;

export const anchorMigrations: readonly Migration[] = [
  {
    id: 16,
    name: 'anchor of the log',
    async up(db) {
      await db.schema
        .createTable('log_anchor')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('size', 'bigint', (c) => c.notNull())
        .addColumn('root', 'text', (c) => c.notNull())
        .addColumn('at', 'text', (c) => c.notNull())
        .execute();
    },
  },
];

export async function readAnchor(store: Store): Promise<Anchor | undefined> {
  const row = await store
    .as<AnchorTables>()
    .selectFrom('log_anchor')
    .selectAll()
    .where('id', '=', ROW)
    .executeTakeFirst();
  return row && { size: Number(row.size), root: row.root };
}

/** Remembers a checkpoint, and tells of it. */
export async function writeAnchor(
  store: Store,
  sealed: Anchor & { from: number; cosignatures: number; genTime: string | null; atMs: number },
): Promise<void> {
  const { size, root, from, cosignatures, genTime } = sealed;
  const row = { size, root, at: timestamp(sealed.atMs) };
  await store.transaction<AnchorTables, void>(async ({ db, emit }) => {
    await db
      .insertInto('log_anchor')
      .values({ id: ROW, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
    emit(event('log.sealed', { range: { from, to: size }, root, size, cosignatures, genTime }, SYSTEM));
  });
}

const hasTable = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'log_anchor'").get() !== undefined;

/** The same from the file of a database, for commands on the box; undefined too where its tables are older. */
export function anchorIn(db: DatabaseSync): (Anchor & { at: string }) | undefined {
  const row = hasTable(db) ? db.prepare('SELECT * FROM log_anchor WHERE id = ?').get(ROW) : undefined;
  return row && { size: Number(row.size), root: String(row.root), at: String(row.at) };
}

/** What a database is to remember that is put beside a log: what the one before it did. */
export function setAnchorIn(db: DatabaseSync, anchor: (Anchor & { at: string }) | undefined): void {
  if (!hasTable(db)) return;
  db.prepare('DELETE FROM log_anchor').run();
  if (!anchor) return;
  const insert = 'INSERT INTO log_anchor (id, size, root, at) VALUES (?, ?, ?, ?)';
  db.prepare(insert).run(ROW, anchor.size, anchor.root, anchor.at);
}
