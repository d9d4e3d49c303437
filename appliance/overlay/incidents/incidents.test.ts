import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import type { Heard } from '../../events/index.ts';
import { identityMigrations } from '../../identity/index.ts';
import { openKeyFile, openStore, storeMigrations } from '../../store/index.ts';
import type { OverlayContext } from '../context.ts';
import { overlayMigrations } from '../migrations.ts';
import { createNetwork, deleteNetwork } from '../networks.ts';
import { createPeer, deletePeer, issueToken } from '../peers.ts';
import type { OverlayTables } from '../tables.ts';
import { getSecurityConfig, updateSecurityConfig } from './config.ts';
import { getIncident, listIncidents, resolveIncident } from './incidents.ts';
import { createIncidents, INCIDENT_EVENTS } from './index.ts';

const admin = { id: 'root', username: 'root', role: 'administrator', authorizedNetworks: [], via: 'session' } as const;
const actor = { kind: 'user', id: 'root' } as const;

async function start(t: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-incidents-'));
  const log = pino({ level: 'silent' });
  const migrations = [...storeMigrations, ...identityMigrations, ...overlayMigrations].map((step, index) => ({
    ...step,
    id: index + 1,
  }));
  const store = await openStore({ dataDir, migrations, log });
  t.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  const clock = { ms: Date.UTC(2030, 0, 1) };
  const fault = { on: false };
  const written = { count: 0 };
  const context: OverlayContext = {
    store: {
      ...store,
      transaction: (fn) => {
        written.count++;
        return fault.on ? Promise.reject(new Error('the disk is full')) : store.transaction(fn);
      },
    },
    secrets: openKeyFile(dataDir),
    now: () => new Date(clock.ms),
    userExists: async () => true,
  };
  const holder = { incidents: createIncidents(context, log as never) };
  const events: { type: string; data: object }[] = [];
  /** Events that nobody has been told of yet, while deliveries are held up. */
  const held: (() => void)[] = [];
  const delivery = { hold: false };
  store.onEvent(async (event) => {
    events.push(event);
    const tell = () => holder.incidents.onEvent(event as unknown as Heard<(typeof INCIDENT_EVENTS)[number]>);
    if (!(INCIDENT_EVENTS as readonly string[]).includes(event.type)) return;
    if (delivery.hold) held.push(tell);
    else tell();
  });
  const network = await createNetwork(context, actor, { name: 'n', cidr: '10.0.0.0/24' });
  const peer = await createPeer(context, admin, '', network.id, { name: 'p' });
  const of = { networkId: network.id, peerId: peer.id };
  /** The hub sees the peer at these addresses, a second each. */
  const sees = async (...addresses: number[]) => {
    for (const one of addresses) {
      clock.ms += 1000;
      await holder.incidents.seen(of, 'hub', `203.0.113.${one}:51820`);
    }
  };
  const rows = () => store.as<OverlayTables>().selectFrom('incidents').selectAll().orderBy('detected_at').execute();
  const types = async () => (await rows()).map((row) => `${row.incident_type}${row.resolved ? ' resolved' : ''}`);
  /** A new run of the appliance on the same database. */
  const restart = () => {
    holder.incidents = createIncidents(context, log as never);
  };
  const drained = () => store.drained();
  return {
    clock,
    fault,
    written,
    context,
    holder,
    events,
    delivery,
    held,
    peer,
    of,
    sees,
    rows,
    types,
    restart,
    drained,
  };
}

