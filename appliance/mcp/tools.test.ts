import assert from 'node:assert/strict';
import test from 'node:test';
import Type from 'typebox';
import { hasTool, type RouteInfo, requestOf, type Tool, toolsFrom } from './tools.ts';

const route = (method: string, path: string, schema: RouteInfo['schema'] = {}): RouteInfo => ({
  method,
  path,
  url: `/api/v1${path}`,
  access: 'user',
  schema,
});
const only = (info: RouteInfo): Tool => {
  const [tool] = toolsFrom([info]).values();
  assert.ok(tool);
  return tool;
};

const update = only(
  route('PUT', '/things/:thingId', {
    summary: 'Change a thing',
    description: 'All of it.',
    params: Type.Object({ thingId: Type.String({ maxLength: 64 }) }),
    querystring: Type.Object({
      force: Type.Boolean({ default: false }),
      tag: Type.Optional(Type.Array(Type.String())),
    }),
    body: Type.Object({ name: Type.String(), size: Type.Optional(Type.Integer()) }),
  }),
);

test('path, query and body are one flat list of arguments', () => {
  const { definition } = update;
  assert.equal(definition.name, 'update_thing');
  assert.equal(definition.title, 'Change a thing');
  assert.equal(definition.description, 'Change a thing. All of it. (PUT /things/:thingId)');
  assert.deepEqual(JSON.parse(JSON.stringify(definition.inputSchema)), {
    type: 'object',
    properties: {
      thingId: { type: 'string', maxLength: 64 },
      force: { type: 'boolean', default: false },
      tag: { type: 'array', items: { type: 'string' } },
      name: { type: 'string' },
      size: { type: 'integer' },
    },
    required: ['thingId', 'name'],
    additionalProperties: false,
  });
});

test('each argument goes to its place', () => {
  const args = { thingId: 'a/b?c#d %', force: true, tag: ['x', 'y'], name: 'n', size: 1 };
  assert.deepEqual(requestOf(update, args), {
    method: 'PUT',
    url: '/api/v1/things/a%2Fb%3Fc%23d%20%25?force=true&tag=x&tag=y',
    body: { name: 'n', size: 1 },
  });
  assert.deepEqual(requestOf(update, { thingId: 1 }), { method: 'PUT', url: '/api/v1/things/1', body: {} });
});

test('what no address can be made of is refused by name', () => {
  const problems: [Record<string, unknown>, RegExp][] = [
    [{}, /^thingId is required$/],
    [{ thingId: '' }, /^thingId must be an id$/],
    [{ thingId: '.' }, /^thingId must be an id$/],
    [{ thingId: '..' }, /^thingId must be an id$/],
    [{ thingId: null }, /^thingId must be a string$/],
    [{ thingId: ['a'] }, /^thingId must be a string$/],
    [{ thingId: 'a'.repeat(257) }, /^thingId must be at most 256/],
    [{ thingId: 'a', tag: { b: 1 } }, /^tag must be/],
    [{ thingId: 'a', nmae: 'n' }, /^nmae is not an argument of this tool; it takes thingId, force, tag, name, size$/],
    [{ thingId: 'a', constructor: 1 }, /^constructor is not an argument/],
  ];
  for (const [args, message] of problems) {
    const request = requestOf(update, args);
    assert.ok('problem' in request, JSON.stringify(args));
    assert.match(request.problem, message);
  }
});

test('an id never leads to another route', () => {
  for (const thingId of ['../users', '%2e%2e', '..%2fusers', '..\\users', '.\t.', '//x', '\ud800']) {
    const request = requestOf(update, { thingId });
    assert.ok('url' in request);
    const { pathname } = new URL(request.url, 'http://localhost');
    assert.match(pathname, /^\/api\/v1\/things\/[^/]+$/, thingId);
  }
});

test('two fields of one name stay apart', () => {
  const tool = only(
    route('PUT', '/things/:id', {
      querystring: Type.Object({ id: Type.Optional(Type.String()) }),
      body: Type.Object({ id: Type.String() }),
    }),
  );
  assert.deepEqual([...tool.targets.keys()], ['id', 'query_id', 'body_id']);
  assert.deepEqual(tool.definition.inputSchema.required, ['id', 'body_id']);
  assert.deepEqual(requestOf(tool, { id: 'p', query_id: 'q', body_id: 'b' }), {
    method: 'PUT',
    url: '/api/v1/things/p?id=q',
    body: { id: 'b' },
  });
});

test('a body that is no object of fields is one argument', () => {
  const tool = only(route('PUT', '/things/order', { body: Type.Array(Type.String()) }));
  assert.deepEqual(tool.definition.inputSchema.required, ['body']);
  assert.deepEqual(requestOf(tool, { body: ['a'] }), { method: 'PUT', url: '/api/v1/things/order', body: ['a'] });
});

test('a body that is open takes any field', () => {
  const body = Type.Object({ name: Type.String() }, { additionalProperties: true });
  const tool = only(route('POST', '/things', { body }));
  assert.equal(tool.definition.inputSchema.additionalProperties, undefined);
  const args = JSON.parse('{"name":"n","more":1,"__proto__":{"x":1}}');
  const request = requestOf(tool, args);
  assert.ok('body' in request);
  assert.equal(JSON.stringify(request.body), '{"name":"n","more":1,"__proto__":{"x":1}}');
});

test('hints follow the method', () => {
  const hints = (method: string, path: string, schema?: RouteInfo['schema']) => {
    const { readOnlyHint, destructiveHint, idempotentHint } = only(route(method, path, schema)).definition.annotations!;
    return [readOnlyHint, destructiveHint, idempotentHint];
  };
  assert.deepEqual(hints('GET', '/things'), [true, false, true]);
  assert.deepEqual(hints('POST', '/things', { response: { 201: {} } }), [false, false, false]);
  assert.deepEqual(hints('POST', '/things/:id/peers/:peerId'), [false, false, false]);
  assert.deepEqual(hints('POST', '/things/:id/resolve'), [false, true, false]);
  assert.deepEqual(hints('POST', '/networks/:n/peers/:p/token', { response: { 201: {} } }), [false, true, false]);
  assert.deepEqual(hints('PUT', '/things/:id'), [false, true, true]);
  assert.deepEqual(hints('PATCH', '/things/:id'), [false, true, false]);
  assert.deepEqual(hints('DELETE', '/things/:id'), [false, true, true]);
});

test('an operationId is the name, and a name that is taken gives way to the whole path', () => {
  assert.equal(only(route('GET', '/things', { operationId: 'show_things' })).definition.name, 'show_things');
  const tools = toolsFrom([route('GET', '/things/:id'), route('GET', '/things/:id/')]);
  assert.deepEqual([...tools.keys()], ['get_thing', 'get_things_id']);
  for (const [name, { definition }] of tools) assert.equal(definition.name, name);
});

test('what is left out', () => {
  const path = (value: string) => hasTool(route('GET', value));
  for (const out of [
    '/auth/config',
    '/agent/resolve',
    '/ws',
    '/ws/token',
    '/ws/:n/:p',
    '/mcp',
    '/health',
    '/metrics',
  ]) {
    assert.equal(path(out), false, out);
  }
  assert.equal(path('/openapi.json'), false);
  assert.equal(path('/files/*'), false);
  for (const there of ['/networks', '/agents', '/healthy', '/authority', '/users/me'])
    assert.equal(path(there), true, there);
  assert.equal(hasTool(route('HEAD', '/networks')), false);
  assert.equal(hasTool(route('GET', '/networks', { hide: true })), false);
});
