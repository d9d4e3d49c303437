/** Rows of access. Times are RFC 3339 in UTC, flags are 0 or 1, lists and facts are JSON. */
export interface PolicyRow {
  id: string;
  name: string;
  /** Lower-case name: what is unique. */
  name_key: string;
  description: string;
  /** Lower is asked first. */
  priority: number;
  enabled: number;
  version: number;
  /** The YAML as it was given. */
  document: string;
  created_at: string;
  updated_at: string;
}

export interface PolicyVersionRow {
  policy_id: string;
  version: number;
  document: string;
  at: string;
  actor_kind: string;
  actor_id: string;
  change: 'created' | 'updated' | 'restored';
}

export interface DeviceRow {
  id: string;
  /** `02:00:00:11:22:33` */
  mac: string;
  name: string;
  user_id: string | null;
  peer_id: string | null;
  groups: string;
  mab: number;
  enabled: number;
  /** Sealed; see `networkPasswordContext`. */
  network_password: string | null;
  /** JSON: the facts that were told of it; null before the first report. */
  posture: string | null;
  posture_at: string | null;
  /** Made by a report of an agent, not by a person. */
  by_agent: number;
  created_at: string;
  updated_at: string;
}

export interface VoucherRow {
  id: string;
  batch_id: string;
  /** Sealed; see `voucherContext`. */
  code: string;
  /** Keyed digest of the code: what is unique. */
  code_digest: string;
  groups: string;
  enabled: number;
  /** Seconds from the first use. */
  duration: number | null;
  /** Bits a second. */
  bandwidth_up: number | null;
  bandwidth_down: number | null;
  quota_bytes: number | null;
  valid_until: string | null;
  first_used_at: string | null;
  created_at: string;
}

/** One line of the journal: a request that came again and again. */
export interface RequestRow {
  /** Digest of what makes the request distinct. */
  id: string;
  /** Lower-case. */
  username: string;
  mac: string;
  outcome: 'accept' | 'reject';
  reason: string | null;
  /** 1 where a policy was asked (its credentials were right). */
  decided: number;
  policy_id: string | null;
  facts: string;
  first_at: string;
  last_at: string;
  count: number;
}

export interface AccessTables {
  access_policies: PolicyRow;
  access_policy_versions: PolicyVersionRow;
  access_devices: DeviceRow;
  access_vouchers: VoucherRow;
  access_requests: RequestRow;
  /** Sealed keys of this capability. */
  access_keys: { name: string; value: string };
}
