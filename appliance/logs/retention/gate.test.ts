import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import fc from 'fast-check';
import type { Days } from '../backend.ts';
import { CLASSES } from '../record/types.ts';
import { erase, expire, type Hold, RetentionError } from './index.ts';
import { holdOn } from './plan.ts';
import { type Bed, checkProofs, leafHashes, type Message, openBed, recordsOf, START_US } from './testing.ts';

const DAY = 86_400e6;
const temporary = mkdtempSync(path.join(tmpdir(), 'gatehouse-retention-gate-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
let made = 0;
const seen = { live: 0, erased: 0, expired: 0 };

const source = fc.integer({ min: 10, max: 69 }).filter((one) => one % 10 < 2);
const day = fc.integer({ min: 0, max: 20 });
const hold = fc.record({ from: day, days: fc.integer({ min: 0, max: 5 }), source: fc.option(source) }).map(
  ({ from, days, source: one }): Hold => ({
    fromUs: START_US + from * DAY,
    toUs: START_US + (from + days) * DAY,
    ...(one !== null && { source: one }),
  }),
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      day,
      sources: fc.array(source, { minLength: 60, maxLength: 300 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('close' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('expire' as const),
      day: fc.integer({ min: 0, max: 40 }),
      days: fc.array(fc.option(fc.integer({ min: 0, max: 20 })), { minLength: 6, maxLength: 6 }),
      holds: fc.array(hold, { maxLength: 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('erase' as const),
      picks: fc.array(fc.nat({ max: 5000 }), { minLength: 1, maxLength: 20 }),
      holds: fc.array(hold, { maxLength: 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Whatever chance brings, each run sees a record expire, one erased and one that lives. */
const everyEnd: Step[] = [
  { type: 'add', day: 0, sources: [10, 20, 30] },
  { type: 'erase', picks: [1], holds: [] },
  { type: 'close' },
  { type: 'expire', day: 40, days: [0, null, null, null, null, null], holds: [] },
];

type State = Message & { state: 'live' | 'erased' | 'expired' };

it('whatever expires, is held or erased: the root is the same, what lives is provable, what is gone is gone', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
      const data = path.join(temporary, String(++made));
      let bed: Bed = openBed(data);
      const model = new Map<number, State>();
      let hashes: Uint8Array[] = [];
      const learn = (): void => {
        const { archive } = bed.vault;
        hashes = [...hashes, ...leafHashes(bed, hashes.length)];
        assert.equal(hashes.length, archive.size());
      };
      for (const one of steps) {
        const { archive } = bed.vault;
        if (one.type === 'add') {
          const first = archive.size();
          const messages = one.sources.map((from, i) => ({
            text: `<${first + i}:${made}>`,
            source: from,
            receiveUs: START_US + one.day * DAY,
          }));
          bed.add(messages);
          messages.forEach((message, i) => void model.set(first + i, { ...message, state: 'live' }));
        } else if (one.type === 'close') {
          bed.closeSegment();
        } else if (one.type === 'expire') {
          const days = Object.fromEntries(CLASSES.map((name, i) => [name, i === 0 ? null : one.days[i - 1]!])) as Days;
          const nowUs = START_US + one.day * DAY;
          while (expire(bed.vault, { days, holds: one.holds, nowUs }) > 0);
          const there = recordsOf(bed);
          for (const [index, record] of model) {
            if (there.has(index) || record.state === 'expired') continue;
            const kept = days[CLASSES[Math.floor(record.source / 10)]!];
            assert.ok(
              kept !== null && record.receiveUs < nowUs - kept * DAY,
              `${index} went before its days were over`,
            );
            assert.equal(holdOn(record, one.holds), undefined, `${index} was held`);
            record.state = 'expired';
          }
        } else if (one.type === 'erase') {
          const indexes = one.picks.filter((pick) => model.has(pick));
          const bad = indexes.some((index) => {
            const record = model.get(index)!;
            return record.state === 'expired' || holdOn(record, one.holds);
          });
          const request = { indexes, reason: 'r', holds: one.holds };
          if (bad) {
            assert.throws(() => erase(bed.vault, request), RetentionError);
          } else {
            const fresh = new Set(indexes.filter((index) => model.get(index)!.state === 'live'));
            assert.equal(erase(bed.vault, request), fresh.size);
            for (const index of fresh) model.get(index)!.state = 'erased';
          }
        } else {
          bed.close();
          bed = openBed(data);
        }
        learn();
      }
      const there = recordsOf(bed);
      const bytes = filesOf(data).join('\n');
      for (const [index, { text, state }] of model) {
        assert.equal(there.get(index), state === 'live' ? text : undefined, `${index} is ${state}`);
        assert.equal(there.has(index), state !== 'expired', `${index} is ${state}`);
        assert.ok(!bytes.includes(text));
        seen[state]++;
      }
      checkProofs(bed, hashes);
      bed.close();
      rmSync(data, { recursive: true });
    }),
    { numRuns: 25, examples: [[everyEnd]] },
  );
  for (const [state, count] of Object.entries(seen)) assert.ok(count > 0, `${count} records were ${state}`);
});

const filesOf = (folder: string): Buffer[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file));
