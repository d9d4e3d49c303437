import type { Migration } from '../store/index.ts';

export const logMigrations: readonly Migration[] = [
  {
    id: 14,
    name: 'logs',
    async up(db) {
      await db.schema
        .createTable('log_sources')
        .addColumn('address', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull().unique())
        .addColumn('parser', 'text')
        .addColumn('class', 'text', (c) => c.notNull())
        .addColumn('site_id', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();

      await db.schema
        .createTable('log_searches')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('owner_id', 'text')
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull())
        .addColumn('shared', 'integer', (c) => c.notNull())
        .addColumn('query', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('log_searches_list').on('log_searches').columns(['name_key', 'id']).execute();
      await db.schema
        .createIndex('log_searches_name')
        .on('log_searches')
        .columns(['owner_id', 'name_key'])
        .unique()
        .execute();

      await db.schema
        .createTable('log_retention')
        .addColumn('class', 'text', (c) => c.primaryKey())
        .addColumn('days', 'integer')
        .execute();

      await db.schema
        .createTable('log_holds')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('from_at', 'text', (c) => c.notNull())
        .addColumn('to_at', 'text')
        .addColumn('source_address', 'text')
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addColumn('released_at', 'text')
        .addColumn('released_by', 'text')
        .execute();
      await db.schema.createIndex('log_holds_list').on('log_holds').columns(['created_at', 'id']).execute();

      await db.schema
        .createTable('log_exports')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('case_number', 'text')
        .addColumn('source', 'text')
        .addColumn('from_at', 'text', (c) => c.notNull())
        .addColumn('to_at', 'text', (c) => c.notNull())
        .addColumn('q', 'text')
        .addColumn('requested_by', 'text', (c) => c.notNull())
        .addColumn('username', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('started_at', 'text')
        .addColumn('finished_at', 'text')
        .addColumn('count', 'bigint')
        .addColumn('bytes', 'bigint')
        .addColumn('sha256', 'text')
        .addColumn('error', 'text')
        .execute();
      await db.schema.createIndex('log_exports_list').on('log_exports').columns(['created_at', 'id']).execute();
    },
  },
];
