import { randomBytes, randomUUID } from 'node:crypto';
import type { Actor } from '../events/index.ts';
import { badRequest, conflict, notFound } from '../http/index.ts';
import { sha256Hex, type Tx } from '../store/index.ts';
import { TOKEN_PREFIX } from './credentials.ts';
import { type ApiToken, MAX_TOKENS } from './schema.ts';
import { event, type Service, timestamp } from './service.ts';
import type { ApiTokenRow, IdentityTables } from './tables.ts';

const toToken = (row: ApiTokenRow): ApiToken => ({
  id: row.id,
  name: row.name,
  created_at: row.created_at,
  // Whole seconds come back as they were given.
  expires_at: row.expires_at?.replace('.000Z', 'Z') ?? null,
  last_used_at: row.last_used_at,
});

export async function listTokens({ store }: Service, userId: string): Promise<ApiToken[]> {
  const rows = await store
    .as<IdentityTables>()
    .selectFrom('api_tokens')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(toToken);
}

/** Makes a token; the only time that it is told. 400 for a bad expiry, 409 when the user has too many. */
export async function createToken(
  service: Service,
  userId: string,
  wanted: { name: string; expires_at?: string | null },
  actor: Actor,
): Promise<ApiToken & { token: string }> {
  const now = service.now();
  const expires = wanted.expires_at === undefined || wanted.expires_at === null ? null : parseTime(wanted.expires_at);
  if (expires !== null && expires <= now) throw badRequest('expires_at must be in the future');
  const token = TOKEN_PREFIX + randomBytes(32).toString('hex');
  const row: ApiTokenRow = {
    id: randomUUID(),
    hash: sha256Hex(token),
    user_id: userId,
    name: wanted.name,
    created_at: timestamp(now),
    expires_at: expires === null ? null : timestamp(expires),
    last_used_at: null,
  };
  await service.store.transaction(async (tx: Tx<IdentityTables>) => {
    const user = await tx.db.selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst();
    if (!user) throw notFound('user');
    const { count } = await tx.db
      .selectFrom('api_tokens')
      .select((eb) => eb.fn.countAll<number | string>().as('count'))
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_TOKENS) throw conflict(`you have ${MAX_TOKENS} API tokens: delete one first`);
    await tx.db.insertInto('api_tokens').values(row).execute();
    tx.emit(event('identity.token.created', { userId, tokenId: row.id, name: row.name }, actor));
  });
  const { id, name, ...rest } = toToken(row);
  return { id, name, token, ...rest };
}

/** 404 for a token that isn't the user's. */
export async function deleteToken(service: Service, userId: string, tokenId: string, actor: Actor): Promise<void> {
  await service.store.transaction(async (tx: Tx<IdentityTables>) => {
    const row = await tx.db
      .deleteFrom('api_tokens')
      .where('id', '=', tokenId)
      .where('user_id', '=', userId)
      .returning('name')
      .executeTakeFirst();
    if (!row) throw notFound('API token');
    tx.emit(event('identity.token.deleted', { userId, tokenId, name: row.name }, actor));
  });
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;
/** Stored times have years of four digits, so that their text sorts. */
const LAST_TIME = Date.UTC(10_000, 0) - 1;

/** Milliseconds of an RFC 3339 time; 400 for anything else, the 30th of February included. */
function parseTime(text: string): number {
  const refused = badRequest('expires_at must be a time as in RFC 3339, like 2030-01-31T12:00:00Z');
  if (!RFC3339.test(text)) throw refused;
  try {
    const { epochMilliseconds } = Temporal.Instant.from(text);
    if (epochMilliseconds <= LAST_TIME) return epochMilliseconds;
  } catch {
    // Falls through to the one answer.
  }
  throw refused;
}
