import Type from 'typebox';

const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const Id = Type.String({ maxLength: 64 });
export const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Timestamp = Type.String({ description: 'RFC 3339, UTC' });

export const NetworkParams = Type.Object({ networkId: Id });
export const PeerParams = Type.Object({ networkId: Id, peerId: Id });

export const Network = Type.Object({
  id: Type.String(),
  name: Type.String(),
  cidr: Type.String(),
  cidr_v6: Nullable(Type.String()),
  peer_count: Type.Integer(),
  dns: Type.Array(Type.String()),
  domain_suffix: Type.String(),
  mtu: Nullable(Type.Integer()),
  default_group_ids: Type.Array(Type.String()),
  captive_portal: Type.Boolean({ description: 'Peers without an agent have to sign in at the captive portal' }),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Network = Type.Static<typeof Network>;

const networkFields = {
  name: Text(100),
  cidr: Text(64),
  cidr_v6: Nullable(Text(64)),
  dns: Type.Array(Text(64), { maxItems: 8 }),
  domain_suffix: Text(253),
  mtu: Nullable(Type.Integer({ minimum: 1280, maximum: 9000 })),
  default_group_ids: Type.Array(Id, { maxItems: 100 }),
  captive_portal: Type.Boolean(),
};
export const NetworkUpdate = Type.Partial(Type.Object(networkFields));
export type NetworkUpdate = Type.Static<typeof NetworkUpdate>;
export const NetworkCreate = Type.Object({
  name: networkFields.name,
  cidr: networkFields.cidr,
  cidr_v6: Type.Optional(networkFields.cidr_v6),
  dns: Type.Optional(networkFields.dns),
  domain_suffix: Type.Optional(networkFields.domain_suffix),
  mtu: Type.Optional(networkFields.mtu),
  captive_portal: Type.Optional(networkFields.captive_portal),
});
export type NetworkCreate = Type.Static<typeof NetworkCreate>;

export const Peer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  public_key: Type.String(),
  address: Type.String(),
  address_v6: Nullable(Type.String()),
  endpoint: Type.String(),
  listen_port: Nullable(Type.Integer()),
  additional_allowed_ips: Type.Array(Type.String()),
  token: Type.String({ description: 'Enrollment token; empty once it is spent or expired' }),
  token_expires_at: Nullable(Timestamp),
  is_jump: Type.Boolean(),
  use_agent: Type.Boolean(),
  owner_id: Type.String(),
  group_ids: Type.Array(Type.String()),
  enrolled_at: Nullable(Timestamp),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Peer = Type.Static<typeof Peer>;

const peerFields = {
  name: Text(64),
  endpoint: Type.String({ maxLength: 270 }),
  listen_port: Nullable(Type.Integer({ minimum: 1, maximum: 65535 })),
  additional_allowed_ips: Type.Array(Text(64), { maxItems: 256 }),
};
export const PeerCreate = Type.Object({
  name: peerFields.name,
  endpoint: Type.Optional(peerFields.endpoint),
  listen_port: Type.Optional(peerFields.listen_port),
  is_jump: Type.Optional(Type.Boolean()),
  use_agent: Type.Optional(Type.Boolean()),
  additional_allowed_ips: Type.Optional(peerFields.additional_allowed_ips),
  owner_id: Type.Optional(
    Type.String({ maxLength: 64, description: "Administrators: whose it is; others' peers are always their own" }),
  ),
});
export type PeerCreate = Type.Static<typeof PeerCreate>;
export const PeerUpdate = Type.Partial(Type.Object({ ...peerFields, owner_id: Type.String({ maxLength: 64 }) }));
export type PeerUpdate = Type.Static<typeof PeerUpdate>;

/** `invitationTo` says what the fields are. */
export const Invitation = Type.Object({
  url: Type.String(),
  link: Type.String({ description: 'Holds the enrollment token: good once' }),
  qr: Type.String({ description: 'The link as a QR code: an SVG document' }),
  pin: Nullable(Type.String({ description: '`sha256:…` of the certificate to trust; null below a public authority' })),
  expires: Nullable(Timestamp),
});

export const PeerConfig = Type.Object({ config: Type.String() });

export const AgentSession = Type.Object({
  peer_id: Type.String(),
  hostname: Type.String(),
  system_uptime: Type.Integer(),
  wireguard_uptime: Type.Integer(),
  reported_endpoint: Type.String(),
  last_seen: Timestamp,
  first_seen: Timestamp,
  session_id: Type.String(),
});
export type AgentSession = Type.Static<typeof AgentSession>;

export const EndpointChange = Type.Object({
  old_endpoint: Type.String(),
  new_endpoint: Type.String(),
  changed_at: Timestamp,
});

export const PeerSession = Type.Object({
  peer_id: Type.String(),
  has_active_agent: Type.Boolean(),
  current_session: Nullable(AgentSession),
  conflicting_sessions: Type.Array(AgentSession),
  recent_endpoint_changes: Type.Array(EndpointChange),
  suspicious_activity: Type.Boolean(),
  last_checked: Timestamp,
  /** Beyond the document: the whole last report of an agent of ours. */
  telemetry: Nullable(Type.Unknown()),
});
export type PeerSession = Type.Static<typeof PeerSession>;

export const IpamAllocation = Type.Object({
  network_id: Type.String(),
  network_name: Type.String(),
  network_cidr: Type.String(),
  ip: Type.String(),
  peer_id: Type.String(),
  peer_name: Type.String(),
  allocated: Type.Boolean(),
});

export const AvailableCidrsQuery = Type.Object({
  max_peers: Type.Integer({ minimum: 1, maximum: 16_777_214 }),
  count: Type.Integer({ minimum: 1, maximum: 20, default: 1 }),
  base_cidr: Type.String({ default: '10.0.0.0/8', maxLength: 64 }),
});
export const AvailableCidrs = Type.Object({
  base_cidr: Type.String(),
  requested_max_peers: Type.Integer(),
  suggested_prefix: Type.Integer(),
  usable_hosts: Type.Integer(),
  cidrs: Type.Array(Type.String()),
});
