import * as Type from 'typebox';
import { PeerState, StateDelta } from './state.ts';
import { Telemetry } from './telemetry.ts';

/**
 * The WebSocket subprotocol between our agent and the controller at `GET /api/v1/ws`.
 *
 * The agent authenticates with `Authorization: Bearer <device credential>` and speaks first (`hello`). The controller
 * answers with `state` (all of it) or, when the agent resumes at a sequence number that the controller still knows,
 * with `resumed` and the deltas that the agent has missed. Each `delta` has the number after the one before; the agent
 * acknowledges each `state` and `delta` once it is applied. Whoever sees a gap asks for all of it with a `hello`
 * without `resume`.
 */
export const SUBPROTOCOL = 'gatehouse.v1';

/** Largest frame that either side accepts, in bytes: the state of a hub with 65,536 peers. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;
/** An agent reports this often; a hub that says nothing (not even a pong) for three pings has its spokes moved. */
export const TELEMETRY_SECONDS = 30;
/** The controller pings every connection this often; an agent that hears no ping for three of them reconnects. */
export const PING_SECONDS = 10;

/** Close codes of the controller beside those of RFC 6455 section 7.4.1. */
export const CLOSE = {
  /** The credential is no longer good: a new token was issued, or the peer was deleted. Don't reconnect. */
  revoked: 4401,
  /** A newer connection of the same device took over. */
  replaced: 4409,
  /** The agent acknowledged nothing for too long, or asked for more than 30 whole states in a minute. Reconnect. */
  slow: 4408,
  /** A message broke this protocol. */
  badMessage: 4400,
} as const;

/** MAC addresses, and facts of its posture, in one report of an agent. */
export const MAX_POSTURE_MACS = 16;
export const MAX_POSTURE_FACTS = 64;

/** What a device tells of itself for access policies: `disk_encryption: true`, `os_version: "14.2"`. */
export const PostureFacts = Type.Record(
  Type.String({ pattern: '^[a-z][a-z0-9_]{0,63}$' }),
  Type.Union([Type.Boolean(), Type.Number(), Type.String({ maxLength: 256 })]),
  { additionalProperties: false, maxProperties: MAX_POSTURE_FACTS },
);
export type PostureFacts = Type.Static<typeof PostureFacts>;

const Seq = Type.Integer({ minimum: 1 });
/** Names one run of numbers; a controller that has restarted starts a new one. */
const Epoch = Type.String({ minLength: 1, maxLength: 64 });

export const AgentMessage = Type.Union([
  Type.Object({
    type: Type.Literal('hello'),
    agentVersion: Type.String({ maxLength: 64 }),
    resume: Type.Optional(Type.Object({ epoch: Epoch, seq: Seq })),
  }),
  Type.Object({ type: Type.Literal('ack'), epoch: Epoch, seq: Seq }),
  Type.Object({ type: Type.Literal('telemetry'), telemetry: Telemetry }),
  // Only to a controller that has said that it accepts `posture`: an older one closes with `badMessage`.
  Type.Object({
    type: Type.Literal('posture'),
    /** Of the device's own interfaces, as `02:00:00:11:22:33`. */
    macs: Type.Array(Type.String({ maxLength: 32 }), { maxItems: MAX_POSTURE_MACS }),
    facts: PostureFacts,
  }),
]);
export type AgentMessage = Type.Static<typeof AgentMessage>;

/** Messages beyond the first version that the controller takes in. An agent that doesn't know the field ignores it. */
const Accepts = Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }));

export const ControllerMessage = Type.Union([
  Type.Object({ type: Type.Literal('state'), epoch: Epoch, seq: Seq, state: PeerState, accepts: Accepts }),
  Type.Object({ type: Type.Literal('resumed'), epoch: Epoch, seq: Seq, accepts: Accepts }),
  Type.Object({ type: Type.Literal('delta'), epoch: Epoch, seq: Seq, delta: StateDelta }),
]);
export type ControllerMessage = Type.Static<typeof ControllerMessage>;
