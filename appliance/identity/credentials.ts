import type { FastifyRequest } from 'fastify';

/** The cookie that carries a session hash. */
export const SESSION_COOKIE = 'wirety_session';
/** Its attributes. */
export const cookieOptions = (secure: boolean, path = '/') =>
  ({ path, httpOnly: true, sameSite: 'lax', secure }) as const;
export const TOKEN_PREFIX = 'wirety_';

/** What a request shows: a session hash, an API token, or something that identity doesn't know. */
export type Credential =
  | { kind: 'session'; via: 'session' | 'cookie'; secret: string }
  | { kind: 'token'; secret: string }
  | { kind: 'foreign' };

const AUTHORIZATION = /^(session|bearer) +(\S+) *$/i;

/**
 * The credential of a request: from `Authorization` where there is one, else from the cookie. A `Bearer` without our
 * prefix is an agent's or another API's, which reads it itself.
 */
export function credentialOf(request: FastifyRequest): Credential | undefined {
  const header = request.headers.authorization;
  if (header === undefined) {
    const cookie = request.cookies[SESSION_COOKIE];
    return cookie ? { kind: 'session', via: 'cookie', secret: cookie } : undefined;
  }
  const [, scheme = '', secret = ''] = AUTHORIZATION.exec(header) ?? [];
  if (scheme.toLowerCase() === 'session') return { kind: 'session', via: 'session', secret };
  if (secret.startsWith(TOKEN_PREFIX)) return { kind: 'token', secret };
  return { kind: 'foreign' };
}

/** The session hash that the request carries, where it does. */
export function sessionOf(request: FastifyRequest): string | undefined {
  const credential = credentialOf(request);
  return credential?.kind === 'session' ? credential.secret : undefined;
}
