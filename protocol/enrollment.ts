import * as Type from 'typebox';
import { WgKey } from './state.ts';

/** `GET /api/v1/agent/resolve` with `Authorization: Bearer <enrollment token>`. 404 when the token isn't good. */
export const ResolveResponse = Type.Object({
  network_id: Type.String(),
  peer_id: Type.String(),
  peer_name: Type.String(),
  /** wg-quick text; without a `PrivateKey` line once the key was made on the device. */
  config: Type.String(),
});
export type ResolveResponse = Type.Static<typeof ResolveResponse>;

/**
 * `POST /api/v1/agent/register` with `Authorization: Bearer <enrollment token>`: trades the token for a device
 * credential. The agent makes both secrets (WireGuard key and credential) and keeps them before it calls, so a lost
 * answer costs nothing: the same call again with the same two values answers the same.
 */
export const RegisterRequest = Type.Object({
  public_key: WgKey,
  /** SHA-256 of the device credential, in lower-case hex. */
  credential_hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});
export type RegisterRequest = Type.Static<typeof RegisterRequest>;

export const RegisterResponse = Type.Object({
  network_id: Type.String(),
  peer_id: Type.String(),
  peer_name: Type.String(),
});
export type RegisterResponse = Type.Static<typeof RegisterResponse>;

/** A device credential: this prefix and 64 hex digits. */
export const CREDENTIAL_PREFIX = 'ghd_';
