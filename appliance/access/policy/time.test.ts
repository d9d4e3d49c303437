import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { facts, policySet } from './testing.ts';
import { daysOf, inWindow, minuteOf, wallClock } from './time.ts';

/** Whether a policy with these windows holds at a moment. */
const holdsAt = (time: string, zone: string) => {
  const set = policySet([`{name: p, match: {time: ${time}}, decide: {action: allow}}`], { zone });
  return (iso: string) => set.decide(facts({ at: Date.parse(iso) })).policy !== null;
};

test('days are single ones, ranges and all', () => {
  assert.deepEqual(daysOf('mon-fri'), [0, 1, 2, 3, 4]);
  assert.deepEqual(daysOf('Sat - mon'), [5, 6, 0]);
  assert.deepEqual(daysOf('sunday'), [6]);
  assert.deepEqual(daysOf('daily')?.length, 7);
  for (const text of ['', 'today', 'mon-', 'mon-tue-wed', '-', 'constructor'])
    assert.equal(daysOf(text), undefined, text);
});

test('times of day are from 00:00 to 24:00', () => {
  assert.equal(minuteOf('07:30'), 450);
  assert.equal(minuteOf('7:05'), 425);
  assert.equal(minuteOf('24:00'), 1440);
  for (const text of ['24:01', '12:60', '7', '7am', '07:3', '-1:00']) assert.equal(minuteOf(text), undefined, text);
});

test('a window is in the zone of the site', () => {
  const berlin = holdsAt('{days: mon-fri, from: "07:00", to: "20:00"}', 'Europe/Berlin');
  assert.equal(berlin('2026-01-05T05:59:59Z'), false);
  assert.equal(berlin('2026-01-05T06:00:00Z'), true); // 07:00, Monday, winter
  assert.equal(berlin('2026-01-05T18:59:59Z'), true);
  assert.equal(berlin('2026-01-05T19:00:00Z'), false);
  assert.equal(berlin('2026-07-06T05:00:00Z'), true); // 07:00, Monday, summer
  assert.equal(berlin('2026-01-10T12:00:00Z'), false); // Saturday
  const auckland = holdsAt('{days: mon}', 'Pacific/Auckland');
  assert.equal(auckland('2026-01-04T12:00:00Z'), true); // Sunday in UTC
  const nepal = holdsAt('{from: "06:00", to: "06:01"}', 'Asia/Kathmandu');
  assert.equal(nepal('2026-01-05T00:15:30Z'), true);
});

test('a window over midnight belongs to the day that it begins on', () => {
  const night = holdsAt('{days: fri, from: "22:00", to: "06:00"}', 'UTC');
  assert.equal(night('2026-01-02T21:59:00Z'), false); // Friday
  assert.equal(night('2026-01-02T22:00:00Z'), true);
  assert.equal(night('2026-01-03T05:59:00Z'), true);
  assert.equal(night('2026-01-03T06:00:00Z'), false);
  assert.equal(night('2026-01-03T22:30:00Z'), false); // Saturday
  assert.equal(night('2026-01-02T03:00:00Z'), false); // Friday's early morning is Thursday's night
});

test('the hour that summer time leaves out and the hour that comes twice', () => {
  const early = holdsAt('{from: "02:00", to: "03:00"}', 'Europe/Berlin');
  // 2026-03-29: 01:59:59 is followed by 03:00, so the window has no moment.
  for (const iso of ['2026-03-29T00:30:00Z', '2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z'])
    assert.equal(early(iso), false);
  // 2026-10-25: 02:00 to 03:00 comes twice.
  for (const iso of ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z']) assert.equal(early(iso), true);
  assert.equal(early('2026-10-25T02:00:00Z'), false);
  const night = holdsAt('{days: sat, from: "22:00", to: "06:00"}', 'Europe/Berlin');
  assert.equal(night('2026-03-29T03:59:59Z'), true); // 05:59, summer time by now
  assert.equal(night('2026-03-29T04:00:00Z'), false);
});

test('one of several windows is enough', () => {
  const both = holdsAt('[{days: mon, from: "08:00", to: "09:00"}, {days: [tue], to: "01:00"}]', 'UTC');
  assert.equal(both('2026-01-05T08:30:00Z'), true);
  assert.equal(both('2026-01-06T00:30:00Z'), true);
  assert.equal(both('2026-01-06T08:30:00Z'), false);
});

test('a wall clock says the same as the formatter in any order of questions', () => {
  const zones = ['Europe/Berlin', 'Australia/Lord_Howe', 'America/St_Johns', 'Pacific/Apia'];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.array(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })),
      (zone, dates) => {
        const clock = wallClock(zone);
        for (const date of dates) {
          const [hour, minute] = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'short' })
            .format(date)
            .split(':')
            .map(Number) as [number, number];
          assert.equal(clock(date.getTime()).minute, hour * 60 + minute);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('a window and its complement never hold together, and always one of them does', () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  fc.assert(
    fc.property(minute, minute, fc.integer({ min: 0, max: 6 }), minute, (from, to, day, now) => {
      fc.pre(from !== to);
      const days = Array(7).fill(true);
      const local = { day, minute: now };
      assert.notEqual(inWindow({ days, from, to }, local), inWindow({ days, from: to, to: from }, local));
    }),
  );
});
