import type { Migration } from '../../store/index.ts';

export const witnessMigrations: readonly Migration[] = [
  {
    id: 15,
    name: 'witness of other logs',
    async up(db) {
      await db.schema
        .createTable('log_witnessed')
        .addColumn('origin', 'text', (c) => c.primaryKey())
        .addColumn('size', 'bigint', (c) => c.notNull())
        .addColumn('root', 'text', (c) => c.notNull())
        .addColumn('note', 'text', (c) => c.notNull())
        .addColumn('at', 'text', (c) => c.notNull())
        .execute();
    },
  },
];
