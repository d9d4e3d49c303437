import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ErrorCode, McpError, type Tool } from '@modelcontextprotocol/sdk/types.js';
import { ADMIN_PASSWORD } from '../harness.ts';
import { freshCidr, freshName, type Json, makeNetwork, makePeer, type TestAppliance, useAppliance } from './support.ts';

const PASSWORD = 'a-password-for-tests';
const KINDS = ['streamable', 'sse'] as const;
/** The older transport's client tells the status, the other one the API's message. */
const UNAUTHORIZED = /\b401\b|sign in|has expired/;
type Kind = (typeof KINDS)[number];

/** Paths that are no tools: signing in, devices, live streams, and what describes the server itself. */
const LEFT_OUT = /^\/api\/v1\/(auth|agent|ws|mcp|health|openapi)\b/;

let a: TestAppliance;
const cleanups: (() => unknown)[] = [];
const mcpUrl = (): URL => new URL(`${a.url}/api/v1/mcp`);

async function connect(
  authorization: string,
  kind: Kind = 'streamable',
  more: StreamableHTTPClientTransportOptions = {},
): Promise<{ client: McpClient; transport: Transport }> {
  const options = { requestInit: { headers: { authorization } }, ...more };
  const transport = (
    kind === 'sse' ? new SSEClientTransport(mcpUrl(), options) : new StreamableHTTPClientTransport(mcpUrl(), options)
  ) as Transport;
  const client = new McpClient({ name: 'test', version: '1' });
  await client.connect(transport);
  cleanups.push(() => client.close());
  return { client, transport };
}

/** A call that must succeed; its structured answer. */
async function answer(client: McpClient, name: string, args: Record<string, unknown> = {}): Promise<Json> {
  const result = await client.callTool({ name, arguments: args });
  assert.notEqual(result.isError, true, `${name}: ${JSON.stringify(result.content)}`);
  return result.structuredContent;
}

/** A call that must fail as a tool's error: the status of the API and its message. */
async function refusal(client: McpClient, name: string, args: Record<string, unknown> = {}) {
  const result = await client.callTool({ name, arguments: args });
  assert.equal(result.isError, true, `${name}: ${JSON.stringify(result.content)}`);
  const { status, error } = result.structuredContent as { status: number; error: string };
  const [content] = result.content as { type: string; text: string }[];
  assert.deepEqual(content, { type: 'text', text: error });
  return { status, error };
}

async function sessionOf(username: string, password: string): Promise<string> {
  const { status, body } = await a.anonymous.post('/api/v1/auth/login', { username, password });
  assert.equal(status, 200);
  return `Session ${body.session_hash}`;
}

async function makePerson(networks: string[] = []): Promise<{ authorization: string; id: string }> {
  const username = freshName('person');
  const { body } = await a.admin.post('/api/v1/users', {
    username,
    password: PASSWORD,
    role: 'user',
    authorized_networks: networks,
  });
  return { authorization: await sessionOf(username, PASSWORD), id: body.id };
}

/** The administrator's `Authorization`. */
let admin: string;

/** `GET /networks/:networkId`, as each tool's description ends. */
const routeOf = ({ description }: Tool): string => /\((\S+ \S+)\)$/.exec(description ?? '')?.[1] ?? '';

describe('MCP', () => {
  const holder = useAppliance();
  before(async () => {
    a = holder.the;
    admin = await sessionOf('admin', ADMIN_PASSWORD);
  });
  after(async () => {
    for (const cleanup of cleanups) await cleanup();
  });
  for (const kind of KINDS) overBoth(kind);
  ofStreamable();
});

