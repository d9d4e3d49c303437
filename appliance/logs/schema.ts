import Type, { type TSchema } from 'typebox';

/** The numbers of the limits of logs' API; those of a feature are with its own schema. */
export const MAX_PAGE = 1000;
/** A page of records ends before its messages are longer than this. */
export const MAX_PAGE_BYTES = 8 * 1024 * 1024;
export const MAX_QUERY = 1000;
/** Sources that one query may name. */
export const MAX_SOURCES_NAMED = 64;

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const Time = Type.String({ description: 'RFC 3339, UTC' });
export const MicroTime = Type.String({ description: 'RFC 3339, UTC, with microseconds' });
export const Id = Type.String({ minLength: 1, maxLength: 64 });
export const IdParams = Type.Object({ id: Id });
export const Nothing = Type.Null({ description: 'No content' });
/** What isn't shown, or turns the direction of what is: control and bidirectional characters. */
const UNSHOWN = '\\p{Cc}\\p{Zl}\\p{Zp}\\u061c\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u2069\\ufeff';
export const Text = (maxLength: number, more: object = {}) =>
  Type.String({ minLength: 1, maxLength, pattern: `^(?=.*\\S)[^${UNSHOWN}]*$`, ...more });
export const Count = Type.Integer({ minimum: 0 });
/** Of bodies and queries: what is misspelt must not be taken as left out, which is often "all" or "really do it". */
export const strict = { additionalProperties: false } as const;

/** RFC 9457. */
const Problem = Type.Object(
  { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.String() },
  { additionalProperties: true },
);
/** The answers of a route: its success, and a problem for whatever fails. */
export const answers = <S extends Record<number, TSchema>>(success: S) => ({ ...success, '4xx': Problem });

const timeInput = (what: string) => Type.String({ maxLength: 40, description: `${what}; RFC 3339` });
export const From = timeInput('Received at or after');
export const To = timeInput('Received at or before');
const SourceText = Type.String({ maxLength: 2048 });
export const SourceInput = Type.Union([SourceText, Type.Array(SourceText, { maxItems: MAX_SOURCES_NAMED })], {
  description:
    'Id, name or address of a source; or a parser or vendor (`fortigate`): what it understood, whoever sent it, and all ' +
    'of the sources it was chosen for. Several: repeated, or with commas; any of them',
});
export const QueryText = Type.String({
  maxLength: MAX_QUERY,
  description:
    'Words, "phrases", `field:value`, `-not`, `a OR b`; networks for addresses (`srcip:10.0.0.0/8`), `bytes:>1000`',
});
const filters = {
  source: Type.Optional(SourceInput),
  q: Type.Optional(QueryText),
  site: Type.Optional(Type.String({ maxLength: 64, description: "A site's id: of the sources that are there" })),
  user: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
  ip: Type.Optional(Type.String({ maxLength: 64, description: 'An address, in any field that has addresses' })),
  mac: Type.Optional(Type.String({ maxLength: 32, description: 'Any notation' })),
};
/** What a tail follows. */
export const TailQuery = Type.Object(filters, strict);
/** What records are asked for, as it comes. */
export const FilterQuery = Type.Object({ ...filters, from: Type.Optional(From), to: Type.Optional(To) });
export type FilterQuery = Type.Static<typeof FilterQuery>;

export const RecordKind = Type.Enum([
  'log',
  'audit',
  'access',
  'time_sync',
  'beacon',
  'gap',
  'key_rotation',
  'erasure',
  'recovery',
]);
export const RecordView = Type.Object({
  index: Type.Integer({ description: 'Leaf index' }),
  received_at: MicroTime,
  device_time: Nullable(
    Type.String({ description: 'As the device said it, never trusted; without offset where it named none' }),
  ),
  source: Type.Object({ id: Type.Integer(), name: Type.String(), address: Type.String() }),
  site_id: Type.String(),
  kind: RecordKind,
  transport: Type.Enum(['internal', 'udp', 'tcp', 'tls']),
  peer: Nullable(Type.String({ description: '`192.0.2.1:514`; null for the appliance itself' })),
  parser: Type.String(),
  fields: Type.Object({}, { additionalProperties: true }),
  flags: Type.Object({
    truncated: Type.Boolean({ description: 'The message was too long: this is its beginning' }),
    clock_unsynchronised: Type.Boolean({ description: "The appliance's clock wasn't synchronised when it came" }),
    authenticated: Type.Boolean({ description: 'The sender has shown a client certificate' }),
  }),
  raw: Type.Optional(Type.String({ description: 'The message, where it is UTF-8' })),
  raw_base64: Type.Optional(Type.String({ description: 'The message, where it is not' })),
  erased: Type.Boolean({ description: 'The message was erased; that there was one is still proved' }),
});
export type RecordView = Type.Static<typeof RecordView>;
export const ProvenRecord = Type.Object({
  ...RecordView.properties,
  sealed: Type.Boolean({ description: 'False for the first seconds' }),
  leaf: Type.String({ description: 'Base64' }),
  salt: Nullable(Type.String({ description: 'Base64; null once the record is erased' })),
  proof: Nullable(Type.String({ description: 'C2SP tlog-proof; null until it is sealed' })),
});

