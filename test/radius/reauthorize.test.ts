import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ATTRIBUTE } from '../../appliance/radius/codec/index.ts';
import type { Redecide } from '../../appliance/radius/sessions/index.ts';

import { fresh, NOW, pause, startSessions } from './sessions-bed.ts';

describe('deciding anew', () => {
  it('POST …/reauthorize sends what is decided now', async (t) => {
    const { nas, call, account, accept, decision } = await startSessions(t);
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
    const { nas, account, accept, bed, decision, heard } = await startSessions(t);
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
    decisions.A = { attributes: fresh(60), policy: 'staff, renamed', quotaBytes: 5.5 };
    await bed.sessions.reauthorizeWhere(({ acctSessionId }) => acctSessionId === 'A');
    const [first] = [...bed.sessions.active].filter(({ acctSessionId }) => acctSessionId === 'A');
    assert.deepEqual([first?.policy, first?.quotaBytes], ['staff, renamed', 5], 'without a word to the NAS');
    assert.equal(nas.asked.length, 2);
  });

  it('a NAS that refuses a CoA is asked to disconnect', async (t) => {
    const { nas, account, bed, decision } = await startSessions(t);
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
    const { nas, account, bed, decision } = await startSessions(t);
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
    const { nas, account, bed, decision } = await startSessions(t);
    await account({ kind: 'start' });
    decision.redecide = () => {
      throw new Error('no policy');
    };
    assert.equal((await bed.sessions.reauthorizeWhere(() => true)).asked, 1);
    assert.equal(nas.asked.length, 0);
    assert.equal(bed.told.length, 1);
  });

  it('who authenticates anew within a session changes it', async (t) => {
    const { account, accept, bed } = await startSessions(t);
    await account({ kind: 'start' });
    accept({ kind: 'start' }, { policy: 'later', userId: 'u-9' }, 'S1');
    const [session] = [...bed.sessions.active];
    assert.deepEqual([session?.policy, session?.userId, session?.userKey], ['later', 'u-9', 'user:u-9']);
    assert.equal(bed.sessions.usage('user:u-9', NOW).sessions, 1);
    assert.equal(bed.sessions.usage('name:alice', NOW).sessions, 0);
  });

  it('a passed quota disconnects and tells of it, once', async (t) => {
    const { nas, account, accept, heard, bed } = await startSessions(t);
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
