import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { startAppliance } from '../appliance/appliance.ts';
import { loadConfig } from '../appliance/config/index.ts';

export const ADMIN_PASSWORD = 'a-password-for-tests';

/** Settings of an appliance that shares its machine with others: any free ports. */
export const FREE_PORTS = {
  GATEHOUSE_LISTEN: '127.0.0.1:0',
  GATEHOUSE_RADIUS_AUTH: '127.0.0.1:0',
  GATEHOUSE_RADIUS_ACCT: '127.0.0.1:0',
  GATEHOUSE_SYSLOG: '127.0.0.1:0',
} as const;

/** What an API answered: status, headers and the body as JSON (or as text where it is none). */
export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

/** An answer as a problem (RFC 9457) with this status, whose detail says `about`. */
export function assertProblem({ status, headers, body }: Answer, wanted: number, about?: RegExp): void {
  assert.equal(status, wanted, JSON.stringify(body));
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/);
  assert.deepEqual(
    [body.type, body.status, typeof body.title, typeof body.detail],
    ['about:blank', wanted, 'string', 'string'],
  );
  if (about) assert.match(body.detail, about);
}

/** Sends requests to one appliance; `authorization` is used where the call gives none. */
export function createClient(url: string, authorization?: string) {
  const call = async (
    method: string,
    route: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}${route}`, {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    let parsed: unknown = text;
    try {
      parsed = JSON.parse(text);
    } catch {
      // Not JSON: metrics, an empty 204.
    }
    return { status: response.status, headers: response.headers, body: parsed };
  };
  return {
    url,
    authorization,
    call,
    get: (route: string, headers?: Record<string, string>) => call('GET', route, undefined, headers),
    post: (route: string, body?: unknown, headers?: Record<string, string>) => call('POST', route, body, headers),
    put: (route: string, body?: unknown, headers?: Record<string, string>) => call('PUT', route, body, headers),
    delete: (route: string, headers?: Record<string, string>) => call('DELETE', route, undefined, headers),
    /** The same appliance as somebody else. */
    as: (other: string) => createClient(url, other),
  };
}
export type Client = ReturnType<typeof createClient>;

/** A whole appliance on a free port with its own data folder; it ends with the test. `env` adds settings. */
export async function startTestAppliance(
  t: TestContext | { after(fn: () => unknown): void },
  env: Record<string, string> = {},
) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  const config = loadConfig({
    GATEHOUSE_DATA: dataDir,
    ...FREE_PORTS,
    GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD,
    ...env,
  });
  const appliance = await startAppliance(config, pino({ level: process.env.TEST_LOG ?? 'silent' }));
  let closed = false;
  const close = async () => {
    if (!closed) await appliance.close();
    closed = true;
  };
  t.after(async () => {
    await close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const anonymous = createClient(appliance.url);
  const login = async (username: string, password: string): Promise<Client> => {
    const { status, body } = await anonymous.post('/api/v1/auth/login', { username, password });
    if (status !== 200) throw new Error(`login of ${username} failed: ${status} ${JSON.stringify(body)}`);
    return anonymous.as(`Session ${body.session_hash}`);
  };
  return {
    url: appliance.url,
    radius: appliance.radius,
    logs: appliance.logs,
    dataDir: config.dataDir,
    anonymous,
    login,
    admin: await login('admin', ADMIN_PASSWORD),
    close,
    config,
  };
}
