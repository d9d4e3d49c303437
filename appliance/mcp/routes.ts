import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { badRequest, callerOf, checkOrigin, HttpError, notFound, type Routes } from '../http/index.ts';
import { authInfoOf, createServer } from './server.ts';
import { type Session, Sessions } from './sessions.ts';
import { hasTool, type RouteInfo, type Tool, toolsFrom } from './tools.ts';

const SWEEP_MS = 60_000;
/** Keeps proxies from ending a quiet stream; the SDK does it for Streamable HTTP only. */
const KEEP_ALIVE_MS = 15_000;
/** A client of the older transport that reads no answers is cut off at so many bytes of them. */
const MAX_UNREAD = 16 * 1024 * 1024;

interface StreamableSession extends Session {
  kind: 'streamable';
  transport: StreamableHTTPServerTransport;
}
interface SseSession extends Session {
  kind: 'sse';
  transport: SSEServerTransport;
  /** Bytes of answers that the client hasn't read. */
  unread(): number;
}
type AnySession = StreamableSession | SseSession;

export interface McpOptions {
  version: string;
  /** Milliseconds that only grow. */
  monotonic: () => number;
}

const tags = ['mcp'];
const querystring = Type.Object({ sessionId: Type.Optional(Type.String({ maxLength: 64 })) });

/**
 * `/mcp`: the Model Context Protocol, as Streamable HTTP and as the older HTTP with SSE on the same path. What has a
 * `sessionId` in its query is the older one's, and so is a GET for a stream without `Mcp-Session-Id`.
 *
 * Every route of the same API that is registered after this plugin gets a tool.
 */