test('an incident is written with its event; further evidence goes into the open one', async (t) => {
  const { clock, context, events, written, peer, of, sees, rows, drained } = await start(t);
  await sees(1, 2, 1);
  assert.deepEqual(await rows(), []);
  await sees(2);
  const [row, ...more] = await rows();
  assert.deepEqual(more, []);
  const { id, ...rest } = row ?? assert.fail('no incident');
  assert.deepEqual(rest, {
    peer_id: peer.id,
    peer_name: 'p',
    network_id: of.networkId,
    network_name: 'n',
    owner_id: '',
    incident_type: 'shared_config',
    detected_at: new Date(clock.ms).toISOString(),
    public_key: peer.public_key,
    endpoints: '["203.0.113.2:51820","203.0.113.1:51820"]',
    details: 'Same WireGuard key used from multiple IPs: 203.0.113.1, 203.0.113.2',
    resolved: 0,
    resolved_at: null,
    resolved_by: null,
  });
  await drained();
  const opened = events.filter(({ type }) => type === 'overlay.incident.opened');
  assert.deepEqual(
    opened.map(({ data }) => data),
    [{ ...of, incidentId: id, incidentType: 'shared_config', actor: { kind: 'system', id: 'system' } }],
  );

  // The same again is no news, and news is written at most every ten seconds.
  const before = written.count;
  await sees(1, 2, 1, 2);
  assert.equal(written.count, before);
  clock.ms += 10_000;
  await sees(3, 1, 3);
  assert.equal(written.count, before + 1);
  const [after] = await rows();
  assert.deepEqual(JSON.parse(after?.endpoints ?? ''), ['203.0.113.2:51820', '203.0.113.1:51820', '203.0.113.3:51820']);
  assert.equal(after?.id, id);
  assert.equal((await listIncidents(context, admin, {})).length, 1);
  await drained();
  assert.equal(events.filter(({ type }) => type === 'overlay.incident.opened').length, 1);
});

test('one open incident for each type, however many find it at once, and after a restart', async (t) => {
  const { holder, of, sees, types, restart } = await start(t);
  await sees(1, 2, 1);
  await Promise.all([1, 2, 3, 4, 5].map(() => sees(2, 1)));
  assert.deepEqual(await types(), ['shared_config']);
  restart();
  await sees(1, 2, 1, 2);
  assert.deepEqual(await types(), ['shared_config']);
  const reports = ['a', 'b', 'a', 'b', 'a'].map((hostname) =>
    holder.incidents.heard(of, { connection: hostname, hostname, systemUptime: 1, wireguardUptime: 1 }),
  );
  await Promise.all(reports);
  assert.deepEqual((await types()).sort(), ['session_conflict', 'shared_config']);
});

test('resolved: not raised again by what was seen before, but by what comes after', async (t) => {
  const { context, events, sees, rows, types, drained, clock } = await start(t);
  await sees(1, 2, 1, 2);
  const [row] = await rows();
  const id = row?.id ?? '';
  await resolveIncident(context, actor, id);
  await drained();
  const resolved = await getIncident(context, admin, id);
  assert.deepEqual(
    [resolved.resolved, resolved.resolved_by, resolved.resolved_at],
    [true, 'root', new Date(clock.ms).toISOString()],
  );
  await sees(1, 2, 1);
  assert.deepEqual(await types(), ['shared_config resolved']);
  await sees(2);
  assert.deepEqual(await types(), ['shared_config resolved', 'shared_config']);
  // Again: nothing changes, and nobody hears of it.
  clock.ms += 60_000;
  await resolveIncident(context, { kind: 'user', id: 'other' }, id);
  await drained();
  assert.deepEqual(await getIncident(context, admin, id), resolved);
  assert.equal(events.filter(({ type }) => type === 'overlay.incident.resolved').length, 1);
  await assert.rejects(resolveIncident(context, actor, 'none'), { status: 404, message: 'incident not found' });
});

test('resolved, and the news of it is late: what was seen before raises nothing meanwhile', async (t) => {
  const { context, delivery, held, sees, rows, types, restart, clock } = await start(t);
  delivery.hold = true;
  await sees(1, 2, 1, 2);
  clock.ms += 20_000;
  await resolveIncident(context, actor, (await rows())[0]?.id ?? '');
  await sees(3, 1, 3, 1);
  assert.deepEqual(await types(), ['shared_config resolved']);
  for (const tell of held) tell();
  await sees(1, 2, 1);
  assert.deepEqual(await types(), ['shared_config resolved']);

  // Neither does a run that doesn't know yet that the incident was open.
  restart();
  await sees(5, 6, 5, 6);
  assert.deepEqual(await types(), ['shared_config resolved', 'shared_config']);
});

test('a network that does not watch raises nothing; what is open stays open', async (t) => {
  const { context, of, sees, types, drained } = await start(t);
  const set = async (enabled: boolean) => {
    await updateSecurityConfig(context, actor, of.networkId, { enabled });
    await drained();
  };
  await set(false);
  await sees(1, 2, 1, 2, 1, 2);
  assert.deepEqual(await types(), []);
  await set(true);
  await sees(1, 2, 1, 2);
  await set(false);
  assert.deepEqual(await types(), ['shared_config']);
});

