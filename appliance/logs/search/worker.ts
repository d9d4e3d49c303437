import path from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
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
      archive.close();
      sealer?.close();
      main.close();
      if (working) clearImmediate(working);
  }
});
let working: NodeJS.Immediate | undefined;
work();
say({ type: 'ready' });

/** Makes and checks indexes, between messages. */
function work(): void {
  working = setImmediate(() => {
    working = undefined;
    if (library.step()) work();
  });
}

function hear(message: ToSearch): void {
  try {
    switch (message.type) {
      case 'blocks': {
        library.add(message.segment, message.frames);
        const blocks = message.frames.flatMap(([, block]): Block[] => (block ? [block] : []));
        const bytes = blocks.reduce((sum, { raw }) => sum + raw.length, 0);
        sealer?.postMessage({ type: 'credit', bytes } satisfies FromSearch);
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
        if (!working) work();
    }
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
  if (!working && library.behind > 0) work();
}

async function resultOf(call: Extract<ToWorker, { type: 'call' }>): Promise<unknown> {
  switch (call.method) {
    case 'query': {
      const { before, limit, fromUs, toUs } = call.params;
      return engine.query({ query: queryOf(call.params), fromUs, toUs, before, limit });
    }
    case 'read':
      return engine.read(call.params.indexes);
    case 'whois':
      return whois(engine, call.params);
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
