import type { FastifyRequest } from 'fastify';
import type { Authenticate, Routes } from '../http/index.ts';
import { accounts, verifyAccountPassword } from './accounts.ts';
import { ensureAdministrator } from './administrator.ts';
import { createAuthenticate } from './authenticate.ts';
import { createGates, type Gate } from './gate.ts';
import type { OidcSettings } from './oidc.ts';
import { ARGON2_COST, type Argon2Cost } from './password.ts';
import { findByName, usersFacts } from './people.ts';
import { forgetNetwork } from './permissions.ts';
import { authRoutes } from './routes/auth.ts';
import { importRoutes } from './routes/import.ts';
import { peopleRoutes } from './routes/people.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { userRoutes } from './routes/users.ts';
import type { Service } from './service.ts';
import { Throttle } from './throttle.ts';
import { openNetworks, userExists, usernames } from './users.ts';

export type { Account } from './accounts.ts';
export { resetPassword } from './administrator.ts';
export { SESSION_COOKIE } from './credentials.ts';
export { GateFull } from './gate.ts';
export { identityMigrations } from './migrations.ts';
export { generateNetworkPassword, networkPasswordFault } from './network-password.ts';

/** Password hashes made at once (19 MiB and a thread each), and how many may wait for that. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING = 64;
/** And for a network's doors, where one check is of the first use since the start or a change. */
const NETWORK_HASHES_WAITING = 256;

export interface IdentityOptions extends Pick<Service, 'store' | 'log' | 'secrets' | 'networksExist'> {
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Whether the session cookie is for TLS only; by default where the request itself came over TLS. */
  secureCookieFor?: (request: FastifyRequest) => boolean;
  /** Sign-in by OpenID Connect, in place of user name and password. */
  oidc?: OidcSettings | undefined;
  /** What a password hash costs. */
  cost?: Argon2Cost;
}

/** Users, sign-in, sessions, API tokens and default permissions. */
export function createIdentity(options: IdentityOptions) {
  const [gate, networkGate] = createGates(HASHES_AT_ONCE, [HASHES_WAITING, NETWORK_HASHES_WAITING]) as [Gate, Gate];
  const service: Service = {
    store: options.store,
    log: options.log,
    secrets: options.secrets,
    networksExist: options.networksExist,
    now: options.now ?? (() => Date.now()),
    cost: options.cost ?? ARGON2_COST,
    throttle: new Throttle(),
    gate,
    networkGate,
  };
  const secureCookieFor = options.secureCookieFor ?? ((request) => request.protocol === 'https');
  const routes: Routes = async (app) => {
    await app.register(authRoutes(service, secureCookieFor, options.oidc));
    await app.register(userRoutes(service));
    await app.register(tokenRoutes(service));
  };
  const siteRoutes: Routes = async (app) => {
    await app.register(peopleRoutes(service));
    await app.register(importRoutes(service));
  };
  const hold = createAuthenticate(service);
  const authenticate: Authenticate = (request) => hold(request)();
  return {
    /** For the prefix /api/v1. */
    routes,
    /** For the prefix /v1. */
    siteRoutes,
    authenticate,
    hold,
    /** Makes the first administrator where there is none; the answer has its password when that was made up. */
    ensureAdministrator: (password?: string) => ensureAdministrator(service, password),
    /** Whether there is a user with this id. */
    userExists: (id: string) => userExists(service, id),
    /** Name and groups of these users. */
    usersFacts: (ids: readonly string[]) => usersFacts(service, ids),
    /** The user with this user name or email. */
    findByName: (name: string) => findByName(service, name),
    /** User names by id. */
    usernames: (ids: readonly string[]) => usernames(service, ids),
    /** The networks that a user may use; `all` for an administrator, none for a user who is gone. */
    openNetworks: (id: string) => openNetworks(service, id),
    /** All users, or those of `ids` that exist, with their network passwords in the clear. */
    accounts: (ids?: readonly string[]) => accounts(service, ids),
    /** Whether it is the user's account password (argon2id: about 20 ms of a thread). Throws `GateFull` under load. */
    verifyAccountPassword: (userId: string, password: string) => verifyAccountPassword(service, userId, password),
    /** To be called when a network was deleted: takes it out of users' lists and the defaults. */
    forgetNetwork: (networkId: string) => forgetNetwork(service, networkId),
  };
}
export type Identity = ReturnType<typeof createIdentity>;
