import { type MessagePort, Worker } from 'node:worker_threads';
import type { Logger } from '../../store/index.ts';
import { type Filter, type Found, QueryFault } from '../backend.ts';
import { queryOf } from './compile.ts';
import type { Calls, FromWorker, Method, SearchStats, SearchWorkerData, ToWorker } from './messages.ts';

/** An answer that takes longer doesn't come any more. A query ends by itself long before. */
const TIMEOUT_MS = 20_000;

/** The search thread, as the main thread sees it. Calls reject with QueryFault, or an Error once it has ended. */
export interface Search {
  /** Resolves once the thread can be asked. */
  ready: Promise<void>;
  /**
   * The newest first; what matches `before` a leaf index comes on the next page. Without `before` the answer doesn't wait
   * for what is still being indexed, and says that it is missing; with it all before it is looked at.
   */
  query(params: Calls['query']['params']): Promise<Calls['query']['result']>;
  /** The records with these indexes, as many as there are, in their order. */
  read(indexes: readonly number[]): Promise<Found[]>;
  /** Who had the address at this moment: the surest first. */
  whois(question: Calls['whois']['params']): Promise<Calls['whois']['result']>;
  stats(): Promise<SearchStats>;
  /** Parsers that were chosen for sources, by their ids; the ones before no longer hold. */
  parsers(parsers: Record<number, string>): void;
  /** Tells of new records, at most 200 at once, and how many were left out; until the answer is called. */
  subscribe(filter: Filter, listener: (records: readonly Found[], dropped: number) => void): () => void;
  stop(): Promise<void>;
}

/** What is wrong with `q`, if anything is. */
export function queryFault(q: string): QueryFault | undefined {
  try {
    queryOf({ q });
    return undefined;
  } catch (error) {
    if (error instanceof QueryFault) return error;
    throw error;
  }
}

/**
 * Starts the search thread over `<data>/logs`. `sealer` is its end of a channel to the sealing thread, from which it
 * hears of new records. The sealing thread must have been ready before.
 */
export function startSearch(options: SearchWorkerData & { sealer?: MessagePort; log: Logger }): Search {
  const { folder, dataDir, sealer, log } = options;
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { folder, dataDir, sealer },
    transferList: sealer ? [sealer] : [],
  });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  const listeners = new Map<number, (records: readonly Found[], dropped: number) => void>();
  let last = 0;
  let ended: Error | undefined;
  let ready!: () => void;
  let failed!: (error: Error) => void;
  const started = new Promise<void>((resolve, reject) => {
    ready = resolve;
    failed = reject;
  });
  started.catch(() => undefined);

  const say = (message: ToWorker): void => worker.postMessage(message);
  const end = (error: Error): void => {
    ended ??= error;
    failed(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('error', (error) => {
    log.error({ err: error }, 'the search thread has failed: restart the appliance to search again');
    end(new Error('the search has failed: restart the appliance', { cause: error }));
  });
  worker.on('exit', () => end(new Error('the search has ended')));
  worker.on('message', (message: FromWorker) => {
    switch (message.type) {
      case 'ready':
        ready();
        break;
      case 'warning':
        log.warn({}, message.text);
        break;
      case 'tail':
        say({ type: 'taken', sub: message.sub });
        listeners.get(message.sub)?.(message.records, message.dropped);
        break;
      case 'answer': {
        const call = waiting.get(message.id);
        waiting.delete(message.id);
        if ('error' in message) {
          const { error, fault } = message;
          call?.reject(fault === undefined ? new Error(error) : new QueryFault(error, fault ?? undefined));
        } else call?.resolve(message.result as never);
      }
    }
  });

  function call<M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['result']> {
    if (ended) return Promise.reject(ended);
    const id = ++last;
    return new Promise<Calls[M]['result']>((resolve, reject) => {
      const timer = setTimeout(() => {
        if (waiting.delete(id)) reject(new Error('the search has not answered in time: ask for less, or later'));
      }, TIMEOUT_MS);
      const over =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      waiting.set(id, { resolve: over(resolve), reject: over(reject) });
      say({ type: 'call', id, method, params } as ToWorker);
    });
  }

  return {
    ready: started,
    query: (params) => call('query', params),
    read: (indexes) => call('read', { indexes }),
    whois: (question) => call('whois', question),
    stats: () => call('stats', {}),
    parsers(parsers) {
      if (!ended) say({ type: 'parsers', parsers });
    },
    subscribe(filter, listener) {
      queryOf(filter); // a fault is told at once
      const sub = ++last;
      listeners.set(sub, listener);
      call('subscribe', { sub, filter }).catch((error) => log.warn({ err: error }, 'a live search has ended'));
      return () => {
        listeners.delete(sub);
        if (!ended) say({ type: 'unsubscribe', sub });
      };
    },
    async stop() {
      if (ended) return;
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      say({ type: 'stop' });
      await gone;
    },
  };
}
