import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { unprocessable } from './errors.ts';

/** `?cursor=&limit=` of a list of the site API; the next page is in the `Link` header (RFC 8288). */
export const CursorQuery = (maxLimit: number, defaultLimit = 100) =>
  Type.Object({
    cursor: Type.Optional(Type.String({ maxLength: 512, description: 'From the `next` link of the page before' })),
    limit: Type.Integer({ minimum: 1, maximum: maxLimit, default: defaultLimit }),
  });

/** Where a page starts: behind the row with this sort key, then this id. */
export interface CursorPage {
  after: { key: string; id: string } | undefined;
  limit: number;
  /**
   * Cuts `rows` (read with `limit + 1`, sorted by key and id) to the page and sets the `Link` header where there are
   * more.
   */
  cut<T>(rows: T[], position: (row: T) => { key: string; id: string }): T[];
  /** Sets the `Link` header to what is behind this position, where `cut` can't know whether there is more. */
  more(position: { key: string; id: string }): void;
}

/** Reads the cursor of a request. 422 when it is none of ours. */
export function cursorPage(
  request: FastifyRequest,
  reply: FastifyReply,
  query: { cursor?: string; limit: number },
): CursorPage {
  const { limit } = query;
  const more = ({ key, id }: { key: string; id: string }): void => {
    const url = new URL(request.url, 'http://appliance');
    url.searchParams.set('cursor', Buffer.from(JSON.stringify([key, id])).toString('base64url'));
    reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
  };
  return {
    after: query.cursor === undefined ? undefined : decode(query.cursor),
    limit,
    cut(rows, position) {
      const last = rows[limit - 1];
      if (rows.length <= limit || last === undefined) return rows;
      more(position(last));
      return rows.slice(0, limit);
    },
    more,
  };
}

function decode(cursor: string): { key: string; id: string } {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string')) {
      const [key, id] = parts as [string, string];
      if (!key.includes('\0') && !id.includes('\0')) return { key, id };
    }
  } catch {
    // said below
  }
  throw unprocessable('cursor is not one that a list gave out: start again without it');
}
