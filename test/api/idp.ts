import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Configuration } from 'oidc-provider';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

export const SECRET = randomBytes(24).toString('base64url');
export const CALLBACK = 'http://127.0.0.1:9/callback';

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An ID token as the provider would sign it (RS256). */
function signed(claims: Json, kid: string, key: KeyObject): string {
  const text = `${base64({ alg: 'RS256', kid, typ: 'JWT' })}.${base64(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
}

/**
 * A real OpenID provider (oidc-provider) on loopback. Whoever comes is signed in as `idp.who` without being asked, with
 * the claims of `idp.people`. `callbacks` are more places that it may send people back to. `tamper` changes what the token endpoint answers.
 */
export async function startIdp(port = 0, callbacks: readonly string[] = []) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomBytes(4).toString('hex');
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const people = new Map<string, Record<string, unknown>>();
  const idp = {
    issuer,
    people,
    who: 'alice',
    privateKey,
    kid,
    /** Of an ID token's claims makes other ones, or another token (a text); undefined takes it away. */
    tamper: undefined as ((claims: Json) => Json) | undefined,
    /** Requests by path. */
    seen: [] as string[],
    signed: (claims: Json, key = privateKey) => signed(claims, kid, key),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const redirect_uris = [CALLBACK, 'https://gatehouse.example/callback', ...callbacks];
  const shared = { redirect_uris, grant_types: ['authorization_code'], response_types: ['code' as const] };
  const configuration: Configuration = {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } as Json] },
    clients: [
      { ...shared, client_id: 'gatehouse', client_secret: SECRET },
      { ...shared, client_id: 'public', token_endpoint_auth_method: 'none' },
    ],
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email', 'email_verified'] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => false },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    findAccount: (_, sub) => ({ accountId: sub, claims: async () => ({ sub, ...people.get(sub) }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    async loadExistingGrant({ oidc }) {
      const before = oidc.session?.grantIdFor(oidc.client?.clientId as string);
      if (before) return oidc.provider.Grant.find(before);
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId as string,
        accountId: oidc.session?.accountId as string,
      });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  };
  const provider = new Provider(issuer, configuration);
  provider.use(async (ctx, next) => {
    idp.seen.push(ctx.path);
    await next();
    const body = ctx.body as Json;
    if (ctx.path !== '/token' || !idp.tamper || !body?.id_token) return;
    const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString());
    const other = idp.tamper(claims);
    body.id_token = typeof other === 'object' ? idp.signed(other) : other;
  });
  const handle = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return handle(request, response);
    try {
      await provider.interactionFinished(request, response, { login: { accountId: idp.who } });
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  return idp;
}
export type Idp = Awaited<ReturnType<typeof startIdp>>;

/** A browser's cookies, by origin and path, and its way along redirects. */
export class Browser {
  readonly #jar = new Map<string, { value: string; path: string }>();

  #cookies({ host, pathname }: URL): Record<string, string> {
    const sent = [...this.#jar].filter(([key, { path }]) => key.startsWith(`${host} `) && pathname.startsWith(path));
    return sent.length > 0
      ? { cookie: sent.map(([key, { value }]) => `${key.split(' ')[1]}=${value}`).join('; ') }
      : {};
  }
  async fetch(address: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> {
    const url = new URL(address);
    const headers = { ...this.#cookies(url), ...init.headers };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const path = /; path=([^;]+)/i.exec(line)?.[1] ?? '/';
      if (value === '') this.#jar.delete(`${url.host} ${name}`);
      else this.#jar.set(`${url.host} ${name}`, { value, path });
    }
    return response;
  }
  /** Follows redirects until one leads to `callback`; what comes with it. */
  async signIn(address: string, callback = CALLBACK): Promise<URLSearchParams> {
    let url = address;
    for (let i = 0; i < 10; i++) {
      const response = await this.fetch(url);
      const location = response.headers.get('location');
      if (!location) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
      url = new URL(location, url).href;
      if (url.startsWith(callback)) return new URL(url).searchParams;
    }
    throw new Error('too many redirects');
  }
}
