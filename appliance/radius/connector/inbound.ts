import type { FastifyRequest } from 'fastify';
import { type ErrorFormat, HttpError, type Routes, unprocessable } from '../../http/index.ts';
import { sameBytes } from '../codec/index.ts';
import { challengeHash, challengeResponse, expandNtHash, hashNtHash } from '../mschap/index.ts';
import type { Attempt, Authenticate, Verdict } from '../types.ts';
import { clientOf } from './clients.ts';
import { InboundAnswer, InboundBody, InboundErrors } from './schema.ts';
import type { Service } from './service.ts';
import { Throttle } from './throttle.ts';
import { formatTime } from './times.ts';

const BODY_LIMIT = 16 * 1024;
/** Questions that are answered at once; more are told to come back. */
export const MAX_AT_ONCE = 64;
const REFUSED = 'Email/login or password incorrect.';

export type Accept = Verdict & { outcome: 'accept' };

export interface InboundOptions extends Pick<Service, 'store' | 'now'> {
  /** Checks logins of this site; the attributes of an accept go into the answer. */
  authenticate: Authenticate;
  /** The NT hash of a login's password, where it is known. */
  ntHash(login: string): Uint8Array | undefined;
  /** Milliseconds that only go forward. */
  monotonic(): number;
}

/** The format of the connector's document: `{"errors": ["…"]}`. */
export const connectorErrors: ErrorFormat = {
  contentType: 'application/json; charset=utf-8',
  invalid: 422,
  body: (_status, message) => ({ errors: [message] }),
};

/** `POST /connector/authenticate`: we as the backend of another RADIUS server. For the prefix /connector. */
export function inboundRoutes(options: InboundOptions): Routes {
  const { now, monotonic, authenticate } = options;
  const throttle = new Throttle();
  let running = 0;

  const admit = (key: string): void => {
    const seconds = Math.ceil(throttle.wait(key, monotonic()) / 1000);
    if (seconds === 0) return;
    // Not 429: who asks takes 4xx for a reject, and nobody has looked at this password.
    throw new HttpError(503, `too many failures: try again in ${seconds} s`, { 'retry-after': String(seconds) });
  };

  /** The client that asks. Wrong tokens slow down the address they come from, and nobody else. */
  async function checkClient(request: FastifyRequest): Promise<string> {
    const key = `token ${request.ip}`;
    admit(key);
    const [, token = ''] = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
    const client = await clientOf(options, token);
    if (client) return client.id;
    throttle.failed(key, monotonic());
    throw new HttpError(401, 'the Bearer token is none that this server gave out', { 'www-authenticate': 'Bearer' });
  }

  async function answer(body: InboundBody, key: string): Promise<InboundAnswer> {
    admit(key);
    const attempt = attemptOf(body);
    const verdict = await authenticate(attempt);
    if (verdict.outcome === 'none') throw new HttpError(503, 'this cannot be decided now', { 'retry-after': '5' });
    if (verdict.outcome === 'reject') {
      throttle.failed(key, monotonic());
      throw unprocessable(verdict.message ?? REFUSED);
    }
    throttle.succeeded(key);
    const ntKey = attempt.credentials.kind === 'mschap' ? ntKeyOf(verdict, attempt, options.ntHash) : undefined;
    const { attributes = [], sessionTimeout: seconds } = verdict;
    return {
      id: verdict.subject.id,
      ...(seconds !== undefined && { valid_until: formatTime(now() + seconds * 1000) }),
      ...(ntKey && { nt_key: ntKey }),
      attributes: attributes.map(({ name, value, op }) => ({ name, value, op })),
    };
  }

  return async (app) => {
    app.post(
      '/authenticate',
      {
        config: { access: 'public' },
        bodyLimit: BODY_LIMIT,
        // Before the body is read: who has no token sends none.
        onRequest: async (request) => {
          clients.set(request, await checkClient(request));
        },
        schema: {
          tags: ['radius connector'],
          security: [{ token: [] }],
          summary: 'Whether a login and its password, or its MS-CHAP response, are of this site',
          description:
            'For other RADIUS servers, with the token of a connector client. `mschap_challenge` and `mschap_response` ' +
            "are FreeRADIUS's `%{mschap:Challenge}` and `%{mschap:NT-Response}`.",
          body: InboundBody,
          response: { 200: InboundAnswer, '4xx': InboundErrors, 503: InboundErrors },
        },
      },
      async (request, reply) => {
        if (running >= MAX_AT_ONCE) throw new HttpError(503, 'too many questions at once', { 'retry-after': '1' });
        running++;
        try {
          const login = request.body.login.normalize('NFC').toLowerCase();
          const made = await answer(request.body, `login ${clients.get(request)} ${request.ip} ${login}`);
          return reply.header('cache-control', 'no-store').send(made);
        } finally {
          running--;
        }
      },
    );
  };
}

/** Which client a request is of. */
const clients = new WeakMap<FastifyRequest, string>();

/** What a body asks. 422 where it is neither a password nor an MS-CHAP response. */
function attemptOf({ login, password, mschap_challenge: challenge, mschap_response: response }: InboundBody): Attempt {
  if (challenge === undefined && response === undefined) {
    if (password === undefined) throw unprocessable('password, or mschap_challenge and mschap_response, is required');
    return { login, credentials: { kind: 'pap', password: Buffer.from(password) }, request: undefined };
  }
  if (challenge === undefined || response === undefined) {
    throw unprocessable('mschap_challenge and mschap_response belong together');
  }
  const msChap = msChapFrom(login, Buffer.from(challenge, 'hex'), Buffer.from(response, 'hex'));
  if (!msChap) {
    throw unprocessable('mschap_challenge must be of 8 bytes and mschap_response of 24; or of 16 and 50');
  }
  return { login, credentials: { kind: 'mschap', ...msChap }, request: undefined };
}

/**
 * Eight bytes of challenge and 24 of response: as they are, or from the attributes MS-CHAP-Challenge and
 * MS-CHAP2-Response (RFC 2548, section 2.3.2: ident, flags, peer challenge, 8 reserved, response) or MS-CHAP-Response
 * (section 2.1.3: ident, flags, LM response, NT response).
 */
function msChapFrom(
  login: string,
  challenge: Uint8Array,
  response: Uint8Array,
): { challenge: Uint8Array; response: Uint8Array } | undefined {
  const nt = response.length === 50 ? response.subarray(26) : response;
  if (nt.length !== 24) return undefined;
  if (challenge.length === 8) return { challenge, response: nt };
  if (challenge.length !== 16 || response.length !== 50) return undefined;
  // Without the domain, as clients hash it (RFC 2759, section 8.2).
  const userName = login.slice(login.lastIndexOf('\\') + 1);
  return { challenge: challengeHash(response.subarray(2, 18), challenge, userName), response: nt };
}

/** The MD4 of the NT hash that the response was made with, for the other server's MS-CHAP2-Success and MPPE keys. */
function ntKeyOf(
  verdict: Accept,
  { login, credentials }: Attempt,
  ntHash: InboundOptions['ntHash'],
): string | undefined {
  if (credentials.kind !== 'mschap') return undefined;
  let key = verdict.mschapv2?.ntHashHash;
  const hash = key ? undefined : ntHash(login);
  if (hash && sameBytes(challengeResponse(credentials.challenge, expandNtHash(hash)), credentials.response)) {
    key = hashNtHash(hash);
  }
  return key && Buffer.from(key).toString('hex');
}
