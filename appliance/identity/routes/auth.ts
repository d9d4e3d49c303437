import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { badRequest, checkOrigin, type Routes } from '../../http/index.ts';
import type { Tx } from '../../store/index.ts';
import { cookieOptions, SESSION_COOKIE, sessionOf } from '../credentials.ts';
import { createProvider, type OidcSettings } from '../oidc.ts';
import { AuthConfig, answers, Credentials, LogoutBody, OPEN, SESSION_SECONDS, Session } from '../schema.ts';
import { event, type Service } from '../service.ts';
import { endSession } from '../sessions.ts';
import { signIn } from '../signin.ts';
import type { IdentityTables } from '../tables.ts';
import { noOidcRoutes, oidcRoutes } from './oidc.ts';

const tags = ['auth'];
const config = { access: 'public' } as const;

/** Signing in and out. */
export const authRoutes =
  (service: Service, secureCookieFor: (request: FastifyRequest) => boolean, oidc: OidcSettings | undefined): Routes =>
  async (app) => {
    const cookie = (request: FastifyRequest) => cookieOptions(secureCookieFor(request));
    const provider = oidc && createProvider(oidc, service.now, service.log);
    if (oidc && provider) await app.register(oidcRoutes(service, oidc, provider, secureCookieFor));
    else await app.register(noOidcRoutes);

    app.get(
      '/auth/config',
      {
        config,
        schema: {
          tags,
          ...OPEN,
          summary: 'How people sign in here',
          response: answers({ 200: AuthConfig }),
        },
      },
      async () => {
        if (!oidc || !provider) return { enabled: false, issuer_url: '', client_id: '', simple_auth: true };
        return {
          enabled: true,
          issuer_url: oidc.issuer,
          client_id: oidc.clientId,
          simple_auth: false,
          authorization_endpoint: await provider.authorizationEndpoint(),
          scope: oidc.scopes.join(' '),
        };
      },
    );

    app.post(
      '/auth/login',
      {
        config,
        schema: {
          tags,
          ...OPEN,
          summary: 'Sign in with user name or email and password',
          body: Credentials,
          response: answers({ 200: Session }),
        },
      },
      async (request, reply) => {
        if (oidc) throw badRequest('people sign in at the identity provider here: begin with GET /api/v1/auth/start');
        // Without a cookie too: another site must not sign a person in under its own account.
        checkOrigin(request);
        const { username, password } = request.body;
        const secret = await signIn(service, username, password, request.ip);
        reply.setCookie(SESSION_COOKIE, secret, { ...cookie(request), maxAge: SESSION_SECONDS });
        reply.header('cache-control', 'no-store');
        return { session_hash: secret, expires_in: SESSION_SECONDS };
      },
    );

    app.post(
      '/auth/logout',
      {
        config,
        schema: {
          tags,
          summary: 'End the session that the request carries',
          body: LogoutBody,
          response: answers({ 200: Type.Object({ message: Type.String() }) }),
        },
      },
      async (request, reply) => {
        const secret = sessionOf(request) ?? request.body?.session_hash;
        if (secret) {
          await service.store.transaction(async (tx: Tx<IdentityTables>) => {
            const userId = await endSession(tx.db, secret);
            if (userId === undefined) return;
            tx.emit(event('identity.logout', { userId }, { kind: 'user', id: userId, address: request.ip }));
          });
        }
        reply.clearCookie(SESSION_COOKIE, cookie(request));
        return { message: 'Logged out successfully' };
      },
    );
  };
