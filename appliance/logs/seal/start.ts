import { Worker } from 'node:worker_threads';
import type { Logger } from '../../store/index.ts';
import type { Days, Expiring, Settings } from '../backend.ts';
import type { Kind } from '../record/types.ts';
import type { FromSealer, Recovered, SealState, SealStats, ToSealer } from './messages.ts';
import type { SealData } from './worker.ts';

type Call = Extract<ToSealer, { id: number }>;
type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never;
type Told = Exclude<Extract<FromSealer, { id: number }>, { type: 'source' }>;
type Answer<T extends Told['type']> = Extract<Told, { type: T }>;

export interface Ready {
  /** Leaves that are sealed. */
  size: number;
  logVkey: string;
  /** The log was begun just now. */
  created: boolean;
  recovered?: Recovered;
}

/** The sealing thread, as the main thread sees it. Calls reject with why, also once the thread has ended. */
export interface SealerThread {
  /** Resolves once the log is open; rejects where it can't be. */
  ready: Promise<Ready>;
  /** Internal records, JSON texts; resolves once they are written, and outlive the process. */
  append(kind: Kind, retentionClass: number, records: string[]): Promise<void>;
  /** Seals what waits; the size then. */
  seal(): Promise<number>;
  /** Erases payloads; how many. */
  erase(indexes: readonly number[], reason: string, by: unknown): Promise<number>;
  /** Gives a sender a number before it has sent anything. */
  register(address: string): Promise<number>;
  /** Frees a sender's place. */
  retire(source: number): Promise<void>;
  /** Numbers of senders that are retired. */
  retired(): ReadonlySet<number>;
  /** What would go if these were the days. */
  expiring(days: Days): Promise<Expiring[]>;
  cosigned(size: number, lines: string[]): void;
  timestamp(size: number, token: Uint8Array, genTimeUs: number): void;
  witnessSize(size: number): void;
  settings(settings: Settings): void;
  state(): { state: SealState | 'starting'; reason: string };
  stats(): SealStats | undefined;
  lastSealed(): { size: number; root: Uint8Array; atUs: number } | undefined;
  /** Seals what waits, and ends the thread. */
  stop(): Promise<void>;
}

interface Listeners {
  log: Logger;
  /** A sender was given a number. */
  onSource(id: number, address: string): void;
  /** Whether it seals: once it has started, and at each change. */
  onState(state: SealState, reason: string): void;
}

/** Starts the sealing thread. */
export function startSealer(data: SealData, { log, onSource, onState }: Listeners): SealerThread {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: data,
    transferList: [data.receiver, data.search],
    name: 'logs-seal',
  });
  const waiting = new Map<number, { resolve: (told: Told) => void; reject: (error: Error) => void }>();
  let last = 0;
  let ended: Error | undefined;
  let state: { state: SealState | 'starting'; reason: string } = { state: 'starting', reason: '' };
  let stats: SealStats | undefined;
  const retired = new Set<number>();
  let sealed: ReturnType<SealerThread['lastSealed']>;
  let open!: (ready: Ready) => void;
  let failed!: (error: Error) => void;
  const ready = new Promise<Ready>((resolve, reject) => {
    open = resolve;
    failed = reject;
  });
  ready.catch(() => undefined);

  const say = (message: ToSealer): void => worker.postMessage(message);
  const call = <T extends Told['type']>(message: WithoutId<Call>): Promise<Answer<T>> => {
    if (ended) return Promise.reject(ended);
    const id = ++last;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (told: Told) => void, reject });
      say({ ...message, id } as Call);
    });
  };
  const end = (error: Error): void => {
    if (ended) return;
    ended = error;
    failed(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  const answered = (message: Told): void => {
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) asked?.resolve(message);
    else asked?.reject(new Error(message.error));
  };

  worker.on('message', (message: FromSealer) => {
    switch (message.type) {
      case 'ready': {
        const { type: _, retired: gone, ...told } = message;
        for (const id of gone) retired.add(id);
        // The disk was full, and isn't any more; what is damaged has been told of before.
        if (state.state !== 'damaged') state = { state: 'sealing', reason: '' };
        onState(state.state as SealState, state.reason);
        open(told);
        return;
      }
      case 'sealed':
        sealed = { size: message.size, root: message.root, atUs: message.atUs };
        // What waited is sealed now; what waits since then is told within a second.
        delete stats?.oldestUs;
        return;
      case 'state':
        state = { state: message.state, reason: message.reason };
        if (message.state === 'sealing') log.info({}, 'the log is sealed');
        else log.error({ state: message.state }, `the log is not sealed: ${message.reason}`);
        onState(message.state, message.reason);
        return;
      case 'warning':
        log.warn({}, message.reason);
        return;
      case 'stats':
        stats = message;
        return;
      case 'source':
        retired.delete(message.id);
        onSource(message.id, message.address);
        return;
      case 'retired':
        if (message.error === undefined) retired.add(message.source);
        answered(message);
        return;
      default:
        answered(message);
    }
  });
  worker.on('error', (error) => {
    log.error({ err: error }, 'the sealing thread has failed: nothing is sealed until the appliance is restarted');
    state = { state: 'damaged', reason: `the sealing thread has failed: ${(error as Error).message}` };
    onState('damaged', state.reason);
    end(error as Error);
  });
  worker.on('exit', () => end(new Error('the log is closed')));

  return {
    ready,
    async append(kind, retentionClass, records) {
      await call({ type: 'append', kind, class: retentionClass, records });
    },
    seal: async () => (await call<'sealedNow'>({ type: 'seal' })).size,
    erase: async (indexes, reason, by) =>
      (await call<'erased'>({ type: 'erase', indexes: [...indexes], reason, by })).count,
    register: async (address) => (await call<'registered'>({ type: 'register', address })).source,
    async retire(source) {
      await call({ type: 'retire', source });
    },
    retired: () => retired,
    expiring: async (retention) => (await call<'expiring'>({ type: 'expiring', retention })).expiring,
    cosigned: (size, lines) => say({ type: 'cosigned', size, lines }),
    timestamp: (size, token, genTimeUs) => say({ type: 'timestamp', size, token, genTimeUs }),
    witnessSize: (size) => say({ type: 'witnessSize', size }),
    settings: (settings) => say({ type: 'settings', ...settings }),
    state: () => state,
    stats: () => stats,
    lastSealed: () => sealed,
    async stop() {
      if (ended) return;
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      say({ type: 'stop' });
      await gone;
    },
  };
}
