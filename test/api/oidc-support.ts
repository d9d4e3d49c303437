import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { pino } from 'pino';
import { startAppliance } from '../../appliance/appliance.ts';
import { loadConfig } from '../../appliance/config/index.ts';
import { type Client, createClient, FREE_PORTS } from '../harness.ts';
import { Browser, CALLBACK, type Idp, SECRET, startIdp } from './idp.ts';
import type { Json } from './support.ts';

/** The provider of the test file that imports this. */
export const the = {} as { idp: Idp };
before(async () => {
  the.idp = await startIdp();
});
after(() => the.idp.close());

/** What a person is at the provider. */
export function person(who: string, claims: Record<string, unknown> = {}): string {
  the.idp.people.set(who, { name: who, preferred_username: who, email: `${who}@example.com`, ...claims });
  return who;
}

type Ends = { after(fn: () => unknown): void };
type Signing = Awaited<ReturnType<typeof start>>;

const enders: (() => unknown)[] = [];
let shared: Promise<Signing> | undefined;
after(async () => {
  for (const end of enders) await end();
});

/** The appliance with the usual settings, one for all tests of a file that don't mind who has signed in before. */
export async function usual(t: Ends): Promise<Signing> {
  t.after(() => {
    the.idp.tamper = undefined;
  });
  shared ??= start({ after: (end) => void enders.push(end) });
  return shared;
}

/** An appliance that signs people in at `the.idp`. `auth` is the settings' section, `env` the environment. */
export async function start(t: Ends, auth: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-oidc-'));
  const defaults = { issuer: the.idp.issuer, client_id: 'gatehouse', client_secret: SECRET, redirect_uris: [CALLBACK] };
  // JSON is YAML.
  writeFileSync(path.join(dataDir, 'gatehouse.yaml'), JSON.stringify({ auth: { ...defaults, ...auth } }));
  const config = loadConfig({ GATEHOUSE_DATA: dataDir, ...FREE_PORTS, ...env });
  const logged: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const appliance = await startAppliance(config, log);
  t.after(async () => {
    await appliance.close();
    rmSync(dataDir, { recursive: true, force: true });
    the.idp.tamper = undefined;
  });
  const anonymous = createClient(appliance.url);
  const api = `${appliance.url}/api/v1`;

  /** Begins at /auth/start, signs in at the provider, and brings back the code. */
  const begin = async (browser: Browser, who: string) => {
    the.idp.who = who;
    const answer = await browser.fetch(`${api}/auth/start?redirect_uri=${encodeURIComponent(CALLBACK)}`);
    assert.equal(answer.status, 200, await answer.clone().text());
    const started: Json = await answer.json();
    const back = await browser.signIn(started.authorization_url);
    assert.equal(back.get('state'), started.state);
    return { started, body: { code: back.get('code'), redirect_uri: CALLBACK, state: back.get('state') } };
  };
  const trade = async (browser: Browser, body: unknown, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    const answer = await browser.fetch(`${api}/auth/token`, { ...init, body: JSON.stringify(body) });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Json };
  };
  /** The whole way; the answer of /auth/token. */
  const signIn = async (who: string) => {
    const browser = new Browser();
    return trade(browser, (await begin(browser, who)).body);
  };
  const session = async (who: string): Promise<Client> => {
    const { status, body } = await signIn(who);
    assert.equal(status, 200, JSON.stringify(body));
    return anonymous.as(`Session ${body.session_hash}`);
  };
  const me = async (client: Client): Promise<Json> => (await client.get('/api/v1/users/me')).body;
  /** A sign-in that the client begins itself, without the appliance. */
  const own = async (who: string, parameters: Record<string, string> = {}, clientId = 'gatehouse') => {
    the.idp.who = who;
    const query = { client_id: clientId, response_type: 'code', scope: 'openid profile email', redirect_uri: CALLBACK };
    const search = new URLSearchParams({ ...query, ...parameters });
    return (await new Browser().signIn(`${the.idp.issuer}/auth?${search}`)).get('code');
  };
  return { url: appliance.url, api, anonymous, begin, trade, signIn, session, me, own, logged, config };
}
