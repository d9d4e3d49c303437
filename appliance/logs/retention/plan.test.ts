import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Days } from '../backend.ts';
import { CLASSES } from '../record/types.ts';
import { holdOn, nameOfHold, planExpiry, type SegmentSummary } from './plan.ts';

const DAY = 86_400e6;
const DAYS: Days = { system: null, audit: null, access: 365, log: 30, security: 30, traffic: 7, guest: 1 };
const ALL = CLASSES.map((_, one) => one);
const NOW = 1000 * DAY;
const segment = (rest: Partial<SegmentSummary> = {}): SegmentSummary => ({
  first: 0,
  count: 256,
  fromUs: NOW - 10 * DAY,
  toUs: NOW - 8 * DAY,
  closed: true,
  classes: ALL.map((one) => ({ class: one, sources: () => new Set([10 * one]) })),
  ...rest,
});
const rules = { days: DAYS, holds: [], nowUs: NOW, size: 1e6 };
const due = (one: SegmentSummary, more: Partial<Parameters<typeof planExpiry>[1]> = {}) =>
  planExpiry([one], { ...rules, ...more }).flatMap(({ classes }) => classes.map((number) => CLASSES[number]));

describe('what expires', () => {
  it('is what is past the days of its class, to the microsecond', () => {
    assert.deepEqual(due(segment()), ['traffic', 'guest']);
    assert.deepEqual(due(segment({ toUs: NOW - 7 * DAY })), ['guest']);
    assert.deepEqual(due(segment({ toUs: NOW - 7 * DAY - 1 })), ['traffic', 'guest']);
    assert.deepEqual(due(segment({ toUs: NOW + DAY })), []);
  });

  it('is never the open segment, nor one whose last tile is still to fill', () => {
    assert.deepEqual(due(segment({ closed: false })), []);
    assert.deepEqual(due(segment({ count: 257 }), { size: 511 }), []);
    assert.deepEqual(due(segment({ count: 257 }), { size: 512 }), ['traffic', 'guest']);
    assert.deepEqual(due(segment({ count: 0 })), []);
  });

  it('is never what a hold covers: of all sources, or the classes of the one that is held', () => {
    const hold = { fromUs: NOW - 8 * DAY, toUs: NOW };
    assert.deepEqual(due(segment(), { holds: [hold] }), []);
    assert.deepEqual(due(segment(), { holds: [{ ...hold, fromUs: hold.fromUs + 1 }] }), ['traffic', 'guest']);
    assert.deepEqual(due(segment(), { holds: [{ ...hold, source: 50 }] }), ['guest']);
    assert.deepEqual(due(segment(), { holds: [{ ...hold, source: 7 }] }), ['traffic', 'guest']);
    const unknown = segment({ classes: ALL.map((one) => ({ class: one, sources: () => undefined })) });
    assert.deepEqual(due(unknown, { holds: [{ ...hold, source: 7 }] }), []);
  });

  it('is never of class system, nor of one that nobody knows, whatever the days are', () => {
    const days = Object.fromEntries(CLASSES.map((name) => [name, 0])) as Days;
    assert.deepEqual(due(segment(), { days }), CLASSES.slice(1));
    const strange = segment({ classes: [{ class: 99, sources: () => undefined }] });
    assert.deepEqual(due(strange, { days }), []);
  });

  it('never contains a record that a hold covers', () => {
    const times = fc.integer({ min: 0, max: 100 });
    const holds = fc.array(
      fc.record({ fromUs: times, toUs: times, source: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }) }),
      { maxLength: 4 },
    );
    const records = fc.array(fc.record({ receiveUs: times, source: fc.integer({ min: 0, max: 3 }) }), { minLength: 1 });
    fc.assert(
      fc.property(records, holds, (all, wanted) => {
        const kept = wanted.map(({ source, ...time }) => ({ ...time, ...(source !== undefined && { source }) }));
        const days = { ...DAYS, traffic: 0 };
        const one = segment({
          fromUs: Math.min(...all.map((record) => record.receiveUs)),
          toUs: Math.max(...all.map((record) => record.receiveUs)),
          classes: [{ class: 5, sources: () => new Set(all.map((record) => record.source)) }],
        });
        const gone = planExpiry([one], { ...rules, days, holds: kept, nowUs: 1000 }).length > 0;
        if (gone) assert.ok(all.every((record) => holdOn(record, kept) === undefined));
        if (kept.length === 0) assert.ok(gone);
      }),
    );
  });
});

it('a hold is named by its name, or by its time', () => {
  const hold = { fromUs: 0, toUs: DAY };
  assert.equal(nameOfHold(hold), 'the legal hold of 1970-01-01T00:00:00.000Z to 1970-01-02T00:00:00.000Z');
  assert.match(nameOfHold({ ...hold, name: 'Case 7', source: 3 }), /^the legal hold "Case 7" \(.*, source 3\)$/);
});
