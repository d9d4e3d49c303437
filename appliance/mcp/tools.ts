import type { Tool as Definition } from '@modelcontextprotocol/sdk/types.js';
import type { Access } from '../http/index.ts';
import { longName, toolName } from './names.ts';

type Schema = Record<string, unknown>;

/** A route of the API, as Fastify's `onRoute` hook tells of it. */
export interface RouteInfo {
  method: string;
  /** With the API's prefix: `/api/v1/networks/:networkId`. */
  url: string;
  /** Without it. */
  path: string;
  access: Access;
  // biome-ignore lint/suspicious/noExplicitAny: Fastify types a route's schemas as unknown
  schema: Record<string, any>;
}

/** Where an argument of a tool goes in its request. */
export interface Target {
  part: 'path' | 'query' | 'body';
  field: string;
}

/** A tool: what a client sees of it, and the route that it calls. */
export interface Tool {
  definition: Definition;
  access: Access;
  method: string;
  url: string;
  /** By argument. */
  targets: Map<string, Target>;
  /** The body is an object of the arguments, one argument, or there is none. */
  body: 'fields' | 'whole' | 'none';
  /** Arguments that the schemas don't name go into the body. */
  open: boolean;
}

const PARAM = /:([A-Za-z_]\w*)/g;
/** Nothing to call for a signed-in person: signing in, devices, live streams, and what describes the server itself. */
const LEFT_OUT = /^\/(auth|agent|ws|mcp|health|metrics|openapi(\.\w+)?)(\/|$)/;

/** Whether a route becomes a tool. */
export const hasTool = ({ method, path, schema }: Pick<RouteInfo, 'method' | 'path' | 'schema'>): boolean =>
  /^(GET|POST|PUT|PATCH|DELETE)$/.test(method) && !LEFT_OUT.test(path) && !path.includes('*') && schema.hide !== true;

/** A tool for each route. */
export function toolsFrom(routes: readonly RouteInfo[]): Map<string, Tool> {
  const posts = new Set(routes.filter(({ method }) => method === 'POST').map(({ path }) => path));
  const tools = new Map<string, Tool>();
  for (const route of routes) {
    const made = toolFrom(route, posts.has(route.path));
    let { name } = made.definition;
    if (tools.has(name)) name = longName(route);
    tools.set(name, { ...made, definition: { ...made.definition, name } });
  }
  return tools;
}

const answerOf = ({ schema }: RouteInfo): Schema => schema.response?.[200] ?? schema.response?.[201] ?? {};
const isList = (answer: Schema): boolean =>
  answer.type === 'array' || (answer.properties as Record<string, Schema> | undefined)?.data?.type === 'array';
const isObject = (schema: Schema | undefined): boolean =>
  schema?.properties !== undefined && [schema.type ?? 'object'].flat().includes('object');

function toolFrom(route: RouteInfo, attachable: boolean): Tool {
  const { method, url, schema } = route;
  const creates = schema.response?.[201] !== undefined;
  const name = schema.operationId ?? toolName({ ...route, list: isList(answerOf(route)), creates }, attachable);
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  const targets = new Map<string, Target>();
  const add = (part: Target['part'], field: string, property: Schema, needed: boolean): void => {
    const argument = targets.has(field) ? `${part}_${field}` : field;
    targets.set(argument, { part, field });
    properties[argument] = property;
    // What has a default may be left out: the route fills it in.
    if (needed && property.default === undefined) required.push(argument);
  };
  const addAll = (part: Target['part'], from: Schema): void => {
    const needed = new Set((from.required as string[] | undefined) ?? []);
    for (const [field, property] of Object.entries(from.properties as Record<string, Schema>)) {
      add(part, field, property, needed.has(field));
    }
  };

  for (const [, field = ''] of url.matchAll(PARAM)) {
    add('path', field, schema.params?.properties?.[field] ?? { type: 'string' }, true);
  }
  const query = schema.querystring ?? schema.query;
  if (isObject(query)) addAll('query', query);
  let body: Tool['body'] = 'none';
  if (isObject(schema.body)) {
    body = 'fields';
    addAll('body', schema.body);
  } else if (schema.body !== undefined) {
    body = 'whole';
    add('body', 'body', schema.body, true);
  }
  const open = body === 'fields' && Boolean(schema.body.additionalProperties);

  return {
    definition: {
      name,
      title: schema.summary ?? name,
      description: describeRoute(route),
      inputSchema: {
        type: 'object',
        properties,
        ...(required.length > 0 && { required }),
        ...(!open && { additionalProperties: false }),
        ...(schema.body?.$defs && { $defs: schema.body.$defs }),
      },
      annotations: { title: schema.summary ?? name, ...hints(method, name) },
    },
    access: route.access,
    method,
    url,
    targets,
    body,
    open,
  };
}

