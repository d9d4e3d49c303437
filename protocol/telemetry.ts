import * as Type from 'typebox';
import { WgKey } from './state.ts';

const Bytes = Type.Integer({ minimum: 0 });

/** What a device reports of itself, every 30 s and at once when a peer's endpoint changes. */
export const Telemetry = Type.Object({
  hostname: Type.String({ maxLength: 253 }),
  agentVersion: Type.String({ maxLength: 64 }),
  os: Type.Object({
    platform: Type.String({ maxLength: 32 }),
    distro: Type.String({ maxLength: 128 }),
    release: Type.String({ maxLength: 128 }),
    arch: Type.String({ maxLength: 32 }),
  }),
  /** Seconds since boot, and since the WireGuard interface came up. */
  systemUptime: Type.Integer({ minimum: 0 }),
  wireguardUptime: Type.Integer({ minimum: 0 }),
  /** CPU load of the whole machine, 0 to 1. */
  cpu: Type.Number({ minimum: 0, maximum: 1 }),
  memory: Type.Object({ total: Bytes, used: Bytes }),
  battery: Type.Union([
    Type.Null(),
    Type.Object({ percent: Type.Number({ minimum: 0, maximum: 100 }), charging: Type.Boolean() }),
  ]),
  peers: Type.Array(
    Type.Object({
      publicKey: WgKey,
      endpoint: Type.Union([Type.Null(), Type.String({ maxLength: 64 })]),
      /** Seconds since the last handshake; null before the first. */
      handshakeAge: Type.Union([Type.Null(), Type.Integer({ minimum: 0 })]),
      rx: Bytes,
      tx: Bytes,
    }),
    { maxItems: 65536 },
  ),
});
export type Telemetry = Type.Static<typeof Telemetry>;