function overBoth(kind: Kind): void {
  describe(`over ${kind}`, () => {
    it('has a tool for every route of the API', async () => {
      const { client } = await connect(admin, kind);
      const { tools } = await client.listTools();
      const { body: document } = await a.anonymous.get('/api/v1/openapi.json');
      const wanted: string[] = [];
      for (const [path, item] of Object.entries<Json>(document.paths)) {
        if (LEFT_OUT.test(path) || !path.startsWith('/api/v1/')) continue;
        for (const method of ['get', 'post', 'put', 'patch', 'delete'].filter((name) => item[name])) {
          wanted.push(`${method.toUpperCase()} ${path.slice('/api/v1'.length).replaceAll(/\{(\w+)\}/g, ':$1')}`);
        }
      }
      assert.ok(wanted.length >= 25);
      assert.deepEqual(tools.map(routeOf).sort(), wanted.sort());
      assert.equal(new Set(tools.map(({ name }) => name)).size, tools.length);
      for (const { name, title, inputSchema, annotations } of tools) {
        assert.match(name, /^[a-z0-9_]{1,64}$/);
        assert.ok(title, name);
        assert.equal(inputSchema.type, 'object');
        assert.equal(annotations?.readOnlyHint, /^(get|list)_/.test(name), name);
      }
      assert.equal(tools.find(({ name }) => name === 'delete_peer')?.annotations?.destructiveHint, true);
    });

    it('makes a network and a peer, reads its WireGuard file, and deletes them', async () => {
      const { client } = await connect(admin, kind);
      const network = await answer(client, 'create_network', { name: freshName('net'), cidr: freshCidr() });
      const peer = await answer(client, 'create_peer', { networkId: network.id, name: 'hub', use_agent: false });
      const { config } = await answer(client, 'get_peer_config', { networkId: network.id, peerId: peer.id });
      assert.match(config, /^\[Interface\]/);
      const asRoute = await a.admin.get(`/api/v1/networks/${network.id}/peers/${peer.id}/config`);
      assert.equal(config, asRoute.body.config);

      const changed = await answer(client, 'update_peer', { networkId: network.id, peerId: peer.id, name: 'renamed' });
      assert.equal(changed.name, 'renamed');
      const list = await answer(client, 'list_peers', {
        networkId: network.id,
        page: 1,
        page_size: 5,
        filter: 'RENAM',
      });
      assert.deepEqual([list.total, list.page_size, list.data[0].id], [1, 5, peer.id]);

      assert.deepEqual(await answer(client, 'delete_network', { networkId: network.id }), { done: true });
      assert.equal((await refusal(client, 'get_network', { networkId: network.id })).status, 404);
    });

    it('answers bad arguments with an error that names the field', async () => {
      const { client } = await connect(admin, kind);
      const network = await makeNetwork(a.admin);
      const bad: [tool: string, args: Record<string, unknown>, message: RegExp][] = [
        ['create_network', { name: 'n' }, /^cidr is required/],
        ['create_network', { name: 'n', cidr: 'no' }, /^cidr /],
        ['create_network', { name: 5, cidr: freshCidr() }, /^name must be string/],
        ['create_network', { name: 'n', cidr: freshCidr(), colour: 'red' }, /^colour is not an argument/],
        ['create_peer', { name: 'n' }, /^networkId is required/],
        ['create_peer', { networkId: network.id, name: 'n', listen_port: 70_000 }, /^listen_port /],
        ['list_peers', { networkId: network.id, page: 'two' }, /^page must be integer/],
        ['get_network', { networkId: '..' }, /^networkId must be an id/],
        ['get_network', { networkId: 'x'.repeat(65) }, /^networkId must NOT have more than 64/],
      ];
      for (const [tool, args, message] of bad) {
        const { status, error } = await refusal(client, tool, args);
        assert.equal(status, 400, tool);
        assert.match(error, message);
      }
      assert.equal((await refusal(client, 'get_network', { networkId: '../users' })).status, 404);
      await client.ping();
    });

    it('knows no other tool', async () => {
      const { client } = await connect(admin, kind);
      for (const name of ['drop_everything', 'login_auth', 'get_mcp', '__proto__', '']) {
        await assert.rejects(
          client.callTool({ name, arguments: {} }),
          (error) => error instanceof McpError && error.code === ErrorCode.InvalidParams,
        );
      }
    });

    it('shows and allows a user what a user may', async () => {
      const network = await makeNetwork(a.admin);
      const foreign = await makeNetwork(a.admin);
      const user = await makePerson([network.id]);
      const { client } = await connect(user.authorization, kind);
      const { tools } = await client.listTools();
      const names = new Set(tools.map(({ name }) => name));
      for (const name of ['get_me', 'list_networks', 'create_peer', 'get_peer_config'])
        assert.ok(names.has(name), name);
      for (const name of ['create_network', 'delete_network', 'list_users', 'update_user'])
        assert.ok(!names.has(name), name);

      assert.equal((await answer(client, 'get_me')).id, user.id);
      const listed = await answer(client, 'list_networks');
      assert.deepEqual(
        listed.data.map(({ id }: Json) => id),
        [network.id],
      );
      const peer = await answer(client, 'create_peer', { networkId: network.id, name: 'laptop' });
      assert.equal(peer.owner_id, user.id);

      assert.equal((await refusal(client, 'create_network', { name: 'n', cidr: freshCidr() })).status, 403);
      assert.equal((await refusal(client, 'list_users')).status, 403);
      assert.equal((await refusal(client, 'update_user', { userId: user.id, role: 'administrator' })).status, 403);
      assert.ok([403, 404].includes((await refusal(client, 'get_network', { networkId: foreign.id })).status));
      const jump = { networkId: network.id, name: 'hub', is_jump: true };
      assert.equal((await refusal(client, 'create_peer', jump)).status, 403);
    });

    it("gives a user nothing of another's peer by any tool", async () => {
      const network = await makeNetwork(a.admin);
      const [owner, other] = [await makePerson([network.id]), await makePerson([network.id])];
      const owned = await makePeer(a.anonymous.as(owner.authorization), network.id, { name: 'private-laptop' });
      const path = `/api/v1/networks/${network.id}/peers/${owned.id}`;
      const { body: before } = await a.admin.get(path);
      const { body: file } = await a.admin.get(`${path}/config`);
      const [privateKey] = /PrivateKey = (\S+)/.exec(file.config)?.slice(1) ?? [];
      assert.ok(privateKey);
      const secrets = [privateKey, owned.token, owned.public_key, 'private-laptop', `${owned.address}"`];

      const { client: asAdmin } = await connect(admin, kind);
      const { client } = await connect(other.authorization, kind);
      const { tools } = await asAdmin.listTools();
      const reachesPeer = tools.filter(({ inputSchema }) => inputSchema.properties?.peerId);
      assert.ok(reachesPeer.length >= 6);
      for (const { name, inputSchema } of tools) {
        const args: Record<string, unknown> = {};
        for (const [argument, schema] of Object.entries<Json>(inputSchema.properties ?? {})) {
          if (argument === 'networkId') args[argument] = network.id;
          else if (argument === 'peerId') args[argument] = owned.id;
          else if (inputSchema.required?.includes(argument)) args[argument] = sample(schema);
        }
        const result = await client.callTool({ name, arguments: args });
        const text = JSON.stringify(result);
        for (const secret of secrets) assert.ok(!text.includes(secret), `${name} shows ${secret}`);
        if (inputSchema.properties?.peerId) {
          const status = (result.structuredContent as Json)?.status;
          assert.ok(result.isError && [400, 403, 404].includes(status), `${name} answered ${text}`);
        }
      }
      assert.deepEqual((await a.admin.get(path)).body, before);
    });

    it('takes an API token, and a session cookie', async () => {
      const { body: token } = await a.admin.post('/api/v1/users/me/tokens', { name: freshName('token') });
      const { client } = await connect(`Bearer ${token.token}`, kind);
      assert.equal((await answer(client, 'get_me')).username, 'admin');
      const cookie = `wirety_session=${admin.split(' ')[1]}`;
      const byCookie = await connect('', kind, { requestInit: { headers: { cookie } } });
      assert.equal((await answer(byCookie.client, 'get_me')).username, 'admin');

      // A token that is deleted counts no more, in a session that is open too.
      await a.admin.delete(`/api/v1/users/me/tokens/${token.id}`);
      await assert.rejects(client.callTool({ name: 'get_me', arguments: {} }), UNAUTHORIZED);
    });

    it("keeps two users' sessions apart", async () => {
      const network = await makeNetwork(a.admin);
      const people = await Promise.all([makePerson([network.id]), makePerson([network.id])]);
      const clients = await Promise.all(people.map(({ authorization }) => connect(authorization, kind)));
      const seen = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const me = await answer(clients[i % 2]!.client, 'get_me');
          return me.id === people[i % 2]!.id;
        }),
      );
      assert.ok(seen.every(Boolean));
    });

    it('counts a changed role from the next message on', async () => {
      const user = await makePerson();
      const { client } = await connect(user.authorization, kind);
      const names = async () => (await client.listTools()).tools.map(({ name }) => name);
      assert.ok(!(await names()).includes('list_users'));
      await a.admin.put(`/api/v1/users/${user.id}`, { role: 'administrator' });
      assert.ok((await names()).includes('list_users'));
      assert.ok((await answer(client, 'list_users')).data.length > 1);
    });

    it('refuses who has not signed in', async () => {
      for (const authorization of ['', 'Session none', 'Bearer wirety_none']) {
        await assert.rejects(connect(authorization, kind), UNAUTHORIZED);
      }
    });
  });
}

