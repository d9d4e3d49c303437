import type { Migration } from '../../store/index.ts';

export const nasMigrations: readonly Migration[] = [
  {
    id: 10,
    name: 'radius clients',
    async up(db) {
      await db.schema
        .createTable('radius_nas')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('site_id', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull())
        .addColumn('address', 'text', (c) => c.notNull())
        .addColumn('address_key', 'text', (c) => c.notNull().unique())
        .addColumn('type', 'text', (c) => c.notNull())
        .addColumn('groups', 'text', (c) => c.notNull())
        .addColumn('protocol', 'text', (c) => c.notNull())
        .addColumn('secret', 'text', (c) => c.notNull())
        .addColumn('require_message_authenticator', 'integer', (c) => c.notNull())
        .addColumn('coa_port', 'integer', (c) => c.notNull())
        .addColumn('coa_secret', 'text')
        .addColumn('source', 'text')
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .addUniqueConstraint('radius_nas_name', ['site_id', 'name_key'])
        .execute();
    },
  },
];
