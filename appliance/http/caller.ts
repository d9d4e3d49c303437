import type { FastifyRequest } from 'fastify';
import { forbidden, HttpError } from './errors.ts';

export type Role = 'administrator' | 'user';

/** Who is calling: a signed-in person, or a program with a person's API token. */
export interface Caller {
  id: string;
  username: string;
  role: Role;
  authorizedNetworks: readonly string[];
  via: 'session' | 'cookie' | 'token';
}

/** Who may call a route; `config.access` of each route, `user` (any signed-in caller) where it says nothing. */
export type Access = 'public' | 'user' | 'administrator';

/** Resolves the credentials of a request; null when there are none. Throws 401 when there are some and they're bad. */
export type Authenticate = (request: FastifyRequest) => Promise<Caller | null>;

/** Keeps the credential of a request: each call of the answer resolves it anew, as `Authenticate` does. */
export type Hold = (request: FastifyRequest) => () => Promise<Caller | null>;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Set for every route that isn't public; for public ones where credentials came along. */
    caller: Caller | null;
  }
}

/** The caller of a route that isn't public. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new HttpError(401, 'sign in first: no valid session or API token came with the request');
  return request.caller;
}

/** The caller of such a route as the actor of an event. */
export const actorOf = (request: FastifyRequest): { kind: 'user'; id: string; address: string } => ({
  kind: 'user',
  id: callerOf(request).id,
  address: request.ip,
});

export function checkAccess(access: Access, caller: Caller | null): void {
  if (access === 'public') return;
  if (!caller) throw new HttpError(401, 'sign in first: no valid session or API token came with the request');
  if (access === 'administrator' && caller.role !== 'administrator') {
    throw forbidden('only an administrator may do this');
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what another site's page makes a browser send (CSRF): the algorithm of Go's `http.CrossOriginProtection`.
 * `Sec-Fetch-Site` decides where there is one, else `Origin` against `Host`; programs send neither. A WebSocket
 * handshake is a GET that changes things, so it counts as unsafe.
 */
export function checkOrigin(request: FastifyRequest): void {
  const { headers, method } = request;
  if (SAFE_METHODS.has(method) && headers.upgrade === undefined) return;
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return;
  const { origin, host } = headers;
  if (site === undefined) {
    if (origin === undefined) return;
    try {
      if (new URL(origin).host === host) return;
    } catch {
      // `Origin: null` and the like: not ours.
    }
  }
  throw forbidden('this request came from another site: send it from the same origin, or use an API token');
}
