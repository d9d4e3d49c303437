import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../store/index.ts';
import type { Append, Entry } from './feed/feed.ts';
import type { Kind } from './record/types.ts';
import type { SealerThread } from './seal/start.ts';

/** Records that wait for room on the disk. */
const MAX_WAITING = 20_000;
const RETRY_MS = 1_000;
/** Records of one message to the sealing thread. */
const AT_ONCE = 1_000;

interface Batch {
  kind: Kind;
  retentionClass: number;
  entries: readonly Entry[];
}

/**
 * The appliance's own records on their way to the sealing thread. They never hold up what they tell of: while the disk is
 * full they wait here, and where nothing is sealed at all they are counted as lost.
 */
export function createAppender(sealer: () => SealerThread, log: Logger) {
  const waiting: Batch[] = [];
  let count = 0;
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function send({ kind, retentionClass, entries }: Batch): Promise<void> {
    for (let from = 0; from < entries.length; from += AT_ONCE) {
      const texts = entries.slice(from, from + AT_ONCE).map((entry) => JSON.stringify(entry));
      await sealer().append(kind, retentionClass, texts);
    }
  }

  function keep(batch: Batch, error: Error): void {
    const { state } = sealer().state();
    if (state === 'full' && count + batch.entries.length <= MAX_WAITING) {
      waiting.push(batch);
      count += batch.entries.length;
      timer ??= setTimeout(() => void retry(), RETRY_MS);
      return;
    }
    if (lost === 0) log.error({ err: error }, 'records of the appliance itself are not sealed');
    lost += batch.entries.length;
  }

  async function retry(): Promise<void> {
    timer = undefined;
    const batches = waiting.splice(0);
    count = 0;
    for (const batch of batches) await append(batch);
  }

  const append = (batch: Batch): Promise<void> => {
    // Whoever has it keeps it for the next start.
    if (stopped) return Promise.reject(new Error('the log is closed'));
    return send(batch).catch((error: Error) => keep(batch, error));
  };

  return {
    /** Resolves once the records are written, or can't be; rejects after `stop`. */
    append: ((kind, retentionClass, entries) => append({ kind, retentionClass, entries })) satisfies Append,
    /** Resolves once the records are written, however long the disk is full: for those who keep them until then. */
    async kept(kind: Kind, retentionClass: number, entries: readonly Entry[]): Promise<void> {
      for (;;) {
        if (stopped) throw new Error('the log is closed');
        try {
          return await send({ kind, retentionClass, entries });
        } catch (error) {
          if (sealer().state().state !== 'full') return keep({ kind, retentionClass, entries }, error as Error);
        }
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    },
    /** Rejects where the record can't be written. */
    strict: (kind: Kind, retentionClass: number, entry: Entry): Promise<void> =>
      send({ kind, retentionClass, entries: [entry] }),
    /** Records that nothing has sealed. */
    lost: (): number => lost,
    /** Writes what waits, if that can be. */
    async stop(): Promise<void> {
      clearTimeout(timer);
      await retry();
      clearTimeout(timer);
      stopped = true;
    },
  };
}
