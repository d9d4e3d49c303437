import Type from 'typebox';
import { CursorQuery } from '../../http/index.ts';
import { FilterQuery, Nullable, strict, Text, Time } from '../schema.ts';

export const MAX_SEARCHES = 1000;

export const SearchQuery = Type.Object(CursorQuery(MAX_SEARCHES, 200).properties, strict);
const Parameters = Type.Object(FilterQuery.properties, {
  ...strict,
  description: 'The parameters of `GET /v1/logs`',
});
export const SearchView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  owner_id: Nullable(Type.String({ description: 'Null once the owner is deleted' })),
  shared: Type.Boolean({ description: 'Other administrators see it too' }),
  query: Type.Object(FilterQuery.properties),
  created_at: Time,
  updated_at: Time,
});
export type SearchView = Type.Static<typeof SearchView>;
export const NewSearch = Type.Object(
  {
    name: Text(100, { description: 'Unique among those of its owner' }),
    query: Parameters,
    shared: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type NewSearch = Type.Static<typeof NewSearch>;
export const SearchChange = Type.Partial(NewSearch, strict);
export type SearchChange = Type.Static<typeof SearchChange>;
