import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Registry } from 'prom-client';
import { requiresPostgres, startPostgres } from '../../test/postgres.ts';
import { openStore, type StoredEvent, storeMigrations } from '../store/index.ts';
import { Journal, KEPT_MS } from './journal.ts';
import { accessMigrations } from './migrations.ts';
import { facts, NAS } from './policy/testing.ts';
import type { AccessTables } from './tables.ts';
import { MAX_EVENTS_WAITING } from './teller.ts';
import type { Decision } from './types.ts';

const ALLOW: Decision = {
  action: 'allow',
  policy: { id: 'p', name: 'staff', version: 1 },
  attributes: [],
  overlayGroups: [],
};
const DENY: Decision = { ...ALLOW, action: 'deny', policy: { id: 'q', name: 'nobody', version: 1 } };

async function start(t: TestContext, maxRequests?: number, database?: string) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-journal-'));
  const errors: unknown[] = [];
  const log = { info() {}, warn() {}, error: (details: object) => void errors.push(details) };
  const migrations = [...storeMigrations, ...accessMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, database, migrations, log });
  const events: StoredEvent[] = [];
  store.onEvent(async (event) => void events.push(event));
  const clock = { ms: Date.UTC(2026, 2, 1, 12) };
  const open = (registry = new Registry()) =>
    new Journal({ store, log, now: () => clock.ms, registry, ...(maxRequests !== undefined && { maxRequests }) });
  t.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const rows = () => store.as<AccessTables>().selectFrom('access_requests').selectAll().orderBy('username').execute();
  return { open, clock, store, events, errors, rows };
}
const one = (username: string, at: number, more = {}) =>
  facts({ username, mac: '02:00:00:00:00:01', nas: NAS, at, ...more });

test('the same request counts; another outcome takes the place of the one before', async (t) => {
  const { open, clock, rows } = await start(t);
  const journal = open();
  for (let i = 0; i < 3; i++) journal.record({ facts: one('alice', clock.ms + i), outcome: 'accept', decision: ALLOW });
  journal.record({ facts: one('alice', clock.ms + 9, { ssid: 'Corp' }), outcome: 'accept', decision: ALLOW });
  assert.equal(journal.size, 2);
  journal.record({ facts: one('alice', clock.ms + 5), outcome: 'reject', reason: 'wrong password' });
  await journal.flush();
  const [row] = (await rows()).filter(({ facts }) => !facts.includes('Corp'));
  assert.deepEqual(
    [row?.count, row?.outcome, row?.reason, row?.decided, row?.policy_id, row?.first_at, row?.last_at],
    [4, 'reject', 'wrong password', 0, null, new Date(clock.ms).toISOString(), new Date(clock.ms + 5).toISOString()],
  );
  assert.equal(journal.byMac('02:00:00:00:00:01').length, 2);
  await journal.stop();
});

test('what was written is there after a restart, and a day later gone', async (t) => {
  const { open, clock, rows } = await start(t);
  const journal = open();
  journal.record({ facts: one('old', clock.ms), outcome: 'accept', decision: ALLOW });
  journal.record({ facts: one('new', clock.ms + 3600_000), outcome: 'reject', decision: DENY });
  await journal.stop();
  const again = open();
  await again.start();
  assert.deepEqual(
    [...again.entries()].map(({ facts, outcome, decided, policyId, count }) => [
      facts.username,
      outcome,
      decided,
      policyId,
      count,
    ]),
    [
      ['old', 'accept', true, 'p', 1],
      ['new', 'reject', true, 'q', 1],
    ],
  );
  again.record({ facts: one('new', clock.ms + 3600_001), outcome: 'reject', decision: DENY });
  assert.equal(again.size, 2);
  clock.ms += KEPT_MS + 1;
  again.prune();
  await again.flush();
  assert.deepEqual(
    [...again.entries()].map(({ facts }) => facts.username),
    ['new'],
  );
  assert.deepEqual(
    (await rows()).map(({ username }) => username),
    ['new'],
  );
  await again.stop();
});

test('no more than the bound is kept: the oldest goes, in the table too', async (t) => {
  const { open, clock, rows } = await start(t, 100);
  const journal = open();
  for (let i = 0; i < 100; i++) journal.record({ facts: one(`u${i}`, clock.ms), outcome: 'accept', decision: ALLOW });
  await journal.flush();
  assert.equal((await rows()).length, 100);
  // The first is used again, so the second is the oldest.
  journal.record({ facts: one('u0', clock.ms + 1), outcome: 'reject', reason: 'x' });
  await journal.flush();
  for (let i = 100; i < 150; i++) journal.record({ facts: one(`u${i}`, clock.ms), outcome: 'accept', decision: ALLOW });
  assert.equal(journal.size, 100);
  await journal.flush();
  const names = new Set((await rows()).map(({ username }) => username));
  assert.equal(names.size, 100);
  assert.deepEqual([names.has('u0'), names.has('u1'), names.has('u149')], [true, false, true]);
  // One that went and comes back is written again.
  journal.record({ facts: one('u1', clock.ms), outcome: 'accept', decision: ALLOW });
  await journal.flush();
  assert.ok((await rows()).some(({ username }) => username === 'u1'));
  await journal.stop();
});

