import Type from 'typebox';
import { COLUMNS } from './parse.ts';

const Column = Type.Enum([...COLUMNS]);

/** What an import did, or would do; with errors, what it would do once they are mended. */
export const ImportResult = Type.Object({
  dry_run: Type.Boolean(),
  created: Type.Integer(),
  updated: Type.Integer(),
  unchanged: Type.Integer(),
  failed: Type.Integer({ description: 'Lines with errors' }),
  truncated: Type.Boolean({ description: 'There are more changes or errors than are listed' }),
  changes: Type.Array(
    Type.Object({
      line: Type.Integer(),
      username: Type.String(),
      action: Type.Enum(['create', 'update']),
      changes: Type.Array(Column),
    }),
  ),
  errors: Type.Array(Type.Object({ line: Type.Integer(), column: Type.Optional(Column), message: Type.String() })),
});
export type ImportResult = Type.Static<typeof ImportResult>;
