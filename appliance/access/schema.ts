import { PostureFacts } from '@gatehouse/protocol';
import Type, { type TSchema } from 'typebox';

/** The numbers of access's limits; those of a policy document are in policy/model.ts. */
export const MAX_POLICIES = 1000;
export const KEPT_VERSIONS = 100;
export const MAX_DEVICES = 100_000;
export const MAX_VOUCHERS = 100_000;
export const MAX_BATCH = 1000;
export const MAX_GROUPS = 64;
export const MAX_CHANGED = 1000;

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const Time = Type.String({ description: 'RFC 3339, UTC' });
export const Id = Type.String({ minLength: 1, maxLength: 64 });
export const IdParams = Type.Object({ id: Id });
export const Nothing = Type.Null({ description: 'No content' });
const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' });
export const Groups = Type.Array(Text(100), { maxItems: MAX_GROUPS, uniqueItems: true });

/** RFC 9457. */
const Problem = Type.Object(
  { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.String() },
  { additionalProperties: true },
);
/** The answers of a route: its success, and a problem for whatever fails. */
export const answers = <S extends Record<number, TSchema>>(success: S) => ({ ...success, '4xx': Problem });

export const PolicySource = Type.String({ description: 'A policy document: YAML' });
export const Policy = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  priority: Type.Integer({ description: 'Lower is asked first' }),
  enabled: Type.Boolean(),
  version: Type.Integer(),
  document: PolicySource,
  created_at: Time,
  updated_at: Time,
});
export type Policy = Type.Static<typeof Policy>;
export const SavedPolicy = Type.Object({
  ...Policy.properties,
  warnings: Type.Array(Type.String(), { description: 'What may not be meant so' }),
});
export const PolicyBody = Type.Object(
  {
    document: PolicySource,
    version: Type.Optional(Type.Integer({ minimum: 1, description: '409 where it is not the current one any more' })),
  },
  { additionalProperties: false },
);
const versionFields = {
  version: Type.Integer(),
  at: Time,
  by: Type.Object({ kind: Type.String(), id: Type.String() }),
  change: Type.Enum(['created', 'updated', 'restored']),
};
export const PolicyVersion = Type.Object(versionFields);
export const PolicyVersionWhole = Type.Object({ ...versionFields, document: PolicySource });
export type PolicyVersion = Type.Static<typeof PolicyVersion>;

export const DecisionView = Type.Object({
  action: Type.Enum(['allow', 'deny', 'quarantine', 'portal']),
  policy: Nullable(Type.Object({ id: Type.String(), name: Type.String(), version: Type.Integer() })),
  vlan: Type.Optional(Type.Union([Type.Integer(), Type.String()])),
  role: Type.Optional(Type.String()),
  acl: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  bandwidth: Type.Optional(Type.Object({ up: Type.Optional(Type.Number()), down: Type.Optional(Type.Number()) })),
  session_timeout: Type.Optional(Type.Integer({ description: 'Seconds' })),
  idle_timeout: Type.Optional(Type.Integer({ description: 'Seconds' })),
  simultaneous_use: Type.Optional(Type.Integer()),
  daily_quota: Type.Optional(
    Type.Object({ bytes: Type.Optional(Type.Number()), seconds: Type.Optional(Type.Integer()) }),
  ),
  portal_url: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  attributes: Type.Array(Type.Object({ name: Type.String(), op: Type.String(), value: Type.String() })),
  overlay_groups: Type.Array(Type.String()),
  reason: Type.Optional(Type.String()),
});
export type DecisionView = Type.Static<typeof DecisionView>;

const Fact = Type.Union([Type.Boolean(), Type.Number(), Type.String({ maxLength: 256 })]);
/** A request that somebody made up. */
export const ExplainBody = Type.Object(
  {
    request_id: Type.Optional(
      Type.String({ maxLength: 64, description: 'Of the journal: with it, nothing else counts' }),
    ),
    username: Type.Optional(Type.String({ maxLength: 253 })),
    realm: Type.Optional(Type.String({ maxLength: 253 })),
    groups: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 256 })),
    method: Type.Optional(Type.String({ maxLength: 32 })),
    door: Type.Optional(Type.Enum(['radius', 'overlay'])),
    nas: Type.Optional(
      Type.Object({
        id: Type.Optional(Id),
        name: Type.Optional(Type.String({ maxLength: 253 })),
        type: Type.Optional(Type.String({ maxLength: 32 })),
        groups: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 64 })),
        site_id: Type.Optional(Id),
        address: Type.Optional(Type.String({ maxLength: 64 })),
      }),
    ),
    ssid: Type.Optional(Type.String({ maxLength: 64 })),
    called_station: Type.Optional(Type.String({ maxLength: 253 })),
    calling_station: Type.Optional(Type.String({ maxLength: 253 })),
    mac: Type.Optional(Type.String({ maxLength: 32 })),
    device_id: Type.Optional(Id),
    voucher_id: Type.Optional(Id),
    certificate: Type.Optional(
      Type.Object({
        subject: Type.Optional(Type.String({ maxLength: 1024 })),
        issuer: Type.Optional(Type.String({ maxLength: 1024 })),
        common_name: Type.Optional(Type.String({ maxLength: 253 })),
        alternative_names: Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: 32 })),
      }),
    ),
    posture: Type.Optional(PostureFacts),
    at: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339; now where it is left out' })),
  },
  { additionalProperties: false },
);
export type ExplainBody = Type.Static<typeof ExplainBody>;
export const Explanation = Type.Object({
  decision: DecisionView,
  policies: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      priority: Type.Integer(),
      matched: Type.Boolean(),
      failed: Type.Array(
        Type.Object({ condition: Type.String(), expected: Type.String(), actual: Nullable(Type.String()) }),
      ),
    }),
  ),
});

