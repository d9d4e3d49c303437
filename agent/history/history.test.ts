import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Traffic } from '@gatehouse/protocol';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { type Carrying, Sessions, SessionsFile } from './sessions.ts';
import { TrafficFile, TrafficMeter } from './traffic.ts';

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

describe('traffic', () => {
  const now = (mono: number) => ({ mono, wall: 1_700_000_000_000 + mono });

  test('by second and by minute, the oldest first; what was not measured is 0', () => {
    const meter = new TrafficMeter(now(0));
    meter.sample({ rx: 5_000, tx: 9_000 }, now(0));
    meter.sample({ rx: 5_100, tx: 9_010 }, now(1_000));
    meter.sample({ rx: 5_100, tx: 9_010 }, now(2_000));
    const { seconds, minutes } = meter.read(now(3_500));
    assert.deepEqual([seconds.rx.length, minutes.rx.length, seconds.step, minutes.step], [600, 1440, 1, 60]);
    assert.deepEqual([sum(seconds.rx), sum(seconds.tx), sum(minutes.rx), sum(minutes.tx)], [100, 10, 100, 10]);
    assert.deepEqual(seconds.rx.slice(-4), [100, 0, 0, 0]);
    // The last second is the one that goes on: it began at 3 s.
    assert.equal(Date.parse(seconds.start), now(3_000 - 599_000).wall);
  });

  test('what came over several steps is spread over them; over a sleep it is not', () => {
    const meter = new TrafficMeter(now(0));
    meter.sample({ rx: 0, tx: 0 }, now(500));
    meter.sample({ rx: 40, tx: 4 }, now(4_500));
    assert.deepEqual(meter.read(now(4_500)).seconds.rx.slice(-5), [5, 10, 10, 10, 5]);
    meter.sample({ rx: 100, tx: 4 }, now(100_000));
    const { rx } = meter.read(now(100_000)).seconds;
    assert.deepEqual([rx.at(-1), sum(rx)], [60, 100]);
  });

  test('a counter that goes back, and a device that goes, begin anew', () => {
    const meter = new TrafficMeter(now(0));
    meter.sample({ rx: 1_000, tx: 1_000 }, now(1_000));
    assert.deepEqual(meter.sample({ rx: 10, tx: 1_500 }, now(2_000)), { rx: 0, tx: 500 });
    assert.deepEqual(meter.sample(null, now(3_000)), { rx: 0, tx: 0 });
    assert.deepEqual(meter.sample({ rx: 9_999, tx: 9_999 }, now(4_000)), { rx: 0, tx: 0 });
    assert.deepEqual(meter.sample({ rx: 10_000, tx: 9_999 }, now(5_000)), { rx: 1, tx: 0 });
  });

  test('whatever is read whenever: never negative, nothing lost, nothing twice', () => {
    const check = Compile(Traffic);
    const step = fc.tuple(fc.integer({ min: 1, max: 9_000 }), fc.option(fc.tuple(fc.nat(1e9), fc.nat(1e9))));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const meter = new TrafficMeter(now(0));
        let mono = 0;
        const passed = { rx: 0, tx: 0 };
        for (const [wait, bytes] of steps) {
          mono += wait;
          const { rx, tx } = meter.sample(bytes && { rx: bytes[0], tx: bytes[1] }, now(mono));
          passed.rx += rx;
          passed.tx += tx;
        }
        const traffic = meter.read(now(mono));
        assert.ok(check.Check(traffic));
        for (const series of [traffic.seconds, traffic.minutes])
          assert.deepEqual([sum(series.rx), sum(series.tx)], [passed.rx, passed.tx]);
      }),
    );
  });

  describe('over a restart', () => {
    const check = Compile(TrafficFile);
    const kept = (): TrafficFile => {
      const meter = new TrafficMeter(now(0));
      meter.sample({ rx: 0, tx: 0 }, now(60_000));
      meter.sample({ rx: 7, tx: 70 }, now(61_000));
      assert.ok(meter.changed);
      meter.sample({ rx: 12, tx: 120 }, now(181_000));
      const file = JSON.parse(JSON.stringify(meter.dump(now(185_000)))) as TrafficFile;
      assert.ok(check.Check(file));
      assert.ok(!meter.changed);
      return file;
    };
    /** A clock that runs since the machine was switched on, `later` milliseconds after the file was written. */
    const after = (later: number, mono = 5_000) => ({ mono, wall: now(185_000 + later).wall });

    test('the minutes are where they were, by the wall clock; what comes then is added', () => {
      const at = after(10 * 60_000);
      const meter = new TrafficMeter(at);
      meter.restore(kept(), at);
      const { minutes, seconds } = meter.read(at);
      assert.deepEqual(minutes.rx.slice(-14), [0, 7, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      assert.deepEqual([sum(minutes.rx), sum(minutes.tx), sum(seconds.rx)], [12, 120, 0]);
      meter.sample({ rx: 1, tx: 1 }, at);
      meter.sample({ rx: 4, tx: 1 }, { mono: at.mono + 1_000, wall: at.wall + 1_000 });
      assert.deepEqual([meter.read(at).minutes.rx.at(-1), sum(meter.read(at).seconds.rx)], [3, 3]);
    });

    test('within the same minute nothing is lost or doubled, restart after restart', () => {
      let file = kept();
      for (let i = 1; i <= 20; i += 1) {
        const at = after(i * 1_000);
        const meter = new TrafficMeter(at);
        meter.restore(file, { ...at, wall: file.saved + 1_000 });
        file = meter.dump({ ...at, wall: file.saved + 1_000 });
      }
      assert.deepEqual([sum(file.rx), sum(file.tx)], [12, 120]);
    });

    test('a day later, and from the future, there is nothing', () => {
      for (const later of [25 * 3_600_000, 400 * 86_400_000, -3_600_000]) {
        const at = after(later);
        const meter = new TrafficMeter(at);
        meter.restore(kept(), at);
        assert.equal(sum(meter.read(at).minutes.rx), 0);
      }
    });

    test('whatever the file and the clocks: as many values as ever, none of them negative', () => {
      const counts = fc.array(fc.nat(1e12), { maxLength: 1_440 });
      const clock = fc.record({ mono: fc.nat(1e10), wall: fc.integer({ min: 0, max: 4e12 }) });
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 4e12 }), counts, counts, clock, (saved, rx, tx, at) => {
          const meter = new TrafficMeter(at);
          meter.restore({ saved, rx, tx }, at);
          assert.ok(check.Check(meter.dump(at)));
          assert.equal(meter.dump(at).rx.length, 1_440);
        }),
      );
    });

    test('cleared, nothing is left', () => {
      const meter = new TrafficMeter(after(0));
      meter.restore(kept(), after(0));
      meter.clear();
      assert.equal(sum(meter.dump(after(0)).rx), 0);
    });
  });

  test('a day and more without a reading empties both', () => {
    const meter = new TrafficMeter(now(0));
    meter.sample({ rx: 0, tx: 0 }, now(0));
    meter.sample({ rx: 7, tx: 7 }, now(1_000));
    assert.equal(sum(meter.read(now(11 * 60_000)).seconds.rx), 0);
    assert.equal(sum(meter.read(now(23 * 3_600_000)).minutes.rx), 7);
    assert.equal(sum(meter.read(now(3 * 86_400_000)).minutes.rx), 0);
  });
});

