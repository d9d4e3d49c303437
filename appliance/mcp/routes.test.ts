import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import test, { type TestContext } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { pino } from 'pino';
import Type from 'typebox';
import { badRequest, callerOf, createHttp, plainErrors, type Role, type Routes } from '../http/index.ts';
import { mcpRoutes } from './index.ts';
import { resultOf } from './server.ts';
import { IDLE_MS, MAX_SESSIONS_OF_USER } from './sessions.ts';

/** An API with this plugin and `routes`, where `Authorization: <role> <name>` is believed. */
async function start(t: TestContext, routes: Routes) {
  const clock = { now: 0 };
  const http = await createHttp({
    apis: [
      {
        prefix: '/api',
        errors: plainErrors,
        routes: [mcpRoutes({ version: '1', monotonic: () => clock.now }), routes],
      },
    ],
    authenticate: async ({ headers, cookies }) => {
      const [role = '', id] = (headers.authorization ?? cookies.who ?? '').split(' ');
      if (id === undefined) return null;
      return { id, username: id, role: role as Role, authorizedNetworks: [], via: cookies.who ? 'cookie' : 'session' };
    },
    log: pino({ level: 'silent' }),
    subprotocols: [],
    sessionCookie: 'who',
    version: '1',
  });
  const close = () => http.close();
  t.after(close);
  const url = new URL(`${await http.listen('127.0.0.1', 0)}/api/mcp`);

  const connect = async (who: string, kind: 'streamable' | 'sse' = 'streamable') => {
    const options = { requestInit: { headers: { authorization: who } } };
    const transport =
      kind === 'sse' ? new SSEClientTransport(url, options) : new StreamableHTTPClientTransport(url, options);
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(transport as Transport);
    t.after(() => client.close());
    return client;
  };
  /** A session that nobody listens to, as a client leaves it that has crashed. */
  const leave = async (who: string): Promise<string> => {
    const response = await post({ authorization: who }, INITIALIZE);
    await response.text();
    assert.equal(response.status, 200);
    return response.headers.get('mcp-session-id') ?? '';
  };
  const post = (headers: Record<string, string>, message: unknown, query = '') =>
    fetch(`${url}${query}`, {
      method: 'POST',
      headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...headers },
      body: typeof message === 'string' ? message : JSON.stringify(message),
    });
  return { url, clock, connect, leave, post, close };
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
const PING = { jsonrpc: '2.0', id: 2, method: 'ping' };
const none: Routes = async () => undefined;

test('a route that is registered later is a tool, whatever its answer', async (t) => {
  const { connect } = await start(t, async (app) => {
    app.get('/things', { schema: { response: { 200: Type.Array(Type.String()) } } }, async () => ['a', 'b']);
    app.get('/things/text', async (_request, reply) => reply.type('text/plain').send('words'));
    app.delete('/things/:id', async (_request, reply) => reply.code(204).send(null));
    app.post('/things/fail', async () => {
      throw new Error('a secret detail');
    });
    app.put('/things/:id', { schema: { body: Type.Object({ size: Type.Integer() }) } }, async ({ body }) => body);
    app.post('/things/refuse', async () => {
      throw badRequest('not this');
    });
    app.get('/secret', { config: { access: 'administrator' } }, async () => ({}));
    app.get('/hidden', { schema: { hide: true } }, async () => ({}));
    app.get('/live', { websocket: true }, () => undefined);
  });
  const client = await connect('user alice');
  const { tools } = await client.listTools();
  const names = ['list_things', 'get_thing_text', 'delete_thing', 'fail_thing', 'update_thing', 'refuse_thing'];
  assert.deepEqual(tools.map(({ name }) => name).sort(), names.sort());
  const call = (name: string, args: Record<string, unknown> = {}) => client.callTool({ name, arguments: args });

  assert.deepEqual(await call('list_things'), {
    content: [{ type: 'text', text: '["a","b"]' }],
    structuredContent: { data: ['a', 'b'] },
  });
  assert.deepEqual(await call('get_thing_text'), { content: [{ type: 'text', text: 'words' }] });
  assert.deepEqual((await call('delete_thing', { id: 'x' })).structuredContent, { done: true });
  assert.deepEqual((await call('update_thing', { id: 'x', size: 3 })).structuredContent, { size: 3 });
  assert.deepEqual(await call('update_thing', { id: 'x', size: 'big' }), {
    isError: true,
    content: [{ type: 'text', text: 'size must be integer' }],
    structuredContent: { status: 400, error: 'size must be integer' },
  });
  assert.equal((await call('refuse_thing')).isError, true);
  const failed = await call('fail_thing');
  assert.equal(failed.isError, true);
  assert.doesNotMatch(JSON.stringify(failed), /secret/);
  // Not listed, and no more allowed than the route is.
  assert.deepEqual((await call('get_secret')).structuredContent, {
    status: 403,
    error: 'only an administrator may do this',
  });
});

