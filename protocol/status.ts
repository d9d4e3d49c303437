import * as Type from 'typebox';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Timestamp = Type.String({ description: 'RFC 3339, UTC' });

/** Why a tunnel isn't (fully) up. `docs/agent.md` says of each what to do. */
export const CauseCode = Type.Enum([
  'not-enrolled',
  'no-privileges',
  'no-wireguard',
  'controller-unreachable',
  'certificate',
  'revoked',
  'no-handshake',
  'no-traffic',
  'apply-failed',
  'no-network',
  'endpoint-unresolved',
]);
export type CauseCode = Type.Static<typeof CauseCode>;

export const TunnelStateName = Type.Enum(['disconnected', 'connecting', 'connected', 'degraded', 'error']);
export type TunnelStateName = Type.Static<typeof TunnelStateName>;

/** The names of the devices' facts that our agent tells, in the order in which people are shown them. */
export const POSTURE_FACTS = [
  'disk_encryption',
  'firewall',
  'screen_lock',
  'os_name',
  'os_version',
  'os_supported',
  'updates_pending',
  'updates_automatic',
  'antivirus',
  'secure_boot',
  'mandatory_access_control',
  'debug_mode',
] as const;

/** What a policy of the controller wishes of one fact, and doesn't find. */
export const PostureMiss = Type.Object({
  fact: Type.String({ maxLength: 64 }),
  /** As the policy has it: `true`, `>=14.2`. */
  wanted: Type.String({ maxLength: 256 }),
  policy: Type.String({ maxLength: 253 }),
});
export type PostureMiss = Type.Static<typeof PostureMiss>;

/** How the controller treats this device: `GET /api/v1/agent/standing`, with the device's credential. */
export const Standing = Type.Object({
  admitted: Type.Boolean(),
  /** Why not, in words for its owner; null when admitted. */
  reason: Nullable(Type.String({ maxLength: 1024 })),
  /** Facts that keep it from a better treatment, also while it is admitted. */
  missing: Type.Array(PostureMiss, { maxItems: 64 }),
  /** When the controller last heard facts of this device; null: never. */
  reported: Nullable(Timestamp),
});
export type Standing = Type.Static<typeof Standing>;

/** What this device may reach in the overlay: `GET /api/v1/agent/directory?search=`, with the device's credential. */
export const Directory = Type.Object({
  names: Type.Array(
    Type.Object({
      name: Type.String(),
      /** Its full name in the overlay's DNS; null where it has none. */
      dns: Nullable(Type.String()),
      addresses: Type.Array(Type.String()),
      online: Nullable(Type.Boolean()),
    }),
    { maxItems: 500 },
  ),
  /** There are more than the first 500 by name. */
  more: Type.Boolean(),
});
export type Directory = Type.Static<typeof Directory>;

/** One network that this device is enrolled in. One at a time is active. */
export const Profile = Type.Object({
  /** The peer id. */
  id: Type.String(),
  url: Type.String(),
  peerName: Type.String(),
  networkName: Nullable(Type.String()),
  active: Type.Boolean(),
  /** Cut off by the controller. */
  revoked: Type.Boolean(),
});
export type Profile = Type.Static<typeof Profile>;

