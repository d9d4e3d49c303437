import type { Migration, Tx } from '../store/index.ts';

/** What the main database remembers of logs in a few words, by name. */
export interface RememberedTables {
  log_remembered: { name: string; value: string };
}

type Db = Tx<RememberedTables>['db'];

export const rememberedMigrations: readonly Migration[] = [
  {
    id: 17,
    name: 'what is remembered of logs',
    async up(db) {
      await db.schema
        .createTable('log_remembered')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('value', 'text', (c) => c.notNull())
        .execute();
    },
  },
];

export async function recall(db: Pick<Db, 'selectFrom'>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('log_remembered').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

export async function remember(db: Pick<Db, 'insertInto'>, name: string, value: string): Promise<void> {
  await db
    .insertInto('log_remembered')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
