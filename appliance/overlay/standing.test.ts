import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Standing } from '@gatehouse/protocol';
import type { KyselyPlugin } from 'kysely';
import { pino } from 'pino';
import { Compile } from 'typebox/compile';
import type { PeerDevice } from '../access/index.ts';
import type { Caller } from '../http/index.ts';
import { identityMigrations } from '../identity/index.ts';
import { openKeyFile, openStore, type Store, storeMigrations } from '../store/index.ts';
import type { AccessAnswers } from './access/index.ts';
import type { OverlayContext } from './context.ts';
import { overlayMigrations } from './migrations.ts';
import { createNetwork } from './networks.ts';
import { createPeer } from './peers.ts';
import { standingOf } from './standing.ts';
import type { OverlayTables } from './tables.ts';
import { network } from './testing.ts';

const schema = Compile(Standing);

/** A database that counts the queries, and access policies that answer as told and keep what they were asked. */
async function scene(t: TestContext, answers: Partial<AccessAnswers> = {}) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-standing-'));
  const migrations = [...storeMigrations, ...identityMigrations, ...overlayMigrations];
  const numbered = migrations.map((step, index) => ({ ...step, id: index + 1 }));
  const real = await openStore({ dataDir, migrations: numbered, log: pino({ level: 'error' }) });
  t.after(async () => {
    await real.close();
    rmSync(dataDir, { recursive: true });
  });
  const work = { queries: 0, devices: [] as (readonly string[] | undefined)[], users: [] as (readonly string[])[] };
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      work.queries++;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const store: Store = { ...real, as: <T>() => real.as<T>().withPlugin(counting) };
  const context: OverlayContext = {
    store,
    secrets: openKeyFile(dataDir),
    now: () => new Date(0),
    userExists: async () => true,
  };
  const access: AccessAnswers = {
    decide: () => assert.fail('nothing is decided here'),
    hasPolicies: () => true,
    windowsAt: () => '',
    peerDevices: async (only) => {
      work.devices.push(only?.peerIds);
      return [];
    },
    usersFacts: async (ids) => {
      work.users.push(ids);
      return new Map();
    },
    postureMiss: () => undefined,
    policyWords: () => undefined,
    ...answers,
  };
  return { context, access, work, db: real.as<OverlayTables>() };
}

const ADMIN: Caller = { id: 'admin', username: 'admin', role: 'administrator', authorizedNetworks: [], via: 'session' };
const ROW = { id: 'me', network_id: 'net', owner_id: 'u', is_jump: 0 };
const device: PeerDevice = {
  id: 'd',
  peerId: 'me',
  mac: 'm',
  name: 'n',
  groups: [],
  postureAt: '2026-01-02T03:04:05.000Z',
};

test('among 10,000 peers a standing costs two queries, and asks for its own device and owner only', async (t) => {
  const { context, access, work } = await scene(t);
  const peers = Array.from({ length: 10_000 }, (_, i) => ({ id: `p${i}`, publicKey: `p${i}` }));
  const net = network([{ id: 'hub', isHub: true }, { id: 'me', quarantined: true }, ...peers]);
  let looked = 0;
  const watched = {
    ...net,
    peers: new Proxy(net.peers, {
      get:
        (_, key) =>
        (...args: [string]) => {
          assert.equal(key, 'get', 'the others are not looked at');
          looked++;
          return net.peers.get(...args);
        },
    }),
  };
  const standing = await standingOf(context, { fresh: async () => watched }, access, ROW);
  assert.ok(schema.Check(standing));
  assert.deepEqual([standing.admitted, looked], [false, 1]);
  assert.equal(standing.reason, 'This device was kept out, and is about to be let in.');
  assert.deepEqual(work, { queries: 2, devices: [['me']], users: [['u']] });
});

test('whatever keeps it out is said, a policy in its own words, or by its name', async (t) => {
  const words: { name: string; message: string | undefined }[] = [];
  const { context, access, db } = await scene(t, { policyWords: () => words[0] });
  const blocked = { enabled: false, blocked: new Set(['me']), rules: [] };
  const base = network([{ id: 'hub', isHub: true }, { id: 'me' }]);
  const net = { ...base, policy: { ...base.policy, acl: blocked } };
  const reason = async () => (await standingOf(context, { fresh: async () => net }, access, ROW)).reason;
  const { id: networkId } = await createNetwork(
    context,
    { kind: 'user', id: 'admin' },
    { name: 'net', cidr: '10.0.0.0/24' },
  );
  const made = await createPeer(context, ADMIN, '127.0.0.1', networkId, { name: 'me' });
  await db.updateTable('peers').set({ id: 'me' }).where('id', '=', made.id).execute();
  await db
    .insertInto('access_blocks')
    .values({ peer_id: 'me', network_id: networkId, policy_id: 'p', since: '' })
    .execute();
  const first = 'An administrator has blocked this device. ';
  assert.equal(await reason(), `${first}A policy keeps this device out.`);
  words[0] = { name: 'Laptops', message: undefined };
  assert.equal(await reason(), `${first}The policy “Laptops” keeps this device out.`);
  words[0].message = 'x'.repeat(2000);
  assert.equal((await reason())?.length, 1024);
});

test('what is missing comes with its policy; hubs and peers of nobody are asked for nothing', async (t) => {
  const miss = { policyId: 'p', policyName: 'Laptops', failed: ['firewall', 'os_version'], wanted: ['true', '>=14'] };
  const devices = [device];
  const { context, access } = await scene(t, { postureMiss: () => miss, peerDevices: async () => devices });
  const net = network([{ id: 'hub', isHub: true, quarantined: true }, { id: 'me' }]);
  const ask = (row: Partial<typeof ROW>, answers: AccessAnswers | undefined = access) =>
    standingOf(context, { fresh: async () => net }, answers, { ...ROW, ...row });
  const missing = [
    { fact: 'firewall', wanted: 'true', policy: 'Laptops' },
    { fact: 'os_version', wanted: '>=14', policy: 'Laptops' },
  ];
  const admitted = { admitted: true, reason: null };
  assert.deepEqual(await ask({}), { ...admitted, missing, reported: device.postureAt });
  assert.deepEqual(await ask({ owner_id: '' }), { ...admitted, missing, reported: device.postureAt });
  const nothing = { ...admitted, missing: [], reported: null };
  assert.deepEqual(await ask({ id: 'hub', is_jump: 1 }), nothing, 'a hub is never told that it is kept out');
  assert.deepEqual(await ask({ id: 'gone' }), { ...admitted, missing, reported: device.postureAt });
  const without = { ...access, hasPolicies: () => false };
  assert.deepEqual(await ask({}, without), { ...admitted, missing: [], reported: device.postureAt });
  devices.pop();
  assert.deepEqual(await ask({ owner_id: '' }), nothing);
  assert.deepEqual(await standingOf(context, { fresh: async () => undefined }, undefined, ROW), nothing);
});

test('however much a policy wishes, the answer keeps to its bounds', async (t) => {
  const failed = Array.from({ length: 65 }, (_, i) => `f${i}`);
  const wanted = failed.map(() => `>=${'x'.repeat(256)}`);
  const miss = { policyId: 'p', policyName: 'n'.repeat(100), failed, wanted };
  const { context, access } = await scene(t, { postureMiss: () => miss });
  const net = network([{ id: 'me' }]);
  const standing = await standingOf(context, { fresh: async () => net }, access, ROW);
  assert.ok(schema.Check(standing));
  assert.equal(standing.missing.length, 64);
});
