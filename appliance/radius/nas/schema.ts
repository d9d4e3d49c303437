import Type from 'typebox';
import { NAS_TYPES } from '../types.ts';

export const MAX_NAS = 10_000;
export const MAX_NAS_PAGE = 1_000;
const MAX_GROUPS = 64;
const MAX_SOURCES = 16;
export const DEFAULT_COA_PORT = 3799;
/** RFC 6614, section 2.3: the shared secret inside TLS. */
export const RADSEC_SECRET = 'radsec';
/** Shorter secrets are guessed from one recorded packet (RFC 2865, section 3 wants at least 16 octets). */
export const GOOD_SECRET_BYTES = 16;

/** A name of one line; for RadSec the name in the certificate, which may be a DNS name. */
const Name = Type.String({ minLength: 1, maxLength: 253, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
const Address = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'An IPv4 or IPv6 address, or a network in CIDR notation; the longest match counts',
});
const Secret = Type.String({ minLength: 1, maxLength: 256, description: 'Never read back' });
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
const Groups = Type.Array(Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\u0000-\\u001f\\u007f]*$' }), {
  maxItems: MAX_GROUPS,
  description: 'NAS groups, for policies to match on',
});
const Ids = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: MAX_SOURCES });
const NasTypeName = Type.Enum([...NAS_TYPES]);
const Protocol = Type.Enum(['udp', 'radsec']);

const sourceFields = {
  kind: Type.Enum(['local', 'rest', 'proxy']),
  connector_ids: Type.Optional(Ids),
  upstream_ids: Type.Optional(Ids),
};
export const SourceBody = Type.Object(sourceFields);
export type SourceBody = Type.Static<typeof SourceBody>;
const SourceOrNull = Type.Unsafe<SourceBody | null>({
  type: ['object', 'null'],
  properties: sourceFields,
  required: ['kind'],
  description: 'Where requests of this NAS are authenticated; null: where the realm says',
});
const SecretOrNull = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  minLength: 1,
  maxLength: 256,
  description: 'For CoA and Disconnect where it is another one; never read back',
});

const fields = {
  name: Name,
  address: Address,
  type: NasTypeName,
  groups: Groups,
  protocol: Protocol,
  require_message_authenticator: Type.Boolean({
    description: 'Off for old clients only: see CVE-2024-3596 (BlastRADIUS)',
  }),
  coa_port: Port,
};

export const NasBody = Type.Object({
  ...Type.Partial(Type.Object(fields)).properties,
  name: Name,
  address: Address,
  secret: Type.Optional(Secret),
  coa_secret: Type.Optional(SecretOrNull),
  source: Type.Optional(SourceOrNull),
});
export type NasBody = Type.Static<typeof NasBody>;

export const NasChange = Type.Partial(
  Type.Object({ ...fields, secret: Secret, coa_secret: SecretOrNull, source: SourceOrNull }),
);
export type NasChange = Type.Static<typeof NasChange>;

const Time = Type.String({ format: 'date-time' });
export const NasView = Type.Object({
  id: Type.String(),
  site_id: Type.String(),
  ...fields,
  source: SourceOrNull,
  coa_secret_set: Type.Boolean(),
  created_at: Time,
  updated_at: Time,
  warnings: Type.Array(Type.String(), { description: 'What is allowed and not advised' }),
});
export type NasView = Type.Static<typeof NasView>;

export const SiteParams = Type.Object({ siteId: Type.String({ maxLength: 64 }) });
export const NasParams = Type.Object({ siteId: Type.String({ maxLength: 64 }), nasId: Type.String({ maxLength: 64 }) });
