import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_OCTETS } from '../accounting/record.ts';
import { NOW, recordOf, type TestRecord } from '../accounting/testing.ts';
import { LOST_MS, LOST_WITHOUT_INTERIMS_MS, MIN_LOST_MS, STOP_DUE_MS } from './live.ts';
import { DAY, seen, startLive } from './testing.ts';
import { usageKey } from './usage.ts';

describe('sessions by their records', () => {
  const START: TestRecord = { kind: 'start', at: 0 };
  const INTERIM: TestRecord = { kind: 'interim', at: 300, seconds: 300, in: 1000, ip: '10.0.0.5' };
  const STOP: TestRecord = { kind: 'stop', at: 600, seconds: 600, in: 2000, cause: 1 };
  const WHOLE = { user: 'alice', started: 0, ended: 600, cause: 'User-Request', seconds: 600, in: 2000 };
  const OPEN = { user: 'alice', started: 0, ended: null, cause: null, seconds: 300, in: 1000 };
  const table: { name: string; records: TestRecord[]; sessions: unknown[] }[] = [
    { name: 'Start, Interim, Stop', records: [START, INTERIM, STOP], sessions: [WHOLE] },
    { name: 'a Start alone', records: [START], sessions: [{ ...OPEN, seconds: null, in: 0 }] },
    { name: 'an Interim alone: its start is worked out', records: [INTERIM], sessions: [OPEN] },
    { name: 'a Stop alone', records: [STOP], sessions: [WHOLE] },
    { name: 'Stop before Start', records: [STOP, START], sessions: [WHOLE] },
    { name: 'Stop, Interim, Start', records: [STOP, INTERIM, START], sessions: [WHOLE] },
    { name: 'everything twice', records: [START, START, INTERIM, INTERIM, STOP, STOP], sessions: [WHOLE] },
    { name: 'a copy of the Start after the Stop', records: [START, STOP, START], sessions: [WHOLE] },
    {
      name: 'an Interim after the Stop is ignored',
      records: [START, STOP, { ...INTERIM, at: 700, seconds: 610, in: 9999 }],
      sessions: [WHOLE],
    },
    {
      name: 'counters never go back',
      records: [START, { ...INTERIM, in: 5000 }, { ...INTERIM, at: 400, seconds: 400, in: 10 }],
      sessions: [{ ...OPEN, seconds: 400, in: 5000 }],
    },
    {
      name: 'octets over 2^32',
      records: [START, { ...INTERIM, gigaIn: 3, in: 7 }],
      sessions: [{ ...OPEN, in: 3 * 2 ** 32 + 7 }],
    },
    {
      name: 'octets over 2^52 are 2^52 - 1',
      records: [START, { ...INTERIM, gigaIn: 0xff_ff_ff_ff }],
      sessions: [{ ...OPEN, in: MAX_OCTETS }],
    },
    {
      name: 'the same id for another device is another session',
      records: [START, { ...START, at: 60, mac: '02-00-00-aa-aa-aa', user: 'bob', port: 8 }],
      sessions: [
        { ...OPEN, seconds: null, in: 0 },
        { ...OPEN, user: 'bob', started: 60, seconds: null, in: 0 },
      ],
    },
    {
      name: 'the same id long after is another session, and the earlier is over',
      records: [START, INTERIM, { ...START, at: 7200 }],
      sessions: [
        { ...OPEN, ended: 7200, cause: 'superseded' },
        { ...OPEN, started: 7200, seconds: null, in: 0 },
      ],
    },
    {
      name: 'the same id after a Stop is another session',
      records: [START, STOP, { ...START, at: 601 }],
      sessions: [WHOLE, { ...OPEN, started: 601, seconds: null, in: 0 }],
    },
    {
      name: 'a late Stop of the earlier finds it',
      records: [START, { ...START, at: 7200 }, STOP],
      sessions: [WHOLE, { ...OPEN, started: 7200, seconds: null, in: 0 }],
    },
    {
      name: 'a Start at the same port ends what the device had there',
      records: [START, { ...START, id: 'S2', at: 100 }],
      sessions: [
        { ...OPEN, ended: 100, cause: 'superseded', seconds: null, in: 0 },
        { ...OPEN, started: 100, seconds: null, in: 0 },
      ],
    },
    {
      name: 'also where the two Starts come in the wrong order',
      records: [{ ...START, id: 'S2', at: 100 }, START],
      sessions: [
        { ...OPEN, ended: 100, cause: 'superseded', seconds: null, in: 0 },
        { ...OPEN, started: 100, seconds: null, in: 0 },
      ],
    },
    {
      name: 'another device at the same port ends nothing: a radio has one port for all',
      records: [START, { ...START, id: 'S2', at: 100, mac: '02-00-00-aa-aa-aa' }],
      sessions: [
        { ...OPEN, seconds: null, in: 0 },
        { ...OPEN, started: 100, seconds: null, in: 0 },
      ],
    },
    {
      name: 'without a MAC address, the same person at the same port',
      records: [
        { ...START, mac: null },
        { ...START, mac: null, id: 'S2', at: 100 },
      ],
      sessions: [
        { ...OPEN, ended: 100, cause: 'superseded', seconds: null, in: 0 },
        { ...OPEN, started: 100, seconds: null, in: 0 },
      ],
    },
    {
      name: 'Accounting-On ends what the NAS had before',
      records: [START, INTERIM, { kind: 'on', at: 900 }],
      sessions: [{ ...OPEN, ended: 900, cause: 'NAS-Reboot' }],
    },
    {
      name: 'Accounting-Off with a cause',
      records: [START, INTERIM, { kind: 'off', at: 900, cause: 7 }],
      sessions: [{ ...OPEN, ended: 900, cause: 'Admin-Reboot' }],
    },
    {
      name: 'Accounting-On that comes late spares what began after it',
      records: [
        { ...START, at: 901 },
        { kind: 'on', at: 900 },
      ],
      sessions: [{ ...OPEN, started: 901, seconds: null, in: 0 }],
    },
    {
      name: 'Accounting-On of another device behind the same address range ends nothing',
      records: [START, INTERIM, { kind: 'on', at: 900, nasIdentifier: 'ap-2' }],
      sessions: [OPEN],
    },
    {
      name: 'Accounting-On of another radio of the device ends nothing',
      records: [START, INTERIM, { kind: 'on', at: 900, called: 'AA-BB-CC-DD-EE-00:guests' }],
      sessions: [OPEN],
    },
    {
      name: 'an Interim after Accounting-On: the session goes on',
      records: [START, INTERIM, { kind: 'on', at: 301 }, { ...INTERIM, at: 600, seconds: 600, in: 3000 }],
      sessions: [{ ...OPEN, seconds: 600, in: 3000 }],
    },
    {
      name: 'an Interim long after the Stop, of a session whose Start was lost',
      records: [START, STOP, { ...INTERIM, at: 7200, seconds: 60, in: 5 }],
      sessions: [WHOLE, { ...OPEN, started: 7140, seconds: 60, in: 5 }],
    },
    {
      name: 'somebody without a name',
      records: [{ ...START, user: null }],
      sessions: [{ ...OPEN, user: null, seconds: null, in: 0 }],
    },
  ];
  for (const { name, records, sessions } of table) {
    it(name, () => {
      const { apply, all, live } = startLive();
      apply(...records);
      assert.deepEqual(all().map(seen), sessions);
      const active = all().filter(({ endedAt }) => endedAt === null);
      assert.deepEqual(new Set(active), live.active);
    });
  }

  it('Acct-Delay-Time tells when, where there is no Event-Timestamp', () => {
    const { live, all } = startLive();
    live.apply(recordOf({ kind: 'start', untimed: true, delay: 40 }, 100));
    live.apply(recordOf({ kind: 'start', untimed: true, delay: 45 }, 105));
    live.apply(recordOf({ kind: 'stop', untimed: true }, 160));
    assert.deepEqual(all().map(seen), [
      { user: 'alice', started: 60, ended: 160, cause: 'unknown', seconds: null, in: 0 },
    ]);
  });

  it('an Event-Timestamp of a clock that was never set is not believed', () => {
    const { live, all } = startLive();
    live.apply(recordOf({ kind: 'start', at: -NOW / 1000 + 1000 }, 5));
    live.apply(recordOf({ kind: 'start', id: 'S2', mac: null, at: 3600 }, 6));
    assert.deepEqual(
      all().map(({ startedAt }) => (startedAt - NOW) / 1000),
      [5, 6],
    );
  });

  const session = fc
    .record({
      length: fc.integer({ min: 1, max: 5000 }),
      interims: fc.array(
        fc.record({
          part: fc.double({ min: 0, max: 1, noNaN: true }),
          ip: fc.option(fc.constantFrom('10.0.0.1', '10.0.0.2')),
        }),
        { maxLength: 5 },
      ),
      rate: fc.integer({ min: 0, max: 100_000 }),
      timed: fc.boolean(),
      mac: fc.option(fc.constant('02-00-00-11-22-33')),
    })
    .map(({ length, interims, rate, timed, mac }): TestRecord[] => {
      const at = (seconds: number, kind: 'interim' | 'stop'): TestRecord => {
        const counted = timed ? { seconds } : {};
        return { kind, at: seconds, in: seconds * rate, mac, ...counted, ...(kind === 'stop' && { cause: 1 }) };
      };
      return [
        { kind: 'start', at: 0, mac },
        ...interims.map(({ part, ip }) => ({
          ...at(Math.round(part * length), 'interim'),
          ...(ip !== null && { ip }),
        })),
        at(length, 'stop'),
      ];
    });
  const shuffled = session.chain((records) =>
    fc.record({
      records: fc.constant(records),
      order: fc
        .array(fc.nat(records.length - 1), { maxLength: 12 })
        .chain((copies) =>
          fc.shuffledSubarray([...records.keys(), ...copies], { minLength: records.length + copies.length }),
        ),
    }),
  );

  it('end up the same in whatever order, and however often, the records come', () => {
    fc.assert(
      fc.property(shuffled, ({ records, order }) => {
        const straight = startLive();
        straight.apply(...records);
        const mixed = startLive();
        mixed.apply(...order.map((index) => records[index]!));
        const final = ({ all }: ReturnType<typeof startLive>) =>
          all().map((s) => ({
            ...seen(s),
            ip: s.ip,
            mac: s.mac,
            out: s.bytesOut,
            updatedAt: s.updatedAt,
            ending: s.ending,
          }));
        assert.equal(final(straight).length, 1);
        assert.deepEqual(final(mixed), final(straight));
        assert.equal(mixed.live.active.size, 0);
        assert.equal(mixed.usage.of(usageKey(null, 'alice'), NOW).sessions, 0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('sessions that are lost', () => {
  it('after three intervals, an hour, or a day without any', () => {
    const { live, clock, apply, all } = startLive();
    apply({ kind: 'start', id: 'A', port: 1 }, { kind: 'interim', id: 'A', port: 1, at: 200 });
    apply({ kind: 'interim', id: 'B', port: 2 }, { kind: 'start', id: 'C', port: 3 });
    const activeAt = (ms: number) => {
      clock.now = NOW + ms;
      live.sweepLost(0);
      return [...live.active].map(({ acctSessionId }) => acctSessionId);
    };
    assert.deepEqual(activeAt(200_000 + 3 * 200_000 - 1), ['A', 'B', 'C']);
    assert.deepEqual(activeAt(200_000 + 3 * 200_000), ['B', 'C']);
    assert.deepEqual(activeAt(LOST_MS), ['C']);
    assert.deepEqual(activeAt(LOST_WITHOUT_INTERIMS_MS), []);
    assert.deepEqual(
      all().map(({ cause }) => cause),
      ['lost', 'lost', 'lost'],
    );
    assert.equal(
      seen(all().find(({ acctSessionId }) => acctSessionId === 'A'))?.ended,
      200,
      'when it was last heard of',
    );
  });

  it('not before five minutes, and not for a time in which nobody listened', () => {
    const { live, clock, apply } = startLive();
    apply({ kind: 'start' }, { kind: 'interim', at: 10 });
    clock.now = NOW + 10_000 + MIN_LOST_MS - 1;
    live.sweepLost(0);
    assert.equal(live.active.size, 1);
    clock.now = NOW + DAY;
    live.sweepLost(clock.now - 1000);
    assert.equal(live.active.size, 1);
  });

  it('come back with their next record, and their end is told again', () => {
    const { live, clock, apply, all } = startLive();
    apply({ kind: 'start' }, { kind: 'interim', at: 10 });
    clock.now = NOW + DAY;
    live.sweepLost(0);
    all()[0]!.told = true;
    apply({ kind: 'interim', at: 40_000, in: 5 });
    assert.deepEqual([live.active.size, all()[0]!.told, all()[0]!.cause], [1, false, null]);
  });

  it('after an acknowledged Disconnect without a Stop', () => {
    const { live, clock, apply, all } = startLive();
    apply({ kind: 'start' });
    live.disconnecting(all()[0]!);
    clock.now += STOP_DUE_MS - 1;
    live.sweepLost(0);
    assert.equal(live.active.size, 1);
    clock.now += 1;
    live.sweepLost(0);
    assert.equal(all()[0]!.cause, 'Admin-Reset');
  });
});
