import Type from 'typebox';
import { CursorQuery } from '../../http/index.ts';
import { CLASSES } from '../record/types.ts';
import { Count, From, Id, MicroTime, Nullable, strict, Text, Time, To } from '../schema.ts';

/** A hundred years. */
export const MAX_DAYS = 36_500;
/** Holds that aren't released: each is looked at for each segment that would expire. */
export const MAX_ACTIVE_HOLDS = 200;
/** Holds with their history. */
export const MAX_HOLDS = 10_000;
/** Records that one call erases. */
export const MAX_ERASED = 100_000;
/** Records that one call names by their index. */
export const MAX_INDEXES = 10_000;

const DayCount = Nullable(Type.Integer({ minimum: 1, maximum: MAX_DAYS }));
const SETTABLE = CLASSES.filter((name) => name !== 'system');
const daysOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, DayCount]));

export const RetentionView = Type.Object({
  days: Type.Object(daysOf(CLASSES), { description: 'By class; null is for ever. `system` is kept for ever.' }),
});
export const RetentionChange = Type.Object(
  {
    days: Type.Partial(Type.Object(daysOf(SETTABLE)), {
      ...strict,
      minProperties: 1,
      description: 'What is left out stays as it is; null is for ever',
    }),
    dry_run: Type.Optional(Type.Boolean({ description: 'Changes nothing, and says what would go' })),
    confirm: Type.Optional(Type.Boolean({ description: 'Also where records are destroyed by it at once' })),
  },
  strict,
);
export type RetentionChange = Type.Static<typeof RetentionChange>;
export const RetentionChanged = Type.Object({
  ...RetentionView.properties,
  dry_run: Type.Boolean(),
  expires: Type.Array(
    Type.Object({
      class: Type.String(),
      records: Count,
      bytes: Count,
      until: MicroTime,
    }),
    { description: 'What is older, and destroyed with the next sweep; what is held is not in it' },
  ),
  warnings: Type.Array(Type.String()),
});
export type RetentionChanged = Type.Static<typeof RetentionChanged>;

export const HoldQuery = Type.Object(
  {
    ...CursorQuery(1000).properties,
    status: Type.Optional(Type.Enum(['active', 'released'])),
  },
  strict,
);
const holdFields = { name: Text(100, { description: 'A name, or the number of a case' }), reason: Text(1000) };
export const NewHold = Type.Object(
  {
    ...holdFields,
    from: From,
    to: Type.Optional(Type.Union([To, Type.Null()], { description: 'Without it, what comes is held too' })),
    source: Type.Optional(
      Type.String({ minLength: 1, maxLength: 253, description: 'Id, name or address of one source; else all' }),
    ),
  },
  strict,
);
export type NewHold = Type.Static<typeof NewHold>;
export const HoldView = Type.Object({
  id: Type.String(),
  ...holdFields,
  from: MicroTime,
  to: Nullable(MicroTime),
  source: Nullable(Type.Object({ id: Nullable(Type.Integer()), name: Type.String(), address: Type.String() })),
  status: Type.Enum(['active', 'released']),
  created_at: Time,
  created_by: Type.String({ description: 'User id' }),
  released_at: Nullable(Time),
  released_by: Nullable(Type.String()),
});
export type HoldView = Type.Static<typeof HoldView>;

export const NewErasure = Type.Object(
  {
    user: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    ip: Type.Optional(Type.String({ maxLength: 64 })),
    mac: Type.Optional(Type.String({ maxLength: 32 })),
    indexes: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), {
        minItems: 1,
        maxItems: MAX_INDEXES,
        uniqueItems: true,
      }),
    ),
    from: Type.Optional(From),
    to: Type.Optional(To),
    reason: Text(1000, { description: 'Is sealed with the erasure: say nothing in it that has to be erased again' }),
    dry_run: Type.Optional(Type.Boolean({ description: 'Erases nothing, and says how many it would be' })),
  },
  strict,
);
export type NewErasure = Type.Static<typeof NewErasure>;
export const ErasureView = Type.Object({
  matched: Type.Integer({ description: 'Records that are asked for and not erased already' }),
  erased: Type.Integer({ description: 'Of these; with `dry_run` those that would be' }),
  held: Type.Object(
    { count: Count, holds: Type.Array(Type.Object({ id: Id, name: Type.String(), count: Count })) },
    { description: 'Kept, because they are held' },
  ),
  kept: Type.Integer({ description: "The log's own records of who did what, which are never erased" }),
  mentioned: Type.Object(
    {
      count: Count,
      indexes: Type.Array(Type.Integer(), { description: 'The newest of them, for a call with `indexes`' }),
      complete: Type.Boolean({ description: 'False where not all records could be looked through in 20 s' }),
    },
    {
      description:
        'Records that are not erased and have it somewhere in their text, where no parser found it as user, address or ' +
        'MAC: look at them, and erase them by `indexes`',
    },
  ),
  exports_deleted: Type.Integer({ description: 'Exports of a time in which records were erased: they had them still' }),
  dry_run: Type.Boolean(),
});
export type ErasureView = Type.Static<typeof ErasureView>;
