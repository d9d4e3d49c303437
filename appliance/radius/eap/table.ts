import { randomBytes } from 'node:crypto';
import { Conversation } from './conversation.ts';
import type { EapLimits } from './limits.ts';
import { MAX_IDENTITY } from './limits.ts';
import type { WorkerOutcome } from './messages.ts';
import { EAP_TYPE, eapFailure, parseResponse, textOf } from './packet.ts';
import type { TlsEngine } from './tls.ts';
import type { Ask, OuterMethod } from './types.ts';

export const STATE_BYTES = 16;

interface Entry {
  conversation: Conversation;
  nas: string;
  last: number;
}

export interface Round {
  eap: Uint8Array;
  state: Uint8Array | undefined;
  /** Whoever continues a conversation is the NAS that started it. */
  nas: string;
  methods: readonly OuterMethod[];
  maxPacket: number;
}

/** The conversations of one worker, by State: its index, then random bytes that nobody can guess. */
export class Conversations {
  engine: TlsEngine;
  private readonly index: number;
  private readonly limits: EapLimits;
  private readonly now: () => number;
  /** In order of the last word, so that the silent ones are in front. */
  private readonly entries = new Map<string, Entry>();
  private readonly perNas = new Map<string, number>();

  constructor(index: number, engine: TlsEngine, limits: EapLimits, now: () => number) {
    this.index = index;
    this.engine = engine;
    this.limits = limits;
    this.now = now;
  }

  get size(): number {
    return this.entries.size;
  }

  async handle(round: Round, ask: Ask): Promise<WorkerOutcome> {
    const key = round.state === undefined ? undefined : keyOf(round.state);
    const entry = key === undefined ? undefined : this.entries.get(key);
    if (key === undefined || entry === undefined || entry.nas !== round.nas) return this.begin(round);
    entry.last = this.now();
    this.entries.delete(key);
    this.entries.set(key, entry);
    const outcome = await entry.conversation.respond(round.eap, ask);
    if (outcome.kind === 'accept' || outcome.kind === 'reject') this.remove(key);
    return { outcome, state: outcome.kind === 'challenge' ? round.state : undefined };
  }

  /** Ends what has said nothing for too long. */
  sweep(): void {
    const before = this.now() - this.limits.idle;
    for (const [key, { last }] of this.entries) {
      if (last > before) break;
      this.remove(key);
    }
  }

  close(): void {
    for (const key of [...this.entries.keys()]) this.remove(key);
  }

  private begin({ eap, nas, methods, maxPacket }: Round): WorkerOutcome {
    const response = parseResponse(eap);
    if (typeof response === 'string') return rejected(eap[1] ?? 0, response);
    if (response.type !== EAP_TYPE.identity) {
      return rejected(response.id, 'no such conversation: it is over, or the server has restarted');
    }
    if (response.data.length > MAX_IDENTITY) return rejected(response.id, 'an identity that is too long');
    const ofNas = this.perNas.get(nas) ?? 0;
    if (this.entries.size >= this.limits.conversations || ofNas >= this.limits.conversationsPerNas) {
      return { outcome: { kind: 'none', reason: 'too many conversations' }, state: undefined };
    }
    const { engine, limits, now } = this;
    const identity = textOf(response.data);
    const conversation = new Conversation({ engine, limits, methods, identity, maxPacket, now });
    const outcome = conversation.start(response.id);
    if (outcome.kind !== 'challenge') return { outcome, state: undefined };
    const state = new Uint8Array(randomBytes(STATE_BYTES));
    state[0] = this.index;
    this.entries.set(keyOf(state), { conversation, nas, last: now() });
    this.perNas.set(nas, ofNas + 1);
    return { outcome, state };
  }

  private remove(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    const left = (this.perNas.get(entry.nas) ?? 1) - 1;
    if (left === 0) this.perNas.delete(entry.nas);
    else this.perNas.set(entry.nas, left);
    entry.conversation.close();
  }
}

const keyOf = (state: Uint8Array): string => Buffer.from(state).toString('latin1');

const rejected = (id: number, reason: string): WorkerOutcome => ({
  outcome: { kind: 'reject', eap: eapFailure(id), reason },
  state: undefined,
});