export const WhoisQuery = Type.Object(
  {
    ip: Type.String({ maxLength: 64 }),
    at: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339; now where it is left out' })),
    port: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65_535, description: 'For an address behind which a NAT is' }),
    ),
  },
  strict,
);
export const Whois = Type.Object({
  ip: Type.String(),
  at: MicroTime,
  port: Nullable(Type.Integer()),
  answers: Type.Array(
    Type.Object({
      via: Type.Enum(['radius', 'dhcp', 'nat', 'vpn'], { description: 'What kind of record says so' }),
      confidence: Type.Enum(['certain', 'likely'], {
        description: '`certain`: records around the moment say it; `likely`: nothing says that it had ended',
      }),
      conflict: Type.Boolean({ description: 'Another answer names somebody else for the same moment' }),
      user: Nullable(Type.String()),
      mac: Nullable(Type.String()),
      hostname: Nullable(Type.String()),
      nas: Nullable(Type.String()),
      ssid: Nullable(Type.String()),
      ip: Nullable(Type.String({ description: 'The address behind the NAT' })),
      nat: Nullable(
        Type.Object({
          ip: Type.String(),
          port: Nullable(Type.Integer()),
          inner: Type.String({ description: 'The address behind it' }),
          inner_port: Nullable(Type.Integer()),
          at: MicroTime,
          via: Nullable(Type.String({ description: 'How it is known who was behind' })),
        }),
      ),
      from: Nullable(MicroTime),
      to: Nullable(MicroTime),
      records: Type.Array(Type.Integer(), { description: 'Leaf indexes of the records that say so' }),
    }),
  ),
});

const Failing = { last_at: Nullable(MicroTime), error: Nullable(Type.String()) };
export const StatusView = Type.Object({
  state: Type.Enum(['starting', 'sealing', 'full', 'damaged', 'refused']),
  reason: Nullable(Type.String()),
  size: Count,
  root: Nullable(Type.String({ description: 'Base64' })),
  last_sealed_at: Nullable(MicroTime),
  lag_seconds: Type.Number({ description: "Age of the oldest record that isn't sealed yet" }),
  origin: Type.String(),
  log_key: Type.String({ description: 'vkey of the log key' }),
  genesis: Type.String({ description: 'What was shown at commissioning' }),
  epoch: Type.Integer(),
  drops: Type.Array(
    Type.Object({
      source: Type.Object({ id: Type.Integer(), name: Type.String(), address: Type.String() }),
      count: Count,
    }),
  ),
  truncated: Type.Integer({ minimum: 0, description: 'Messages since the start that were too long to be kept whole' }),
  refused_connections: Type.Array(Type.Object({ address: Type.String(), count: Count }), {
    description: 'Connections for syslog since the start that were refused, as there were too many: by address',
  }),
  rates: Type.Object({
    messages: Type.Number({ description: 'A second' }),
    bytes: Type.Number({ description: 'A second' }),
  }),
  witnesses: Type.Array(
    Type.Object({ name: Type.String(), url: Type.String(), last_size: Nullable(Count), ...Failing }),
  ),
  timestamp: Nullable(Type.Object({ url: Type.String(), last_size: Nullable(Count), ...Failing })),
  disk_bytes: Count,
  segments: Count,
});
export type StatusView = Type.Static<typeof StatusView>;
