import type { FastifyRequest } from 'fastify';
import { type Caller, type Hold, HttpError } from '../http/index.ts';
import { sha256Hex } from '../store/index.ts';
import { type Credential, credentialOf } from './credentials.ts';
import { type Service, timestamp } from './service.ts';
import type { IdentityTables, UserRow } from './tables.ts';

/** A token's last use is written at most this often. */
const LAST_USED_STEP_MS = 60_000;

const caller = (
  row: Pick<UserRow, 'username' | 'role' | 'authorized_networks'>,
  id: string,
  via: Caller['via'],
): Caller => ({
  id,
  username: row.username,
  role: row.role,
  authorizedNetworks: JSON.parse(row.authorized_networks) as string[],
  via,
});

/**
 * Resolves a request's credential in one query, each time anew: a changed role or a deleted user counts from the next
 * request on. Secrets are looked up by their SHA-256, so the time of a look-up tells nothing about them.
 */
export function createAuthenticate({ store, now, log }: Pick<Service, 'store' | 'now' | 'log'>): Hold {
  const bySession = async (credential: Credential & { kind: 'session' }): Promise<Caller> => {
    const row = await store
      .as<IdentityTables>()
      .selectFrom('user_sessions as s')
      .innerJoin('users as u', 'u.id', 's.user_id')
      .select(['u.id', 'u.username', 'u.role', 'u.authorized_networks', 's.expires_at'])
      .where('s.hash', '=', sha256Hex(credential.secret))
      .executeTakeFirst();
    if (!row || row.expires_at <= timestamp(now())) {
      throw new HttpError(401, 'the session is unknown or has expired: sign in again');
    }
    return caller(row, row.id, credential.via);
  };

  const byToken = async (credential: Credential & { kind: 'token' }): Promise<Caller> => {
    const row = await store
      .as<IdentityTables>()
      .selectFrom('api_tokens as t')
      .innerJoin('users as u', 'u.id', 't.user_id')
      .select(['u.id as user_id', 'u.username', 'u.role', 'u.authorized_networks'])
      .select(['t.id', 't.expires_at', 't.last_used_at'])
      .where('t.hash', '=', sha256Hex(credential.secret))
      .executeTakeFirst();
    const at = now();
    if (!row || (row.expires_at !== null && row.expires_at <= timestamp(at))) {
      throw new HttpError(401, 'the API token is unknown or has expired: make a new one');
    }
    if (row.last_used_at === null || row.last_used_at <= timestamp(at - LAST_USED_STEP_MS)) await used(row.id, at);
    return caller(row, row.user_id, 'token');
  };

  const used = async (tokenId: string, at: number): Promise<void> => {
    try {
      await store
        .as<IdentityTables>()
        .updateTable('api_tokens')
        .set({ last_used_at: timestamp(at) })
        .where('id', '=', tokenId)
        // Requests that came together write once.
        .where((eb) =>
          eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<=', timestamp(at - LAST_USED_STEP_MS))]),
        )
        .execute();
    } catch (error) {
      // A full disk must not lock programs out that only read.
      log.warn({ err: error, tokenId }, 'the last use of an API token could not be written');
    }
  };

  return (request: FastifyRequest) => {
    const credential = credentialOf(request);
    return async () => {
      if (!credential || credential.kind === 'foreign') return null;
      return credential.kind === 'session' ? bySession(credential) : byToken(credential);
    };
  };
}
