/** Rows of the overlay. Times are RFC 3339 in UTC, flags are 0 or 1, lists are JSON. */
export interface NetworkRow {
  id: string;
  name: string;
  /** Lower-case name: what is unique. */
  name_key: string;
  cidr: string;
  cidr_v6: string | null;
  dns: string;
  domain_suffix: string;
  mtu: number | null;
  default_group_ids: string;
  captive_portal: number;
  /** Sealed; see `linkPresharedKey`. */
  psk_secret: string;
  created_at: string;
  updated_at: string;
}

export interface PeerRow {
  id: string;
  network_id: string;
  name: string;
  /** Lower-case name: what filters look in, as the databases' own `lower` knows ASCII only. */
  name_lower: string;
  /** The name as a DNS label: what is unique in its network. */
  name_key: string;
  /** Host number in the network: 1 is the first address. The same in IPv4 and IPv6. */
  host: number;
  address: string;
  address_v6: string | null;
  public_key: string;
  /** Sealed; null once the device has made its own. */
  private_key: string | null;
  endpoint: string;
  listen_port: number | null;
  additional_allowed_ips: string;
  is_jump: number;
  use_agent: number;
  owner_id: string;
  /** The enrollment token: its SHA-256 to find it by, and sealed so that its owner can read it until it is spent. */
  token_hash: string | null;
  token: string | null;
  token_expires_at: string | null;
  /** Set when a foreign agent has connected with the token: it doesn't expire from then on. */
  token_used_at: string | null;
  /** Of a device of ours: SHA-256 of its credential, and of the token that it gave for it. */
  credential_hash: string | null;
  spent_token_hash: string | null;
  enrolled_at: string | null;
  created_at: string;
  updated_at: string;
}

export interface SessionRow {
  peer_id: string;
  hostname: string;
  session_id: string;
  system_uptime: number;
  wireguard_uptime: number;
  reported_endpoint: string;
  /** The whole report of an agent of ours as JSON; null from a foreign one. */
  telemetry: string | null;
  first_seen: string;
  last_seen: string;
}

export interface EndpointChangeRow {
  peer_id: string;
  old_endpoint: string;
  new_endpoint: string;
  changed_at: string;
}

export interface GroupRow {
  id: string;
  network_id: string;
  name: string;
  name_key: string;
  description: string;
  /** Lower goes first, 1 to 999. */
  priority: number;
  created_at: string;
  updated_at: string;
}

export interface PolicyRow {
  id: string;
  network_id: string;
  name: string;
  name_key: string;
  description: string;
  created_at: string;
  updated_at: string;
}

export interface PolicyRuleRow {
  id: string;
  policy_id: string;
  position: number;
  direction: 'input' | 'output';
  action: 'allow' | 'deny';
  target: string;
  target_type: 'cidr' | 'peer' | 'group';
  description: string;
}

export interface RouteRow {
  id: string;
  network_id: string;
  name: string;
  /** The name as a DNS label: what is unique in its network. */
  name_key: string;
  description: string;
  destination_cidr: string;
  jump_peer_id: string;
  /** Empty: the network's. */
  domain_suffix: string;
  created_at: string;
  updated_at: string;
}

export interface DnsMappingRow {
  id: string;
  route_id: string;
  name: string;
  name_key: string;
  ip_address: string;
  created_at: string;
  updated_at: string;
}

export interface AclRow {
  network_id: string;
  id: string;
  name: string;
  enabled: number;
  /** JSON: `{<peer id>: true}` */
  blocked_peers: string;
  /** JSON: list of rules, first match wins. */
  rules: string;
}

export interface SecurityConfigRow {
  network_id: string;
  id: string;
  enabled: number;
  session_conflict_threshold_minutes: number;
  endpoint_change_threshold_minutes: number;
  max_endpoint_changes_per_day: number;
  port_change_threshold_minutes: number;
  max_port_changes_per_window: number;
  created_at: string;
  updated_at: string;
}

/** Incidents outlive the peer and the network that they tell of. */
export interface IncidentRow {
  id: string;
  peer_id: string;
  peer_name: string;
  network_id: string;
  network_name: string;
  owner_id: string;
  incident_type: 'shared_config' | 'session_conflict' | 'suspicious_activity';
  detected_at: string;
  public_key: string;
  /** JSON list. */
  endpoints: string;
  details: string;
  resolved: number;
  resolved_at: string | null;
  resolved_by: string | null;
}

/** What a hub gave a peer without an agent to sign in with. */
export interface PortalTokenRow {
  /** SHA-256 of the token. */
  hash: string;
  network_id: string;
  peer_id: string;
  hub_id: string;
  expires_at: string;
  used_at: string | null;
}

/** A peer that the captive portal has let in. */
export interface PortalWhitelistRow {
  peer_id: string;
  network_id: string;
  /** Who signed in. */
  user_id: string;
  /** JSON: `{<hub id>: <address>}`, where each hub saw the peer. */
  seen_from: string;
  expires_at: string;
}

/** A peer that an access policy keeps out. */
export interface AccessBlockRow {
  peer_id: string;
  network_id: string;
  policy_id: string;
  since: string;
}

export interface OverlayTables {
  networks: NetworkRow;
  peers: PeerRow;
  agent_sessions: SessionRow;
  endpoint_changes: EndpointChangeRow;
  groups: GroupRow;
  group_peers: { group_id: string; peer_id: string };
  group_policies: { group_id: string; policy_id: string; position: number };
  group_routes: { group_id: string; route_id: string };
  policies: PolicyRow;
  policy_rules: PolicyRuleRow;
  routes: RouteRow;
  dns_mappings: DnsMappingRow;
  acls: AclRow;
  security_configs: SecurityConfigRow;
  incidents: IncidentRow;
  portal_tokens: PortalTokenRow;
  portal_whitelist: PortalWhitelistRow;
  access_blocks: AccessBlockRow;
  /** Members of groups that an access policy put there; those that people put there have no row. */
  access_memberships: { group_id: string; peer_id: string };
}
