import Type, { type TSchema } from 'typebox';

/** `?page=&page_size=&filter=` of a paginated list. */
export const PageQuery = (maxSize: number) =>
  Type.Object({
    page: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1 }),
    page_size: Type.Integer({ minimum: 1, maximum: maxSize, default: 20 }),
    filter: Type.Optional(Type.String({ maxLength: 256, description: 'Case-insensitive substring' })),
  });

/** The answer of a paginated list. */
export const paged = <T extends TSchema>(item: T) =>
  Type.Object({ data: Type.Array(item), total: Type.Integer(), page: Type.Integer(), page_size: Type.Integer() });

export interface Page<T> {
  data: T[];
  total: number;
  page: number;
  page_size: number;
}

export const page = <T>(query: { page: number; page_size: number }, total: number, data: T[]): Page<T> => ({
  data,
  total,
  page: query.page,
  page_size: query.page_size,
});
