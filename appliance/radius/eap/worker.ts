import { parentPort, workerData } from 'node:worker_threads';
import { Conversation } from './conversation.ts';
import { bytesOfText, type FromWorker, isTuple, type Round, type ToWorker, type WorkerData } from './messages.ts';
import { eapFailure } from './packet.ts';
import { Sessions } from './sessions.ts';
import { latin1, Table } from './table.ts';
import { TlsEngine } from './tls.ts';
import type { Answers, Ask, EapCredentials, Outcome, Question } from './types.ts';

const SWEEP_MS = 5000;

const port = parentPort!;
const { credentials, limits } = workerData as WorkerData;

/** Sessions of its own: who was let in under other certificates doesn't resume under these. */
const engineOf = (shown: EapCredentials): TlsEngine =>
  new TlsEngine(shown, new Sessions(limits.sessions, limits.sessionLifetime, Date.now), limits);

let engine = engineOf(credentials);
const conversations = new Table<Conversation>(limits, Date.now, (conversation) => conversation.close());

/** What is said within one turn goes as one message. */
let outgoing: FromWorker[] = [];
function say(message: FromWorker): void {
  if (outgoing.push(message) > 1) return;
  process.nextTick(() => {
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
  if (isTuple(message)) {
    void respond(message as Round);
    return;
  }
  switch (message.kind) {
    case 'begin': {
      const { negotiation, nas, state } = message;
      conversations.add(state, nas, new Conversation({ engine, limits, negotiation, now: Date.now }));
      return;
    }
    case 'answer':
      waiting.get(message.question)?.(message.answer);
      waiting.delete(message.question);
      return;
    case 'refresh':
      engine = engineOf(message.credentials);
  }
}

async function respond([round, text, state, nas]: Round): Promise<void> {
  const eap = bytesOfText(text);
  const conversation = conversations.get(state, nas);
  const outcome = conversation === undefined ? unknown(eap) : await conversation.respond(eap, asker(round));
  if (outcome.kind === 'challenge') {
    say([round, latin1(outcome.eap)]);
    return;
  }
  if (outcome.kind !== 'none') conversations.remove(state);
  say({ kind: 'outcome', round, outcome });
}

const unknown = (eap: Uint8Array): Outcome => ({
  kind: 'reject',
  eap: eapFailure(eap[1]!),
  reason: 'no such conversation: it is over, was one too many, or the server has restarted',
});

setInterval(() => {
  conversations.sweep();
  engine.sessions.sweep();
  say({ kind: 'gauge', conversations: conversations.size, sessions: engine.sessions.size });
}, SWEEP_MS);

/** What was heard in the tunnel is a view on a pool of Node's, all of which would go along. */
function compact(asked: Question): Question {
  if (asked.kind !== 'authenticate') return asked;
  const credentials = Object.entries(asked.credentials).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? new Uint8Array(value) : value,
  ]);
  return { ...asked, credentials: Object.fromEntries(credentials) };
}
