import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import websocket from '@fastify/websocket';
import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, fastify, LogController } from 'fastify';
import { Registry } from 'prom-client';
import { type Authenticate, checkAccess, checkOrigin } from './caller.ts';
import { badRequest, describe, type ErrorFormat, HttpError, plainErrors } from './errors.ts';
import { addMetrics } from './metrics.ts';
import { compileValidator } from './validate.ts';

/** One of the appliance's APIs: its routes under one prefix, with one way to word errors. */
export interface Api {
  prefix: string;
  errors: ErrorFormat;
  routes: readonly Routes[];
}
export type Routes = FastifyPluginAsyncTypebox;

export interface HttpOptions {
  apis: readonly Api[];
  authenticate: Authenticate;
  log: FastifyBaseLogger;
  registry?: Registry;
  /** WebSocket subprotocols that the APIs speak. */
  subprotocols: readonly string[];
  /** The cookie that carries a session: with it, a request must come from the same origin to change anything. */
  sessionCookie: string;
  version: string;
  /** Why nothing can be kept just now, where an error says so (a full disk): 503 with these words, not 500. */
  unavailable?: (error: unknown) => string | undefined;
}

export const BODY_LIMIT = 1024 * 1024;
/** The largest frame from an agent: telemetry of a hub with 10,000 peers is about 2 MB. */
const WS_MAX_PAYLOAD = 8 * 1024 * 1024;
/** RFC 6455, section 4.1. Any other request for an upgrade (`h2c` of Java's and curl's clients) is served as it is. */
const WEBSOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;
const SUBPROTOCOL_LIST = /^[!#$%&'*+.^_`|~\w-]+([ \t]*,[ \t]*[!#$%&'*+.^_`|~\w-]+)*$/;
const isWebSocketHandshake = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  headers.upgrade?.toLowerCase() === 'websocket' &&
  headers['sec-websocket-version'] === '13' &&
  WEBSOCKET_KEY.test(headers['sec-websocket-key'] ?? '') &&
  SUBPROTOCOL_LIST.test(headers['sec-websocket-protocol'] ?? '-');
/** A client gets this long to send a whole request. */
const REQUEST_TIMEOUT_MS = 30_000;
/** At the end, requests in flight get this long; then what hangs is cut off, so that the rest can be written. */
const CLOSE_MS = 5_000;

/** When it may be worth asking again what a full disk has refused; seconds. */
const RETRY_AFTER_S = '10';
/** A token or credential that somebody has written into a path. */
const SECRET = /(gh[a-z]_|wirety_)[0-9a-f]{16,}/gi;
/** The path of a request without secrets: a query string may hold what shouldn't be in a log, and a path may too. */
const pathOf = (url: string): string => (url.split('?')[0] as string).replace(SECRET, '$1…');
const REQUEST_ID = /^[\w.-]{1,64}$/;

/** The HTTP server of the appliance: every API, its OpenAPI document, `/metrics` and WebSockets. Not yet listening. */
export async function createHttp(options: HttpOptions) {
  const formatOf = (url: string): ErrorFormat =>
    options.apis.find(({ prefix }) => url === prefix || url.startsWith(`${prefix}/`) || url.startsWith(`${prefix}?`))
      ?.errors ?? plainErrors;
  const sendError = (
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    message: string,
    members: Record<string, unknown> = {},
  ) => {
    const format = formatOf(request.url);
    // A string: Fastify would serialise an object with a schema of the route's, which knows no members.
    return reply
      .code(status)
      .type(format.contentType)
      .send(JSON.stringify(format.body(status, message, members)));
  };

  let tls: TlsServer | undefined;
  let closing = false;
  const webSocketPaths: RegExp[] = [];
  // Once a socket is upgraded Node no longer looks after it, so it is for routes that take it over only.
  const shouldUpgradeCallback = (request: IncomingMessage): boolean =>
    isWebSocketHandshake(request) && webSocketPaths.some((path) => path.test(request.url ?? ''));

  const app = fastify({
    loggerInstance: options.log,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: { shouldUpgradeCallback },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (raw) => {
      const given = raw.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => {
      const told = describe(error, formatOf(request.url)) ?? { status: 400, message: 'the request is not valid' };
      sendError(request, reply as FastifyReply, told.status, told.message);
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return;
      const [status, message] =
        error.code === 'HPE_HEADER_OVERFLOW'
          ? ['431 Request Header Fields Too Large', 'the headers are larger than 16 KiB']
          : ['400 Bad Request', 'this is not a valid HTTP request'];
      const body = JSON.stringify({ error: message });
      socket.end(
        `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
          `Connection: close\r\n\r\n${body}`,
      );
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setValidatorCompiler(compileValidator);
  app.removeContentTypeParser('text/plain');
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    // Clients send the header with an empty body where none is needed.
    if (body === '') return done(null, undefined);
    // PostgreSQL can't keep U+0000 in text; no field of any API needs it.
    if (body.includes('\\u0000')) return done(badRequest('the body has a null character in it'));
    return parseJson(request, body, done);
  });

  app.addHook('onRoute', ({ wsHandler, url }) => {
    if (wsHandler) webSocketPaths.push(new RegExp(`^${url.replace(/:\w+/g, '[\\w-]+')}/?(\\?|$)`));
  });
  // Before our own hook: it closes the sockets of handshakes that our hook refuses.
  await app.register(websocket, {
    options: {
      maxPayload: WS_MAX_PAYLOAD,
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => options.subprotocols.find((name) => offered.has(name)) ?? false,
    },
  });
  // Before our own hook, so that what it refuses has the headers too.
  await app.register(helmet, {
    // Without helmet's own directives: they let scripts in, and `upgrade-insecure-requests` breaks pages on plain HTTP.
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
  });
  // Before our own hook, which reads the cookies that this one parses.
  await app.register(cookie);
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (request.url.includes('%00')) throw badRequest('the address has a null character in it');
    if (request.cookies[options.sessionCookie] !== undefined) checkOrigin(request);
    if (request.is404) return;
    const access = request.routeOptions.config.access ?? 'user';
    try {
      request.caller = await options.authenticate(request);
    } catch (error) {
      if (access !== 'public' || !(error instanceof HttpError)) throw error;
    }
    checkAccess(access, request.caller);
  });
  app.addHook('onSend', async (_request, reply) => {
    // Kept alive, the connection of a request that was in flight would hold up the end until it timed out.
    if (closing) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    const path = pathOf(request.url);
    const line = { method: request.method, path, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    request.log.info({ ...line, address: request.ip, user: request.caller?.username }, 'request');
  });

  app.setErrorHandler((error, request, reply) => {
    const told = describe(error as HttpError, formatOf(request.url));
    if (!told) {
      request.log.error({ err: error }, 'request failed');
      const why = options.unavailable?.(error);
      if (why !== undefined) return sendError(request, reply.header('retry-after', RETRY_AFTER_S), 503, why);
      return sendError(request, reply, 500, `internal error; the log has it under request id ${request.id}`);
    }
    if (error instanceof HttpError) reply.headers(error.headers);
    return sendError(request, reply, told.status, told.message, told.members);
  });
  // A device that enrolls tells it by the header from a token that isn't good; the body is the API's own.
  app.setNotFoundHandler((request, reply) => {
    reply.header('x-gatehouse-error', 'no-route');
    return sendError(request, reply, 404, `there is no ${request.method} ${pathOf(request.url)}`);
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Gatehouse overlay API', version: options.version },
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`Session <hash>`' },
          token: { type: 'http', scheme: 'bearer', description: 'an API token, or an enrollment token' },
          cookie: { type: 'apiKey', in: 'cookie', name: options.sessionCookie },
        },
      },
      security: [{ session: [] }, { token: [] }, { cookie: [] }],
    },
  });
  addMetrics(app, options.registry ?? new Registry());

  for (const api of options.apis) {
    await app.register(
      async (scope) => {
        for (const routes of api.routes) await scope.register(routes);
      },
      { prefix: api.prefix },
    );
  }
  app.get('/api/v1/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger());
  app.get('/', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .send('This is a Gatehouse appliance. Its API is described at /api/v1/openapi.json\n'),
  );
  await app.ready();

  return {
    app,
    /** Opens the plain listener; resolves to its URL. Port 0 takes any free one. */
    async listen(host: string, port: number): Promise<string> {
      await app.listen({ host, port, listenTextResolver: (address) => `listening at ${address}` });
      return `http://${urlHost(app.server.address() as AddressInfo)}`;
    },
    /** Opens the TLS listener, which serves the same. */
    async listenTls(host: string, port: number, key: string, cert: string): Promise<string> {
      const server = createTlsServer({ key, cert, minVersion: 'TLSv1.2', shouldUpgradeCallback }, (request, response) =>
        app.routing(request, response),
      );
      server.on('upgrade', (request, socket, head) => app.server.emit('upgrade', request, socket, head));
      server.requestTimeout = REQUEST_TIMEOUT_MS;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
      tls = server;
      return `https://${urlHost(server.address() as AddressInfo)}`;
    },
    /** Takes no new requests, finishes those in flight, and closes the rest. */
    async close(): Promise<void> {
      closing = true;
      const tlsClosed = tls && new Promise((resolve) => tls?.close(resolve));
      tls?.closeIdleConnections();
      const cutOff = setTimeout(() => {
        app.server.closeAllConnections();
        tls?.closeAllConnections();
        for (const client of app.websocketServer.clients) client.terminate();
      }, CLOSE_MS);
      await app.close();
      await tlsClosed;
      clearTimeout(cutOff);
    },
  };
}
export type Http = Awaited<ReturnType<typeof createHttp>>;

const urlHost = ({ address, port }: AddressInfo): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;
