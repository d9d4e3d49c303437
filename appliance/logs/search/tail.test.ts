import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Found, QueryFault } from '../backend.ts';
import { parse } from '../parse/index.ts';
import type { Block } from '../record/types.ts';
import { hinted } from './match.ts';
import { MAX_TAIL, Tail } from './tail.ts';
import { MemoryArchive } from './testing.ts';

const archive = new MemoryArchive();
const write = (...raws: string[]): Block[] =>
  archive.write(raws.map((raw) => ({ raw: `<13>Nov 22 10:00:00 h app: ${raw}` }))).frames.map(([, block]) => block);

function open() {
  const told: { sub: number; records: Found[]; dropped: number }[] = [];
  const tail = new Tail(hinted(parse), (sub, records, dropped) => told.push({ sub, records, dropped }));
  return { tail, told };
}

test('who does not keep up hears how many were left out', () => {
  const { tail, told } = open();
  tail.subscribe(1, { q: 'wanted' });
  tail.subscribe(2, { q: 'nothing' });
  let last = 0;
  for (let i = 0; i < 10; i++) tail.add(write(`wanted ${last++}`, 'other', `wanted ${last++}`));
  // Four messages are on their way: the rest is counted, and told with the next.
  assert.deepEqual(
    told.map(({ sub, records, dropped }) => [sub, records.length, dropped]),
    Array.from({ length: 4 }, () => [1, 2, 0]),
  );
  tail.taken(1);
  assert.deepEqual([told.length, told.at(-1)!.records.length, told.at(-1)!.dropped], [5, 0, 12]);
  for (let i = 0; i < 4; i++) tail.taken(1);
  tail.add(write(`wanted ${last}`));
  assert.equal(told.length, 6);
  assert.deepEqual([told.at(-1)!.records.map(({ raw }) => raw?.slice(-9)), told.at(-1)!.dropped], [['wanted 20'], 0]);
  const delivered = told.reduce((sum, { records, dropped }) => sum + records.length + dropped, 0);
  assert.equal(delivered, 21, 'every record was told or counted');
});

test('of one message no more than 200 records, the others are counted', () => {
  const { tail, told } = open();
  tail.subscribe(1, {});
  tail.add(write(...Array.from({ length: MAX_TAIL + 50 }, (_, i) => `line ${i}`)));
  assert.deepEqual([told[0]!.records.length, told[0]!.dropped], [MAX_TAIL, 50]);
  tail.unsubscribe(1);
  tail.taken(1);
  tail.add(write('more'));
  assert.equal(told.length, 1);
});

test('only what was received in the time that was asked for; a fault is told at once', () => {
  const { tail, told } = open();
  assert.throws(() => tail.subscribe(1, { q: '"open' }), QueryFault);
  const [block] = write('a', 'b', 'c') as [Block];
  tail.subscribe(2, { fromUs: block.receiveUs[1]!, toUs: block.receiveUs[1]! });
  tail.add([block]);
  assert.deepEqual(
    told.map(({ sub, records }) => [sub, records.map(({ index }) => index)]),
    [[2, [block.index[1]]]],
  );
});
