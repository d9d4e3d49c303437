import type { Migration } from '../store/index.ts';

export const overlayMigrations: readonly Migration[] = [
  {
    id: 3,
    name: 'overlay',
    async up(db) {
      await db.schema
        .createTable('networks')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull().unique())
        .addColumn('cidr', 'text', (c) => c.notNull())
        .addColumn('cidr_v6', 'text')
        .addColumn('dns', 'text', (c) => c.notNull())
        .addColumn('domain_suffix', 'text', (c) => c.notNull())
        .addColumn('mtu', 'integer')
        .addColumn('default_group_ids', 'text', (c) => c.notNull())
        .addColumn('psk_secret', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('peers')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('network_id', 'text', (c) => c.notNull().references('networks.id').onDelete('cascade'))
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_lower', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull())
        .addColumn('host', 'integer', (c) => c.notNull())
        .addColumn('address', 'text', (c) => c.notNull())
        .addColumn('address_v6', 'text')
        .addColumn('public_key', 'text', (c) => c.notNull().unique())
        .addColumn('private_key', 'text')
        .addColumn('endpoint', 'text', (c) => c.notNull())
        .addColumn('listen_port', 'integer')
        .addColumn('additional_allowed_ips', 'text', (c) => c.notNull())
        .addColumn('is_jump', 'integer', (c) => c.notNull())
        .addColumn('use_agent', 'integer', (c) => c.notNull())
        .addColumn('owner_id', 'text', (c) => c.notNull())
        .addColumn('token_hash', 'text', (c) => c.unique())
        .addColumn('token', 'text')
        .addColumn('token_expires_at', 'text')
        .addColumn('token_used_at', 'text')
        .addColumn('credential_hash', 'text', (c) => c.unique())
        .addColumn('spent_token_hash', 'text', (c) => c.unique())
        .addColumn('enrolled_at', 'text')
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .addUniqueConstraint('peers_host', ['network_id', 'host'])
        .addUniqueConstraint('peers_name', ['network_id', 'name_key'])
        .execute();
      await db.schema.createIndex('peers_list').on('peers').columns(['network_id', 'created_at', 'id']).execute();
      await db.schema.createIndex('peers_owner').on('peers').column('owner_id').execute();
      await db.schema
        .createTable('agent_sessions')
        .addColumn('peer_id', 'text', (c) => c.notNull().references('peers.id').onDelete('cascade'))
        .addColumn('hostname', 'text', (c) => c.notNull())
        .addColumn('session_id', 'text', (c) => c.notNull())
        .addColumn('system_uptime', 'integer', (c) => c.notNull())
        .addColumn('wireguard_uptime', 'integer', (c) => c.notNull())
        .addColumn('reported_endpoint', 'text', (c) => c.notNull())
        .addColumn('telemetry', 'text')
        .addColumn('first_seen', 'text', (c) => c.notNull())
        .addColumn('last_seen', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('agent_sessions_key', ['peer_id', 'hostname'])
        .execute();
      await db.schema
        .createTable('endpoint_changes')
        .addColumn('peer_id', 'text', (c) => c.notNull().references('peers.id').onDelete('cascade'))
        .addColumn('old_endpoint', 'text', (c) => c.notNull())
        .addColumn('new_endpoint', 'text', (c) => c.notNull())
        .addColumn('changed_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createIndex('endpoint_changes_peer')
        .on('endpoint_changes')
        .columns(['peer_id', 'changed_at'])
        .execute();
    },
  },
];
