import { type MessagePort, Worker } from 'node:worker_threads';
import type { Logger } from '../../store/index.ts';
import { LIMITS, type ReceiverLimits } from './limits.ts';
import type { CheckSender, Connecting, ReceiverStats, SyslogTls } from './messages.ts';
import type { Listen, ReceiveOptions } from './receiver.ts';

export interface ReceiverOptions {
  /** GATEHOUSE_SYSLOG, UDP and TCP; port 0 is any that is free for both. */
  listen: Listen;
  /** GATEHOUSE_SYSLOG_TLS; without it there is no syslog over TLS. */
  tls?: Listen & SyslogTls;
  /** Where senders show certificates: whether they still count. Without it, those of the authorities do. */
  checkSender?: CheckSender;
  /** To the sealing thread: it is transferred. `ToSeal` goes out, `FromSeal` comes in. */
  seal: MessagePort;
  log: Logger;
  limits?: Partial<ReceiverLimits>;
  /** `auto` (the default): datagrams in batches by `node:ffi` where they work. */
  batched?: 'auto' | 'off';
  /** The thread has failed: nothing is received any more. */
  onFailed(error: Error): void;
}

export interface Receiver {
  /** `host:port` of each, as they are bound. */
  addresses: { udp: string; tcp: string; tls: string | undefined };
  stats(): Promise<ReceiverStats>;
  /**
   * Credentials for connections from now on; of those that stand the certificates are checked again. Rejects where they
   * can't be used: the old ones stay.
   */
  setTls(tls: SyslogTls): Promise<void>;
  /** A certificate may have been revoked: who is connected with one that doesn't hold any more is cut off. */
  recheck(): void;
  /** Whether the system's clock is synchronised: told with each message. At first it is. */
  setSynchronised(value: boolean): void;
  /** Takes no more, hands on what has come, and ends the thread; the last figures. */
  stop(): Promise<ReceiverStats>;
}

export type WorkerData = ReceiveOptions & { seal: MessagePort };

export type Call = { id: number } & (
  | { method: 'stats' }
  | { method: 'setTls'; tls: SyslogTls }
  | { method: 'recheck' }
  | { method: 'setSynchronised'; value: boolean }
  | { method: 'stop' }
);
type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never;
/** Calls, and answers to what the thread asks. */
export type ToWorker = Call | { method: 'checked'; id: number; problem: string | undefined };

export type FromWorker =
  | { type: 'ready'; addresses: Receiver['addresses']; bufferBytes: number }
  | { type: 'failed'; message: string; code: string | undefined }
  | { type: 'check'; id: number; chain: readonly Uint8Array[]; connecting: Connecting | undefined }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; details: object; message: string }
  | { type: 'answer'; id: number; value?: unknown; error?: string };

/** Less than this, and bursts may be lost: half a second at 20,000 a second. */
const WANTED_BUFFER = 8 * 1024 * 1024;

/** Receives syslog in a thread of its own. Rejects, with the setting's name, where it can't listen. */
export function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { listen, seal, log, onFailed } = options;
  const workerData: WorkerData = {
    listen,
    tls: options.tls,
    batched: options.batched ?? 'auto',
    limits: { ...LIMITS, ...options.limits },
    seal,
  };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    transferList: [seal],
    name: 'logs-receive',
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let calls = 0;
  const call = (what: WithoutId<Call>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++calls;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...what, id } as Call);
    });
  let stopped: Promise<ReceiverStats> | undefined;
  const check = async ({ id, chain, connecting }: Extract<FromWorker, { type: 'check' }>): Promise<void> => {
    let problem: string | undefined;
    try {
      problem = await options.checkSender?.(chain, connecting);
    } catch (error) {
      problem = `its certificate could not be checked: ${(error as Error).message}`;
    }
    worker.postMessage({ method: 'checked', id, problem } satisfies ToWorker);
  };

  return new Promise((resolve, reject) => {
    let ready = false;
    let failure: Error | undefined;
    const receiver = (addresses: Receiver['addresses']): Receiver => ({
      addresses,
      stats: () => (stopped ?? call({ method: 'stats' })) as Promise<ReceiverStats>,
      setTls: (tls) => call({ method: 'setTls', tls }) as Promise<void>,
      recheck: () => void call({ method: 'recheck' }).catch(() => undefined),
      setSynchronised: (value) => void call({ method: 'setSynchronised', value }).catch(() => undefined),
      stop() {
        const ended = new Promise((done) => worker.once('exit', done));
        stopped ??= (call({ method: 'stop' }) as Promise<ReceiverStats>).then(async (stats) => {
          await ended;
          return stats;
        });
        return stopped;
      },
    });

    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'log':
          log[message.level](message.details, message.message);
          return;
        case 'check':
          void check(message);
          return;
        case 'ready':
          ready = true;
          if (message.bufferBytes < WANTED_BUFFER) {
            const details = { bytes: message.bufferBytes, wanted: WANTED_BUFFER };
            log.info(
              details,
              'syslog receive buffer is smaller than wanted: raise net.core.rmem_max, or bursts may be lost',
            );
          }
          resolve(receiver(message.addresses));
          return;
        case 'failed':
          failure = Object.assign(new Error(message.message), { code: message.code });
          void worker.terminate();
          return;
        case 'answer': {
          const asked = waiting.get(message.id);
          waiting.delete(message.id);
          if (message.error === undefined) asked?.resolve(message.value);
          else asked?.reject(new Error(message.error));
        }
      }
    });
    worker.on('error', (error) => {
      failure = error as Error;
    });
    worker.on('exit', () => {
      const error = failure ?? new Error('the thread that receives syslog has ended');
      for (const asked of waiting.values()) asked.reject(error);
      waiting.clear();
      if (!ready) reject(error);
      else if (stopped === undefined || failure) onFailed(error);
    });
  });
}
