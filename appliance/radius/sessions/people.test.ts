import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NOW, recordOf, type TestRecord } from '../accounting/testing.ts';
import { createDue, MAX_DUE_DEVICES, MAX_DUE_PEOPLE, START_DUE_MS } from './due.ts';
import { ENDED_KEPT_MS, MAX_ENDED } from './live.ts';
import { createPending, MAX_REMEMBERED_KEYS } from './pending.ts';
import { startLive } from './testing.ts';
import { usageKey } from './usage.ts';

describe('who a session is of', () => {
  const authentication = {
    nasId: 'nas-1',
    device: 'ap-1|',
    acctSessionId: undefined,
    mac: '02:00:00:11:22:33',
    username: 'alice@example.com',
    userId: 'u-1',
    userKey: 'user:u-1',
    method: 'peap-mschapv2',
    policy: 'staff',
    decided: 'd1',
    quotaBytes: null,
    quotaSeconds: null,
    class: undefined,
  };

  it('by NAS and MAC address, under the inner name', () => {
    const { pending, apply, all } = startLive();
    pending.remember(authentication);
    apply({ kind: 'start', user: 'anonymous' }, { kind: 'interim', user: 'anonymous', at: 60 });
    const [session] = all();
    assert.deepEqual(
      [session?.username, session?.userId, session?.method, session?.policy],
      ['alice@example.com', 'u-1', 'peap-mschapv2', 'staff'],
    );
  });

  it('by Class, and by Acct-Session-Id of the request', () => {
    const { pending, apply, all } = startLive();
    pending.remember({ ...authentication, class: Buffer.from('c1').toString('hex'), mac: null });
    pending.remember({ ...authentication, userId: 'u-2', acctSessionId: 'S9', mac: null });
    apply({ kind: 'start', class: 'c1', at: 0 }, { kind: 'start', id: 'S9', port: 8, at: 1 });
    assert.deepEqual(
      all().map(({ userId }) => userId),
      ['u-1', 'u-2'],
    );
  });

  it('is forgotten after five minutes, and then known by the last session of the device', () => {
    const { pending, clock, apply, all } = startLive();
    pending.remember({ ...authentication, username: 'alice' });
    apply({ kind: 'start' }, { kind: 'stop', at: 5 });
    clock.now += 5 * 60_000;
    apply({ kind: 'start', id: 'S2', at: 400 }, { kind: 'start', id: 'S3', at: 401, mac: '02-00-00-00-00-09' });
    assert.deepEqual(
      all().map(({ userId, method }) => [userId, method]),
      [
        ['u-1', 'peap-mschapv2'],
        ['u-1', 'peap-mschapv2'],
        [null, null],
      ],
    );
  });

  it('by the name alone, where nothing else is known', () => {
    const { apply, all } = startLive();
    apply({ kind: 'start', user: 'known' });
    assert.equal(all()[0]?.userId, 'u-known');
    assert.equal(all()[0]?.userKey, 'user:u-known');
  });
});

