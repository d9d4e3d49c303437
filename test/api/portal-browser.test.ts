import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { portalUrl } from '../../agent/controller/index.ts';
import { PortalServer } from '../../agent/portal/index.ts';
import { startAppliance } from '../../appliance/appliance.ts';
import { loadConfig } from '../../appliance/config/index.ts';
import { createClient, FREE_PORTS } from '../harness.ts';
import { requires } from '../requires.ts';
import { Chromium } from './chromium.ts';
import { Browser, CALLBACK, SECRET, startIdp } from './idp.ts';
import { Device, enroll, type Json, makeNetwork, makePeer, type TestAppliance } from './support.ts';

const [HUB, HERE] = ['127.0.0.2', '127.0.0.1'];

/** A port that is free now: the provider has to know the appliance's address before that is started. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a phone’s browser: from the probe by the provider into the network', requires('chromium'), async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const page = `${url}/captive-portal`;
  const idp = await startIdp(0, [page]);
  t.after(() => idp.close());
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-portal-'));
  const auth = { issuer: idp.issuer, client_id: 'gatehouse', client_secret: SECRET, redirect_uris: [CALLBACK, page] };
  writeFileSync(path.join(dataDir, 'gatehouse.yaml'), JSON.stringify({ auth }));
  const config = loadConfig({ ...FREE_PORTS, GATEHOUSE_DATA: dataDir, GATEHOUSE_LISTEN: `127.0.0.1:${port}` });
  const appliance = await startAppliance(config, pino({ level: 'silent' }));
  t.after(async () => {
    await appliance.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const anonymous = createClient(url);
  const signIn = async (who: string) => {
    idp.people.set(who, { name: who, preferred_username: who, email: `${who}@example.com` });
    idp.who = who;
    const browser = new Browser();
    const started = await browser.fetch(`${url}/api/v1/auth/start?redirect_uri=${encodeURIComponent(CALLBACK)}`);
    const back = await browser.signIn(((await started.json()) as Json).authorization_url);
    const body = JSON.stringify({ code: back.get('code'), state: back.get('state'), redirect_uri: CALLBACK });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const session = (await (await browser.fetch(`${url}/api/v1/auth/token`, init)).json()) as Json;
    return anonymous.as(`Session ${session.session_hash}`);
  };
  const admin = await signIn('root');
  const bob = (await (await signIn('bob')).get('/api/v1/users/me')).body;
  const the = { url, anonymous, admin } as TestAppliance;
  const network = await makeNetwork(admin, { captive_portal: true });
  await admin.put(`/api/v1/users/${bob.id}`, { authorized_networks: [network.id] });
  const phone = await makePeer(admin, network.id, { use_agent: false });
  await admin.put(`/api/v1/networks/${network.id}/peers/${phone.id}`, { owner_id: bob.id });
  const enrolled = await enroll(the, await makePeer(admin, network.id, { is_jump: true }));
  const hub = await Device.start(the, enrolled);
  t.after(() => hub.line.close());
  const classOf = () => {
    const id = hub.state?.peers.find(({ publicKey }) => publicKey === phone.public_key)?.class;
    return hub.state?.firewall?.classes.find((one) => one.id === id);
  };
  await hub.takeUntil('the phone is held up', () => classOf()?.captive === true);

  // The hub's portal, with this machine in the place of the phone.
  const server = new PortalServer({
    log: () => undefined,
    portalUrl: () => portalUrl({ url, credential: enrolled.credential }, phone.address),
    port: 0,
  });
  t.after(() => server.close());
  const state = hub.state as NonNullable<typeof hub.state>;
  const held = state.peers.filter(({ publicKey }) => publicKey === phone.public_key);
  await server.update({
    ...state,
    interface: { ...state.interface, addresses: [`${HUB}/8`] },
    peers: held.map((peer) => ({ ...peer, allowedIps: [`${HERE}/32`] })),
  });
  const probe = `http://${HUB}:${server.portOf(HUB)}/hotspot-detect.html`;

  const browser = await Chromium.start();
  t.after(() => browser.close());
  await browser.open(probe);
  await browser.shows(/who you are/);
  idp.who = 'root';
  await browser.click('#sign-in');
  await browser.shows(/not yours/);
  assert.equal(classOf()?.captive, true);

  // In the owner's browser, signing in is all that there is to do.
  const other = await Chromium.start();
  t.after(() => other.close());
  await other.open(probe);
  idp.who = 'bob';
  await other.shows(/who you are/);
  await other.click('#sign-in');
  await other.shows(/is connected/);
  await hub.takeUntil('the phone is let in', () => classOf()?.captive === undefined);
  const left = await other.value('location.href + document.cookie');
  assert.match(
    left,
    /^http:\/\/127\.0\.0\.1:\d+\/captive-portal\?token=ghc_[0-9a-f]{64}$/,
    'no code, no cookie is left',
  );

  // Who is signed in already is asked first: somebody else may have sent the link.
  const route = `/api/v1/networks/${network.id}/peers/${phone.id}`;
  for (const owner_id of ['', bob.id]) await admin.put(route, { owner_id });
  await hub.takeUntil('the phone is held up again', () => classOf()?.captive === true);
  await other.open(await portalUrl({ url, credential: enrolled.credential }, phone.address));
  await other.shows(/Signed in as bob/);
  await other.click('#connect');
  await other.shows(/is connected/);
  await hub.takeUntil('the phone is let in again', () => classOf()?.captive === undefined);
  assert.deepEqual(
    [...browser.complaints, ...other.complaints].filter((line) => !/status of (401|403)/.test(line)),
    [],
  );
});