test("a network's thresholds hold, and from the next report when they change", async (t) => {
  const { context, of, sees, types, drained } = await start(t);
  await updateSecurityConfig(context, actor, of.networkId, { max_endpoint_changes_per_day: 3 });
  await sees(1, 2, 3, 4);
  assert.deepEqual(await types(), []);
  await updateSecurityConfig(context, actor, of.networkId, { max_endpoint_changes_per_day: 5 });
  await drained();
  await sees(5, 6);
  assert.deepEqual(await types(), []);
  await sees(7);
  assert.deepEqual(await types(), ['suspicious_activity']);
});

test('the config: defaults with an id that stays, changes with their event, none for what is the same', async (t) => {
  const { context, of, events, drained, clock } = await start(t);
  const before = await getSecurityConfig(context, of.networkId);
  assert.match(before.id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  clock.ms += 1000;
  const values = { enabled: false, port_change_threshold_minutes: 7 };
  const after = await updateSecurityConfig(context, actor, of.networkId, values);
  assert.deepEqual(after, { ...before, ...values, updated_at: new Date(clock.ms).toISOString() });
  clock.ms += 1000;
  assert.deepEqual(await updateSecurityConfig(context, actor, of.networkId, values), after);
  assert.deepEqual(await getSecurityConfig(context, of.networkId), after);
  await drained();
  const changed = Object.keys(values);
  const updated = events.filter(({ type }) => type === 'overlay.security.updated').map(({ data }) => data);
  assert.deepEqual(updated, [{ networkId: of.networkId, changed, actor }]);
  await assert.rejects(getSecurityConfig(context, 'none'), { status: 404 });
  await assert.rejects(updateSecurityConfig(context, actor, 'none', {}), { status: 404 });
});

test('a new token is a new device; incidents outlive the peer and the network', async (t) => {
  const { context, of, sees, types, rows, drained } = await start(t);
  await sees(1, 2, 1);
  await issueToken(context, admin, '', of.networkId, of.peerId);
  await drained();
  await sees(2, 1, 2);
  assert.deepEqual(await types(), []);
  await sees(1);
  await deletePeer(context, admin, '', of.networkId, of.peerId);
  await drained();
  await sees(1, 2, 1, 2);
  assert.deepEqual(await types(), ['shared_config']);
  await deleteNetwork(context, actor, of.networkId);
  await drained();
  await sees(1, 2, 1, 2);
  const [listed] = await listIncidents(context, admin, { resolved: false });
  assert.deepEqual([listed?.peer_name, listed?.network_name], ['p', 'n']);
  await resolveIncident(context, actor, (await rows())[0]?.id ?? '');
  assert.deepEqual(await types(), ['shared_config resolved']);
});

test('what could not be written is written with the next evidence', async (t) => {
  const { fault, sees, types } = await start(t);
  fault.on = true;
  await sees(1, 2, 1, 2);
  fault.on = false;
  assert.deepEqual(await types(), []);
  await sees(1);
  assert.deepEqual(await types(), ['shared_config']);
});

test('whatever is reported and resolved, in whatever order: never two open incidents of a type', async (t) => {
  const { clock, context, holder, of, rows } = await start(t);
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ at: fc.integer({ min: 1, max: 3 }), port: fc.integer({ min: 1, max: 3 }) }) },
    {
      weight: 8,
      arbitrary: fc.record({ host: fc.constantFrom('a', 'b'), connection: fc.constantFrom('1', '2', '3') }),
    },
    { weight: 1, arbitrary: fc.constant('resolve' as const) },
  );
  const takes = (one: { at: number; port: number } | { host: string; connection: string } | 'resolve') => {
    if (one === 'resolve') {
      return rows().then(async (all) => {
        for (const { id } of all) await resolveIncident(context, actor, id);
      });
    }
    if ('at' in one) return holder.incidents.seen(of, 'hub', `203.0.113.${one.at}:${one.port}`);
    const { host: hostname, connection } = one;
    return holder.incidents.heard(of, { connection, hostname, systemUptime: 1, wireguardUptime: 1 });
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await Promise.all(
        steps.map((one) => {
          clock.ms += 500;
          return takes(one);
        }),
      );
      const open = (await rows()).filter(({ resolved }) => resolved === 0).map((row) => row.incident_type);
      assert.equal(new Set(open).size, open.length, open.join());
    }),
    { numRuns: 40 },
  );
  assert.ok((await rows()).length > 0);
});