describe('usage', () => {
  const key = usageKey(null, 'alice');

  it('counts sessions, octets and seconds of today, once', () => {
    const { apply, usage } = startLive();
    apply({ kind: 'start' }, { kind: 'interim', at: 100, seconds: 100, in: 10, out: 5 });
    apply(
      { kind: 'interim', at: 100, seconds: 100, in: 10, out: 5 },
      { kind: 'start', id: 'S2', port: 9, mac: '02-00-00-00-00-02' },
    );
    assert.deepEqual(
      usage.of(key, NOW + 100_000),
      { sessions: 2, bytes: 15, seconds: 200 },
      'the second runs for 100 s',
    );
    assert.equal(usage.of(key, NOW + 100_000, '02:00:00:11:22:33').sessions, 1, 'but for those of the device itself');
    apply({ kind: 'stop', at: 200, seconds: 200, in: 20, out: 5 });
    assert.deepEqual(usage.of(key, NOW), { sessions: 1, bytes: 25, seconds: 200 });
    assert.deepEqual(usage.of(usageKey(null, 'bob'), NOW), { sessions: 0, bytes: 0, seconds: 0 });
  });

  it('counts who was let in before their session begins, for a minute', () => {
    const { apply, usage } = startLive();
    const [mine, other] = ['02:00:00:11:22:33', '02:00:00:00:00:02'];
    const sessions = (seconds: number, mac?: string) => usage.of(key, NOW + seconds * 1000, mac).sessions;
    usage.admitted(key, NOW, mine);
    usage.admitted(key, NOW, mine);
    assert.deepEqual([sessions(0), sessions(0, other), sessions(0, mine)], [1, 1, 0]);
    assert.equal(sessions(START_DUE_MS / 1000 - 1, other), 1);
    assert.equal(sessions(START_DUE_MS / 1000, other), 0, 'its NAS sends no accounting');
    usage.admitted(key, NOW, mine);
    apply({ kind: 'start' });
    assert.deepEqual([sessions(0, other), sessions(0, mine)], [1, 0], 'once');
    usage.admitted(key, NOW, mine);
    assert.equal(sessions(0, other), 1, 'who comes again within the session');
    apply({ kind: 'stop', at: 5 });
    assert.equal(sessions(6, other), 0);
  });

  it('remembers a bounded number of those who were let in, the newest', () => {
    const due = createDue();
    for (let n = 0; n <= MAX_DUE_DEVICES; n++) due.add('alice', `mac-${n}`, NOW);
    assert.equal(due.count('alice', NOW, undefined), MAX_DUE_DEVICES);
    assert.equal(due.count('alice', NOW, `mac-${MAX_DUE_DEVICES}`), MAX_DUE_DEVICES - 1);
    for (let n = 0; n < MAX_DUE_PEOPLE; n++) due.add(`u${n}`, 'mac', NOW);
    assert.equal(due.size, MAX_DUE_PEOPLE);
    assert.deepEqual([due.count('alice', NOW, null), due.count('u0', NOW, null)], [0, 1]);
    due.add('late', 'mac', NOW + START_DUE_MS);
    assert.equal(due.size, 1, 'what is over goes');
    due.drop('late', 'mac');
    assert.equal(due.size, 0);
  });

  it('starts anew with the day', () => {
    const { apply, usage, clock } = startLive();
    const midnight = 12 * 3600;
    apply({ kind: 'start', at: midnight - 600 });
    apply({ kind: 'interim', at: midnight - 60, seconds: 540, in: 1000 });
    clock.now = NOW + (midnight + 30) * 1000;
    assert.deepEqual(usage.of(key, clock.now), { sessions: 1, bytes: 0, seconds: 30 });
    apply({ kind: 'interim', at: midnight + 60, seconds: 660, in: 1500 });
    assert.deepEqual(usage.of(key, NOW + (midnight + 60) * 1000), { sessions: 1, bytes: 500, seconds: 60 });
    apply({ kind: 'interim', at: midnight - 30, seconds: 570, in: 1200 });
    assert.equal(usage.of(key, NOW + (midnight + 60) * 1000).bytes, 500, 'what comes late is of yesterday');
  });

  it('tells once when a quota is passed', () => {
    const { pending, apply, over, all } = startLive();
    pending.remember({
      nasId: 'nas-1',
      device: 'ap-1|',
      acctSessionId: undefined,
      mac: '02:00:00:11:22:33',
      username: 'alice',
      userId: null,
      userKey: key,
      method: 'pap',
      policy: null,
      decided: null,
      quotaBytes: 1000,
      quotaSeconds: null,
      class: undefined,
    });
    apply({ kind: 'start' }, { kind: 'interim', at: 100, in: 999 });
    assert.deepEqual(over, []);
    apply({ kind: 'interim', at: 200, in: 1000 }, { kind: 'interim', at: 300, in: 2000 });
    assert.deepEqual(over, ['alice: daily quota of bytes', 'alice: daily quota of bytes (again)']);
    assert.equal(all()[0]?.endedAt, null, 'it ends when its NAS says so');
  });
});

