import Type from 'typebox';

/** The numbers of routing's limits. */
export const MAX_REALMS = 1000;
export const MAX_UPSTREAMS = 256;
/** Servers or connectors that one realm may try. */
export const MAX_SOURCE_IDS = 16;
export const MAX_PAGE = 1000;
const MAX_PEM = 65_536;

const Time = Type.String({ format: 'date-time' });
const Ids = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: MAX_SOURCE_IDS, uniqueItems: true });

/** Where requests are authenticated, as the API writes it. One object, so that what is wrong can be named. */
export const SourceBody = Type.Object(
  {
    kind: Type.Enum(['local', 'rest', 'proxy']),
    connector_ids: Type.Optional(Ids),
    upstream_ids: Type.Optional(Ids),
  },
  {
    description:
      '`local`: the users of this site; `rest`: the connectors in `connector_ids`; `proxy`: the servers in ' +
      '`upstream_ids`. Both are tried in order.',
  },
);
export type SourceBody = Type.Static<typeof SourceBody>;

const RealmName = Type.String({
  maxLength: 253,
  pattern: '^(\\*|[\\p{L}\\p{N}]([\\p{L}\\p{N}._-]*[\\p{L}\\p{N}])?)?$',
  description:
    "What follows the last '@' of a login, or precedes the first '\\'; kept in lower case. '*' is any other realm, " +
    'empty is no realm.',
});
const realmFields = {
  strip: Type.Boolean({ description: 'Takes the realm off the login. With EAP the upstream still gets it whole.' }),
  source: SourceBody,
  accounting: Type.Boolean({ description: 'Forwards accounting too, where the source is `proxy`' }),
};
export const Realm = Type.Object({
  id: Type.String(),
  name: Type.String(),
  ...realmFields,
  created_at: Time,
  updated_at: Time,
});
export type RealmView = Type.Static<typeof Realm>;
export const NewRealm = Type.Object({
  name: RealmName,
  strip: Type.Optional(realmFields.strip),
  source: SourceBody,
  accounting: Type.Optional(realmFields.accounting),
});
export type NewRealm = Type.Static<typeof NewRealm>;
export const RealmChange = Type.Partial(NewRealm);
export type RealmChange = Type.Static<typeof RealmChange>;

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
const Pem = Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: MAX_PEM });
const ServerName = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  maxLength: 253,
  pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$',
});
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]*$' });

const upstreamFields = {
  name: Name,
  address: Type.String({ minLength: 1, maxLength: 253, description: 'IP address or host name' }),
  auth_port: Port,
  acct_port: Port,
  protocol: Type.Enum(['udp', 'radsec']),
  timeout_ms: Type.Integer({ minimum: 100, maximum: 30_000, description: 'Wait for each try' }),
  retries: Type.Integer({ minimum: 0, maximum: 10, description: 'Tries after the first, before the next server' }),
  dead_seconds: Type.Integer({
    minimum: 1,
    maximum: 3600,
    description: 'A server that says nothing is left out so long',
  }),
  status_server: Type.Boolean({ description: 'Asks a silent server with Status-Server (RFC 5997)' }),
  require_message_authenticator: Type.Boolean({
    description: 'Answers without Message-Authenticator are dropped; off is open to forged answers (BlastRADIUS)',
  }),
};
export const Upstream = Type.Object({
  id: Type.String(),
  ...upstreamFields,
  tls: Type.Object({
    ca_pem: Pem,
    certificate: Pem,
    has_private_key: Type.Boolean(),
    server_name: ServerName,
  }),
  created_at: Time,
  updated_at: Time,
});
export type UpstreamView = Type.Static<typeof Upstream>;

const secret = Type.String({
  minLength: 1,
  maxLength: 128,
  description: 'Never shown. RadSec: `radsec` where none is given (RFC 6614)',
});
const tls = Type.Object(
  {
    ca_pem: Type.Optional(Pem),
    certificate: Type.Optional(Pem),
    private_key: Type.Optional(Pem),
    server_name: Type.Optional(ServerName),
  },
  { description: "RadSec: who the server's certificate must be from, and our own. What is left out stays." },
);
const { name, address, ...upstreamSettings } = upstreamFields;
const settings = { ...Type.Partial(Type.Object(upstreamSettings)).properties, tls: Type.Optional(tls) };
export const NewUpstream = Type.Object({ name, address, secret: Type.Optional(secret), ...settings });
export type NewUpstream = Type.Static<typeof NewUpstream>;
export const UpstreamChange = Type.Partial(NewUpstream);
export type UpstreamChange = Type.Static<typeof UpstreamChange>;

export const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
