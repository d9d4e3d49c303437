import * as Type from 'typebox';
import { AgentPeer, AgentSession, AgentStatus, Directory, Finding, PostureCheck, Traffic } from './status.ts';

/** Goes up whenever an older caller or daemon couldn't understand the other. */
export const IPC_VERSION = 2;

/**
 * What the CLI and the tray app say to the agent's daemon over its local socket: one JSON object a line.
 *
 *     → {"id": 1, "method": "up", "params": {}}
 *     ← {"id": 1, "result": …}            or  {"id": 1, "error": {"code": "not-enrolled", "message": "…"}}
 *
 * A method with an `event` answers with any number of `{"id": 1, "event": …}` lines until the caller hangs up.
 */
export const IPC = {
  status: { params: Type.Object({}), result: AgentStatus },
  watch: { params: Type.Object({}), event: AgentStatus },
  enroll: {
    params: Type.Object({
      url: Type.String({ minLength: 1, maxLength: 2048 }),
      token: Type.String({ minLength: 1, maxLength: 512 }),
      /** Plain HTTP to anything but loopback is refused without this. */
      allowHttp: Type.Optional(Type.Boolean()),
      /** PEM of the certificate authority to trust beside the system's, for a controller with its own. */
      ca: Type.Optional(Type.String({ maxLength: 65536 })),
      /** `sha256:<base64url>` of a certificate that the controller's is signed by, or is; not with `ca`. */
      pin: Type.Optional(Type.String({ maxLength: 64 })),
      /** Keep the networks that this device is enrolled in, and switch to this one. */
      add: Type.Optional(Type.Boolean()),
    }),
    result: AgentStatus,
  },
  up: { params: Type.Object({}), result: AgentStatus },
  down: { params: Type.Object({}), result: AgentStatus },
  peers: { params: Type.Object({}), result: Type.Array(AgentPeer) },
  doctor: { params: Type.Object({}), result: Type.Array(Finding) },
  logs: {
    params: Type.Object({ lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 10000 })) }),
    result: Type.Array(Type.String()),
  },
  /** Leaves this network (by default the active one). */
  leave: { params: Type.Object({ profile: Type.Optional(Type.String({ maxLength: 128 })) }), result: AgentStatus },
  /** Makes another network the active one; the tunnel follows when it is up. */
  use: { params: Type.Object({ profile: Type.String({ minLength: 1, maxLength: 128 }) }), result: AgentStatus },
  traffic: { params: Type.Object({}), result: Traffic },
  sessions: { params: Type.Object({}), result: Type.Array(AgentSession) },
  posture: {
    params: Type.Object({
      /** Ask the system now, not what was read last. */
      anew: Type.Optional(Type.Boolean()),
    }),
    result: Type.Object({ collected: Type.String(), checks: Type.Array(PostureCheck) }),
  },
  directory: { params: Type.Object({ search: Type.Optional(Type.String({ maxLength: 253 })) }), result: Directory },
} as const;
export type IpcMethod = keyof typeof IPC;
export type IpcParams<M extends IpcMethod> = Type.Static<(typeof IPC)[M]['params']>;
export type IpcResult<M extends IpcMethod> = (typeof IPC)[M] extends { result: infer R extends Type.TSchema }
  ? Type.Static<R>
  : never;

export const IpcErrorCode = Type.Enum([
  'bad-request',
  'not-enrolled',
  'already-enrolled',
  'token-invalid',
  'controller-unreachable',
  'controller-error',
  'certificate',
  'plain-http',
  'no-privileges',
  'no-wireguard',
  'unknown-profile',
  'internal',
]);
export type IpcErrorCode = Type.Static<typeof IpcErrorCode>;

export const IpcRequest = Type.Object({
  id: Type.Integer({ minimum: 0 }),
  method: Type.String({ maxLength: 32 }),
  params: Type.Optional(Type.Unknown()),
});
export const IpcResponse = Type.Object({
  id: Type.Integer(),
  result: Type.Optional(Type.Unknown()),
  event: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Object({ code: IpcErrorCode, message: Type.String() })),
});

/** Longest line of the daemon, in bytes. */
export const IPC_MAX_LINE = 32 * 1024 * 1024;
/** Longest line of a client, in bytes: an enrollment with its CA's certificates has room. */
export const IPC_MAX_REQUEST = 256 * 1024;