test("a call carries the message's own credentials and address, and nothing else of it", async (t) => {
  const { connect, leave, post } = await start(t, async (app) => {
    app.get('/seen', async (request) => ({ caller: callerOf(request).id, ip: request.ip, headers: request.headers }));
  });
  for (const kind of ['streamable', 'sse'] as const) {
    const { structuredContent } = await (await connect('user alice', kind)).callTool({ name: 'get_seen' });
    const { caller, ip, headers } = structuredContent as Record<string, never>;
    assert.equal(caller, 'alice');
    assert.equal(ip, '127.0.0.1');
    assert.deepEqual(Object.keys(headers ?? {}).sort(), ['authorization', 'host', 'user-agent', 'x-request-id']);
  }
  const id = await leave('user bob');
  const call = { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'get_seen' } };
  // The role is the one of this message, not of the session's first.
  const answer = await post({ authorization: 'administrator bob', 'mcp-session-id': id }, call);
  assert.match(await answer.text(), /administrator bob/);
});

test('sessions belong to their users', async (t) => {
  const { url, leave, post } = await start(t, none);
  const id = await leave('user alice');
  const asked = async (headers: Record<string, string>, query = '') => (await post(headers, PING, query)).status;
  assert.equal(await asked({ authorization: 'user alice', 'mcp-session-id': id }), 200);
  assert.equal(await asked({ authorization: 'user bob', 'mcp-session-id': id }), 404);
  assert.equal(await asked({ authorization: 'administrator root', 'mcp-session-id': id }), 404);
  assert.equal(await asked({ authorization: 'user alice', 'mcp-session-id': 'none' }), 404);
  assert.equal(await asked({ 'mcp-session-id': id }), 401);
  // The other transport's way to name a session.
  assert.equal(await asked({ authorization: 'user alice' }, `?sessionId=${id}`), 404);
  const end = (authorization: string) =>
    fetch(url, { method: 'DELETE', headers: { authorization, 'mcp-session-id': id } }).then(({ status }) => status);
  assert.equal(await end('user bob'), 404);
  assert.equal(await end('user alice'), 200);
  assert.equal(await end('user alice'), 404);
});

test('what begins no session and belongs to none is refused', async (t) => {
  const { url, post } = await start(t, none);
  const headers = { authorization: 'user alice' };
  assert.equal((await post(headers, PING)).status, 400);
  assert.equal((await post(headers, '')).status, 400);
  assert.equal((await post(headers, '{')).status, 400);
  assert.equal((await post(headers, [INITIALIZE, PING])).status, 400);
  assert.equal((await post({ ...headers, accept: 'application/json' }, INITIALIZE)).status, 406);
  assert.equal((await post(headers, { ...INITIALIZE, id: 'x'.repeat(1024 * 1024) })).status, 413);
  assert.equal((await fetch(url, { headers })).status, 406);
  assert.equal((await fetch(url, { method: 'DELETE', headers })).status, 400);
  assert.equal(
    (await fetch(url, { method: 'HEAD', headers: { ...headers, accept: 'text/event-stream' } })).status,
    404,
  );
  assert.equal((await post({}, INITIALIZE)).status, 401);
});

