import Type from 'typebox';

export const PortalTokenRequest = Type.Object({
  peer_ip: Type.String({ maxLength: 45, description: "The peer's address in the network" }),
});

export const PortalToken = Type.Object({
  captive_token: Type.String(),
  peer_ip: Type.String(),
  network_id: Type.String(),
  expires_at: Type.String({ description: 'RFC 3339, UTC' }),
  portal_url: Type.String({ description: 'Where the peer is to be sent' }),
});
export type PortalToken = Type.Static<typeof PortalToken>;

const Token = Type.String({ minLength: 1, maxLength: 128 });
export const AuthenticateRequest = Type.Object({ captive_token: Token });

export const Admission = Type.Object({
  peer_ip: Type.String(),
  network_id: Type.String(),
  whitelisted: Type.Boolean(),
});
export type Admission = Type.Static<typeof Admission>;

export const TokenQuery = Type.Object({ token: Token });

/** RFC 8908 section 5. */
export const CaptiveState = Type.Object({
  captive: Type.Boolean(),
  'user-portal-url': Type.Optional(Type.String()),
  'seconds-remaining': Type.Optional(Type.Integer({ minimum: 0 })),
});
export type CaptiveState = Type.Static<typeof CaptiveState>;
