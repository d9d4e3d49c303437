import { Worker } from 'node:worker_threads';
import type { Logger } from '../../store/index.ts';
import type { EapLimits } from './limits.ts';
import { bytesOfText, type Challenge, type FromWorker, isTuple, type ToWorker, type WorkerData } from './messages.ts';
import type { Negotiation } from './negotiation.ts';
import { latin1 } from './table.ts';
import type { EapCredentials, Outcome, Question } from './types.ts';

/** A worker that dies is started anew, but not faster than this. */
const RESTART_MS = 1000;
/** Room for what handshakes leave behind: with more of it V8 collects less often. */
const YOUNG_MB = 32;

export interface PoolOptions {
  workers: number;
  log: Logger;
  limits: EapLimits;
  credentials: () => EapCredentials;
  /** Answers a question in the name of a round; undefined where it can't be answered. */
  answer: (round: Waiting, asked: Question) => Promise<unknown>;
  onCrash: () => void;
  /** Another worker, for tests. */
  script?: URL;
}

/** A round that a worker has. */
export interface Waiting<R = unknown> {
  request: R;
  done: (outcome: Outcome) => void;
}

interface Seat {
  worker: Worker | undefined;
  /** What is said within one turn goes as one message. */
  outgoing: ToWorker[];
  /** In order of age. */
  waiting: Map<number, { waiting: Waiting; since: number }>;
  conversations: number;
  sessions: number;
  restart: NodeJS.Timeout | undefined;
}

/** The worker threads: starts them, restarts them, and carries what is said. */
export class Pool {
  private readonly options: PoolOptions;
  private readonly seats: Seat[] = [];
  private rounds = 0;
  private closed = false;

  constructor(options: PoolOptions) {
    this.options = options;
    for (let index = 0; index < options.workers; index++) {
      const seat: Seat = {
        worker: undefined,
        outgoing: [],
        waiting: new Map(),
        conversations: 0,
        sessions: 0,
        restart: undefined,
      };
      this.seats.push(seat);
      this.start(seat, index);
    }
  }

  get size(): number {
    return this.seats.length;
  }

  get conversations(): number {
    return this.seats.reduce((sum, seat) => sum + seat.conversations, 0);
  }

  get sessions(): number {
    return this.seats.reduce((sum, seat) => sum + seat.sessions, 0);
  }

  isUp(index: number): boolean {
    return this.seats[index]?.worker !== undefined;
  }

  /** The EAP packet of a conversation, which `begin` starts. False where the worker is down, or has too much to do. */
  send(
    index: number,
    waiting: Waiting,
    eap: Uint8Array,
    { state, nas }: { state: string; nas: string },
    negotiation?: Negotiation,
  ): boolean {
    const seat = this.seats[index];
    if (seat?.worker === undefined || seat.waiting.size >= this.options.limits.pending) return false;
    const round = ++this.rounds;
    seat.waiting.set(round, { waiting, since: Date.now() });
    if (negotiation !== undefined) this.say(seat, { kind: 'begin', state, nas, negotiation });
    this.say(seat, [round, latin1(eap), state, nas]);
    return true;
  }

  refresh(credentials: EapCredentials): void {
    for (const seat of this.seats) this.say(seat, { kind: 'refresh', credentials });
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(
      this.seats.map(async (seat) => {
        clearTimeout(seat.restart);
        await seat.worker?.terminate();
      }),
    );
  }

  private start(seat: Seat, index: number): void {
    const { limits, credentials, log } = this.options;
    const workerData: WorkerData = { credentials: credentials(), limits };
    const worker = new Worker(this.options.script ?? new URL('./worker.ts', import.meta.url), {
      workerData,
      name: `eap-${index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    seat.worker = worker;
    worker.on('message', (messages: FromWorker[]) => {
      for (const message of messages) this.receive(seat, message);
    });
    worker.on('error', (error) => log.error({ err: error, worker: index }, 'an EAP worker has failed'));
    worker.on('exit', () => this.exited(seat, index));
  }

  private exited(seat: Seat, index: number): void {
    const lost = [...seat.waiting.values()];
    seat.worker = undefined;
    seat.outgoing = [];
    seat.waiting.clear();
    seat.conversations = 0;
    seat.sessions = 0;
    for (const { waiting } of lost) waiting.done({ kind: 'none', reason: 'the EAP worker has failed' });
    if (this.closed) return;
    this.options.onCrash();
    seat.restart = setTimeout(() => this.start(seat, index), RESTART_MS);
  }

  private receive(seat: Seat, message: FromWorker): void {
    if (isTuple(message)) {
      const [round, eap] = message as Challenge;
      this.ended(seat, round, { kind: 'challenge', eap: bytesOfText(eap) });
      return;
    }
    switch (message.kind) {
      case 'outcome':
        this.ended(seat, message.round, message.outcome);
        return;
      case 'question':
        void this.answer(seat, message);
        return;
      case 'gauge':
        seat.conversations = message.conversations;
        seat.sessions = message.sessions;
        this.sweep(seat);
    }
  }

  private ended(seat: Seat, round: number, outcome: Outcome): void {
    const waiting = seat.waiting.get(round)?.waiting;
    seat.waiting.delete(round);
    waiting?.done(outcome);
  }

  /** A verdict that never comes must not keep a place for ever. */
  private sweep(seat: Seat): void {
    const before = Date.now() - this.options.limits.idle;
    for (const [round, { since }] of seat.waiting) {
      if (since > before) return;
      this.ended(seat, round, { kind: 'none', reason: 'no answer in time' });
    }
  }

  private async answer(seat: Seat, { question, round, asked }: Extract<FromWorker, { kind: 'question' }>) {
    const waiting = seat.waiting.get(round)?.waiting;
    let answer: unknown;
    try {
      if (waiting !== undefined) answer = await this.options.answer(waiting, asked);
    } catch (error) {
      this.options.log.error({ err: error, asked: asked.kind }, 'a question of EAP was not answered');
    }
    this.say(seat, { kind: 'answer', question, answer: answer as never });
  }

  private say(seat: Seat, message: ToWorker): void {
    if (seat.worker === undefined) return;
    if (seat.outgoing.push(message) > 1) return;
    queueMicrotask(() => {
      const batch = seat.outgoing;
      seat.outgoing = [];
      this.post(seat, batch);
    });
  }

  /** A verdict is of others: one that can't be copied costs its own conversation, and no other. */
  private post(seat: Seat, batch: ToWorker[]): void {
    try {
      seat.worker?.postMessage(batch);
    } catch (error) {
      if (batch.length > 1) for (const message of batch) this.post(seat, [message]);
      else if (batch[0] !== undefined && 'answer' in batch[0] && batch[0].answer !== undefined) {
        this.options.log.error({ err: error }, 'an answer that cannot be handed to an EAP worker');
        this.post(seat, [{ ...batch[0], answer: undefined }]);
      }
    }
  }
}
