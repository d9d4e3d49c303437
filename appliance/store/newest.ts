import { type SelectQueryBuilder, type SqlBool, sql } from 'kysely';

/**
 * One row more than `limit` of a table with `created_at` and `id`, the newest first, behind the row with this time and id:
 * what a page of a list is cut from.
 */
export function newestFirst<DB, TB extends keyof DB, O>(
  query: SelectQueryBuilder<DB, TB, O>,
  { after, limit }: { after: { key: string; id: string } | undefined; limit: number },
): SelectQueryBuilder<DB, TB, O> {
  const behind = after ? query.where(sql<SqlBool>`(created_at, id) < (${after.key}, ${after.id})`) : query;
  return behind
    .orderBy(sql`created_at`, 'desc')
    .orderBy(sql`id`, 'desc')
    .limit(limit + 1);
}