function ofStreamable(): void {
  describe('sessions of Streamable HTTP', () => {
    const resume = (authorization: string, sessionId: string) => connect(authorization, 'streamable', { sessionId });
    const statusOf = (code: number) => (error: unknown) => (error as { code?: unknown }).code === code;

    it('are taken up again by their id, until they are ended', async () => {
      const first = await connect(admin);
      const sessionId = first.transport.sessionId ?? '';
      assert.match(sessionId, /^[\w-]{36}$/);
      await first.client.close();

      const second = await resume(admin, sessionId);
      assert.equal((await answer(second.client, 'get_me')).username, 'admin');
      await (second.transport as StreamableHTTPClientTransport).terminateSession();
      const third = await resume(admin, sessionId);
      await assert.rejects(third.client.listTools(), statusOf(404));
    });

    it("are nobody else's", async () => {
      const user = await makePerson();
      const { transport } = await connect(admin);
      const stolen = await resume(user.authorization, transport.sessionId ?? '');
      await assert.rejects(stolen.client.listTools(), statusOf(404));
      await assert.rejects((stolen.transport as StreamableHTTPClientTransport).terminateSession(), statusOf(404));
      const unknown = await resume(admin, 'no-such-session');
      await assert.rejects(unknown.client.listTools(), statusOf(404));
      const own = await resume(admin, transport.sessionId ?? '');
      await own.client.ping();
    });

    it('and of the older transport are told apart', async () => {
      const { transport } = await connect(admin);
      const call = { jsonrpc: '2.0', id: 1, method: 'ping' };
      const { status } = await a.anonymous
        .as(admin)
        .post(`/api/v1/mcp?sessionId=${transport.sessionId}`, call, { accept: 'application/json, text/event-stream' });
      assert.equal(status, 404);
    });
  });
}

/** Some value of a schema's type, for arguments that only have to be there. */
function sample(schema: Json): unknown {
  if (schema.enum) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.anyOf) return sample(schema.anyOf[0]);
  const [type] = [schema.type].flat();
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'boolean') return false;
  if (type === 'array') return [];
  if (type === 'object') return {};
  return 'sample-value';
}
