import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Logger } from '../../store/index.ts';
import { type JournalFolder, journalFolder } from './files.ts';
import { type Frame, MAX_FRAME, scanFrames, writeFrame } from './frame.ts';
import { createJournal, MAX_SEGMENT_BYTES, MAX_WAITING_BYTES, RELEASE_BYTES, RETRY_MS } from './journal.ts';
import type { Source } from './record.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-journal-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const newFolder = () => path.join(root, String(++folders));

const SOURCE: Source = { nasId: 'nas-1', siteId: 'default', address: '192.0.2.1', receivedAt: 1_700_000_000_123 };
const packet = (n: number, length = 40): Uint8Array => {
  const bytes = Buffer.alloc(length, n & 255);
  bytes.writeUInt32BE(n, 4);
  return bytes;
};
const numberOf = ({ packet }: Frame): number => Buffer.from(packet).readUInt32BE(4);

function open(folder: string, over: Partial<JournalFolder> = {}, maxBytes?: number) {
  const told: string[] = [];
  const say = (_: object, message: string) => void told.push(message);
  const log: Logger = { info: say, warn: say, error: say };
  const durable: number[] = [];
  const failed: number[] = [];
  const batches: number[] = [];
  const clock = { ms: 0 };
  const journal = createJournal<number>({
    folder: { ...journalFolder(folder), ...over },
    log,
    monotonic: () => clock.ms,
    ...(maxBytes !== undefined && { maxBytes }),
    durable(items) {
      batches.push(items.length);
      durable.push(...items);
    },
    failed: (items) => failed.push(...items),
  });
  let next = 0;
  const append = (length?: number) => {
    const n = next++;
    return journal.append(SOURCE, packet(n, length), n);
  };
  const settled = async () => {
    while (durable.length + failed.length < next) await new Promise((resolve) => setTimeout(resolve, 1));
    // and the file is left alone
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  return { journal, append, durable, failed, batches, told, clock, settled };
}
async function recover(folder: string): Promise<{ numbers: number[]; told: string[] }> {
  const numbers: number[] = [];
  const { journal, told } = open(folder);
  await journal.recover(async (frames) => void numbers.push(...frames.map(numberOf)));
  return { numbers, told };
}

describe('frames', () => {
  const frame = fc.record({
    nasId: fc.string({ maxLength: 60, unit: 'grapheme' }),
    siteId: fc.string({ maxLength: 60 }),
    address: fc.ipV6(),
    receivedAt: fc.integer({ min: 0, max: 2 ** 45 }),
    packet: fc.uint8Array({ minLength: 20, maxLength: 4096 }),
  });
  const encode = (frames: readonly Frame[]): Buffer => {
    const bytes = Buffer.alloc(frames.length * MAX_FRAME);
    let at = 0;
    for (const each of frames) at = writeFrame(bytes, at, each, each.packet);
    return bytes.subarray(0, at);
  };
  const plain = (frames: readonly Frame[]) => frames.map((each) => ({ ...each, packet: [...each.packet] }));

  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), (frames) => {
        const bytes = encode(frames);
        const scan = scanFrames(bytes);
        assert.deepEqual(plain(scan.frames), plain(frames));
        assert.deepEqual([scan.skipped, scan.torn], [0, 0]);
        const grown = scanFrames(Buffer.concat([bytes, Buffer.alloc(5000)]));
        assert.deepEqual(plain(grown.frames), plain(frames));
        assert.deepEqual([grown.skipped, grown.torn], [0, 0]);
      }),
      { numRuns: 100 },
    );
  });

  it('cut or spoiled anywhere cost nothing but what lay there', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (frames, at, flip) => {
          const bytes = Buffer.from(encode(frames));
          const torn = scanFrames(bytes.subarray(0, at % bytes.length));
          assert.deepEqual(plain(torn.frames), plain(frames.slice(0, torn.frames.length)));
          bytes[at % bytes.length]! ^= flip;
          const spoiled = scanFrames(bytes);
          assert.ok(spoiled.frames.length >= frames.length - 1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('of anything at all never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => void scanFrames(Buffer.from(bytes))));
  });
});

