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
      await db.schema.createIndex('peers_hubs').on('peers').columns(['is_jump', 'use_agent']).execute();
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
  {
    id: 4,
    name: 'overlay policies',
    async up(db) {
      const named = (table: string) =>
        db.schema
          .createTable(table)
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('network_id', 'text', (c) => c.notNull().references('networks.id').onDelete('cascade'))
          .addColumn('name', 'text', (c) => c.notNull())
          .addColumn('name_key', 'text', (c) => c.notNull())
          .addColumn('description', 'text', (c) => c.notNull())
          .addColumn('created_at', 'text', (c) => c.notNull())
          .addColumn('updated_at', 'text', (c) => c.notNull())
          .addUniqueConstraint(`${table}_name`, ['network_id', 'name_key']);
      await named('groups')
        .addColumn('priority', 'integer', (c) => c.notNull())
        .execute();
      await named('policies').execute();
      await named('routes')
        .addColumn('destination_cidr', 'text', (c) => c.notNull())
        .addColumn('jump_peer_id', 'text', (c) => c.notNull().references('peers.id').onDelete('cascade'))
        .addColumn('domain_suffix', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('routes_jump_peer').on('routes').column('jump_peer_id').execute();

      const attachment = (table: string, column: string, target: string) =>
        db.schema
          .createTable(table)
          .addColumn('group_id', 'text', (c) => c.notNull().references('groups.id').onDelete('cascade'))
          .addColumn(column, 'text', (c) => c.notNull().references(target).onDelete('cascade'))
          .addPrimaryKeyConstraint(`${table}_key`, ['group_id', column] as never);
      await attachment('group_peers', 'peer_id', 'peers.id').execute();
      await db.schema.createIndex('group_peers_peer').on('group_peers').column('peer_id').execute();
      await attachment('group_policies', 'policy_id', 'policies.id')
        .addColumn('position', 'integer', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('group_policies_policy').on('group_policies').column('policy_id').execute();
      await attachment('group_routes', 'route_id', 'routes.id').execute();
      await db.schema.createIndex('group_routes_route').on('group_routes').column('route_id').execute();

      await db.schema
        .createTable('policy_rules')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('policy_id', 'text', (c) => c.notNull().references('policies.id').onDelete('cascade'))
        .addColumn('position', 'integer', (c) => c.notNull())
        .addColumn('direction', 'text', (c) => c.notNull())
        .addColumn('action', 'text', (c) => c.notNull())
        .addColumn('target', 'text', (c) => c.notNull())
        .addColumn('target_type', 'text', (c) => c.notNull())
        .addColumn('description', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('policy_rules_order').on('policy_rules').columns(['policy_id', 'position']).execute();
      await db.schema
        .createTable('dns_mappings')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('route_id', 'text', (c) => c.notNull().references('routes.id').onDelete('cascade'))
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull())
        .addColumn('ip_address', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .addUniqueConstraint('dns_mappings_name', ['route_id', 'name_key'])
        .execute();

      const perNetwork = (table: string) =>
        db.schema
          .createTable(table)
          .addColumn('network_id', 'text', (c) => c.primaryKey().references('networks.id').onDelete('cascade'))
          .addColumn('id', 'text', (c) => c.notNull())
          .addColumn('enabled', 'integer', (c) => c.notNull());
      await perNetwork('acls')
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('blocked_peers', 'text', (c) => c.notNull())
        .addColumn('rules', 'text', (c) => c.notNull())
        .execute();
      await perNetwork('security_configs')
        .addColumn('session_conflict_threshold_minutes', 'integer', (c) => c.notNull())
        .addColumn('endpoint_change_threshold_minutes', 'integer', (c) => c.notNull())
        .addColumn('max_endpoint_changes_per_day', 'integer', (c) => c.notNull())
        .addColumn('port_change_threshold_minutes', 'integer', (c) => c.notNull())
        .addColumn('max_port_changes_per_window', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();

      // No foreign keys: what happened stays on record when the peer or the network is gone.
      await db.schema
        .createTable('incidents')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('peer_id', 'text', (c) => c.notNull())
        .addColumn('peer_name', 'text', (c) => c.notNull())
        .addColumn('network_id', 'text', (c) => c.notNull())
        .addColumn('network_name', 'text', (c) => c.notNull())
        .addColumn('owner_id', 'text', (c) => c.notNull())
        .addColumn('incident_type', 'text', (c) => c.notNull())
        .addColumn('detected_at', 'text', (c) => c.notNull())
        .addColumn('public_key', 'text', (c) => c.notNull())
        .addColumn('endpoints', 'text', (c) => c.notNull())
        .addColumn('details', 'text', (c) => c.notNull())
        .addColumn('resolved', 'integer', (c) => c.notNull())
        .addColumn('resolved_at', 'text')
        .addColumn('resolved_by', 'text')
        .execute();
      await db.schema.createIndex('incidents_peer').on('incidents').columns(['peer_id', 'resolved']).execute();
      await db.schema.createIndex('incidents_network').on('incidents').columns(['network_id', 'detected_at']).execute();
    },
  },
  {
    id: 5,
    name: 'overlay captive portal',
    async up(db) {
      await db.schema
        .alterTable('networks')
        .addColumn('captive_portal', 'integer', (c) => c.notNull().defaultTo(0))
        .execute();
      const inNetwork = (table: string) =>
        db.schema
          .createTable(table)
          .addColumn('network_id', 'text', (c) => c.notNull().references('networks.id').onDelete('cascade'));
      await inNetwork('portal_tokens')
        .addColumn('hash', 'text', (c) => c.primaryKey())
        .addColumn('peer_id', 'text', (c) => c.notNull().references('peers.id').onDelete('cascade'))
        .addColumn('hub_id', 'text', (c) => c.notNull().references('peers.id').onDelete('cascade'))
        .addColumn('expires_at', 'text', (c) => c.notNull())
        .addColumn('used_at', 'text')
        .execute();
      await db.schema
        .createIndex('portal_tokens_peer')
        .on('portal_tokens')
        .columns(['peer_id', 'expires_at'])
        .execute();
      await db.schema.createIndex('portal_tokens_expiry').on('portal_tokens').column('expires_at').execute();
      await inNetwork('portal_whitelist')
        .addColumn('peer_id', 'text', (c) => c.primaryKey().references('peers.id').onDelete('cascade'))
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('seen_from', 'text', (c) => c.notNull())
        .addColumn('expires_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('portal_whitelist_network').on('portal_whitelist').column('network_id').execute();
      await db.schema.createIndex('portal_whitelist_user').on('portal_whitelist').column('user_id').execute();
      await db.schema.createIndex('portal_whitelist_expiry').on('portal_whitelist').column('expires_at').execute();
    },
  },
  {
    id: 13,
    name: 'overlay: access',
    async up(db) {
      await db.schema
        .createTable('access_blocks')
        .addColumn('peer_id', 'text', (c) => c.primaryKey().references('peers.id').onDelete('cascade'))
        .addColumn('network_id', 'text', (c) => c.notNull().references('networks.id').onDelete('cascade'))
        .addColumn('policy_id', 'text', (c) => c.notNull())
        .addColumn('since', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('access_blocks_network').on('access_blocks').column('network_id').execute();
      await db.schema
        .createTable('access_memberships')
        .addColumn('group_id', 'text', (c) => c.notNull().references('groups.id').onDelete('cascade'))
        .addColumn('peer_id', 'text', (c) => c.notNull().references('peers.id').onDelete('cascade'))
        .addPrimaryKeyConstraint('access_memberships_key', ['group_id', 'peer_id'])
        .execute();
      await db.schema.createIndex('access_memberships_peer').on('access_memberships').column('peer_id').execute();
    },
  },
];