function describeRoute({ method, path, access, schema }: RouteInfo): string {
  const sentences = [schema.summary, schema.description, access === 'administrator' && 'For administrators only']
    .filter((text): text is string => typeof text === 'string' && text !== '')
    .map((text) => (/[.!?]$/.test(text) ? text : `${text}.`));
  return [...sentences, `(${method} ${path})`].join(' ');
}

/** A POST that creates or adds only adds; other POSTs (`resolve`, a new enrollment token) may take something away. */
const hints = (method: string, name: string) => ({
  readOnlyHint: method === 'GET',
  destructiveHint: method !== 'GET' && !(method === 'POST' && /^(create|add)_(?!peer_token$)/.test(name)),
  idempotentHint: method !== 'POST' && method !== 'PATCH',
  openWorldHint: false,
});

/** What a tool asks of the API. */
export interface ApiRequest {
  method: string;
  url: string;
  body?: unknown;
}

/** The longest path parameter that the server reads. */
const MAX_PARAM = 256;

const scalar = (value: unknown): string | undefined =>
  ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;

/**
 * The request that a call makes, or a message that names the bad argument. Only what an address can't be made without
 * is checked here; the route checks the rest, as it does for everybody.
 */
export function requestOf(tool: Tool, args: Record<string, unknown>): ApiRequest | { problem: string } {
  const query = new URLSearchParams();
  const fields: Record<string, unknown> = {};
  let whole: unknown;
  const inPath = new Map<string, string>();
  for (const [argument, value] of Object.entries(args)) {
    const target = tool.targets.get(argument);
    if (!target) {
      if (!tool.open) return { problem: `${argument} is not an argument of this tool${takes(tool)}` };
      setField(fields, argument, value);
    } else if (target.part === 'path') {
      const text = scalar(value);
      if (text === undefined) return { problem: `${argument} must be a string` };
      // The URL parser would resolve dots, and the request would reach another route than this tool's.
      if (text === '' || text === '.' || text === '..') return { problem: `${argument} must be an id` };
      if (text.length > MAX_PARAM) return { problem: `${argument} must be at most ${MAX_PARAM} characters long` };
      inPath.set(target.field, encodePath(text));
    } else if (target.part === 'query') {
      if (value === null || value === undefined) continue;
      for (const item of Array.isArray(value) ? value : [value]) {
        const text = scalar(item);
        if (text === undefined) return { problem: `${argument} must be a string, a number or a boolean` };
        query.append(target.field, text);
      }
    } else if (tool.body === 'whole') whole = value;
    else setField(fields, target.field, value);
  }
  for (const [argument, { part, field }] of tool.targets) {
    if (part === 'path' && !inPath.has(field)) return { problem: `${argument} is required` };
  }
  const path = tool.url.replaceAll(PARAM, (_match, field: string) => inPath.get(field) ?? '');
  const search = query.size > 0 ? `?${query}` : '';
  const body = tool.body === 'fields' ? fields : whole;
  return { method: tool.method, url: `${path}${search}`, ...(body !== undefined && { body }) };
}

/** As JSON.parse does it: `__proto__` is a field like any other, for the route to refuse. */
const setField = (fields: Record<string, unknown>, name: string, value: unknown): void => {
  Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
};

/** Lone surrogates have no UTF-8: U+FFFD, as a URL parser writes them. */
const encodePath = (text: string): string => encodeURIComponent(text.toWellFormed());

const takes = ({ targets }: Tool): string =>
  targets.size > 0 ? `; it takes ${[...targets.keys()].join(', ')}` : ', which takes none';
