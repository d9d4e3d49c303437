/** Rows of RADIUS clients. Times are RFC 3339 in UTC, flags are 0 or 1, lists are JSON, secrets are sealed. */
export interface NasRow {
  id: string;
  site_id: string;
  name: string;
  /** Lower-case name: what is unique in a site. */
  name_key: string;
  /** Canonical: an address, or `address/prefix`. */
  address: string;
  /** What no other client has: see `addressKey`. */
  address_key: string;
  type: string;
  groups: string;
  protocol: 'udp' | 'radsec';
  secret: string;
  require_message_authenticator: number;
  coa_port: number;
  coa_secret: string | null;
  /** JSON of a `Source`, or null. */
  source: string | null;
  created_at: string;
  updated_at: string;
}

export interface NasTables {
  radius_nas: NasRow;
}