export const DryRunBody = Type.Object(
  {
    document: Type.Optional(PolicySource),
    name: Type.Optional(Type.String({ maxLength: 100, description: 'With `delete`' })),
    delete: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export const DryRun = Type.Object({
  requests: Type.Integer({ description: 'Distinct requests of the last day whose credentials were right' }),
  changed: Type.Array(
    Type.Object({
      username: Type.String(),
      mac: Nullable(Type.String()),
      nas: Nullable(Type.String()),
      ssid: Nullable(Type.String()),
      before: DecisionView,
      after: DecisionView,
      count: Type.Integer(),
    }),
  ),
  truncated: Type.Boolean(),
});

export const AccessRequestView = Type.Object({
  id: Type.String(),
  username: Type.String(),
  realm: Nullable(Type.String()),
  user_id: Nullable(Type.String()),
  mac: Nullable(Type.String()),
  method: Type.String(),
  nas: Nullable(Type.Object({ id: Type.String(), name: Type.String(), site_id: Type.String() })),
  ssid: Nullable(Type.String()),
  device_id: Nullable(Type.String()),
  voucher_id: Nullable(Type.String()),
  outcome: Type.Enum(['accept', 'reject']),
  reason: Nullable(Type.String()),
  policy_id: Nullable(Type.String()),
  first_at: Time,
  last_at: Time,
  count: Type.Integer(),
});

export const Posture = Type.Object({
  state: Type.Enum(['unknown', 'ok', 'failed'], {
    description: 'failed: a policy would let the device in, were its posture as that policy wishes',
  }),
  facts: Type.Record(Type.String(), Fact),
  reported_at: Nullable(Time),
});
export const Device = Type.Object({
  id: Type.String(),
  mac: Type.String(),
  name: Type.String(),
  user_id: Nullable(Type.String()),
  peer_id: Nullable(Type.String()),
  groups: Type.Array(Type.String()),
  mab: Type.Boolean({ description: 'May connect by its MAC address alone' }),
  enabled: Type.Boolean(),
  network_password_set: Type.Boolean(),
  posture: Posture,
  created_at: Time,
  updated_at: Time,
});
export type Device = Type.Static<typeof Device>;
const deviceFields = {
  mac: Type.String({ maxLength: 32, description: 'Any notation' }),
  name: Text(100),
  user_id: Nullable(Id),
  peer_id: Nullable(Id),
  groups: Groups,
  mab: Type.Boolean(),
  enabled: Type.Boolean(),
};
export const DeviceChange = Type.Partial(Type.Object(deviceFields));
export type DeviceChange = Type.Static<typeof DeviceChange>;
export const NewDevice = Type.Object(
  { ...DeviceChange.properties, mac: deviceFields.mac },
  { additionalProperties: false },
);
export type NewDevice = Type.Static<typeof NewDevice>;
export const PostureBody = Type.Object({ facts: PostureFacts });
export const NetworkPassword = Type.Object({ network_password: Type.String({ description: 'Shown this once' }) });

const Quantity = Type.Union([Type.String({ maxLength: 40 }), Type.Integer({ minimum: 1 })]);
export const NewVouchers = Type.Object(
  {
    count: Type.Integer({ minimum: 1, maximum: MAX_BATCH }),
    duration: Type.Optional(
      Type.Union([Type.String({ maxLength: 40 }), Type.Integer({ minimum: 1 })], {
        description: 'From the first use: `4h`, or seconds',
      }),
    ),
    bandwidth: Type.Optional(
      Type.Union([
        Type.String({ maxLength: 40 }),
        Type.Integer({ minimum: 1 }),
        Type.Object({ up: Type.Optional(Quantity), down: Type.Optional(Quantity) }),
      ]),
    ),
    quota: Type.Optional(Quantity),
    valid_until: Type.Optional(Type.String({ maxLength: 40, description: 'RFC 3339' })),
    groups: Type.Optional(Groups),
  },
  { additionalProperties: false },
);
export type NewVouchers = Type.Static<typeof NewVouchers>;
export const Voucher = Type.Object({
  id: Type.String(),
  batch_id: Type.String(),
  code: Type.String({ description: '`XXXXX-XXXXX`' }),
  groups: Type.Array(Type.String()),
  duration: Nullable(Type.Integer({ description: 'Seconds from the first use' })),
  bandwidth: Nullable(
    Type.Object(
      { up: Type.Optional(Type.Number()), down: Type.Optional(Type.Number()) },
      { description: 'Bits a second' },
    ),
  ),
  quota: Nullable(Type.Number({ description: 'Bytes' })),
  valid_until: Nullable(Time),
  first_used_at: Nullable(Time),
  status: Type.Enum(['unused', 'active', 'expired']),
  created_at: Time,
});
export type Voucher = Type.Static<typeof Voucher>;
export const VoucherBatch = Type.Object({ batch_id: Type.String(), vouchers: Type.Array(Voucher) });