export function mcpRoutes({ version, monotonic }: McpOptions): Routes {
  const plugin: Routes = async (app) => {
    const collected: RouteInfo[] = [];
    app.addHook('onRoute', ({ method, url, schema, config, ...route }) => {
      if ('wsHandler' in route || 'websocket' in route) return;
      const path = url.slice(app.prefix.length);
      const access = config?.access ?? 'user';
      for (const one of [method].flat()) {
        const info: RouteInfo = { method: one, url, path, access, schema: { ...schema } };
        if (hasTool(info)) collected.push(info);
      }
    });
    const tools = new Map<string, Tool>();
    app.addHook('onReady', async () => {
      for (const [name, tool] of toolsFrom(collected)) tools.set(name, tool);
    });

    const sessions = new Sessions<AnySession>(monotonic);
    const sweeper = setInterval(() => void sessions.sweep(), SWEEP_MS);
    sweeper.unref();
    let closing = false;
    app.addHook('preClose', async () => {
      closing = true;
      clearInterval(sweeper);
      await sessions.finish();
    });

    const connect = async (session: AnySession): Promise<void> => {
      const server = createServer({ app: app as unknown as FastifyInstance, tools, version }, session);
      server.onclose = () => sessions.delete(session.id);
      // The SDK's own transports don't fit its interface under exactOptionalPropertyTypes.
      await server.connect(session.transport as Transport);
    };

    const openStreamable = async (userId: string): Promise<StreamableSession> => {
      const id = randomUUID();
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => id });
      const close = () => transport.close();
      const session: StreamableSession = {
        kind: 'streamable',
        id,
        userId,
        transport,
        open: 0,
        calls: new Set(),
        close,
      };
      await sessions.add(session);
      await connect(session);
      return session;
    };

    /** The SDK answers from here on, with the headers that the server has set so far. */
    const takeOver = (session: Session, { method, socket }: FastifyRequest, reply: FastifyReply): void => {
      session.open++;
      reply.raw.once('close', () => session.open--);
      // Kept alive, it would hold up the server's end. Nobody asks again on a stream's connection anyway.
      reply.raw.once('finish', () => (closing || method === 'GET') && socket.end());
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.hijack();
    };

    const serveStreamable = async (session: StreamableSession, request: FastifyRequest, reply: FastifyReply) => {
      takeOver(session, request, reply);
      const raw: IncomingMessage & { auth?: AuthInfo } = request.raw;
      raw.auth = authInfoOf(request);
      await session.transport.handleRequest(raw, reply.raw, request.body);
    };

    const openSse = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const transport = new SSEServerTransport(`${app.prefix}/mcp`, reply.raw);
      const session: SseSession = {
        kind: 'sse',
        id: transport.sessionId,
        userId: callerOf(request).id,
        transport,
        open: 0,
        calls: new Set(),
        unread: () => reply.raw.writableLength,
        close: () => transport.close(),
      };
      await sessions.add(session);
      takeOver(session, request, reply);
      const keepAlive = setInterval(() => reply.raw.write(': keepalive\n\n'), KEEP_ALIVE_MS);
      keepAlive.unref();
      reply.raw.once('close', () => clearInterval(keepAlive));
      await connect(session);
      // Gone before anybody listened for it.
      if (reply.raw.destroyed) await session.close();
    };

    /** The caller's session of this transport. */
    const sessionOf = <K extends AnySession['kind']>(request: FastifyRequest, id: unknown, kind: K) => {
      const session = sessions.use(id, callerOf(request).id);
      if (session.kind !== kind) throw notFound('MCP session');
      return session as Extract<AnySession, { kind: K }>;
    };

    app.route({
      method: 'GET',
      url: '/mcp',
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: "Open an MCP session's event stream",
        description: 'With `Mcp-Session-Id` (Streamable HTTP), or without it to begin a session over HTTP with SSE.',
        querystring,
      },
      handler: async (request, reply) => {
        if (!/\btext\/event-stream\b/i.test(request.headers.accept ?? '')) {
          throw new HttpError(406, 'this is an MCP server: send Accept: text/event-stream');
        }
        // It begins something, so a cookie counts only where it would for a POST.
        if (callerOf(request).via === 'cookie')
          checkOrigin({ headers: request.headers, method: 'POST' } as FastifyRequest);
        const id = request.headers['mcp-session-id'];
        if (id === undefined) await openSse(request, reply);
        else await serveStreamable(sessionOf(request, id, 'streamable'), request, reply);
      },
    });

    app.route({
      method: 'POST',
      url: '/mcp',
      schema: { tags, summary: 'Send an MCP message', description: 'JSON-RPC 2.0.', querystring },
      handler: async (request, reply) => {
        const { body, query } = request;
        if (query.sessionId !== undefined) {
          const session = sessionOf(request, query.sessionId, 'sse');
          if (session.unread() > MAX_UNREAD) {
            await session.close();
            throw new HttpError(429, `${MAX_UNREAD} bytes of answers are unread: the MCP session is closed`);
          }
          try {
            await session.transport.handleMessage(body, { authInfo: authInfoOf(request) });
          } catch {
            throw badRequest('the body is not a JSON-RPC 2.0 message');
          }
          return reply.code(202).type('text/plain; charset=utf-8').send('Accepted');
        }
        const id = request.headers['mcp-session-id'];
        if (id !== undefined) return serveStreamable(sessionOf(request, id, 'streamable'), request, reply);
        if (!isInitializeRequest(body)) {
          throw badRequest('begin with the MCP request initialize, and send its Mcp-Session-Id from then on');
        }
        const session = await openStreamable(callerOf(request).id);
        try {
          await serveStreamable(session, request, reply);
        } finally {
          // The transport refused it: a session without an id that the client knows.
          if (session.transport.sessionId === undefined) await session.close();
        }
      },
    });

    app.route({
      method: 'DELETE',
      url: '/mcp',
      schema: {
        tags,
        summary: 'End an MCP session',
        description: 'Of Streamable HTTP; the others end with their stream.',
      },
      handler: async (request, reply) => {
        const id = request.headers['mcp-session-id'];
        if (id === undefined) throw badRequest('the header Mcp-Session-Id is required');
        await serveStreamable(sessionOf(request, id, 'streamable'), request, reply);
      },
    });
  };
  // Fastify then runs it in the API's own scope, where the hook sees the routes of the plugins beside it.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}
