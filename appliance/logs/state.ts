import { type EventData, event, SYSTEM } from '../events/index.ts';
import { type Logger, type Store, timestamp } from '../store/index.ts';
import { type RememberedTables, recall, remember } from './remembered.ts';

type State = EventData['log.state']['state'];

/** The name under which the state is remembered that was told last. */
const TOLD = 'state';
const RETRY_MS = 5_000;
/** Changes that wait for a database that takes nothing. */
const MAX_WAITING = 100;

/**
 * Tells of each change of the log's state once (`log.state`), also over a restart: of a log that was damaged and is mended
 * meanwhile, or the other way round. What the database doesn't take, as its disk is full too, is told once it does.
 */
export function createStateTeller({ store, log, now }: { store: Store; log: Logger; now: () => number }) {
  let waiting: { state: State; reason: string; at: string }[] = [];
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failed = false;
  let stopped = false;

  async function write(change: (typeof waiting)[number]): Promise<void> {
    await store.transaction<RememberedTables, void>(async ({ db, emit }) => {
      // A log begins well.
      const last = (await recall(db, TOLD)) ?? 'sealing';
      if (change.state === last) return;
      await remember(db, TOLD, change.state);
      const { state, reason, at } = change;
      emit(event('log.state', { state, reason: reason === '' ? null : reason, at }, SYSTEM));
    });
  }

  async function run(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    try {
      for (let next = waiting[0]; next; next = waiting[0]) {
        await write(next);
        waiting = waiting.filter((one) => one !== next);
      }
      failed = false;
    } catch (error) {
      if (!failed) log.warn({ err: error }, "that the log's state has changed can't be told yet; it is tried again");
      failed = true;
      if (!stopped) timer = setTimeout(begin, RETRY_MS).unref();
    }
  }

  function begin(): void {
    running ??= run().finally(() => {
      running = undefined;
      if (waiting.length > 0 && !timer && !stopped) begin();
    });
  }

  return {
    tell(state: State, reason: string): void {
      if (stopped || waiting.at(-1)?.state === state) return;
      waiting.push({ state, reason, at: timestamp(now()) });
      // The last ones count most: how it is now.
      if (waiting.length > MAX_WAITING) waiting.shift();
      if (!timer) begin();
    },
    /** Tells what it can. */
    async stop(): Promise<void> {
      stopped = true;
      await running;
      if (waiting.length > 0) await run();
      clearTimeout(timer);
    },
  };
}
