import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { pino } from 'pino';
import { createHttp, problemErrors } from '../../appliance/http/index.ts';
import { packetOf, SECRET, type TestRecord, testNas } from '../../appliance/radius/accounting/testing.ts';
import { ATTRIBUTE, AttributeWriter, CODE, encodeRequest, parsePacket } from '../../appliance/radius/codec/index.ts';
import { idAt, KEEP_DAYS } from '../../appliance/radius/sessions/database.ts';
import type { Redecide, SessionsOptions, SessionView } from '../../appliance/radius/sessions/index.ts';
import type { SessionTables } from '../../appliance/radius/sessions/tables.ts';
import type { StoredEvent } from '../../appliance/store/index.ts';
import { startBed } from './accounting-bed.ts';
import { startNas } from './nas.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-sessions-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const NOW = Date.UTC(2026, 0, 15, 12);

const overlayView = (id: string, more: Partial<SessionView> = {}): SessionView => ({
  id,
  type: 'overlay',
  site_id: 'default',
  status: 'active',
  user: 'alice',
  user_id: 'u-1',
  mac: null,
  ip: '10.1.0.5',
  ipv6: null,
  nas: null,
  nas_port: null,
  ssid: null,
  called_station: null,
  started_at: new Date(NOW + 15_000).toISOString(),
  updated_at: new Date(NOW + 16_000).toISOString(),
  ended_at: null,
  duration: 1,
  bytes_in: 0,
  bytes_out: 0,
  packets_in: 0,
  packets_out: 0,
  terminate_cause: null,
  policy: null,
  method: 'overlay',
  acct_session_id: null,
  ...more,
});

