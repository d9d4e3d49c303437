/** Rows of realms and upstream servers. Times are RFC 3339 in UTC with milliseconds, booleans 0 or 1. */
export interface RealmRow {
  id: string;
  /** As it is compared: lower-case. `*` is any other realm, empty is none. */
  name: string;
  strip: number;
  /** `local`, `rest` or `proxy`. */
  source: string;
  /** What the source names, in order, as JSON: ids of connectors or of upstreams. */
  source_ids: string;
  accounting: number;
  created_at: string;
  updated_at: string;
}

export interface UpstreamRow {
  id: string;
  name: string;
  name_key: string;
  address: string;
  auth_port: number;
  acct_port: number;
  /** `udp` or `radsec`. */
  protocol: string;
  /** Sealed. */
  secret: string;
  timeout_ms: number;
  retries: number;
  dead_seconds: number;
  status_server: number;
  require_message_authenticator: number;
  tls_ca: string | null;
  tls_certificate: string | null;
  /** Sealed. */
  tls_private_key: string | null;
  tls_server_name: string | null;
  created_at: string;
  updated_at: string;
}

export interface RoutingTables {
  radius_realms: RealmRow;
  radius_upstreams: UpstreamRow;
}
