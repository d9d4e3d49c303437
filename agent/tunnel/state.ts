import type { CauseCode, TunnelStateName } from '@gatehouse/protocol';

/** When something happens. `mono` runs on through sleep and never jumps; both are milliseconds. */
export interface Now {
  mono: number;
  wall: number;
}

export interface Cause {
  code: CauseCode;
  message: string;
}

/** What the device says of the hub, and when (monotonic) that changed last. */
export interface Link {
  /** Unix seconds as the device gives it; only its changes count, since the wall clock may jump. */
  lastHandshake: number;
  rx: number;
  handshakeAt: number | null;
  rxAt: number | null;
  readAt: number;
}

/** All that the reducer knows. `name`, `cause` and `since` follow from the rest: see `evaluate`. */
export interface TunnelState {
  name: TunnelStateName;
  cause: Cause | null;
  /** Wall clock (ms) at which `name` began. */
  since: number;
  target: 'up' | 'down';
  enrolled: boolean;
  /** Why nobody is enrolled, where there is more to say than that. */
  enrollProblem: string | null;
  /** Set when the controller cut this device off. */
  revoked: string | null;
  /** Null until the controller (or the disk) has said what the tunnel is to be. */
  role: 'hub' | 'spoke' | null;
  /** The primary hub of a spoke. */
  hub: { publicKey: string; name: string } | null;
  /** The interface is up and holds what was applied last. */
  open: boolean;
  failure: { cause: Cause; attempts: number; retryAt: number } | null;
  lostAt: number | null;
  controller: { connected: boolean; reached: boolean; awayAt: number; problem: Cause | null };
  network: boolean;
  /** Host name of the hub that didn't resolve. */
  unresolved: string | null;
  link: Link | null;
  /** The tunnel carried traffic since it was opened. */
  carried: boolean;
  tickAt: number;
  resolvedAt: number;
  repairedAt: number;
}

export type Input =
  | { type: 'target'; target: 'up' | 'down' }
  | { type: 'enrolled' }
  | { type: 'left'; problem?: string }
  | { type: 'configured'; role: 'hub' | 'spoke'; hub: { publicKey: string; name: string } | null }
  | { type: 'applied' }
  /** Names were looked up; `unresolved` is the hub's when it has no address. */
  | { type: 'resolved'; unresolved: string | null }
  /** Opening or applying failed. `jitter` is random in [0, 1). */
  | { type: 'failed'; code: CauseCode; message: string; jitter: number }
  /** The device is gone: wireguard-go was killed, the interface deleted. */
  | { type: 'lost'; message: string; jitter: number }
  /** What the device says of the hub; of a hub itself nothing is needed. */
  | { type: 'reading'; lastHandshake: number; rx: number }
  | { type: 'controller'; connected: true }
  | { type: 'controller'; connected: false; code: CauseCode; message: string }
  | { type: 'revoked'; message: string }
  /** The machine's addresses changed; `up` is whether there is any. */
  | { type: 'network'; up: boolean }
  | { type: 'tick' };

/**
 * What the daemon is to do: `apply` opens the tunnel where it isn't and applies the state; `connect`, `disconnect` and
 * `reconnect` are about the controller channel, `check` asks it for a sign of life; `resolve` looks host names up anew.
 */
export type Effect = 'apply' | 'close' | 'connect' | 'disconnect' | 'reconnect' | 'check' | 'resolve' | 'repair';

/** Every duration of the state machine, in milliseconds. */
export const TIMES = {
  /** Keepalives come every 25 s from both ends; one may be lost. */
  silent: 45_000,
  /** WireGuard drops a session at REJECT_AFTER_TIME = 180 s (whitepaper, section 6.1). */
  handshake: 180_000,
  controllerAway: 10_000,
  /** Ticks come each second; a longer gap means that the machine slept. */
  slept: 15_000,
  resolve: 60_000,
  resolveUnresolved: 10_000,
  repair: 30_000,
  retryMin: 1_000,
  retryMax: 60_000,
  /** A device lost again this soon is reopened with backoff. */
  lostAgain: 10_000,
} as const;

/** Nobody enrolled, target down. */
export function initialState(now: Now): TunnelState {
  return {
    name: 'disconnected',
    cause: { code: 'not-enrolled', message: 'This device is not enrolled: gatehouse enroll <url> --token <token>.' },
    since: now.wall,
    target: 'down',
    enrolled: false,
    enrollProblem: null,
    revoked: null,
    role: null,
    hub: null,
    open: false,
    failure: null,
    lostAt: null,
    controller: { connected: false, reached: false, awayAt: now.mono, problem: null },
    network: true,
    unresolved: null,
    link: null,
    carried: false,
    tickAt: now.mono,
    resolvedAt: now.mono,
    repairedAt: now.mono,
  };
}