describe('the journal', () => {
  it('is read back in order, over several segments, and goes once it is in the database', async () => {
    const folder = newFolder();
    const first = open(folder);
    for (let i = 0; i < 500; i++) assert.ok(first.append());
    await first.settled();
    assert.ok(first.batches.length < 500, 'many at once');
    await first.journal.close();
    const second = open(folder);
    await second.journal.recover(async () => undefined);
    second.append();
    await second.settled();
    await second.journal.close();
    assert.equal(readdirSync(folder).length, 2);
    const { numbers } = await recover(folder);
    assert.deepEqual(numbers, [...Array(500).keys(), 0]);
    const third = open(folder);
    await third.journal.recover(async () => undefined);
    await third.journal.recovered();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('answers what was gathered during a sync together, in order', async () => {
    const { append, durable, batches, settled } = open(newFolder());
    append();
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 100; i++) append();
    await settled();
    assert.deepEqual(durable, [...Array(101).keys()]);
    assert.ok(batches.length <= 3, `${batches}`);
  });

  it('lets go of segments when all their records are stored, not before', async () => {
    const folder = newFolder();
    const { journal, append, settled } = open(folder);
    const count = Math.ceil(RELEASE_BYTES / 4000) + 1;
    for (let i = 0; i < count; i++) append(4000);
    await settled();
    journal.release(count - 1);
    append();
    await settled();
    journal.release(count);
    await settled();
    assert.equal(readdirSync(folder).length, 1, 'the last record is not stored yet');
    journal.release(count + 1);
    await journal.close();
    assert.equal(readdirSync(folder).length, 0);
  });

  it('a torn tail is cut, a bad frame costs itself alone', async () => {
    const folder = newFolder();
    const { journal, append, settled } = open(folder);
    for (let i = 0; i < 10; i++) append();
    await settled();
    await journal.close();
    const file = path.join(folder, readdirSync(folder)[0]!);
    const grown = readFileSync(file);
    const bytes = grown.subarray(0, grown.findLastIndex((byte) => byte !== 0) + 1);
    truncateSync(file, bytes.length - 5);
    let back = await recover(folder);
    assert.deepEqual(back.numbers, [...Array(9).keys()]);
    assert.deepEqual(back.told, ['a torn end of the accounting journal is cut']);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(file, bytes);
    back = await recover(folder);
    assert.equal(back.numbers.length, 9);
    assert.deepEqual(back.told, ['the accounting journal is damaged: what can be read is kept']);
    writeFileSync(path.join(folder, 'notes.txt'), 'what is none of ours is left alone');
    assert.equal((await recover(folder)).numbers.length, 9);
  });

  it('goes on in another segment when one is full, and refuses what is too much in all', async () => {
    const folder = newFolder();
    const { journal, append, durable } = open(folder, {}, 2.5 * MAX_SEGMENT_BYTES);
    let taken = 0;
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 500; i++) if (append(4096)) taken++;
      while (durable.length < taken) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(taken < 6000 && taken * 4096 > 2 * MAX_SEGMENT_BYTES, `${taken}`);
    assert.equal(readdirSync(folder).length, 3);
    journal.release(taken);
    assert.ok(append(), 'again, as it is stored');
    taken++;
    while (durable.length < taken) await new Promise((resolve) => setTimeout(resolve, 5));
    await journal.close();
    const { numbers } = await recover(folder);
    assert.deepEqual(numbers.slice(-1), durable.slice(-1));
  });

  it('takes a bounded amount', async () => {
    const { append, durable } = open(newFolder());
    let taken = 0;
    while (append(4096)) taken++;
    assert.ok(taken * 4096 <= MAX_WAITING_BYTES && taken * MAX_FRAME > MAX_WAITING_BYTES * 0.8, `${taken}`);
    while (durable.length < taken) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(durable.length, taken);
    assert.ok(append(), 'and goes on');
  });

  it('a full disk: nothing is answered, it is said once, and it recovers by itself', async () => {
    const folder = newFolder();
    const disk = { room: 1000 };
    const real = journalFolder(folder);
    const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const { journal, append, durable, failed, told, clock, settled } = open(folder, {
      async create(name) {
        const file = await real.create(name);
        return {
          ...file,
          async write(bytes, position) {
            const part = bytes.subarray(0, disk.room);
            await file.write(part, position);
            disk.room -= part.length;
            if (part.length < bytes.length) throw full();
          },
        };
      },
    });
    append();
    await settled();
    for (let i = 0; i < 50; i++) append();
    await settled();
    assert.deepEqual([durable.length, failed.length], [1, 50]);
    assert.equal(append(), false, 'until it is tried again');
    clock.ms += RETRY_MS;
    assert.equal(append(), true);
    while (failed.length < 51) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(durable.length, 1);
    disk.room = 1e9;
    clock.ms += RETRY_MS;
    append();
    while (durable.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(durable.length, 2);
    assert.deepEqual(told, [
      'the accounting journal cannot be written: no accounting record is answered',
      'the accounting journal can be written again',
    ]);
    await journal.close();
    const { numbers } = await recover(folder);
    assert.deepEqual(new Set(durable).difference(new Set(numbers)), new Set());
  });

  it('a sync that fails: the file gets no more, and goes as nothing in it was answered', async () => {
    const folder = newFolder();
    const real = journalFolder(folder);
    let broken = true;
    const { append, durable, failed, clock, settled } = open(folder, {
      async create(name) {
        const file = await real.create(name);
        return { ...file, sync: async () => (broken ? Promise.reject(new Error('EIO')) : file.sync()) };
      },
    });
    append();
    await settled();
    assert.deepEqual(failed, [0]);
    broken = false;
    clock.ms += RETRY_MS;
    append();
    await settled();
    assert.deepEqual(durable, [1]);
    assert.deepEqual(readdirSync(folder).sort(), ['000000000002.journal']);
  });
});