test("another site's page can't use a cookie, not even to open a stream", async (t) => {
  const { url, post } = await start(t, none);
  const cookie = 'who=user alice';
  const foreign = { cookie, origin: 'https://evil.example' };
  assert.equal((await post(foreign, INITIALIZE)).status, 403);
  assert.equal((await fetch(url, { headers: { ...foreign, accept: 'text/event-stream' } })).status, 403);
  const own = await post({ cookie, origin: url.origin }, INITIALIZE);
  await own.text();
  assert.equal(own.status, 200);
});

test('an idle session has ended', async (t) => {
  const { clock, leave, post } = await start(t, none);
  const headers = { authorization: 'user alice', 'mcp-session-id': await leave('user alice') };
  clock.now = IDLE_MS - 1;
  assert.equal((await post(headers, PING)).status, 200);
  clock.now += IDLE_MS;
  assert.equal((await post(headers, PING)).status, 404);
});

test('a user has so many sessions: abandoned ones make room, used ones do not', async (t) => {
  const { connect, leave, post, url } = await start(t, none);
  const first = await leave('user alice');
  for (let i = 1; i <= MAX_SESSIONS_OF_USER; i++) await leave('user alice');
  assert.equal((await post({ authorization: 'user alice', 'mcp-session-id': first }, PING)).status, 404);
  const clients = [];
  for (let i = 0; i < MAX_SESSIONS_OF_USER; i++) clients.push(await connect('user alice', 'sse'));
  const headers = { authorization: 'user alice', accept: 'text/event-stream' };
  assert.equal((await fetch(url, { headers })).status, 429);
  assert.equal((await post({ authorization: 'user alice' }, INITIALIZE)).status, 429);
  await connect('user bob', 'sse');
  for (const client of clients) await client.ping();
});

test('the older transport: the stream names its address, and messages are checked', async (t) => {
  const { url, post } = await start(t, none);
  const headers = { authorization: 'user alice', accept: 'text/event-stream' };
  const response = await fetch(url, { headers });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.ok(response.headers.get('x-request-id'));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  const [, query] = /^event: endpoint\ndata: \/api\/mcp(\?sessionId=[\w-]+)\n\n$/.exec(value ?? '') ?? [];
  assert.ok(query);
  const own = { authorization: 'user alice' };
  assert.equal((await post(own, PING, query)).status, 202);
  assert.match((await reader.read()).value ?? '', /^event: message\ndata: \{.*"id":2/);
  assert.equal((await post(own, { not: 'a message' }, query)).status, 400);
  assert.equal((await post({ authorization: 'user bob' }, PING, query)).status, 404);
  await reader.cancel();
});

test('at the end a running call is answered, and streams close', async (t) => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let running = 0;
  const { connect, close } = await start(t, async (app) => {
    app.post('/slow', async () => {
      if (++running === 2) begin();
      await released;
      return { finished: true };
    });
  });
  const clients = [await connect('user alice'), await connect('user alice', 'sse')];
  const [streamable, sse] = clients.map((client) => client.callTool({ name: 'slow' }));
  await begun;
  const closed = close();
  release();
  assert.deepEqual((await streamable)?.structuredContent, { finished: true });
  assert.deepEqual((await sse)?.structuredContent, { finished: true });
  await closed;
});

test('at the end the connection of a client that listens is closed', async (t) => {
  const { url, connect, close } = await start(t, none);
  await connect('user alice');
  const headers = { authorization: 'user alice', accept: 'text/event-stream' };
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const stream = await new Promise<IncomingMessage>((resolve) => get(url, { headers, agent }, resolve));
  stream.resume();
  const ended = once(stream.socket, 'close');
  await close();
  await ended;
});

test('a refusal says all that the API says', () => {
  const details = { error: 'circular', details: { route: 'r' } };
  const { content, structuredContent } = resultOf(409, 'application/json; charset=utf-8', JSON.stringify(details));
  assert.deepEqual(content, [{ type: 'text', text: 'circular {"details":{"route":"r"}}' }]);
  assert.equal(structuredContent?.status, 409);
  assert.equal(resultOf(302, 'text/plain', '').isError, true);
  assert.equal(resultOf(500, 'application/json', '{').isError, true);
});
