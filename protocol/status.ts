import Type from 'typebox';

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

/** `gatehouse status --json`. */
export const AgentStatus = Type.Object({
  version: Type.String(),
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
  rx: Type.Integer(),
  tx: Type.Integer(),
});
export type AgentPeer = Type.Static<typeof AgentPeer>;

/** One row of `gatehouse doctor --json`. */
export const Finding = Type.Object({
  check: Type.String(),
  result: Type.Enum(['ok', 'warning', 'failed']),
  detail: Type.String(),
  /** What to do about it; null when nothing. */
  advice: Nullable(Type.String()),
});
export type Finding = Type.Static<typeof Finding>;
