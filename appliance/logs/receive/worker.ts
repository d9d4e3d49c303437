import { parentPort, workerData } from 'node:worker_threads';
import { monotonicMs, systemClock } from '../seal/clock.ts';
import type { CheckSender, FromSeal } from './messages.ts';
import { receive } from './receiver.ts';
import type { Call, FromWorker, ToWorker, WorkerData } from './start.ts';

const main = parentPort!;
const { seal, ...options } = workerData as WorkerData;

const say = (message: FromWorker): void => main.postMessage(message);
type Receiver = Awaited<ReturnType<typeof receive>>;

/** What the main thread is asked: it knows which certificates still count. */
const asked = new Map<number, (problem: string | undefined) => void>();
let questions = 0;
const check: CheckSender = (chain, connecting) =>
  new Promise((resolve) => {
    const id = ++questions;
    asked.set(id, resolve);
    say({ type: 'check', id, chain, connecting });
  });

async function answer(receiver: Receiver, message: Call): Promise<unknown> {
  switch (message.method) {
    case 'stats':
      return receiver.stats();
    case 'setTls':
      return receiver.setTls(message.tls);
    case 'recheck':
      return receiver.recheck();
    case 'setSynchronised':
      return receiver.setSynchronised(message.value);
    case 'stop':
      await receiver.stop();
      return receiver.stats();
  }
}

try {
  const receiver = await receive(options, {
    clock: systemClock(),
    monotonic: monotonicMs,
    check,
    log: (level, details, message) => say({ type: 'log', level, details, message }),
    post: (message, transfer) => seal.postMessage(message, transfer),
  });
  seal.on('message', (message: FromSeal) => receiver.hear(message));
  // Whom it is for has gone: nothing is taken that would be kept nowhere.
  seal.on('close', () => receiver.hear({ type: 'pause' }));
  main.on('message', (message: ToWorker) => {
    if (message.method === 'checked') {
      asked.get(message.id)?.(message.problem);
      asked.delete(message.id);
      return;
    }
    answer(receiver, message)
      .then(
        (value) => say({ type: 'answer', id: message.id, value }),
        (error: Error) => say({ type: 'answer', id: message.id, error: error.message }),
      )
      .finally(() => {
        if (message.method !== 'stop') return;
        seal.close();
        main.close();
      });
  });
  say({ type: 'ready', addresses: receiver.addresses, bufferBytes: receiver.bufferBytes });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  say({ type: 'failed', message, code });
}
