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