test('guesses push out guesses, not the requests of people who are known', async (t) => {
  const { open, clock } = await start(t, 100);
  const journal = open();
  for (let i = 0; i < 80; i++) journal.record({ facts: one(`u${i}`, clock.ms), outcome: 'accept', decision: ALLOW });
  for (let i = 0; i < 500; i++) journal.record({ facts: one(`x${i}`, clock.ms), outcome: 'reject', reason: 'unknown' });
  const decided = [...journal.entries()].filter((entry) => entry.decided).length;
  assert.ok(decided >= 75, String(decided));
  assert.ok(journal.size <= 100);
  await journal.stop();
});

test('counts alone are written seldom, and at the end', async (t) => {
  const { open, clock, rows } = await start(t);
  const journal = open();
  const again = () => journal.record({ facts: one('alice', clock.ms), outcome: 'accept', decision: ALLOW });
  again();
  await journal.flush();
  again();
  await journal.flush();
  assert.equal((await rows())[0]?.count, 1);
  clock.ms += 5 * 60_000;
  again();
  await journal.flush();
  assert.equal((await rows())[0]?.count, 3);
  again();
  await journal.stop();
  assert.equal((await rows())[0]?.count, 4);
});

test('a person, device and NAS is told of once a minute, accepted and refused apart', async (t) => {
  const { open, clock, store, events } = await start(t);
  const journal = open();
  for (let second = 0; second <= 60; second += 20) {
    const at = clock.ms + second * 1000;
    journal.record({ facts: one('alice', at), outcome: 'accept', decision: ALLOW });
    journal.record({ facts: one('alice', at, { ssid: 'Other', method: 'chap' }), outcome: 'accept', decision: ALLOW });
    journal.record({ facts: one('bob', at), outcome: 'reject', decision: DENY });
    journal.record({ facts: one('eve', at), outcome: 'reject', reason: 'wrong password' });
  }
  await journal.stop();
  await store.drained();
  const told = (type: string) => events.filter((event) => event.type === type).map(({ data }) => data.username);
  assert.deepEqual(told('session.authenticated'), ['alice', 'alice']);
  assert.deepEqual(told('policy.violation'), ['bob', 'bob']);
  assert.deepEqual(events.find(({ type }) => type === 'session.authenticated')?.data, {
    username: 'alice',
    userId: null,
    mac: '02:00:00:00:00:01',
    nasId: 'nas-1',
    siteId: 'default',
    method: 'pap',
    policy: 'staff',
    actor: { kind: 'system', id: 'system' },
  });
  assert.equal(events.find(({ type }) => type === 'policy.violation')?.data.reason, 'denied by the policy nobody');
});

test('more events than can wait are counted and dropped; recording goes on', async (t) => {
  const { open, clock, store, events } = await start(t);
  const registry = new Registry();
  const journal = open(registry);
  for (let i = 0; i < MAX_EVENTS_WAITING + 50; i++) {
    journal.record({ facts: one(`u${i}`, clock.ms), outcome: 'accept', decision: ALLOW });
  }
  assert.equal(journal.size, MAX_EVENTS_WAITING + 50);
  assert.match(await registry.metrics(), /gatehouse_access_events_dropped_total 50\n/);
  await journal.stop();
  await store.drained();
  assert.equal(events.length, MAX_EVENTS_WAITING);
});

test('what could not be written is written later', async (t) => {
  const { clock, store, errors, rows } = await start(t);
  let broken = true;
  const flaky = new Proxy(store, {
    get: (target, key) =>
      key === 'transaction' && broken ? () => Promise.reject(new Error('disk full')) : Reflect.get(target, key),
  });
  const journal = new Journal({
    store: flaky,
    log: { info() {}, warn() {}, error: (details: object) => void errors.push(details) },
    now: () => clock.ms,
    registry: new Registry(),
  });
  journal.record({ facts: one('alice', clock.ms), outcome: 'reject', reason: 'x' });
  await journal.flush();
  assert.equal(errors.length, 1);
  assert.equal((await rows()).length, 0);
  broken = false;
  await journal.flush();
  assert.equal((await rows()).length, 1);
  await journal.stop();
});

test('PostgreSQL: what it cannot keep is left out alone; events are told', requiresPostgres(), async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const { open, clock, store, errors, events, rows } = await start(t, undefined, await server.createDatabase());
  const journal = open();
  for (const name of ['alice', 'b\0b', 'carol', 'd\0n', 'erin']) {
    journal.record({ facts: one(name, clock.ms, { ssid: 'a\0b' }), outcome: 'accept', decision: ALLOW });
  }
  journal.record({ facts: one('frank', clock.ms), outcome: 'reject', reason: 'no \0' });
  await journal.flush();
  assert.deepEqual(
    (await rows()).map(({ username, reason }) => [username, reason]),
    [
      ['alice', null],
      ['carol', null],
      ['erin', null],
      ['frank', 'no \ufffd'],
    ],
  );
  assert.equal(errors.length, 2);
  await journal.flush();
  assert.equal(errors.length, 2, 'they are not tried again and again');
  await journal.stop();
  await store.drained();
  assert.deepEqual(
    events.map(({ data }) => data.username),
    ['alice', 'b\0b', 'carol', 'd\0n', 'erin'],
  );
});
