import type { Migration } from '../store/index.ts';

export const sitesMigrations: readonly Migration[] = [
  {
    id: 7,
    name: 'sites',
    async up(db) {
      await db.schema
        .createTable('sites')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('time_zone', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      const at = new Date().toISOString();
      await db
        .insertInto('sites')
        .values({ id: 'default', name: 'Default site', time_zone: 'UTC', created_at: at, updated_at: at })
        .execute();
    },
  },
];
