import { parentPort, workerData } from 'node:worker_threads';
import type { FromWorker, ToWorker, WorkerData } from './messages.ts';
import { Sessions } from './sessions.ts';
import { Conversations } from './table.ts';
import { TlsEngine } from './tls.ts';
import type { Answers, Ask, EapCredentials, Question } from './types.ts';

const SWEEP_MS = 5000;

const port = parentPort!;
const { index, credentials, limits } = workerData as WorkerData;

/** Sessions of its own: who was let in under other certificates doesn't resume under these. */
const engineOf = (shown: EapCredentials): TlsEngine =>
  new TlsEngine(shown, new Sessions(limits.sessions, limits.sessionLifetime, Date.now), limits);

const conversations = new Conversations(index, engineOf(credentials), limits, Date.now);

/** What is said within one turn goes as one message. */
let outgoing: FromWorker[] = [];
function say(message: FromWorker): void {
  if (outgoing.push(message) > 1) return;
  setImmediate(() => {
    const batch = outgoing;
    outgoing = [];
    port.postMessage(batch);
  });
}

const waiting = new Map<number, (answer: Answers[Question['kind']] | undefined) => void>();
let questions = 0;

/** Asks of one round. */
const asker =
  (round: number): Ask =>
  async (asked) => {
    const question = ++questions;
    const answer = new Promise<Answers[Question['kind']] | undefined>((resolve) => waiting.set(question, resolve));
    say({ kind: 'question', question, round, asked: compact(asked) });
    const answered = await answer;
    if (answered === undefined) throw new Error('no answer from the main thread');
    return answered as never;
  };

port.on('message', (messages: ToWorker[]) => {
  for (const message of messages) receive(message);
});

function receive(message: ToWorker): void {
  switch (message.kind) {
    case 'round': {
      const { round } = message;
      void conversations.handle(message, asker(round)).then((result) => say({ kind: 'outcome', round, ...result }));
      return;
    }
    case 'answer':
      waiting.get(message.question)?.(message.answer);
      waiting.delete(message.question);
      return;
    case 'refresh':
      conversations.engine = engineOf(message.credentials);
  }
}

setInterval(() => {
  const { sessions } = conversations.engine;
  conversations.sweep();
  sessions.sweep();
  say({ kind: 'gauge', conversations: conversations.size, sessions: sessions.size });
}, SWEEP_MS);

/** A view on a pool of Node's would take the whole pool along. */
function compact<T>(value: T): T {
  if (value instanceof Uint8Array) return new Uint8Array(value) as T;
  if (Array.isArray(value)) return value.map(compact) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compact(inner)])) as T;
}
