import * as Type from 'typebox';

/** `POST /api/v1/captive-portal/token` with `{"peer_ip": …}`, by a hub's agent: 201. */
export const PortalTokenResponse = Type.Object({
  captive_token: Type.String(),
  /** Where the peer is to be sent. */
  portal_url: Type.String({ pattern: '^https?://[\\x21-\\x7e]{1,1000}$' }),
});
export type PortalTokenResponse = Type.Static<typeof PortalTokenResponse>;
