import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { importFfi } from '../../ffi/index.ts';
import { diskProblem, openKeyFile } from '../../store/index.ts';
import { openLogKeys } from '../keys/index.ts';
import { dropPredecessor, readPredecessor } from '../predecessor.ts';
import type { ToSeal } from '../receive/messages.ts';
import { ArchiveError } from '../record/error.ts';
import { createHasher } from '../record/sha256.ts';
import { clockState } from '../synchronised.ts';
import { systemClock } from './clock.ts';
import type { FromSealer, FromSearch, ToSealer } from './messages.ts';
import { refusing } from './refusing.ts';
import { Sealer } from './sealer.ts';

/** What the sealing thread is started with (`workerData`); the ports are transferred. */
export interface SealData {
  /** The data folder, for `keys.json`. */
  dataDir: string;
  /** `<data>/logs` */
  folder: string;
  /** `gatehouse/<tenant>/<site>/<edge>`; counts for a new log only. */
  origin: string;
  /** To the receiver: `ToSeal` comes in, `FromSeal` goes out. */
  receiver: MessagePort;
  /** To the search thread: `ToSearch` goes out, `FromSearch` comes in. */
  search: MessagePort;
  /** What is remembered of this log elsewhere. */
  atLeast?: { size: number; root: Uint8Array };
}

const TICK_MS = 100;
/** After a start that the disk didn't allow. */
const RETRY_MS = 2000;

const main = parentPort!;
const { dataDir, folder, origin, receiver, search, atLeast } = workerData as SealData;
const tell = (message: FromSealer): void => main.postMessage(message);

const hasher = await createHasher(importFfi);
const synchronised = await clockState();
const sealer = await open();

async function open(): Promise<Sealer | ReturnType<typeof refusing>> {
  for (;;) {
    try {
      const secrets = openKeyFile(dataDir);
      const said = readPredecessor(dataDir);
      return new Sealer({
        ...{ folder, secrets, hasher, atLeast, tell },
        keys: openLogKeys({ folder, secrets, origin }),
        clock: systemClock(),
        synchronised,
        predecessor: said && { said, recorded: () => dropPredecessor(dataDir) },
        toReceiver: (message) => receiver.postMessage(message),
        toSearch: (message, transfer) => search.postMessage(message, transfer),
      });
    } catch (error) {
      const { message, name } = error as Error;
      if (error instanceof ArchiveError || name === 'StoreError') {
        return refusing(message, tell, (answer) => receiver.postMessage(answer));
      }
      const problem = diskProblem(error);
      if (problem === undefined) throw error;
      tell({ type: 'state', state: 'full', reason: problem });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

const timer = setInterval(() => sealer.tick(), TICK_MS);

/** What has come is sealed once all of it is here, which makes larger batches where much comes. */
let pumping = false;
receiver.on('message', (message: ToSeal) => {
  sealer.hear(message);
  if (pumping) return;
  pumping = true;
  setImmediate(() => {
    pumping = false;
    sealer.pump(); // nothing once it is closed
  });
});

search.on('message', ({ bytes }: FromSearch) => sealer.search.credit(bytes));

/** What the receiver has sent before: it counts as waiting. */
function hearAll(): void {
  for (;;) {
    const next = receiveMessageOnPort(receiver);
    if (!next) return;
    sealer.hear(next.message as ToSeal);
  }
}

let calls = Promise.resolve();
main.on('message', (message: ToSealer) => {
  // One after another, in the order they came.
  calls = calls.then(async () => {
    if (message.type === 'seal' || message.type === 'stop') hearAll();
    await sealer.call(message);
    if (message.type !== 'stop') return;
    clearInterval(timer);
    for (const port of [receiver, search, main]) port.close();
  });
});
