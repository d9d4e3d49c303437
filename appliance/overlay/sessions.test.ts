import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { identityMigrations } from '../identity/index.ts';
import { openKeyFile, openStore, storeMigrations } from '../store/index.ts';
import type { OverlayContext } from './context.ts';
import { overlayMigrations } from './migrations.ts';
import { createNetwork } from './networks.ts';
import { createPeer } from './peers.ts';
import { ACTIVE_MS, createSessions, KEEP_MS, type Sessions } from './sessions.ts';
import type { OverlayTables } from './tables.ts';

const admin = { id: 'a', username: 'a', role: 'administrator', authorizedNetworks: [], via: 'session' } as const;

async function start(t: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-sessions-'));
  const log = pino({ level: 'silent' });
  const migrations = [...storeMigrations, ...identityMigrations, ...overlayMigrations].map((step, index) => ({
    ...step,
    id: index + 1,
  }));
  const store = await openStore({ dataDir, migrations, log });
  store.onEvent(async () => undefined);
  t.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  const clock = { ms: Date.UTC(2030, 0, 1) };
  const fault = { on: false };
  const context: OverlayContext = {
    store: {
      ...store,
      transaction: (fn) => (fault.on ? Promise.reject(new Error('the disk is full')) : store.transaction(fn)),
    },
    secrets: openKeyFile(dataDir),
    now: () => new Date(clock.ms),
    userExists: async () => true,
  };
  const actor = { kind: 'system', id: 'system' } as const;
  const network = await createNetwork(context, actor, { name: 'n', cidr: '10.0.0.0/24' });
  const peer = await createPeer(context, admin, '127.0.0.1', network.id, { name: 'p' });
  /** A new run of the appliance on the same database; nobody is a rival. */
  const open = () => createSessions(context, { of: async () => ({ rivals: [], suspicious: false }) } as never);
  const report = (sessions: Sessions, more: object = {}) =>
    sessions.report({
      peerId: peer.id,
      networkId: network.id,
      hostname: 'laptop',
      systemUptime: 1,
      wireguardUptime: 1,
      telemetry: null,
      ...more,
    } as never);
  const rows = () => store.as<OverlayTables>().selectFrom('agent_sessions').selectAll().execute();
  const active = (sessions: Sessions) => sessions.ofNetwork(admin, network.id);
  const ofPeer = (sessions: Sessions) => sessions.ofPeer(admin, network.id, peer.id);
  return { clock, fault, open, report, rows, active, ofPeer, peer };
}

test('a session lasts three reports, and keeps its id and its beginning', async (t) => {
  const { clock, open, report, active, ofPeer } = await start(t);
  const sessions = open();
  report(sessions);
  const [first] = await active(sessions);
  clock.ms += 30_000;
  report(sessions, { systemUptime: 31 });
  const [second] = await active(sessions);
  assert.deepEqual([second?.session_id, second?.first_seen], [first?.session_id, first?.first_seen]);
  assert.deepEqual([second?.system_uptime, second?.last_seen], [31, new Date(clock.ms).toISOString()]);
  clock.ms += ACTIVE_MS;
  assert.equal((await active(sessions)).length, 1);
  clock.ms += 1;
  assert.deepEqual(await active(sessions), []);
  assert.equal((await ofPeer(sessions)).has_active_agent, false);
});

test('what was written is known to the next run; what is a day old is not', async (t) => {
  const { clock, open, report, rows, active } = await start(t);
  const sessions = open();
  report(sessions);
  await sessions.flush();
  const again = open();
  await again.load();
  assert.deepEqual(await active(again), await active(sessions));
  clock.ms += KEEP_MS + 1;
  report(again, { hostname: 'other' });
  await again.flush();
  assert.deepEqual(
    (await rows()).map(({ hostname }) => hostname),
    ['other'],
  );
});

test('a batch that fails is written with the next one, endpoint changes too', async (t) => {
  const { fault, open, report, rows, ofPeer, peer } = await start(t);
  const sessions = open();
  report(sessions);
  sessions.seenAt(peer.id, '1.2.3.4:1', true);
  sessions.seenAt(peer.id, '1.2.3.4:2', true);
  fault.on = true;
  await assert.rejects(sessions.flush(), /disk is full/);
  report(sessions, { systemUptime: 2 });
  await assert.rejects(sessions.flush(), /disk is full/);
  fault.on = false;
  await sessions.flush();
  assert.deepEqual(
    (await rows()).map(({ system_uptime, reported_endpoint }) => [system_uptime, reported_endpoint]),
    [[2, '1.2.3.4:2']],
  );
  const changes = (await ofPeer(sessions)).recent_endpoint_changes;
  assert.deepEqual(
    changes.map(({ old_endpoint, new_endpoint }) => [old_endpoint, new_endpoint]),
    [['1.2.3.4:1', '1.2.3.4:2']],
  );
});

test('a report can neither fill the memory nor spoil a batch', async (t) => {
  const { open, report, rows, active, clock } = await start(t);
  const sessions = open();
  for (let i = 0; i < 50; i++) {
    clock.ms += 1;
    report(sessions, { hostname: `h${i}`, systemUptime: 2 ** 60 });
  }
  report(sessions, { peerId: 'of a peer that was deleted' });
  assert.equal((await active(sessions)).length, 8);
  await sessions.flush();
  assert.equal((await rows()).length, 8);
  assert.ok((await rows()).every(({ system_uptime }) => system_uptime === 2 ** 31 - 1));
});

test('what is forgotten is not written again', async (t) => {
  const { open, report, rows, active, peer } = await start(t);
  const sessions = open();
  report(sessions);
  sessions.forget(peer.id);
  await sessions.flush();
  assert.deepEqual([await rows(), await active(sessions)], [[], []]);
});