/** `gatehouse status --json`. */
export const AgentStatus = Type.Object({
  version: Type.String(),
  /** `IPC_VERSION` of the daemon. */
  ipc: Type.Integer(),
  state: TunnelStateName,
  /** Why, unless connected or disconnected by the user. */
  cause: Nullable(Type.Object({ code: CauseCode, message: Type.String() })),
  /** When `state` began. */
  since: Timestamp,
  /** What the user asked for; it outlives crashes and reboots. */
  target: Type.Enum(['up', 'down']),
  enrolled: Nullable(
    Type.Object({
      url: Type.String(),
      networkId: Type.String(),
      peerId: Type.String(),
      peerName: Type.String(),
      networkName: Nullable(Type.String()),
      role: Nullable(Type.Enum(['hub', 'spoke'])),
    }),
  ),
  controller: Type.Object({ connected: Type.Boolean(), lastContact: Nullable(Timestamp) }),
  interface: Nullable(
    Type.Object({
      name: Type.String(),
      driver: Type.String(),
      publicKey: Type.String(),
      addresses: Type.Array(Type.String()),
      listenPort: Nullable(Type.Integer()),
      mtu: Type.Integer(),
    }),
  ),
  dns: Type.Object({
    mode: Nullable(Type.String()),
    servers: Type.Array(Type.String()),
    search: Type.Array(Type.String()),
  }),
  hub: Nullable(
    Type.Object({ name: Type.String(), endpoint: Nullable(Type.String()), lastHandshake: Nullable(Timestamp) }),
  ),
  /** When the tunnel last began to carry traffic; null while it doesn't. */
  connectedSince: Nullable(Timestamp),
  /** Round trip to the hub through the tunnel, in milliseconds; null while unknown. */
  latency: Nullable(Type.Number()),
  /** A captive portal stands between here and the controller; `url` is where it sent the agent. */
  captive: Nullable(Type.Object({ url: Type.String() })),
  /** What the controller said of this device last; null before it said anything. */
  standing: Nullable(Standing),
  profiles: Type.Array(Profile),
  peers: Type.Integer(),
  rx: Type.Integer(),
  tx: Type.Integer(),
  /** What doesn't work although the tunnel does. */
  warnings: Type.Array(Type.String()),
});
export type AgentStatus = Type.Static<typeof AgentStatus>;

/** One row of `gatehouse peers --json`. */
export const AgentPeer = Type.Object({
  name: Type.String(),
  publicKey: Type.String(),
  hub: Type.Boolean(),
  endpoint: Nullable(Type.String()),
  allowedIps: Type.Array(Type.String()),
  lastHandshake: Nullable(Timestamp),
  /** Round trip through the tunnel in milliseconds, of hubs; null while unknown. */
  latency: Nullable(Type.Number()),
  rx: Type.Integer(),
  tx: Type.Integer(),
});
export type AgentPeer = Type.Static<typeof AgentPeer>;

/** Bytes of the tunnel in equal steps, the oldest first; steps in which the agent didn't run are 0. */
const Series = Type.Object({
  /** When the first step began. */
  start: Timestamp,
  /** Seconds a step. */
  step: Type.Integer({ minimum: 1 }),
  rx: Type.Array(Type.Integer({ minimum: 0 })),
  tx: Type.Array(Type.Integer({ minimum: 0 })),
});
/** The last 10 minutes by second, and the last 24 hours by minute. */
export const Traffic = Type.Object({ seconds: Series, minutes: Series });
export type Traffic = Type.Static<typeof Traffic>;

/** One time that the tunnel carried traffic. */
export const AgentSession = Type.Object({
  since: Timestamp,
  /** Null: it goes on. */
  until: Nullable(Timestamp),
  networkName: Nullable(Type.String()),
  hub: Nullable(Type.String()),
  rx: Type.Integer(),
  tx: Type.Integer(),
  /** Why it ended: a cause, `user` (taken down by hand), `stopped` (the agent or the machine), `replaced`. */
  ended: Nullable(Type.Union([CauseCode, Type.Enum(['user', 'stopped', 'replaced'])])),
});
export type AgentSession = Type.Static<typeof AgentSession>;

/** One fact of this device as the agent sees it, and what the controller says of it. */
export const PostureCheck = Type.Object({
  fact: Type.String(),
  /** Null: this system doesn't tell. */
  value: Nullable(Type.Union([Type.Boolean(), Type.Number(), Type.String()])),
  /** `failed`: a policy wishes it otherwise. */
  result: Type.Enum(['ok', 'failed', 'unknown']),
  /** What the policies wish where it failed. */
  wanted: Nullable(Type.String()),
  /** Where the value comes from, such as `lsblk` or `BitLocker`; null when nothing could be asked. */
  source: Nullable(Type.String()),
});
export type PostureCheck = Type.Static<typeof PostureCheck>;

/** One row of `gatehouse doctor --json`. */
export const Finding = Type.Object({
  check: Type.String(),
  result: Type.Enum(['ok', 'warning', 'failed']),
  detail: Type.String(),
  /** What to do about it; null when nothing. */
  advice: Nullable(Type.String()),
});
export type Finding = Type.Static<typeof Finding>;
