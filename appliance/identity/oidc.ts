import * as client from 'openid-client';
import { HttpError } from '../http/index.ts';
import type { Logger } from '../store/index.ts';
import { type Person, personOf } from './oidc-claims.ts';
import type { Flow } from './oidc-flows.ts';

/** Sign-in by OpenID Connect, as the appliance is set up for it. */
export interface OidcSettings {
  /** https, or http on this machine. */
  issuer: string;
  clientId: string;
  clientSecret: string | undefined;
  scopes: readonly string[];
  groupsClaim: string;
  adminGroup: string | undefined;
  userGroup: string | undefined;
  redirectUris: readonly string[] | undefined;
}

/** What the provider says about itself is asked for again after this time, and after a failure. */
const DISCOVERY_MS = 3600_000;
const RETRY_MS = 2_000;
/** Each request to the provider gets this long. */
const TIMEOUT_SECONDS = 5;

/** A code that the provider gave, and what it was asked for with, as far as that is known. */
export interface Code {
  code: string;
  redirectUri: string;
  verifier: string | undefined;
  nonce: string | undefined;
}

/** The identity provider: where to send people, and who a code stands for. */
export function createProvider(settings: OidcSettings, now: () => number, log: Logger) {
  const { issuer, clientId, clientSecret } = settings;
  let known: { configuration: Promise<client.Configuration>; until: number } | undefined;

  async function discover(): Promise<client.Configuration> {
    const url = new URL(issuer);
    // The settings let plain http through for this machine only.
    const execute = [client.enableNonRepudiationChecks];
    if (url.protocol === 'http:') execute.push(client.allowInsecureRequests);
    let methods: readonly string[] | undefined;
    const authenticate: client.ClientAuth = (as, ...rest) => {
      if (clientSecret === undefined) return client.None()(as, ...rest);
      methods ??= as.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
      const post = methods.includes('client_secret_post') && !methods.includes('client_secret_basic');
      return (post ? client.ClientSecretPost : client.ClientSecretBasic)(clientSecret)(as, ...rest);
    };
    const options = { execute, timeout: TIMEOUT_SECONDS };
    try {
      const metadata = clientSecret === undefined ? {} : { client_secret: clientSecret };
      const found = await client.discovery(url, clientId, metadata, authenticate, options);
      const { authorization_endpoint, token_endpoint, jwks_uri } = found.serverMetadata();
      if (!authorization_endpoint || !token_endpoint || !jwks_uri) {
        throw new Error('its metadata lack authorization_endpoint, token_endpoint or jwks_uri');
      }
      return found;
    } catch (error) {
      throw unavailable(error);
    }
  }

  function configuration(): Promise<client.Configuration> {
    const at = now();
    if (!known || at >= known.until || at < known.until - DISCOVERY_MS) {
      const entry = { configuration: discover(), until: at + DISCOVERY_MS };
      entry.configuration.catch(() => {
        entry.until = now() + RETRY_MS;
      });
      known = entry;
    }
    return known.configuration;
  }

  function unavailable(error: unknown): HttpError {
    const reason = reasonOf(error);
    log.warn({ issuer, reason }, 'the identity provider failed');
    return new HttpError(502, `the identity provider at ${issuer} can't be used now: ${reason}`);
  }

  function refused(reason: string): HttpError {
    log.warn({ issuer, reason }, 'a sign-in by OpenID Connect was refused');
    return new HttpError(401, `${reason}; sign in again`);
  }

  function failure(error: unknown): HttpError {
    if (error instanceof HttpError) return error;
    if (error instanceof client.WWWAuthenticateChallengeError || isClientFault(error)) {
      const reason = "it doesn't accept this appliance as a client: check auth.client_id and auth.client_secret";
      return unavailable(new Error(reason));
    }
    if (error instanceof client.ResponseBodyError && error.status < 500 && !TEMPORARY.has(error.error)) {
      const said = error.error_description ?? error.error;
      return refused(`the identity provider refused the code, which may be used or expired (${said.slice(0, 200)})`);
    }
    if (error instanceof client.ClientError && TOKEN_FAULTS.has(error.code ?? '')) {
      return refused(`the identity provider's answer is not valid for this sign-in: ${reasonOf(error)}`);
    }
    return unavailable(error);
  }

  /** Trades the code; openid-client checks the ID token: signature, `iss`, `aud`, `azp`, `exp` and, if given, `nonce`. */
  function trade(configured: client.Configuration, { code, redirectUri, verifier, nonce }: Code) {
    if (nonce === undefined) {
      // With `authorizationCodeGrant` an ID token must then have no nonce; here the client that asked for it may have
      // sent one that it doesn't tell.
      const parameters = { code, redirect_uri: redirectUri, ...(verifier && { code_verifier: verifier }) };
      return client.genericGrantRequest(configured, 'authorization_code', parameters);
    }
    const url = new URL(redirectUri);
    // RFC 9207's `iss` tells apart several providers; here there is one, and callers aren't asked for it.
    url.search = new URLSearchParams({ code, iss: configured.serverMetadata().issuer }).toString();
    return client.authorizationCodeGrant(configured, url, {
      expectedNonce: nonce,
      ...(verifier !== undefined && { pkceCodeVerifier: verifier }),
    });
  }

  return {
    /** The provider's authorization endpoint; empty while it can't be asked. */
    async authorizationEndpoint(): Promise<string> {
      const configured = await configuration().catch(() => undefined);
      return configured?.serverMetadata().authorization_endpoint ?? '';
    },

    /** Where to send a browser to sign in. 502 while the provider can't be asked. */
    async authorizationUrl({ state, nonce, verifier, redirectUri }: Flow & { state: string }): Promise<string> {
      return client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: settings.scopes.join(' '),
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      }).href;
    },

    /** Who the code stands for. 401 when the provider or the checks refuse it, 502 when the provider fails. */
    async exchange(code: Code): Promise<Person> {
      const configured = await configuration();
      try {
        const tokens = await trade(configured, code);
        const claims = tokens.claims();
        if (!claims) throw new Error('it sent no ID token: does its client allow the scope openid?');
        // OpenID Connect Core 1.0, section 3.1.3.7: openid-client asks for it where there are several audiences.
        if (claims.azp !== undefined && claims.azp !== clientId) {
          throw refused('the ID token was issued to another client (azp)');
        }
        const person = personOf(claims, settings.groupsClaim);
        const wantsGroups = settings.adminGroup !== undefined || settings.userGroup !== undefined;
        const complete = person.email !== '' && person.name !== '' && (person.groups !== undefined || !wantsGroups);
        // Most providers keep the ID token small, and tell the rest here.
        if (complete || !configured.serverMetadata().userinfo_endpoint) return person;
        const more = await client.fetchUserInfo(configured, tokens.access_token, claims.sub).catch((error) => {
          if (!(error instanceof client.WWWAuthenticateChallengeError)) throw error;
          throw unavailable(new Error('it refused its own access token at UserInfo'));
        });
        return personOf({ ...more, ...claims }, settings.groupsClaim);
      } catch (error) {
        throw failure(error);
      }
    },
  };
}
export type Provider = ReturnType<typeof createProvider>;

/** openid-client's codes for an ID token that fails a check. */
const TOKEN_FAULTS = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
  'OAUTH_PARSE_ERROR',
]);
const TEMPORARY = new Set(['server_error', 'temporarily_unavailable']);
/** RFC 6749, section 5.2: errors that a person's next try can't mend. */
const CLIENT_FAULTS = new Set(['invalid_client', 'unauthorized_client', 'unsupported_grant_type']);

const isClientFault = (error: unknown): boolean =>
  error instanceof client.ResponseBodyError && CLIENT_FAULTS.has(error.error);

/** The innermost message: openid-client and fetch wrap what happened. Never the error itself: its causes hold tokens. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  if ((error as { code?: unknown }).code === 'OAUTH_TIMEOUT') return `no answer within ${TIMEOUT_SECONDS} s`;
  if ((error as { code?: unknown }).code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    return 'its own issuer differs from auth.issuer: set that to what its metadata say';
  }
  const { cause } = error;
  return cause instanceof Error ? reasonOf(cause) : error.message || String((error as { code?: unknown }).code);
}
