import type { Migration } from '../store/index.ts';

export const identityMigrations: readonly Migration[] = [
  {
    id: 2,
    name: 'identity',
    async up(db) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('username', 'text', (c) => c.notNull())
        .addColumn('email', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('role', 'text', (c) => c.notNull())
        .addColumn('authorized_networks', 'text', (c) => c.notNull())
        .addColumn('password_hash', 'text')
        .addColumn('password_version', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .addColumn('last_login_at', 'text')
        .execute();
      await db.schema
        .createTable('user_names')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .execute();
      await db.schema.createIndex('user_names_user').on('user_names').column('user_id').execute();
      await db.schema
        .createTable('user_sessions')
        .addColumn('hash', 'text', (c) => c.primaryKey())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('expires_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createIndex('user_sessions_user')
        .on('user_sessions')
        .columns(['user_id', 'created_at'])
        .execute();
      await db.schema.createIndex('user_sessions_expiry').on('user_sessions').column('expires_at').execute();
      await db.schema
        .createTable('api_tokens')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('hash', 'text', (c) => c.notNull().unique())
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('expires_at', 'text')
        .addColumn('last_used_at', 'text')
        .execute();
      await db.schema.createIndex('api_tokens_user').on('api_tokens').columns(['user_id', 'created_at']).execute();
      await db.schema
        .createTable('default_permissions')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('role', 'text', (c) => c.notNull())
        .addColumn('authorized_networks', 'text', (c) => c.notNull())
        .execute();
      await db.insertInto('default_permissions').values({ id: 1, role: 'user', authorized_networks: '[]' }).execute();
    },
  },
  {
    id: 6,
    name: 'identity: groups and network passwords',
    async up(db) {
      await db.schema.alterTable('users').addColumn('network_password', 'text').execute();
      await db.schema
        .createTable('user_groups')
        .addColumn('user_id', 'text', (c) => c.notNull().references('users.id').onDelete('cascade'))
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('user_groups_pk', ['user_id', 'name_key'])
        .execute();
      await db.schema.createIndex('user_groups_name').on('user_groups').columns(['name_key', 'name']).execute();
    },
  },
];
