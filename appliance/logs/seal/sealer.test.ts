import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openCheckpoint } from '../merkle/checkpoint.ts';
import { leafHash } from '../merkle/hash.ts';
import { noteVerifier } from '../merkle/note.ts';
import { inclusionProof, rootAt, verifyConsistency, verifyInclusion } from '../merkle/tree.ts';
import { FLAG, KIND } from '../record/types.ts';
import { lines, messagesOf, openSealer, received, usePlaces } from './testing.ts';

const place = usePlaces();

const receivedOf = (messages: string[], peer?: string) => received(messages, peer);

const small = { segmentRecords: 300 };

describe('the sealer', () => {
  it('seals what waits five seconds after the first record, not before', () => {
    const one = openSealer(place());
    one.pass(5);
    const start = one.of('sealed').length;
    one.send(['a', 'b']);
    one.pass(4);
    assert.equal(one.of('sealed').length, start);
    one.pass(1);
    assert.equal(one.of('sealed').length, start + 1);
    assert.deepEqual(messagesOf(one.archive(), KIND.log), ['a', 'b']);
    one.sealer.close();
  });

  it('seals 1,000 records at once, and many more as some batches of them', () => {
    const one = openSealer(place());
    one.pass(5);
    one.send(lines(999));
    assert.equal(one.of('sealed').length, 1);
    one.send(['the thousandth']);
    assert.equal(one.of('sealed').length, 2);
    for (let i = 0; i < 5; i++) one.sealer.hear({ type: 'batch', batch: receivedOf(lines(900, 900 * i)) });
    one.sealer.pump();
    const [first, second] = one.of('sealed').slice(2);
    assert.equal(first!.size - first!.from, 4000);
    assert.equal(second, undefined, 'the other 500 wait for five seconds');
    const frames = one.archive().frames(0);
    assert.deepEqual(
      frames.filter(({ batchFirst }) => batchFirst >= first!.from).map(({ count }) => count),
      [1000, 1000, 1000, 1000],
    );
    one.pass(5);
    assert.equal(messagesOf(one.archive(), KIND.log).length, 5500);
    one.sealer.close();
  });

  it('tells of a checkpoint that is signed by both keys, and is on the disk', () => {
    const at = place();
    const one = openSealer(at);
    one.send(lines(1000));
    const { note, size, root } = one.of('sealed').at(-1)!;
    assert.equal(readFileSync(path.join(at.folder, 'checkpoint'), 'utf8'), note);
    const opened = openCheckpoint(note, [noteVerifier(one.of('ready')[0]!.logVkey)]);
    assert.deepEqual([opened.size, Buffer.from(opened.root)], [size, Buffer.from(root)]);
    assert.equal(note.split('\n— ').length, 3);
    one.sealer.close();
  });

  it('credits the receiver for what is in the log', () => {
    const one = openSealer(place());
    one.send(lines(600));
    assert.deepEqual(one.receiver, []);
    one.send(lines(600));
    const bytes = Buffer.byteLength(lines(600).join(''));
    assert.deepEqual(one.receiver, [
      { type: 'credit', bytes },
      { type: 'credit', bytes },
    ]);
    one.sealer.close();
  });

  it('keeps the records of each class in a frame of their own, in the order of their leaves', async () => {
    const one = openSealer(place());
    one.pass(5);
    one.send(['first'], '198.51.100.1:1');
    one.pass(5);
    await one.call({ type: 'settings', sources: [{ id: 1, class: 'traffic' }], retention: {} as never, holds: [] });
    one.sealer.hear({ type: 'batch', batch: receivedOf(['a', 'b'], '198.51.100.1:2') });
    one.sealer.hear({ type: 'batch', batch: receivedOf(['c'], '[2001:db8::1]:3') });
    one.sealer.hear({ type: 'batch', batch: receivedOf(['d'], '198.51.100.1:4') });
    one.pass(5);
    const archive = one.archive();
    assert.deepEqual(messagesOf(archive, KIND.log), ['first', 'a', 'b', 'c', 'd']);
    const last = archive.frames(0).slice(-2);
    assert.deepEqual(last.map((frame) => [frame.class, frame.count, frame.batchCount]).sort(), [
      [3, 1, 4],
      [5, 3, 4],
    ]);
    assert.deepEqual(
      archive.sources().map(({ id, address }) => [id, address]),
      [
        [1, '198.51.100.1'],
        [2, '2001:db8::1'],
      ],
    );
    assert.deepEqual(archive.record(last[0]!.batchFirst + 3)!.peer, '198.51.100.1:4');
    one.sealer.close();
  });

  it('has first seen a sender when its first record came, not when that was written', () => {
    const one = openSealer(place());
    const cameUs = one.clock.receiveUs();
    one.send(['a']);
    one.pass(5);
    assert.equal(one.archive().sources()[0]!.firstSeenUs, cameUs);
    one.sealer.close();
  });

  it('gives 4,096 senders a number, all others share one', () => {
    const one = openSealer(place());
    const senders = (from: number, count: number) => {
      const batch = receivedOf(lines(count));
      batch.peers = Array.from({ length: count }, (_, i) => `10.${(from + i) >> 8}.${(from + i) & 255}.1:514`);
      batch.peer = Uint16Array.from(batch.peers, (_, i) => i);
      one.sealer.hear({ type: 'batch', batch });
      one.sealer.pump();
    };
    senders(0, 4000);
    senders(4000, 1000);
    one.pass(5);
    const sources = new Set<number>();
    for (const block of one.archive().blocks({ from: 0, to: 1e9 })) for (const id of block.source) sources.add(id);
    assert.equal(sources.size, 1 + 4096 + 1);
    assert.ok(sources.has(65_535));
    assert.equal(one.of('source').length, 4096);
    assert.deepEqual(
      one.of('warning').map(({ reason }) => reason.slice(0, 22)),
      ['there are 4096 senders'],
    );
    one.sealer.close();
  });

  it('writes the records of the appliance at once, and answers when they are written', async () => {
    const one = openSealer(place());
    one.pass(5);
    const append = { type: 'append', id: 7, kind: KIND.audit, class: 1 } as const;
    assert.deepEqual(await one.call({ ...append, records: ['{"a":1}', '{"b":2}'] }), { type: 'appended', id: 7 });
    assert.deepEqual(messagesOf(one.archive(), KIND.audit), [], 'not sealed yet');
    one.pass(5);
    assert.deepEqual(messagesOf(one.archive(), KIND.audit), ['{"a":1}', '{"b":2}']);
    for (const wrong of [{ class: 99 }, { kind: 77 as never }, { records: ['x'.repeat(65_536)] }]) {
      const answer = await one.call({ ...append, records: ['x'], ...wrong });
      assert.ok(answer?.type === 'appended' && answer.error, JSON.stringify(wrong));
    }
    one.sealer.close();
  });

  it('seals at once when it is asked to', async () => {
    const one = openSealer(place());
    one.send(['x']);
    const answer = await one.call({ type: 'seal', id: 3 });
    assert.ok(answer?.type === 'sealedNow' && answer.id === 3 && answer.note?.includes(`\n${answer.size}\n`));
    assert.deepEqual(messagesOf(one.archive(), KIND.log), ['x']);
    one.sealer.close();
  });

  it('refuses a batch that is not one, and says so in the log', () => {
    const one = openSealer(place());
    const broken = receivedOf(['a', 'b']);
    broken.ends[1] = 0;
    one.sealer.hear({ type: 'batch', batch: broken });
    assert.deepEqual(one.receiver, [{ type: 'credit', bytes: 2 }]);
    one.pass(7);
    assert.match(messagesOf(one.archive(), KIND.gap)[0]!, /malformed: message 1 has a wrong length.*"count":2/);
    one.sealer.close();
  });

  it('records what was dropped, once a second, by sender', () => {
    const one = openSealer(place());
    for (const count of [3, 4]) {
      const bySource: [string, number][] = [['192.0.2.7', count]];
      one.sealer.hear({ type: 'dropped', fromUs: 10 - count, atUs: 10 + count, reason: 'queue', bySource });
    }
    one.pass(7);
    assert.deepEqual(
      messagesOf(one.archive(), KIND.gap).map((text) => JSON.parse(text)),
      [{ reason: 'queue', from_us: 6, to_us: 14, count: 7, by_source: { '192.0.2.7': 7 } }],
    );
    one.sealer.close();
  });

  it('says how many bytes of messages that were too long are left out', () => {
    const one = openSealer(place());
    const bySource: [string, number][] = [['192.0.2.7', 1]];
    for (const bytes of [3, 4]) {
      one.sealer.hear({ type: 'dropped', fromUs: 1, atUs: 2, reason: 'oversize', bySource, bytes });
    }
    one.pass(7);
    const gap = JSON.parse(messagesOf(one.archive(), KIND.gap)[0]!);
    assert.deepEqual([gap.reason, gap.count, gap.bytes], ['oversize', 2, 7]);
    one.sealer.close();
  });

  it('says with its own records too whether the clock is synchronised', async () => {
    let synchronised = false;
    const one = openSealer(place(), { synchronised: () => synchronised });
    const flagsOf = async (text: string): Promise<number> => {
      await one.call({ type: 'append', id: 1, kind: KIND.audit, class: 1, records: [text] });
      await one.call({ type: 'seal', id: 2 });
      const blocks = [...one.archive().blocks({ from: 0, to: Number.POSITIVE_INFINITY })];
      const block = blocks.find(({ raw }) => Buffer.from(raw).includes(text));
      return block!.flags.at(-1)!;
    };
    assert.equal(await flagsOf('{"a":1}'), FLAG.unsynchronised);
    synchronised = true;
    one.pass(2);
    assert.equal(await flagsOf('{"a":2}'), 0);
    one.sealer.close();
  });

  it('notes both clocks at the start and each hour, steps of the clock, and beacons', () => {
    const one = openSealer(place());
    one.pass(2);
    one.clock.wall -= 3600e6;
    one.pass(400);
    one.clock.wall += 500_000;
    one.pass(3600);
    const syncs = messagesOf(one.archive(), KIND.timeSync).map((text) => JSON.parse(text));
    assert.deepEqual(
      syncs.map(({ step_us }) => step_us),
      [0, -3600e6, 0],
    );
    const beacons = messagesOf(one.archive(), KIND.beacon).map((text) => JSON.parse(text));
    assert.equal(beacons.length, 13);
    assert.equal(Buffer.from(rootAt(beacons[3].size, one.archive().readHash)).toString('base64'), beacons[3].root);
    one.sealer.close();
  });

  it('begins an epoch a day, keeps the last checkpoint of the one before, and seals the statements', () => {
    const one = openSealer(place());
    one.pass(10);
    one.clock.go(86_400);
    one.pass(10);
    one.clock.go(3600);
    one.pass(10);
    const statements = messagesOf(one.archive(), KIND.keyRotation).map((text) => JSON.parse(text).statement);
    assert.equal(statements.length, 2);
    assert.match(statements[1], /^gatehouse\/epoch\/v1\n.*\n1\n/);
    const [kept] = one.archive().checkpoints();
    assert.equal(kept!.why, 'epoch');
    assert.ok(statements[1].includes(kept!.note.split('\n').slice(1, 3).reverse().at(-1)!));
    one.sealer.close();
  });

  it('tells the search thread what was written, sealed and closed', () => {
    const one = openSealer(place(), { limits: small });
    one.send(lines(1000));
    one.pass(6);
    const closed = one.search.filter(({ type }) => type === 'closed');
    assert.deepEqual(closed.slice(0, 2), [
      { type: 'closed', segment: 0 },
      { type: 'closed', segment: 300 },
    ]);
    const blocks = one.search.filter((message) => message.type === 'blocks');
    const written = blocks.flatMap(({ frames }) => frames.map(([info, block]) => [info.count, block?.count]));
    assert.ok(written.every(([a, b]) => a === b));
    one.sealer.close();
  });

  it('sends no more blocks to a search thread that is far behind', () => {
    const one = openSealer(place(), { limits: { searchBytes: 1000 } });
    one.send(lines(1000));
    one.sealer.search.credit(0);
    one.send(lines(1000));
    const frames = one.search.flatMap((message) => (message.type === 'blocks' ? message.frames : []));
    assert.ok(frames.at(-2)![1] !== undefined || frames.at(-1)![1] === undefined);
    assert.equal(frames.at(-1)![1], undefined);
    one.sealer.search.credit(1e6);
    one.send(lines(1000));
    const last = one.search.findLast((message) => message.type === 'blocks')!;
    assert.equal(last.frames[0]![1]!.count, 1000);
    one.sealer.close();
  });

  it('adds cosignatures to the checkpoint, and keeps one an hour', async () => {
    const at = place();
    const one = openSealer(at);
    one.send(lines(1000));
    const { size, note } = one.of('sealed').at(-1)!;
    const line = `— hub/witness ${Buffer.alloc(76, 1).toString('base64')}`;
    await one.call({ type: 'cosigned', size, lines: [line] });
    assert.equal(readFileSync(path.join(at.folder, 'checkpoint'), 'utf8'), `${note}${line}\n`);
    assert.deepEqual(
      one
        .archive()
        .checkpoints()
        .map((kept) => [kept.size, kept.why, kept.note]),
      [[size, 'cosigned', `${note}${line}\n`]],
    );
    one.send(lines(1000));
    await one.call({ type: 'cosigned', size: size + 1000, lines: [line] });
    assert.equal(one.archive().checkpoints().length, 1);
    const token = Uint8Array.of(1, 2, 3);
    await one.call({ type: 'timestamp', size: size + 1000, token, genTimeUs: 5 });
    assert.deepEqual(
      one
        .archive()
        .timestamps()
        .map((stamp) => ({ ...stamp, token: [...stamp.token] })),
      [{ size: size + 1000, token: [1, 2, 3], genTimeUs: 5 }],
    );
    assert.deepEqual(
      one
        .archive()
        .checkpoints()
        .map(({ why }) => why),
      ['cosigned', 'timestamp'],
    );
    // What it is of is not known any more: verifying would find a time-stamp of nothing.
    await one.call({ type: 'timestamp', size: size + 7, token, genTimeUs: 6 });
    assert.equal(one.archive().timestamps().length, 1);
    one.sealer.close();
  });

  it('signs nothing more once a witness knows more than it does', async () => {
    const one = openSealer(place());
    one.send(lines(1000));
    const { size } = one.of('sealed').at(-1)!;
    await one.call({ type: 'witnessSize', size });
    assert.equal(one.sealer.state, 'sealing');
    await one.call({ type: 'witnessSize', size: size + 1 });
    assert.equal(one.sealer.state, 'refused');
    one.send(lines(1000));
    one.pass(10);
    assert.equal(one.of('sealed').at(-1)!.size, size);
    assert.equal(one.of('stats').at(-1)!.refused, 1000);
    const answer = await one.call({ type: 'append', id: 1, kind: KIND.audit, class: 1, records: ['x'] });
    assert.ok(answer?.type === 'appended' && answer.error?.includes('a witness has seen'));
    one.sealer.close();
  });

  it('proves each record, and each checkpoint to be the beginning of the newest, over many segments', async () => {
    const one = openSealer(place(), { limits: { segmentRecords: 1000 } });
    for (let i = 0; i < 7; i++) one.send(lines(1111 + i, 2000 * i));
    one.pass(6);
    const archive = one.archive();
    const size = archive.size();
    const { root } = one.of('sealed').at(-1)!;
    assert.ok(archive.segments().length > 7);
    for (let index = 0; index < size; index += 97) {
      const leaf = leafHash(archive.leaf(index)!);
      const proof = inclusionProof(index, size, archive.readHash);
      assert.ok(verifyInclusion({ leaf, index, size, root, proof }), `${index}`);
    }
    for (const old of one.of('sealed')) {
      const answer = await one.call({ type: 'proof', id: 1, old: old.size });
      assert.ok(answer?.type === 'proof' && answer.size === size);
      const claim = { old: old.size, oldRoot: old.root, size, root, proof: answer.hashes };
      assert.ok(verifyConsistency(claim), `${old.size}`);
    }
    one.sealer.close();
  });

  it('goes on where it stopped, with the next boot', async () => {
    const at = place();
    const roots = new Map<number, Uint8Array>();
    for (let boot = 1; boot <= 4; boot++) {
      const one = openSealer(at, { limits: small });
      assert.equal(one.of('ready')[0]!.created, boot === 1);
      assert.equal(one.of('ready')[0]!.recovered, undefined);
      one.send(lines(boot * 130));
      await one.stop();
      for (const { size, root } of one.of('sealed')) roots.set(size, root);
    }
    const { archive } = openSealer(at);
    for (const [size, root] of roots)
      assert.deepEqual(Buffer.from(rootAt(size, archive().readHash)), Buffer.from(root));
    const boots = new Set([...archive().blocks({ from: 0, to: 1e9 })].map(({ boot }) => boot));
    assert.deepEqual([...boots].sort(), [1, 2, 3, 4]);
  });

  it('makes tiles again that are missing', async () => {
    const at = place();
    const one = openSealer(at, { limits: small });
    one.send(lines(3000));
    await one.stop();
    const { size, root } = one.of('sealed').at(-1)!;
    rmSync(path.join(at.folder, 'tile'), { recursive: true });
    const again = openSealer(at, { limits: small });
    assert.equal(again.sealer.state, 'sealing');
    assert.deepEqual(Buffer.from(rootAt(size, again.archive().readHash)), Buffer.from(root));
    again.sealer.close();
  });
});
