import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ATTRIBUTE } from '../../appliance/radius/codec/index.ts';
import { idAt, KEEP_DAYS } from '../../appliance/radius/sessions/database.ts';
import type { SessionView } from '../../appliance/radius/sessions/index.ts';
import type { SessionTables } from '../../appliance/radius/sessions/tables.ts';

import { NOW, overlayView, pause, startSessions } from './sessions-bed.ts';

describe('GET /v1/sessions', () => {
  it('shows a session with all that is known of it', async (t) => {
    const { account, accept, call, clock } = await startSessions(t);
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
    const { account, accept, call, overlay } = await startSessions(t);
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
    const sleeping = await call('GET', '/sessions?status=sleeping');
    assert.equal(sleeping.status, 422);
    assert.match(JSON.stringify(sleeping.body), /active.*ended/, 'all that it may be');
    assert.match(JSON.stringify((await call('GET', '/sessions?type=x')).body), /radius.*overlay/);
    assert.equal((await call('GET', '/sessions?cursor=x')).status, 422);
    assert.equal((await call('GET', '/sessions', 'user')).status, 403);
  });

  it('goes by pages, the newest first, both kinds', async (t) => {
    const { account, call, overlay, bed } = await startSessions(t);
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
    const bed = await startSessions(t);
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

describe('retention', () => {
  it('deletes what ended 90 days ago, and nothing else', async (t) => {
    const { account, bed } = await startSessions(t);
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
