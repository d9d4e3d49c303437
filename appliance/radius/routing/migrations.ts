import type { Migration } from '../../store/index.ts';
import { connectorTables } from '../connector/index.ts';

export const routingMigrations: readonly Migration[] = [
  {
    id: 11,
    name: 'radius routing',
    async up(db) {
      await db.schema
        .createTable('radius_realms')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull().unique())
        .addColumn('strip', 'integer', (c) => c.notNull())
        .addColumn('source', 'text', (c) => c.notNull())
        .addColumn('source_ids', 'text', (c) => c.notNull())
        .addColumn('accounting', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('radius_upstreams')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('name_key', 'text', (c) => c.notNull().unique())
        .addColumn('address', 'text', (c) => c.notNull())
        .addColumn('auth_port', 'integer', (c) => c.notNull())
        .addColumn('acct_port', 'integer', (c) => c.notNull())
        .addColumn('protocol', 'text', (c) => c.notNull())
        .addColumn('secret', 'text', (c) => c.notNull())
        .addColumn('timeout_ms', 'integer', (c) => c.notNull())
        .addColumn('retries', 'integer', (c) => c.notNull())
        .addColumn('dead_seconds', 'integer', (c) => c.notNull())
        .addColumn('status_server', 'integer', (c) => c.notNull())
        .addColumn('require_message_authenticator', 'integer', (c) => c.notNull())
        .addColumn('tls_ca', 'text')
        .addColumn('tls_certificate', 'text')
        .addColumn('tls_private_key', 'text')
        .addColumn('tls_server_name', 'text')
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .execute();
      await connectorTables(db);
    },
  },
];
