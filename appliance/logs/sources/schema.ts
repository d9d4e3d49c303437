import Type from 'typebox';
import { CursorQuery } from '../../http/index.ts';
import { Count, Id, MicroTime, Nullable, strict, Text } from '../schema.ts';

/** Classes that a source's records can be of; the others are the appliance's own. */
export const SOURCE_CLASSES = ['log', 'security', 'traffic', 'guest'] as const;
export const MAX_SOURCES = 4096;

export const SourceQuery = Type.Object(
  {
    ...CursorQuery(MAX_SOURCES, 500).properties,
    removed: Type.Optional(Type.Boolean({ description: '`true`: those that were removed, instead of the others' })),
  },
  strict,
);
export const SourceParams = Type.Object({ id: Type.Integer({ minimum: 0, maximum: 65_535 }) });
export type SourceParams = Type.Static<typeof SourceParams>;
export const SourceView = Type.Object({
  id: Type.Integer(),
  address: Type.String({ description: 'Without a port; empty for the appliance itself' }),
  name: Type.String(),
  parser: Type.String({ description: '`auto`, or the parser that its lines are read with' }),
  recognised: Nullable(Type.String({ description: 'The parser that understood its last line' })),
  vendor: Nullable(Type.String()),
  class: Type.String({ description: 'Says how long its records are kept' }),
  site_id: Type.String(),
  first_seen: MicroTime,
  last_seen: Nullable(MicroTime),
  messages: Count,
  dropped: Count,
  truncated: Type.Integer({ minimum: 0, description: 'Too long to be kept whole' }),
  removed: Type.Boolean({ description: 'Its place is free for another one; what it sends next brings it back' }),
});
export type SourceView = Type.Static<typeof SourceView>;
const change = {
  name: Type.Optional(Text(100, { description: 'Unique; without commas, and not only digits' })),
  parser: Type.Optional(Type.String({ maxLength: 64, description: '`auto`, or a parser or vendor' })),
  class: Type.Optional(Type.Enum([...SOURCE_CLASSES])),
  site_id: Type.Optional(Id),
};
export const SourceChange = Type.Object(change, strict);
export type SourceChange = Type.Static<typeof SourceChange>;
export const NewSource = Type.Object(
  {
    address: Type.String({ maxLength: 64, description: 'What it sends from: IPv4 or IPv6, without a port' }),
    ...change,
  },
  strict,
);
export type NewSource = Type.Static<typeof NewSource>;
