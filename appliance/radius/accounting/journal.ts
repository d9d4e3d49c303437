import type { Logger } from '../../store/index.ts';
import type { JournalFolder, SegmentFile } from './files.ts';
import { type Frame, MAX_FRAME, scanFrames, writeFrame } from './frame.ts';
import type { Source } from './record.ts';

/** Records that wait for the disk, in bytes of frames: some 20,000. What comes beyond isn't answered. */
export const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** A segment that is this long is followed by another. */
export const MAX_SEGMENT_BYTES = 8 * 1024 * 1024;
/** A segment that is this long and not needed any more makes place. */
export const RELEASE_BYTES = 256 * 1024;
/** The whole journal, where the database doesn't keep up or can't be written. What comes beyond isn't answered. */
export const MAX_JOURNAL_BYTES = 512 * 1024 * 1024;
/** After a failure the disk is tried again this much later; until then nothing is queued. */
export const RETRY_MS = 250;
const FIRST_BUFFER = 64 * 1024;
const NAME = /^(\d{12})\.journal$/;

interface Segment {
  name: string;
  file: SegmentFile | undefined;
  bytes: number;
  /** Number of the last record in it. */
  last: number;
}

interface Batch<T> {
  buffer: Buffer;
  length: number;
  items: T[];
}

export interface Journal<T> {
  /** What an earlier run left, segment by segment; `frames` of one are dealt with before the next is read. */
  recover(each: (frames: Frame[]) => Promise<void>): Promise<void>;
  /** Everything that was recovered is in the database: its segments go. */
  recovered(): Promise<void>;
  /** Queues a record; `durable` or `failed` is told of `item`. False: there is no room, or no disk. */
  append(source: Source, packet: Uint8Array, item: T): boolean;
  /** The first `count` records of this run are in the database. */
  release(count: number): void;
  /** Takes no more, and waits for what is queued. */
  drain(): Promise<void>;
  close(): Promise<void>;
  /** Bytes in segments, and bytes that wait. */
  size(): { bytes: number; waiting: number };
}

/**
 * An append-only journal with group commit: while one batch is written and synced, the next is gathered; then all of it
 * goes at once. So the rate isn't bound to the disk's latency, and nothing waits longer than two of its syncs.
 */
export function createJournal<T>(options: {
  folder: JournalFolder;
  log: Logger;
  /** Called in the order of `append`. */
  durable: (items: T[]) => void;
  failed: (items: T[]) => void;
  /** Milliseconds, for the pause after a failure. */
  monotonic: () => number;
  maxBytes?: number;
}): Journal<T> {
  const { folder, log, maxBytes = MAX_JOURNAL_BYTES } = options;
  const newBatch = (): Batch<T> => ({ buffer: Buffer.allocUnsafe(FIRST_BUFFER), length: 0, items: [] });
  let [gathering, spare] = [newBatch(), newBatch()];
  /** Oldest first; the last is written to while it has a file. */
  const segments: Segment[] = [];
  let old: string[] = [];
  let number = 0;
  let count = 0;
  let released = 0;
  let running: Promise<void> | undefined;
  let failing = false;
  let retryAt = 0;
  let closed = false;
  let removing: Promise<void> = Promise.resolve();

  const current = (): Segment | undefined => (segments.at(-1)?.file ? segments.at(-1) : undefined);
  const total = (): number => segments.reduce((sum, { bytes }) => sum + bytes, 0);

  async function finish(segment: Segment): Promise<void> {
    const { file } = segment;
    segment.file = undefined;
    await file
      ?.close()
      .catch((error) => log.warn({ err: error }, 'a segment of the accounting journal was not closed'));
  }

  async function write(batch: Batch<T>): Promise<void> {
    let segment = current();
    if (segment && segment.bytes > 0 && segment.bytes + batch.length > MAX_SEGMENT_BYTES) {
      await finish(segment);
      segment = undefined;
    }
    if (!segment) {
      const name = `${String(++number).padStart(12, '0')}.journal`;
      segment = { name, file: await folder.create(name), bytes: 0, last: count };
      segments.push(segment);
    }
    const { file } = segment as { file: SegmentFile };
    try {
      await file.write(batch.buffer.subarray(0, batch.length), segment.bytes);
      await file.sync();
    } catch (error) {
      // After a failed sync nobody knows what of it is on the disk: this file gets no more. What isn't answered comes
      // again; should it be read back all the same, a record that comes twice changes nothing.
      await file.cut(segment.bytes).catch(() => undefined);
      await finish(segment);
      throw error;
    }
    segment.bytes += batch.length;
    count += batch.items.length;
    segment.last = count;
  }

  async function run(): Promise<void> {
    // What arrived in the same turn of the event loop goes with it.
    await new Promise((resolve) => setImmediate(resolve));
    for (; gathering.items.length > 0; await new Promise((resolve) => setImmediate(resolve))) {
      const batch = gathering;
      gathering = spare;
      try {
        await write(batch);
        if (failing) log.info({}, 'the accounting journal can be written again');
        failing = false;
        options.durable(batch.items);
      } catch (error) {
        if (!failing) {
          log.error({ err: error }, 'the accounting journal cannot be written: no accounting record is answered');
        }
        failing = true;
        retryAt = options.monotonic() + RETRY_MS;
        options.failed(batch.items);
        const { items } = gathering;
        gathering.items = [];
        gathering.length = 0;
        options.failed(items);
      }
      batch.items = [];
      batch.length = 0;
      spare = batch;
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = undefined;
      removeReleased();
      if (gathering.items.length > 0) start();
    });
  }

  function removeReleased(): void {
    const segment = current();
    if (segment && segment.bytes >= RELEASE_BYTES && segment.last <= released && !running) void finish(segment);
    while (segments[0] && !segments[0].file && segments[0].last <= released) {
      const { name } = segments.shift() as Segment;
      removing = removing.then(() => remove(name));
    }
  }

  async function remove(name: string): Promise<void> {
    try {
      await folder.remove(name);
    } catch (error) {
      log.warn({ err: error, name }, 'a segment of the accounting journal could not be removed');
    }
  }

  return {
    async recover(each) {
      const names = (await folder.list()).filter((name) => NAME.test(name)).sort();
      for (const name of names) {
        const bytes = await folder.read(name);
        const { frames, skipped, torn } = scanFrames(bytes);
        if (skipped > 0)
          log.error({ name, bytes: skipped }, 'the accounting journal is damaged: what can be read is kept');
        if (torn > 0) log.info({ name, bytes: torn }, 'a torn end of the accounting journal is cut');
        await each(frames);
        number = Number(NAME.exec(name)?.[1]);
      }
      old = names;
    },
    async recovered() {
      for (const name of old.splice(0)) await remove(name);
    },
    append(source, packet, item) {
      const { length } = gathering;
      if (closed || length + MAX_FRAME > MAX_WAITING_BYTES || total() > maxBytes) return false;
      if (failing && options.monotonic() < retryAt) return false;
      if (length + MAX_FRAME > gathering.buffer.length) {
        const larger = Buffer.allocUnsafe(gathering.buffer.length * 2);
        gathering.buffer.copy(larger, 0, 0, length);
        gathering.buffer = larger;
      }
      gathering.length = writeFrame(gathering.buffer, length, source, packet);
      gathering.items.push(item);
      start();
      return true;
    },
    release(done) {
      released = Math.max(released, done);
      removeReleased();
    },
    async drain() {
      closed = true;
      while (running) await running;
    },
    async close() {
      const segment = current();
      if (segment) await finish(segment);
      removeReleased();
      await removing;
    },
    size: () => ({ bytes: total(), waiting: gathering.length }),
  };
}
