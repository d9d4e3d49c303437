import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Days } from '../backend.ts';
import type { Predecessor } from '../predecessor.ts';
import { CLASSES, KIND } from '../record/types.ts';
import type { ToSealer } from './messages.ts';
import { Reserve, type Room, reserveOf, roomOf } from './reserve.ts';
import { lines, messagesOf, openSealer, usePlaces } from './testing.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const place = usePlaces();

describe('the reserve of the disk', () => {
  it('is 64 MiB, or a tenth of a small disk', () => {
    assert.equal(reserveOf(100 * GIB), 64 * MIB);
    assert.equal(reserveOf(100 * MIB), 10 * MIB);
    const room = roomOf(place().data)!;
    assert.ok(room.total > 0 && room.free <= room.total);
    assert.equal(roomOf('/does/not/exist'), undefined);
  });

  it('is reached at its beginning and left a quarter above it', () => {
    let room: Room | undefined = { free: 64 * MIB, total: 16 * GIB };
    const reserve = new Reserve(() => room);
    const isUsedUp = (): boolean => {
      reserve.look(0);
      return reserve.isUsedUp;
    };
    assert.equal(reserve.look(0), undefined);
    assert.match(reserve.look(1)!, /full but for 64 MiB that are kept for signing in/);
    room.free = 79 * MIB;
    assert.notEqual(reserve.look(0), undefined);
    room.free = 80 * MIB;
    assert.equal(reserve.look(0), undefined);
    room.free = 32 * MIB;
    assert.equal(isUsedUp(), false);
    room.free--;
    assert.equal(isUsedUp(), true);
    // Where the system doesn't tell, what the disk refuses has to do.
    room = undefined;
    assert.equal(isUsedUp(), false);
  });
});

describe('the sealer at the reserve', () => {
  const append = (id: number, text: string): ToSealer => ({
    type: 'append',
    ...{ id, kind: KIND.audit, class: CLASSES.indexOf('audit'), records: [text] },
  });

  it('takes no more syslog, seals what it has and its own records, and goes on with what has waited', async () => {
    const room = { free: GIB, total: 100 * GIB };
    const one = openSealer(place(), { room: () => room });
    one.send(['before']);
    one.pass(5);
    room.free = 60 * MIB;
    one.pass(1);
    assert.equal(one.sealer.state, 'full');
    assert.match(one.of('state').at(-1)!.reason, /the disk is full but for 64 MiB/);
    assert.deepEqual(one.receiver.filter(({ type }) => type !== 'credit').at(-1), { type: 'pause' });
    // What was under way is kept before what comes later, so that the times stay in their order.
    one.send(lines(1500));
    const sealed = one.of('sealed').length;
    assert.deepEqual(await one.call(append(1, '{"event":"own"}')), { type: 'appended', id: 1 });
    one.pass(6);
    assert.ok(one.of('sealed').length > sealed, 'what is its own is sealed in time');
    assert.deepEqual(messagesOf(one.archive(), KIND.log), ['before', ...lines(1500)]);
    assert.deepEqual(messagesOf(one.archive(), KIND.audit), ['{"event":"own"}']);
    assert.equal(one.sealer.state, 'full');

    room.free = 20 * MIB;
    one.send(lines(1500, 1500));
    assert.match(((await one.call(append(3, '{"event":"late"}'))) as { error: string }).error, /the disk is full/);
    one.pass(6);
    assert.equal(messagesOf(one.archive(), KIND.log).length, 1501, 'nothing more is written');
    // Not all that came is in the log: who asks for that is told.
    const answer = await one.call({ type: 'seal', id: 2 });
    assert.match((answer as { error: string }).error, /the disk is full/);
    room.free = 79 * MIB;
    one.pass(2);
    assert.equal(one.sealer.state, 'full');
    room.free = 100 * MIB;
    one.pass(6);
    assert.equal(one.sealer.state, 'sealing');
    assert.deepEqual(one.receiver.filter(({ type }) => type !== 'credit').at(-1), { type: 'resume' });
    assert.deepEqual(messagesOf(one.archive(), KIND.log), ['before', ...lines(3000)]);
    const told = one.of('state').map(({ state }) => state);
    assert.deepEqual(told.slice(told.indexOf('full')), ['full', 'sealing'], 'each change once');
    one.sealer.close();
  });

  it('destroys what is past its days: that makes room', async () => {
    const room = { free: GIB, total: 100 * GIB };
    const one = openSealer(place(), { room: () => room, limits: { segmentRecords: 300, expiryUs: 1e6 } });
    one.send(lines(1200));
    one.pass(10);
    one.clock.go(3 * 86_400);
    room.free = 1 * MIB;
    one.pass(1);
    assert.equal(one.sealer.state, 'full');
    const days = Object.fromEntries(CLASSES.map((name) => [name, 1])) as Days;
    await one.call({ type: 'settings', retention: days, holds: [], sources: [] });
    one.pass(20);
    assert.equal(messagesOf(one.archive(), KIND.log).includes('line 0'), false);
    one.sealer.close();
  });

  it('records what a crash has left, and what came before the log, once there is room for it', async () => {
    const first = place();
    const before = openSealer(first);
    before.send(lines(20));
    before.pass(6);
    await before.call(append(1, '{"event":"not sealed"}'));
    const [room, at] = [{ free: 1 * MIB, total: 100 * GIB }, place()];
    cpSync(first.data, at.data, { recursive: true });
    let recorded = 0;
    const said = { event: 'logs.set_aside', at: '2026-11-22T10:00:00Z', log_key: 'another' } as Predecessor;
    const one = openSealer(at, { room: () => room, predecessor: { said, recorded: () => recorded++ } });
    assert.ok(one.of('ready')[0]!.recovered);
    one.pass(5);
    assert.deepEqual([one.sealer.state, recorded, messagesOf(one.archive(), KIND.recovery)], ['full', 0, []]);
    room.free = GIB;
    one.pass(6);
    const [recovery, ...more] = messagesOf(one.archive(), KIND.recovery);
    assert.deepEqual([JSON.parse(recovery!).kept, more, recorded], [1, [], 1]);
    assert.equal(messagesOf(one.archive(), KIND.audit).filter((text) => text.includes('set_aside')).length, 1);
    one.sealer.close();
    before.sealer.close();
  });

  it('says nothing of a log that is still itself, and no later one will', () => {
    const at = place();
    const before = openSealer(at);
    const { logVkey } = before.of('ready')[0]!;
    before.pass(1);
    before.sealer.close();
    let dropped = 0;
    const said = { event: 'logs.set_aside', at: '2026-11-22T10:00:00Z', log_key: logVkey } as Predecessor;
    const one = openSealer(at, { predecessor: { said, recorded: () => dropped++ } });
    one.pass(1);
    assert.deepEqual([dropped, messagesOf(one.archive(), KIND.audit)], [1, []]);
    one.sealer.close();
  });

  it('writes what it has taken when it ends, from the reserve', async () => {
    const room = { free: GIB, total: 100 * GIB };
    const one = openSealer(place(), { room: () => room });
    one.pass(1);
    room.free = 20 * MIB;
    one.pass(1);
    one.send(lines(20));
    one.pass(6);
    assert.deepEqual(messagesOf(one.archive(), KIND.log), []);
    const { archive } = one;
    await one.stop();
    assert.deepEqual(messagesOf(archive(), KIND.log), lines(20));
  });
});