describe('memory', () => {
  it('lets go of sessions that ended an hour ago, or when there are too many, but not before they are stored', () => {
    const { live, clock, apply } = startLive();
    apply({ kind: 'start' }, { kind: 'stop', at: 5 });
    live.sweepEnded(() => false);
    assert.equal(live.byId.size, 1);
    clock.now += ENDED_KEPT_MS;
    live.sweepEnded(() => true);
    assert.equal(live.byId.size, 1);
    live.sweepEnded(() => false);
    assert.equal(live.byId.size, 0);
    for (let i = 0; i < MAX_ENDED + 10; i++) apply({ kind: 'stop', id: `T${i}`, at: 5 });
    live.sweepEnded(() => false);
    assert.equal(live.byId.size, MAX_ENDED);
  });

  it('keeps a few sessions of one Acct-Session-Id', () => {
    const { live, apply } = startLive();
    for (let i = 0; i < 100; i++) apply({ kind: 'start', at: i, port: i, mac: `02-00-00-00-00-${10 + (i % 90)}` });
    assert.ok(live.byId.size <= 9, `${live.byId.size}`);
  });

  it('has room for a bounded number of active sessions', () => {
    const { live, apply } = startLive();
    for (let i = 0; i < 200; i++) apply({ kind: 'start', id: `A${i}`, port: i, user: `u${i}`, mac: null });
    const room = (record: TestRecord) => live.hasRoom(recordOf(record));
    assert.equal(room({ kind: 'start', id: 'more' }), false);
    assert.equal(room({ kind: 'interim', id: 'more' }), false);
    assert.equal(room({ kind: 'stop', id: 'more' }), true);
    assert.equal(room({ kind: 'on' }), true);
    assert.equal(room({ kind: 'interim', id: 'A7' }), true);
    apply({ kind: 'stop', id: 'A7', port: 7, user: 'u7', mac: null, at: 5 });
    assert.equal(room({ kind: 'start', id: 'more' }), true);
  });

  it('remembers a bounded number of accepted requests, the newest', () => {
    const pending = createPending(() => NOW);
    const one = (n: number) => ({
      nasId: 'nas-1',
      device: 'ap-1|',
      acctSessionId: `S${n}`,
      mac: null,
      username: `u${n}`,
      userId: `u-${n}`,
      userKey: `user:u-${n}`,
      method: 'pap',
      policy: null,
      decided: null,
      quotaBytes: null,
      quotaSeconds: null,
      class: undefined,
    });
    for (let n = 0; n < MAX_REMEMBERED_KEYS; n++) pending.remember(one(n));
    assert.equal(pending.size, MAX_REMEMBERED_KEYS);
    const known = (n: number) => pending.find(recordOf({ kind: 'start', id: `S${n}`, user: null, mac: null }))?.userId;
    assert.equal(known(0), undefined);
    assert.equal(known(MAX_REMEMBERED_KEYS - 1), `u-${MAX_REMEMBERED_KEYS - 1}`);
  });

  it('says whether the database is to be asked', () => {
    const { live, apply } = startLive();
    apply({ kind: 'start' });
    const ask = (record: TestRecord, receivedAt?: number) => live.isUnknown(recordOf(record, receivedAt));
    assert.equal(ask({ kind: 'stop' }), false);
    assert.equal(ask({ kind: 'start', id: 'new' }), false);
    assert.equal(ask({ kind: 'start', id: 'new' }, 11), true);
    assert.equal(ask({ kind: 'interim', id: 'new' }), true);
    assert.equal(ask({ kind: 'on' }), false);
  });
});