async function start(t: { after(fn: () => unknown): void }, more: Partial<SessionsOptions> = {}) {
  const nas = await startNas(SECRET);
  const clock = { now: NOW };
  const decision: { redecide: Redecide; asked: string[] } = { redecide: () => undefined, asked: [] };
  const overlay: SessionView[] = [];
  const dataDir = path.join(root, String(++folders));
  const client = testNas({ coa: { port: nas.port, secret: SECRET } });
  const bed = await startBed({
    dataDir,
    nas: [client],
    now: () => clock.now,
    sessions: {
      redecide: (session) => {
        decision.asked.push(session.acctSessionId);
        return decision.redecide(session);
      },
      overlaySessions: async () => overlay,
      overlaySession: async (id) => overlay.find((session) => session.id === id),
      ...more,
    },
  });
  const events: StoredEvent[] = [];
  bed.store.onEvent(async (event) => void events.push(event));
  const { app, close } = await createHttp({
    apis: [{ prefix: '/v1', errors: problemErrors, routes: [bed.sessions.routes] }],
    authenticate: async ({ headers }) =>
      headers.authorization
        ? {
            id: 'a',
            username: 'admin',
            role: headers.authorization as 'administrator',
            authorizedNetworks: [],
            via: 'token',
          }
        : null,
    log: pino({ level: 'silent' }),
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  t.after(async () => {
    await close();
    await bed.stop();
    await nas.close();
  });
  const call = async (method: 'GET' | 'DELETE' | 'POST', url: string, role = 'administrator') => {
    const answer = await app.inject({ method, url: `/v1${url}`, headers: { authorization: role } });
    return {
      status: answer.statusCode,
      link: answer.headers.link,
      type: answer.headers['content-type'],
      body: answer.body === '' ? undefined : answer.json(),
    };
  };
  return {
    nas,
    bed,
    clock,
    decision,
    overlay,
    call,
    client,
    /** Hands a record in, received when it happened. */
    account: (record: TestRecord) =>
      bed.accounting.handle({
        packet: packetOf(record),
        nas: client,
        address: '127.0.0.1',
        at: NOW + (record.at ?? 0) * 1000,
      }),
    /** Tells of an accepted request. */
    accept(
      record: TestRecord,
      accepted: Partial<Parameters<typeof bed.sessions.onAuthenticated>[1]> = {},
      sessionId?: string,
    ) {
      const writer = new AttributeWriter().add(ATTRIBUTE.nasIdentifier, record.nasIdentifier ?? 'ap-1');
      writer.add(ATTRIBUTE.callingStationId, record.mac ?? '02-00-00-11-22-33');
      if (sessionId !== undefined) writer.add(ATTRIBUTE.acctSessionId, sessionId);
      const packet = parsePacket(encodeRequest(CODE.accessRequest, 1, SECRET, writer.done()));
      assert.ok(typeof packet !== 'string');
      bed.sessions.onAuthenticated(
        { packet, nas: client, address: '127.0.0.1', authPort: 1812, at: clock.now },
        {
          username: 'alice',
          userId: 'u-1',
          method: 'pap',
          policy: 'staff',
          attributes: Uint8Array.of(27, 6, 0, 0, 0, 60),
          ...accepted,
        },
      );
    },
    async heard(type: string): Promise<Record<string, unknown>[]> {
      await bed.sessions.flush();
      await bed.store.drained();
      return events.filter((event) => event.type === type).map(({ data }) => data);
    },
  };
}
const fresh = (seconds: number): Uint8Array => new AttributeWriter().add(ATTRIBUTE.sessionTimeout, seconds).done();
const pause = (ms = 30) => new Promise((resolve) => setTimeout(resolve, ms));

describe('GET /v1/sessions', () => {
  it('shows a session with all that is known of it', async (t) => {
    const { account, accept, call, clock } = await start(t);
    accept({ kind: 'start' });
    await account({ kind: 'start', at: 0, user: 'anonymous', ip: '10.0.0.5' });
    await account({ kind: 'interim', at: 60, user: 'anonymous', seconds: 60, in: 10, out: 20 });
    clock.now = NOW + 90_000;
    const { status, body } = await call('GET', '/sessions');
    assert.equal(status, 200);
    const [session] = body;
    assert.match(session.id, /^[\da-f-]{36}$/);
    assert.deepEqual(session, {
      id: session.id,
      type: 'radius',
      site_id: 'default',
      status: 'active',
      user: 'alice',
      user_id: 'u-1',
      mac: '02:00:00:11:22:33',
      ip: '10.0.0.5',
      ipv6: null,
      nas: { id: 'nas-1', name: 'Access point' },
      nas_port: '7',
      ssid: 'campus',
      called_station: 'AA-BB-CC-DD-EE-FF:campus',
      started_at: '2026-01-15T12:00:00.000Z',
      updated_at: '2026-01-15T12:01:00.000Z',
      ended_at: null,
      duration: 90,
      bytes_in: 10,
      bytes_out: 20,
      packets_in: 0,
      packets_out: 0,
      terminate_cause: null,
      policy: 'staff',
      method: 'pap',
      acct_session_id: 'S1',
    });
    assert.deepEqual((await call('GET', `/sessions/${session.id}`)).body, session);
    await account({ kind: 'stop', at: 80, seconds: 79, cause: 1 });
    const ended = (await call('GET', `/sessions/${session.id}`)).body;
    assert.deepEqual([ended.status, ended.duration, ended.terminate_cause], ['ended', 79, 'User-Request']);
    assert.equal((await call('GET', '/sessions/none')).status, 404);
  });

  it('filters', async (t) => {
    const { account, accept, call, overlay } = await start(t);
    accept({ kind: 'start' });
    await account({ kind: 'start' });
    await account({ kind: 'start', id: 'B', user: 'Bob', mac: '02-00-00-00-00-0b', port: 8, at: 1 });
    await account({ kind: 'stop', id: 'B', user: 'Bob', mac: '02-00-00-00-00-0b', port: 8, at: 9 });
    overlay.push(overlayView('o-1'), overlayView('o-2', { user: 'carol', user_id: 'u-3' }));
    const names = async (query: string) => {
      const { status, body } = await call('GET', `/sessions?${query}`);
      assert.equal(status, 200, JSON.stringify(body));
      return body.map((session: SessionView) => session.acct_session_id ?? session.id).sort();
    };
    assert.deepEqual(await names(''), ['B', 'S1', 'o-1', 'o-2']);
    assert.deepEqual(await names('type=radius'), ['B', 'S1']);
    assert.deepEqual(await names('type=overlay'), ['o-1', 'o-2']);
    assert.deepEqual(await names('status=active'), ['S1', 'o-1', 'o-2']);
    assert.deepEqual(await names('status=ended'), ['B']);
    assert.deepEqual(await names('user=u-1'), ['S1', 'o-1']);
    assert.deepEqual(await names('user=ALICE'), ['S1', 'o-1']);
    assert.deepEqual(await names('user=bob'), ['B']);
    assert.deepEqual(await names('mac=0200.0000.000B'), ['B']);
    assert.deepEqual(await names('mac=nonsense'), []);
    assert.deepEqual(await names('site=default&user=carol'), ['o-2']);
    assert.equal((await call('GET', '/sessions?site=elsewhere')).status, 404);
    assert.equal((await call('GET', '/sessions?status=sleeping')).status, 422);
    assert.equal((await call('GET', '/sessions?cursor=x')).status, 422);
    assert.equal((await call('GET', '/sessions', 'user')).status, 403);
  });

  it('goes by pages, the newest first, both kinds', async (t) => {
    const { account, call, overlay, bed } = await start(t);
    for (let i = 0; i < 25; i++) {
      await account({ kind: 'start', id: `S${i}`, port: i, mac: `02-00-00-00-00-${10 + i}` });
      if (i % 5 === 0) {
        overlay.push(overlayView(`o-${i}`, { started_at: new Date().toISOString() }));
      }
      // Ids are in the order of milliseconds.
      await pause(2);
    }
    assert.equal(bed.sessions.active.size, 25);
    const seen: string[] = [];
    for (let url: string | undefined = '/sessions?limit=7'; url; ) {
      const { body, link } = await call('GET', url);
      seen.push(...body.map((session: SessionView) => session.acct_session_id ?? session.id));
      assert.ok(body.length <= 7);
      url = /<\/v1([^>]+)>; rel="next"/.exec(String(link ?? ''))?.[1];
    }
    assert.equal(new Set(seen).size, 30);
    assert.equal(seen.length, 30);
    const radius = seen.filter((name) => name.startsWith('S'));
    assert.deepEqual(
      radius,
      Array.from({ length: 25 }, (_, i) => `S${24 - i}`),
    );
  });
});

describe('DELETE /v1/sessions/:id', () => {
  const open = async (t: { after(fn: () => unknown): void }) => {
    const bed = await start(t);
    await bed.account({ kind: 'start', ip: '10.0.0.5' });
    const [session] = (await bed.call('GET', '/sessions')).body as SessionView[];
    return { ...bed, id: session!.id };
  };

  it('204 when the NAS agrees; what names the session is as it was received', async (t) => {
    const { nas, call, id, heard, account } = await open(t);
    const { status, body } = await call('DELETE', `/sessions/${id}`);
    assert.deepEqual([status, body], [204, undefined]);
    const [{ packet, kind }] = nas.asked as [(typeof nas.asked)[0]];
    assert.equal(kind, 'disconnect');
    assert.equal(packet.text(ATTRIBUTE.userName), 'alice');
    assert.equal(packet.text(ATTRIBUTE.acctSessionId), 'S1');
    assert.equal(packet.text(ATTRIBUTE.callingStationId), '02-00-00-11-22-33');
    assert.equal(packet.text(ATTRIBUTE.nasIdentifier), 'ap-1');
    assert.equal(packet.number(ATTRIBUTE.nasPort), 7);
    assert.equal(packet.number(ATTRIBUTE.framedIpAddress), 0x0a000005);
    assert.equal(packet.has(ATTRIBUTE.acctStatusType), false);
    await account({ kind: 'stop', at: 5, cause: 6 });
    assert.deepEqual(
      (await heard('session.disconnected')).map(({ cause }) => cause),
      ['Admin-Reset'],
    );
    assert.equal((await call('DELETE', `/sessions/${id}`)).status, 409, 'it has ended');
  });

  it('409 with the Error-Cause when it refuses', async (t) => {
    const { nas, call, id } = await open(t);
    nas.state.behaviour = { nak: 501 };
    const { status, body, type } = await call('DELETE', `/sessions/${id}`);
    assert.equal(status, 409);
    assert.match(String(type), /application\/problem\+json/);
    assert.deepEqual(body, {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'the NAS refused: Administratively-Prohibited (501)',
      error_cause: { number: 501, name: 'Administratively-Prohibited' },
    });
    nas.state.behaviour = { nak: undefined };
    assert.equal((await call('DELETE', `/sessions/${id}`)).body.error_cause, null);
  });

  it('a session that its NAS doesn’t know is over; an Interim brings it back', async (t) => {
    const { nas, call, id, account } = await open(t);
    nas.state.behaviour = { nak: 503 };
    assert.equal((await call('DELETE', `/sessions/${id}`)).body.error_cause.number, 503);
    assert.equal((await call('GET', `/sessions/${id}`)).body.terminate_cause, 'lost');
    await account({ kind: 'interim', at: 60, seconds: 60 });
    assert.equal((await call('GET', `/sessions/${id}`)).body.status, 'active');
  });

  it('504 when no answer comes after all tries', async (t) => {
    const { nas, call, id } = await open(t);
    nas.state.behaviour = 'silence';
    const { status, body } = await call('DELETE', `/sessions/${id}`);
    assert.equal(status, 504);
    assert.match(body.detail, /did not answer/);
    assert.equal(nas.asked.length, 4);
  });

  it('409 for an overlay session, with what to do; 404 for none', async (t) => {
    const { call, overlay } = await open(t);
    overlay.push(overlayView('o-1'));
    const { status, body } = await call('DELETE', '/sessions/o-1');
    assert.equal(status, 409);
    assert.match(body.detail, /block the peer/);
    assert.equal((await call('DELETE', '/sessions/none')).status, 404);
    assert.equal((await call('DELETE', '/sessions/none', 'user')).status, 403);
  });
});

describe('deciding anew', () => {
  it('POST …/reauthorize sends what is decided now', async (t) => {
    const { nas, call, account, accept, decision } = await start(t);
    accept({ kind: 'start' });
    await account({ kind: 'start' });
    const [{ id }] = (await call('GET', '/sessions')).body;
    decision.redecide = () => ({ attributes: fresh(99), policy: 'guests' });
    const { status, body } = await call('POST', `/sessions/${id}/reauthorize`);
    assert.deepEqual([status, body], [200, { action: 'coa', policy: 'guests' }]);
    assert.equal(nas.asked[0]?.kind, 'coa');
    assert.equal(nas.asked[0]?.packet.number(ATTRIBUTE.sessionTimeout), 99);
    assert.equal(nas.asked[0]?.packet.text(ATTRIBUTE.acctSessionId), 'S1');
    assert.equal((await call('GET', `/sessions/${id}`)).body.policy, 'guests');
    decision.redecide = () => Promise.resolve('deny' as const);
    assert.deepEqual((await call('POST', `/sessions/${id}/reauthorize`)).body.action, 'disconnect');
    assert.equal(nas.asked[1]?.kind, 'disconnect');
    nas.state.behaviour = { nak: 401 };
    decision.redecide = () => ({ attributes: fresh(5), policy: 'guests' });
    const refused = await call('POST', `/sessions/${id}/reauthorize`);
    assert.deepEqual([refused.status, refused.body.error_cause.name], [409, 'Unsupported-Attribute']);
    decision.redecide = () => undefined;
    assert.deepEqual((await call('POST', `/sessions/${id}/reauthorize`)).body.action, 'none');
    assert.equal((await call('POST', '/sessions/none/reauthorize')).status, 404);
  });

  it('a change for many: only what is different is told, whoever is refused is disconnected', async (t) => {
    const { nas, account, accept, bed, decision, heard } = await start(t);
    for (const [index, name] of ['A', 'B', 'C', 'D'].entries()) {
      const mac = `02-00-00-00-00-0${index}`;
      accept({ kind: 'start', mac }, { attributes: fresh(60) });
      await account({ kind: 'start', id: name, mac, port: index });
    }
    const decisions: Record<string, Awaited<ReturnType<Redecide>>> = {
      A: { attributes: fresh(60), policy: 'staff' },
      B: { attributes: fresh(10), policy: 'quarantine' },
      C: 'deny',
    };
    decision.redecide = (session) => decisions[session.acctSessionId];
    const told = await bed.sessions.reauthorizeWhere(({ acctSessionId }) => acctSessionId !== 'D');
    assert.deepEqual(told, { asked: 3, changed: 1, disconnected: 1, failed: 0 });
    assert.deepEqual(decision.asked, ['A', 'B', 'C']);
    assert.deepEqual(nas.asked.map(({ kind, packet }) => [kind, packet.text(ATTRIBUTE.acctSessionId)]).sort(), [
      ['coa', 'B'],
      ['disconnect', 'C'],
    ]);
    const again = await bed.sessions.reauthorizeWhere(({ acctSessionId }) => acctSessionId !== 'C');
    assert.deepEqual(again, { asked: 3, changed: 0, disconnected: 0, failed: 0 }, 'B has it already');
    assert.deepEqual(await heard('session.disconnected'), []);
  });

  it('a NAS that refuses a CoA is asked to disconnect', async (t) => {
    const { nas, account, bed, decision } = await start(t);
    await account({ kind: 'start' });
    nas.state.behaviour = ({ kind }) => (kind === 'coa' ? { nak: 405 } : 'ack');
    decision.redecide = () => ({ attributes: fresh(1), policy: 'quarantine' });
    const told = await bed.sessions.reauthorizeWhere(() => true);
    assert.deepEqual(told, { asked: 1, changed: 0, disconnected: 1, failed: 0 });
    assert.deepEqual(
      nas.asked.map(({ kind }) => kind),
      ['coa', 'disconnect'],
    );
  });

  it('a change while another is under way is told after it, and the last one holds', async (t) => {
    const { nas, account, bed, decision } = await start(t);
    await account({ kind: 'start' });
    nas.delay.ms = 100;
    decision.redecide = () => ({ attributes: fresh(1), policy: 'one' });
    const first = bed.sessions.reauthorizeWhere(() => true);
    await pause();
    decision.redecide = () => ({ attributes: fresh(2), policy: 'two' });
    await bed.sessions.reauthorizeWhere(() => true);
    await first;
    assert.deepEqual(
      nas.asked.map(({ packet }) => packet.number(ATTRIBUTE.sessionTimeout)),
      [1, 2],
    );
    assert.equal([...bed.sessions.active][0]?.policy, 'two');
  });

  it('a policy that cannot be asked changes nothing', async (t) => {
    const { nas, account, bed, decision } = await start(t);
    await account({ kind: 'start' });
    decision.redecide = () => {
      throw new Error('no policy');
    };
    assert.equal((await bed.sessions.reauthorizeWhere(() => true)).asked, 1);
    assert.equal(nas.asked.length, 0);
    assert.equal(bed.told.length, 1);
  });

  it('who authenticates anew within a session changes it', async (t) => {
    const { account, accept, bed } = await start(t);
    await account({ kind: 'start' });
    accept({ kind: 'start' }, { policy: 'later', userId: 'u-9' }, 'S1');
    const [session] = [...bed.sessions.active];
    assert.deepEqual([session?.policy, session?.userId, session?.userKey], ['later', 'u-9', 'user:u-9']);
    assert.equal(bed.sessions.usage('user:u-9', NOW).sessions, 1);
    assert.equal(bed.sessions.usage('name:alice', NOW).sessions, 0);
  });

  it('a passed quota disconnects and tells of it, once', async (t) => {
    const { nas, account, accept, heard, bed } = await start(t);
    accept({ kind: 'start' }, { dailyQuota: { bytes: 1000 } });
    await account({ kind: 'start' });
    await account({ kind: 'interim', at: 60, in: 600, out: 300 });
    assert.equal(nas.asked.length, 0);
    await account({ kind: 'interim', at: 120, in: 700, out: 400 });
    await account({ kind: 'interim', at: 125, in: 800, out: 400 });
    while (nas.asked.length < 1) await pause(5);
    assert.deepEqual(
      (await heard('policy.violation')).map(({ username, reason, nasId }) => [username, reason, nasId]),
      [['alice', 'daily quota of bytes', 'nas-1']],
    );
    assert.deepEqual(bed.sessions.usage('user:u-1', NOW), { sessions: 1, bytes: 1200, seconds: 125 });
    assert.equal(nas.asked.length, 1);
  });
});

describe('retention', () => {
  it('deletes what ended 90 days ago, and nothing else', async (t) => {
    const { account, bed } = await start(t);
    await account({ kind: 'start' });
    await bed.sessions.flush();
    const db = bed.store.as<SessionTables>();
    const row = await db.selectFrom('radius_sessions').selectAll().executeTakeFirstOrThrow();
    const day = 24 * 3600 * 1000;
    const old = (days: number, ended: number | null) => ({
      ...row,
      id: idAt(NOW - days * day),
      status: ended === null ? 'active' : 'ended',
      ended_at: ended === null ? null : new Date(NOW - ended * day).toISOString(),
    });
    await db
      .insertInto('radius_sessions')
      .values([old(KEEP_DAYS + 3, KEEP_DAYS + 1), old(KEEP_DAYS + 2, 1), old(KEEP_DAYS + 1, null)])
      .execute();
    assert.equal(await bed.sessions.sweep(), 1);
    assert.equal((await db.selectFrom('radius_sessions').select('id').execute()).length, 3);
  });
});
