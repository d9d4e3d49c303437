import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { badRequest, checkOrigin, forbidden, type Routes } from '../../http/index.ts';
import { cookieOptions, SESSION_COOKIE } from '../credentials.ts';
import { createGate } from '../gate.ts';
import type { Code, OidcSettings, Provider } from '../oidc.ts';
import { createFlows, FLOW_SECONDS } from '../oidc-flows.ts';
import { OIDC_SESSION_SECONDS, signInPerson } from '../oidc-users.ts';
import { answers, CodeExchange, OPEN, Session, Started, StartQuery } from '../schema.ts';
import type { Service } from '../service.ts';

const tags = ['auth'];
const config = { access: 'public' } as const;

/** Ties a sign-in that is under way to the browser that began it. */
const BROWSER_COOKIE = 'gatehouse_signin';
/** Codes traded at once, and how many may wait for that. */
const CODES_AT_ONCE = 32;
const CODES_WAITING = 256;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Refuses what the provider mustn't send people to: what isn't in the settings' list, or, without one, what isn't on the
 * appliance's own origin. In normal form and without a query, as it must be the same text at the provider.
 */
function checkRedirectUri(request: FastifyRequest, { redirectUris }: OidcSettings, text: string): void {
  const url = URL.parse(text);
  if (!url || url.href !== text || url.search || url.hash || url.username || url.password) {
    throw badRequest('redirect_uri must be a URL in normal form, without user, query and fragment');
  }
  if (redirectUris) {
    if (!redirectUris.includes(text)) throw badRequest('redirect_uri is not in the setting auth.redirect_uris');
    return;
  }
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (!safe || url.host !== request.host) {
    throw badRequest(
      `redirect_uri must be https (or http on this machine) at ${request.host}; others go into auth.redirect_uris`,
    );
  }
}

/** Signing in at the identity provider. */
export const oidcRoutes =
  (
    service: Service,
    settings: OidcSettings,
    provider: Provider,
    secureCookieFor: (request: FastifyRequest) => boolean,
  ): Routes =>
  async (app) => {
    const flows = createFlows();
    const gate = createGate(CODES_AT_ONCE, CODES_WAITING, 'sign-ins');

    /** What the code is to be checked against. */
    function codeOf(request: FastifyRequest, body: Type.Static<typeof CodeExchange>): Code {
      const { code, redirect_uri: redirectUri, state, code_verifier: verifier, nonce } = body;
      if (state !== undefined) {
        const flow = flows.take(state, request.cookies[BROWSER_COOKIE], service.now());
        if (flow === 'unknown') {
          throw badRequest('this sign-in is unknown: it may be finished already, or over; begin again');
        }
        // An attacker's own sign-in, slipped to somebody else's browser, would sign that one in as the attacker.
        if (flow === 'foreign') throw forbidden('this sign-in was begun in another browser: begin again here');
        if (flow.redirectUri !== redirectUri)
          throw badRequest('redirect_uri is not the one that the sign-in began with');
        return { code, ...flow };
      }
      // The document's client brings only the code. Where this appliance has a secret at the provider, a code is worth
      // nothing to whoever else gets hold of it but here, and a code that was asked for with PKCE (all that /auth/start
      // sends people for are) needs its verifier still: the provider sees to that. So those two fields are enough, and
      // `nonce` goes unchecked; signature, `iss`, `aud` and `exp` don't. Without a secret nothing at all would tie the
      // code to who asked for it (RFC 9700, section 2.1.1: PKCE is a must for public clients; a nonce comes too late).
      if (settings.clientSecret === undefined && verifier === undefined) {
        throw badRequest('code_verifier is required, or state of a sign-in begun with GET /api/v1/auth/start');
      }
      return { code, redirectUri, verifier, nonce };
    }

    app.get(
      '/auth/start',
      {
        config,
        schema: {
          tags,
          ...OPEN,
          summary: 'Begin to sign in at the identity provider',
          description: 'Answers where to send the browser; a browser that comes itself is sent there (302).',
          querystring: StartQuery,
          response: answers({ 200: Started, 302: Type.Null() }),
        },
      },
      async (request, reply) => {
        const { redirect_uri: redirectUri } = request.query;
        checkRedirectUri(request, settings, redirectUri);
        const browser = flows.browserOf(request.cookies[BROWSER_COOKIE]);
        const flow = flows.begin(browser, redirectUri, service.now());
        const url = await provider.authorizationUrl(flow);
        // Not cleared at the end: other tabs may be under way with it, and each sign-in is good once anyway.
        reply.setCookie(BROWSER_COOKIE, browser, {
          ...cookieOptions(secureCookieFor(request), '/api/v1/auth'),
          maxAge: FLOW_SECONDS,
        });
        reply.header('cache-control', 'no-store');
        if (request.headers.accept?.includes('text/html')) return reply.redirect(url, 302);
        return { authorization_url: url, state: flow.state, expires_in: FLOW_SECONDS };
      },
    );

    app.post(
      '/auth/token',
      {
        config,
        schema: {
          tags,
          ...OPEN,
          summary: 'Trade an OIDC code for a session',
          body: CodeExchange,
          response: answers({ 200: Session }),
        },
      },
      async (request, reply) => {
        // Another site must not sign a person in.
        checkOrigin(request);
        checkRedirectUri(request, settings, request.body.redirect_uri);
        const code = codeOf(request, request.body);
        const person = await gate(() => provider.exchange(code));
        const secret = await signInPerson(service, settings, person, request.ip);
        reply.setCookie(SESSION_COOKIE, secret, {
          ...cookieOptions(secureCookieFor(request)),
          maxAge: OIDC_SESSION_SECONDS,
        });
        reply.header('cache-control', 'no-store');
        return { session_hash: secret, expires_in: OIDC_SESSION_SECONDS };
      },
    );
  };

/** The same addresses where there is no identity provider. */
export const noOidcRoutes: Routes = async (app) => {
  const refuse = async (): Promise<never> => {
    throw badRequest('OIDC is off here: sign in with POST /api/v1/auth/login');
  };
  const schema = { tags, ...OPEN, response: answers({}) };
  app.get(
    '/auth/start',
    { config, schema: { ...schema, summary: 'Begin to sign in at the identity provider' } },
    refuse,
  );
  app.post('/auth/token', { config, schema: { ...schema, summary: 'Trade an OIDC code for a session' } }, refuse);
};
