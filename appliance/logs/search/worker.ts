import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openKeyFile } from '../../store/index.ts';
import { openArchive } from '../archive/index.ts';
import { QueryFault } from '../backend.ts';
import { parse } from '../parse/index.ts';
import type { Block } from '../record/types.ts';
import type { FromSearch, ToSearch } from '../seal/messages.ts';
import { queryOf } from './compile.ts';
import { Engine } from './engine.ts';
import { Library } from './library.ts';
import { hinted } from './match.ts';
import type { FromWorker, SearchWorkerData, ToWorker } from './messages.ts';
import { Tail } from './tail.ts';
import { whois } from './whois.ts';

/** Who asks for the newest waits so long for what is still being indexed; who needs all before a leaf, longer. */
const HURRY_MS = 10;
const PATIENCE_MS = 10_000;
const TURN_MS = 25;
/** What isn't sealed yet can't be read where the sealing thread has kept it. */
const POLL_MS = 20;

const main = parentPort!;
const { folder, dataDir, sealer } = workerData as SearchWorkerData & { sealer?: MessagePort };

const say = (message: FromWorker): void => main.postMessage(message);
let fixed: Readonly<Record<number, string>> = {};
const parseOf = hinted(parse, () => fixed);
const archive = openArchive({ folder, secrets: openKeyFile(dataDir) });
const library = new Library({
  folder: path.join(folder, 'index'),
  archive,
  parse: parseOf,
  warn: (text) => say({ type: 'warning', text }),
});
const engine = new Engine(library, parseOf);
const tail = new Tail(parseOf, (sub, records, dropped) => say({ type: 'tail', sub, records, dropped }));

library.start();
sealer?.on('message', hear);
main.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'call':
      void answer(message);
      break;
    case 'parsers':
      fixed = message.parsers;
      break;
    case 'unsubscribe':
      tail.unsubscribe(message.sub);
      break;
    case 'taken':
      tail.taken(message.sub);
      break;
    case 'stop':
      stopped = true;
      archive.close();
      sealer?.close();
      main.close();
      if (working) clearImmediate(working);
  }
});
let working: NodeJS.Immediate | undefined;
let stopped = false;
work();
say({ type: 'ready' });

/** Follows the log, makes and checks indexes: between messages, a piece at a time. */
function work(): void {
  working ??= setImmediate(() => {
    working = undefined;
    if (library.step()) work();
  });
}

function hear(message: ToSearch): void {
  try {
    switch (message.type) {
      case 'blocks': {
        const blocks = message.frames.flatMap(([, block]): Block[] => (block ? [block] : []));
        const bytes = blocks.reduce((sum, { raw }) => sum + raw.length, 0);
        // Until it has as many as it can hold, the sealing thread sends blocks.
        library.add(message.segment, message.frames, () => {
          sealer?.postMessage({ type: 'credit', bytes } satisfies FromSearch);
        });
        tail.add(blocks);
        break;
      }
      case 'sealed':
        library.sealed(message.size);
        break;
      case 'closed':
        library.closed(message.segment);
        break;
      case 'rewritten':
      case 'dropped segment':
        library.changed(message.segment, message.type === 'dropped segment');
    }
    work();
  } catch (error) {
    say({ type: 'warning', text: `search can't follow the log: ${(error as Error).message}` });
  }
}

async function answer(call: Extract<ToWorker, { type: 'call' }>): Promise<void> {
  const { id } = call;
  try {
    say({ type: 'answer', id, result: await resultOf(call) });
  } catch (error) {
    const fault = error instanceof QueryFault ? { fault: error.position ?? null } : {};
    say({ type: 'answer', id, error: (error as Error).message, ...fault });
  }
  if (library.behind > 0) work();
}

/**
 * Indexes what was told of before leaf `before`, or waits until it can be, `within` ms at most. Others are let in
 * meanwhile.
 */
async function caughtUp(before: number, within: number): Promise<void> {
  // What was sent before the question may not have been heard yet.
  for (;;) {
    const next = sealer && receiveMessageOnPort(sealer);
    if (!next) break;
    hear(next.message as ToSearch);
  }
  const end = performance.now() + within;
  let turn = performance.now();
  while (library.upTo < before && !stopped) {
    const worked = library.follow();
    const now = performance.now();
    if (now > end) return;
    if (worked && now - turn < TURN_MS) continue;
    await (worked ? new Promise(setImmediate) : sleep(Math.min(POLL_MS, within)));
    turn = now;
  }
}

async function resultOf(call: Extract<ToWorker, { type: 'call' }>): Promise<unknown> {
  switch (call.method) {
    case 'query': {
      const { before, limit, fromUs, toUs } = call.params;
      await caughtUp(before ?? Number.POSITIVE_INFINITY, before === undefined ? HURRY_MS : PATIENCE_MS);
      // Who reads page by page would take what comes for all there is.
      const missing = before === undefined ? undefined : library.unindexed(before);
      if (missing !== undefined) throw new Error(missing);
      return engine.query({ query: queryOf(call.params), fromUs, toUs, before, limit });
    }
    case 'read':
      await caughtUp(Math.max(...call.params.indexes) + 1, HURRY_MS);
      return engine.read(call.params.indexes);
    case 'whois': {
      await caughtUp(Number.POSITIVE_INFINITY, PATIENCE_MS);
      const missing = library.unindexed();
      const found = await whois(engine, call.params);
      return missing === undefined ? found : { ...found, partial: missing };
    }
    case 'stats': {
      const parts = library.all();
      const records = parts.reduce((sum, { groups }) => sum + groups.reduce((rows, group) => rows + group.rows, 0), 0);
      return { segments: parts.length, records, behind: library.behind, sources: library.senders.all() };
    }
    case 'subscribe':
      tail.subscribe(call.params.sub, call.params.filter);
      return null;
  }
}
