import type { Migration } from '../store/index.ts';

export const accessMigrations: readonly Migration[] = [
  {
    id: 9,
    name: 'access',
    async up(db) {
      await db.schema
        .createTable('access_policies')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull().unique())
        .addColumn('description', 'text', (c) => c.notNull())
        .addColumn('priority', 'integer', (c) => c.notNull())
        .addColumn('enabled', 'integer', (c) => c.notNull())
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('document', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('access_policy_versions')
        .addColumn('policy_id', 'text', (c) => c.notNull().references('access_policies.id').onDelete('cascade'))
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('document', 'text', (c) => c.notNull())
        .addColumn('at', 'text', (c) => c.notNull())
        .addColumn('actor_kind', 'text', (c) => c.notNull())
        .addColumn('actor_id', 'text', (c) => c.notNull())
        .addColumn('change', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('access_policy_versions_key', ['policy_id', 'version'])
        .execute();

      await db.schema
        .createTable('access_devices')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('mac', 'text', (c) => c.notNull().unique())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('user_id', 'text')
        .addColumn('peer_id', 'text')
        .addColumn('groups', 'text', (c) => c.notNull())
        .addColumn('mab', 'integer', (c) => c.notNull())
        .addColumn('enabled', 'integer', (c) => c.notNull())
        .addColumn('network_password', 'text')
        .addColumn('posture', 'text')
        .addColumn('posture_at', 'text')
        .addColumn('by_agent', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('access_devices_user').on('access_devices').column('user_id').execute();
      await db.schema.createIndex('access_devices_peer').on('access_devices').column('peer_id').execute();

      await db.schema
        .createTable('access_vouchers')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('batch_id', 'text', (c) => c.notNull())
        .addColumn('code', 'text', (c) => c.notNull())
        .addColumn('code_digest', 'text', (c) => c.notNull().unique())
        .addColumn('groups', 'text', (c) => c.notNull())
        .addColumn('enabled', 'integer', (c) => c.notNull())
        .addColumn('duration', 'integer')
        .addColumn('bandwidth_up', 'bigint')
        .addColumn('bandwidth_down', 'bigint')
        .addColumn('quota_bytes', 'bigint')
        .addColumn('valid_until', 'text')
        .addColumn('first_used_at', 'text')
        .addColumn('created_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('access_vouchers_list').on('access_vouchers').columns(['created_at', 'id']).execute();
      await db.schema.createIndex('access_vouchers_batch').on('access_vouchers').column('batch_id').execute();

      await db.schema
        .createTable('access_requests')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('username', 'text', (c) => c.notNull())
        .addColumn('mac', 'text', (c) => c.notNull())
        .addColumn('outcome', 'text', (c) => c.notNull())
        .addColumn('reason', 'text')
        .addColumn('decided', 'integer', (c) => c.notNull())
        .addColumn('policy_id', 'text')
        .addColumn('facts', 'text', (c) => c.notNull())
        .addColumn('first_at', 'text', (c) => c.notNull())
        .addColumn('last_at', 'text', (c) => c.notNull())
        .addColumn('count', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('access_requests_last').on('access_requests').columns(['last_at', 'id']).execute();
      await db.schema
        .createIndex('access_requests_user')
        .on('access_requests')
        .columns(['username', 'last_at', 'id'])
        .execute();
      await db.schema
        .createIndex('access_requests_mac')
        .on('access_requests')
        .columns(['mac', 'last_at', 'id'])
        .execute();

      await db.schema
        .createTable('access_keys')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('value', 'text', (c) => c.notNull())
        .execute();
    },
  },
];
