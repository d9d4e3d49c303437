import Type, { type TSchema } from 'typebox';

/** The numbers of the connectors' limits. */
export const MAX_CONNECTORS = 64;
export const MAX_CLIENTS = 256;
export const MAX_PAGE = 1000;
export const MAX_TIMEOUT_MS = 30_000;
export const MAX_CACHE_SECONDS = 86_400;
export const MAX_CONNECTIONS = 256;
const MAX_PEM = 65_536;
const MAX_LOGIN = 253;
const MAX_PASSWORD = 1024;

const Time = Type.String({ format: 'date-time' });
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]*$' });
/** RFC 9457. */
const Problem = Type.Object(
  { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.String() },
  { additionalProperties: true },
);
/** The answers of a route: its success, and a problem for whatever fails. */
export const answers = <S extends Record<number, TSchema>>(success: S) => ({ ...success, '4xx': Problem });
export const Nothing = Type.Null({ description: 'No content' });
export const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

const connectorFields = {
  name: Name,
  url: Type.String({ minLength: 1, maxLength: 2048, description: 'https; http to this machine, or with `allow_http`' }),
  allow_http: Type.Boolean({ description: 'Passwords and the token go over the network in the clear' }),
  connect_timeout_ms: Type.Integer({
    minimum: 50,
    maximum: MAX_TIMEOUT_MS,
    description: 'For the name, the connection and TLS, each',
  }),
  timeout_ms: Type.Integer({
    minimum: 100,
    maximum: MAX_TIMEOUT_MS,
    description: 'From the request to the whole answer',
  }),
  verify_tls: Type.Boolean(),
  ca_pem: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    maxLength: MAX_PEM,
    description: 'The only authorities that are trusted, in PEM; without it those of the system are',
  }),
  nt_key: Type.Enum(['hash_hash', 'nt_hash'], {
    description:
      'What `nt_key` of an answer is. `hash_hash`: the MD4 of the NT hash, as FreeRADIUS has it from ntlm_auth; the ' +
      'backend has checked the response. `nt_hash`: the NT hash itself, with which the response is checked here.',
  }),
  cache: Type.Object({
    seconds: Type.Integer({
      minimum: 0,
      maximum: MAX_CACHE_SECONDS,
      description: 'How long an accept may be repeated for the same login and password while no backend answers',
    }),
  }),
  max_connections: Type.Integer({ minimum: 1, maximum: MAX_CONNECTIONS }),
};
export const Connector = Type.Object({
  id: Type.String(),
  ...connectorFields,
  warnings: Type.Array(Type.String(), { description: 'What is allowed and not advised' }),
  created_at: Time,
  updated_at: Time,
});
export type ConnectorView = Type.Static<typeof Connector>;

const { name, url, ...settings } = connectorFields;
const token = Type.String({
  minLength: 1,
  maxLength: 4096,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'Sent as the Bearer token; never shown',
});
export const NewConnector = Type.Object({ name, url, token, ...Type.Partial(Type.Object(settings)).properties });
export type NewConnector = Type.Static<typeof NewConnector>;
export const ConnectorChange = Type.Partial(NewConnector);
export type ConnectorChange = Type.Static<typeof ConnectorChange>;

export const TestBody = Type.Object({
  login: Type.String({ minLength: 1, maxLength: MAX_LOGIN }),
  password: Type.String({ maxLength: MAX_PASSWORD }),
});
export const TestAnswer = Type.Object({
  outcome: Type.Enum(['accept', 'reject', 'none'], { description: '`none`: no answer that could be used' }),
  status: Type.Optional(Type.Integer({ description: 'HTTP' })),
  reason: Type.Optional(Type.String()),
  message: Type.Optional(Type.String({ description: 'Reply-Message' })),
  session_timeout: Type.Optional(Type.Integer({ description: 'Seconds' })),
  attributes: Type.Array(Type.Object({ name: Type.String(), op: Type.String(), value: Type.String() })),
  notes: Type.Array(Type.String(), { description: 'What of the answer was left out' }),
  milliseconds: Type.Integer(),
});
export type TestAnswer = Type.Static<typeof TestAnswer>;

export const ConnectorClient = Type.Object({ id: Type.String(), name: Name, created_at: Time });
export type ConnectorClientView = Type.Static<typeof ConnectorClient>;
export const NewConnectorClient = Type.Object({ name: Name });
export const ShownConnectorClient = Type.Object({
  ...ConnectorClient.properties,
  token: Type.String({ description: 'Shown this once' }),
});

const Hex = Type.String({ maxLength: 128, pattern: '^([0-9A-Fa-f]{2})*$' });
/** What another RADIUS server asks; whatever else it says is ignored. */
export const InboundBody = Type.Object({
  login: Type.String({ minLength: 1, maxLength: MAX_LOGIN }),
  password: Type.Optional(Type.String({ maxLength: MAX_PASSWORD, description: 'PAP, TTLS-PAP' })),
  auth_port: Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'integer'] })),
  mschap_challenge: Type.Optional(
    Type.Unsafe<string>({ ...Hex, description: '8 bytes; or with MS-CHAP2-Response its 16 bytes' }),
  ),
  mschap_response: Type.Optional(
    Type.Unsafe<string>({ ...Hex, description: 'The 24 bytes of the NT response; or the 50 of the attribute' }),
  ),
});
export type InboundBody = Type.Static<typeof InboundBody>;
export const InboundErrors = Type.Object({ errors: Type.Array(Type.String()) });
export const InboundAnswer = Type.Object({
  id: Type.String(),
  valid_until: Type.Optional(Type.String({ description: '`2017/01/10 01:59:59 +0000`' })),
  nt_key: Type.Optional(Type.String({ description: 'With MS-CHAP: the MD4 of the NT hash, in hexadecimal' })),
  attributes: Type.Array(Type.Object({ name: Type.String(), value: Type.String(), op: Type.String() })),
});
export type InboundAnswer = Type.Static<typeof InboundAnswer>;