describe('sessions', () => {
  const START = 1_700_000_000_000;
  const office: Carrying = { networkName: 'office', hub: 'gate' };
  const fresh = () => {
    const written: SessionsFile[] = [];
    return { written, sessions: new Sessions((file) => written.push(file)) };
  };
  const none = { rx: 0, tx: 0 };

  test('begin, count, end with their reason', () => {
    const { written, sessions } = fresh();
    sessions.observe({ why: 'user' }, none, START);
    assert.deepEqual([sessions.list(), sessions.since, written.length], [[], null, 0]);
    sessions.observe(office, none, START + 1_000);
    sessions.observe(office, { rx: 10, tx: 1 }, START + 2_000);
    assert.equal(sessions.since, new Date(START + 1_000).toISOString());
    assert.deepEqual(sessions.list()[0], {
      since: new Date(START + 1_000).toISOString(),
      until: null,
      networkName: 'office',
      hub: 'gate',
      rx: 10,
      tx: 1,
      ended: null,
    });
    // The machine slept: the session ended when it fell asleep.
    sessions.observe({ why: 'no-traffic' }, none, START + 500_000);
    const [ended] = sessions.list();
    assert.deepEqual([ended?.until, ended?.ended], [new Date(START + 2_000).toISOString(), 'no-traffic']);
    assert.deepEqual([sessions.since, written.length], [null, 2]);
    sessions.end('stopped', START + 600_000);
    assert.equal(written.length, 2);
  });

  test('written each five minutes; after a crash it ended when it was written', () => {
    const { written, sessions } = fresh();
    for (let s = 0; s <= 400; s += 1) sessions.observe(office, { rx: 1, tx: 0 }, START + s * 1_000);
    assert.equal(written.length, 2);
    const next = fresh();
    next.sessions.restore(written.at(-1)!);
    const [last] = next.sessions.list();
    assert.deepEqual([last?.until, last?.ended, last?.rx], [new Date(START + 300_000).toISOString(), 'stopped', 300]);
  });

  test('the last hundred are kept, the newest first', () => {
    const { written, sessions } = fresh();
    for (let i = 0; i < 150; i += 1) {
      sessions.observe({ networkName: `n${i}`, hub: null }, none, START + i * 10);
      if (i < 149) sessions.end('user', START + i * 10 + 5);
    }
    assert.ok(written.every((file) => Compile(SessionsFile).Check(file)));
    const { sessions: kept } = written.at(-1)!;
    assert.deepEqual([kept.length, kept.at(-1)?.networkName, kept[0]?.networkName], [100, 'n149', 'n50']);
    assert.equal(sessions.list()[0]?.networkName, 'n149');
    const next = fresh();
    next.sessions.restore(written.at(-1)!);
    assert.equal(next.sessions.list()[0]?.ended, 'stopped');
    sessions.clear();
    assert.deepEqual(sessions.list(), []);
  });
});
