import type { Kysely } from 'kysely';

/** Rows of REST connectors. Times are RFC 3339 in UTC with milliseconds, booleans 0 or 1. */
export interface ConnectorRow {
  id: string;
  name: string;
  /** The name as it is compared. */
  name_key: string;
  url: string;
  allow_http: number;
  /** Sealed. */
  token: string;
  connect_timeout_ms: number;
  timeout_ms: number;
  verify_tls: number;
  ca_pem: string | null;
  /** `hash_hash` or `nt_hash`. */
  nt_key: string;
  cache_seconds: number;
  max_connections: number;
  created_at: string;
  updated_at: string;
}

/** Who may ask us as a REST connector. */
export interface ConnectorClientRow {
  id: string;
  name: string;
  name_key: string;
  /** SHA-256 of the token. */
  token_hash: string;
  created_at: string;
}

export interface ConnectorTables {
  connectors: ConnectorRow;
  connector_clients: ConnectorClientRow;
}

/** Makes the tables; part of the migration of RADIUS routing. */
export async function connectorTables(db: Pick<Kysely<unknown>, 'schema'>): Promise<void> {
  await db.schema
    .createTable('connectors')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('name_key', 'text', (c) => c.notNull().unique())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('allow_http', 'integer', (c) => c.notNull())
    .addColumn('token', 'text', (c) => c.notNull())
    .addColumn('connect_timeout_ms', 'integer', (c) => c.notNull())
    .addColumn('timeout_ms', 'integer', (c) => c.notNull())
    .addColumn('verify_tls', 'integer', (c) => c.notNull())
    .addColumn('ca_pem', 'text')
    .addColumn('nt_key', 'text', (c) => c.notNull())
    .addColumn('cache_seconds', 'integer', (c) => c.notNull())
    .addColumn('max_connections', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('updated_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('connector_clients')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('name_key', 'text', (c) => c.notNull().unique())
    .addColumn('token_hash', 'text', (c) => c.notNull().unique())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .execute();
}
