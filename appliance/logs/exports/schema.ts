import Type from 'typebox';
import { CursorQuery } from '../../http/index.ts';
import { Count, From, MicroTime, Nullable, QueryText, SourceInput, strict, Text, Time, To } from '../schema.ts';

/** Exports that are kept; a new one takes the place of the oldest that has ended. */
export const MAX_EXPORTS = 20;
/** Exports of one person that wait or are being built. */
export const MAX_WAITING_OF_ONE = 5;
/** Days after which one that has ended is deleted: what it holds would else outlive its records. */
export const EXPORT_DAYS = 30;

export const ExportQuery = Type.Object(CursorQuery(MAX_EXPORTS, MAX_EXPORTS).properties, strict);
export const NewExport = Type.Object(
  {
    source: Type.Optional(SourceInput),
    from: From,
    to: To,
    case: Type.Optional(Text(100, { description: 'Case number, for the report' })),
    q: Type.Optional(QueryText),
  },
  strict,
);
export type NewExport = Type.Static<typeof NewExport>;
const Status = Type.Enum(['queued', 'running', 'done', 'failed']);
export const ExportQueued = Type.Object({ id: Type.String(), status: Status });
export const ExportView = Type.Object({
  id: Type.String(),
  status: Status,
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  case: Nullable(Type.String()),
  source: Nullable(Type.Array(Type.String())),
  from: MicroTime,
  to: MicroTime,
  q: Nullable(Type.String()),
  requested_by: Type.Object({ id: Type.String(), username: Type.String() }),
  created_at: Time,
  started_at: Nullable(Time),
  finished_at: Nullable(Time),
  count: Nullable(Count),
  bytes: Nullable(Count),
  sha256: Nullable(Type.String({ description: 'Of the ZIP, hexadecimal' })),
  error: Nullable(Type.String()),
});
export type ExportView = Type.Static<typeof ExportView>;
