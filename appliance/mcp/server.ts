import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import type { FastifyInstance, FastifyRequest, InjectOptions } from 'fastify';
import { callerOf, type Role } from '../http/index.ts';
import type { Session } from './sessions.ts';
import { type ApiRequest, requestOf, type Tool } from './tools.ts';

/** Calls of one session that may wait for their answers at once: as many as the SDK takes in one batch. */
const MAX_CALLS = 100;

/** What says who calls, and from where: a tool's request carries these of the message's, and no other. */
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'origin', 'sec-fetch-site', 'host'] as const;

/** Who sent a message; it goes with the message to its handler. */
interface Sender {
  role: Role;
  headers: Record<string, string>;
  ip: string;
}

/** The sender of a message in the SDK's own form. A session's messages are checked one by one, each by its own. */
export function authInfoOf(request: FastifyRequest): AuthInfo {
  const { id, role } = callerOf(request);
  const headers: Record<string, string> = { 'x-request-id': request.id };
  for (const name of CREDENTIAL_HEADERS) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const sender: Sender = { role, headers, ip: request.ip };
  return { token: '', clientId: id, scopes: [], extra: { sender } };
}

function senderOf({ authInfo }: { authInfo?: AuthInfo }): Sender {
  const sender = authInfo?.extra?.sender as Sender | undefined;
  if (!sender) throw new McpError(ErrorCode.InternalError, 'the message came without its sender');
  return sender;
}

/** One compiler for all sessions: each would otherwise make its own. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

export interface ServerOptions {
  app: FastifyInstance;
  tools: ReadonlyMap<string, Tool>;
  version: string;
}

/** The SDK's server of one session. A call is a request to the tool's own route, with the sender's own credentials. */
export function createServer({ app, tools, version }: ServerOptions, session: Session): Server {
  const server = new Server(
    { name: 'gatehouse', title: 'Gatehouse', version },
    {
      capabilities: { tools: {} },
      instructions:
        'The tools are the overlay API of this Gatehouse appliance, and may do what you may. ' +
        'Start with list_networks: most tools want its id as networkId.',
      jsonSchemaValidator,
    },
  );
  server.onerror = (error) => app.log.debug({ err: error }, 'MCP');

  server.setRequestHandler(ListToolsRequestSchema, (_request, extra) => {
    const administrator = senderOf(extra).role === 'administrator';
    const listed = [...tools.values()].filter(({ access }) => administrator || access !== 'administrator');
    return { tools: listed.map(({ definition }) => definition) };
  });

  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    const sender = senderOf(extra);
    const tool = tools.get(params.name);
    if (!tool) throw new McpError(ErrorCode.InvalidParams, `there is no tool ${params.name}`);
    if (session.calls.size >= MAX_CALLS) {
      throw new McpError(
        ErrorCode.InvalidRequest,
        `${MAX_CALLS} calls of this session wait already: wait for an answer`,
      );
    }
    const request = requestOf(tool, params.arguments ?? {});
    if ('problem' in request) return failure(400, request.problem);
    const call = perform(app, request, sender);
    session.calls.add(call);
    try {
      return await call;
    } finally {
      session.calls.delete(call);
    }
  });
  return server;
}

async function perform(app: FastifyInstance, request: ApiRequest, sender: Sender): Promise<CallToolResult> {
  const answer = await app.inject({
    method: request.method as NonNullable<InjectOptions['method']>,
    url: request.url,
    headers: { ...sender.headers, ...(request.body !== undefined && { 'content-type': 'application/json' }) },
    remoteAddress: sender.ip,
    ...(request.body !== undefined && { payload: JSON.stringify(request.body) }),
  });
  return resultOf(answer.statusCode, String(answer.headers['content-type'] ?? ''), answer.payload);
}

/** A tool's result from the API's answer: its text as it came, and as an object (a list is one's `data`). */
export function resultOf(status: number, contentType: string, text: string): CallToolResult {
  const value = parse(contentType, text);
  if (status >= 300) return failure(status, messageOf(value) ?? (text || `the API answered ${status}`));
  if (text === '') return success('{"done":true}', { done: true });
  if (value === undefined) return { content: [{ type: 'text', text }] };
  const object = typeof value === 'object' && value !== null && !Array.isArray(value);
  return success(text, object ? (value as Record<string, unknown>) : { data: value });
}

const success = (text: string, structuredContent: Record<string, unknown>): CallToolResult => ({
  content: [{ type: 'text', text }],
  structuredContent,
});

const failure = (status: number, message: string): CallToolResult => ({
  isError: true,
  content: [{ type: 'text', text: message }],
  structuredContent: { status, error: message },
});

function parse(contentType: string, text: string): unknown {
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(contentType)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageOf(value: unknown): string | undefined {
  const { error, ...more } = (value ?? {}) as { error?: unknown };
  if (typeof error !== 'string') return undefined;
  // Some refusals list what is in the way (a circular route): that belongs to the message.
  return Object.keys(more).length > 0 ? `${error} ${JSON.stringify(more)}` : error;
}
