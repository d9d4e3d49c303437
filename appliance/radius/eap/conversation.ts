import { EapTls } from './eap-tls.ts';
import { Inbox, Outbox, readFragment } from './fragments.ts';
import type { Inside, Step } from './inside.ts';
import type { EapLimits } from './limits.ts';
import { METHOD_TYPES, type Negotiation } from './negotiation.ts';
import { EAP_CODE, type EapResponse, eapFailure, eapPacket, eapSuccess, parseResponse } from './packet.ts';
import { Peap } from './peap.ts';
import type { Channel, TlsEngine } from './tls.ts';
import { Ttls } from './ttls.ts';
import type { Ask, Outcome, OuterMethod, Question } from './types.ts';

/** Code, id, length, type. */
const HEAD_BYTES = 5;

export interface ConversationOptions {
  engine: TlsEngine;
  limits: EapLimits;
  /** How it has come to its method. */
  negotiation: Negotiation;
  now: () => number;
}

/**
 * The server's side of one EAP conversation (RFC 3748), from the first packet of its method to the end. One response goes
 * in, one outcome comes out; between them it may ask. What doesn't belong here is answered with the last request again,
 * so that a forged packet doesn't end a conversation.
 */
export class Conversation {
  private readonly options: ConversationOptions;
  private readonly inbox: Inbox;
  private readonly outbox = new Outbox();
  private readonly method: OuterMethod;
  private id: number;
  private request: Uint8Array;
  private rounds = 0;
  private busy = false;
  private over = false;
  private channel: Channel | undefined;
  private inside: Inside | undefined;
  private announced = false;
  /** After an alert: the refusal, once the peer has seen it. */
  private ending: Extract<Step, { kind: 'reject' }> | undefined;
  private again: ((ask: Ask) => Promise<Step>) | undefined;
  private ask: Ask = () => Promise.reject(new Error('nobody to ask'));

  constructor(options: ConversationOptions) {
    this.options = options;
    this.inbox = new Inbox(options.limits.flight);
    this.method = options.negotiation.method!;
    this.id = options.negotiation.id;
    this.request = options.negotiation.request;
  }

  /** Never throws: what goes wrong is a reject. */
  async respond(eap: Uint8Array, ask: Ask): Promise<Outcome> {
    // The supplicant repeats itself while a verdict is awaited: the answer to the first will do.
    if (this.busy) return { kind: 'none', reason: 'the answer is being worked out' };
    if (this.over) return { kind: 'none', reason: 'the conversation is over' };
    if (++this.rounds > this.options.limits.rounds) return this.reject('too many rounds');
    const response = parseResponse(eap);
    if (typeof response === 'string' || response.id !== this.id) return this.repeat();
    this.busy = true;
    this.ask = ask;
    try {
      const { again } = this;
      this.again = undefined;
      return again === undefined ? await this.process(response) : await this.apply(await again(ask));
    } catch (error) {
      return this.reject(`internal: ${error instanceof Error ? error.message : 'unknown'}`);
    } finally {
      this.busy = false;
    }
  }

  close(): void {
    this.over = true;
    this.channel?.close();
  }

  private process(response: EapResponse): Outcome | Promise<Outcome> {
    if (response.type !== METHOD_TYPES[this.method]) return this.reject(`EAP type ${response.type} in the middle`);
    return this.tls(response.data);
  }

  private async tls(data: Uint8Array): Promise<Outcome> {
    const fragment = readFragment(data);
    if (typeof fragment === 'string') return this.reject(fragment);
    if (fragment.payload.length === 0 && !fragment.more) return this.acknowledged();
    if (this.ending !== undefined) return this.reject(this.ending.reason, this.ending.message);
    if (this.outbox.pending) return this.reject('an answer to half a message');
    const flight = this.inbox.add(fragment);
    if (flight === 'more') return this.send(Uint8Array.of(0));
    if ('error' in flight) return this.reject(flight.error);
    return this.flight(flight);
  }

  private async acknowledged(): Promise<Outcome> {
    if (this.outbox.pending) return this.fragment();
    if (this.ending !== undefined) return this.reject(this.ending.reason, this.ending.message);
    if (this.channel === undefined) return this.reject('a peer that does not start TLS');
    if (this.channel.failure !== undefined) return this.reject(`TLS: ${this.channel.failure}`);
    if (!this.announced || this.inside === undefined) return this.reject('a handshake that does not go on');
    return this.apply(await this.inside.acknowledged());
  }

  private async flight(flight: Uint8Array): Promise<Outcome> {
    this.channel ??= this.options.engine.open(this.method, flight);
    const { channel } = this;
    await channel.feed(flight);
    if (channel.failure !== undefined && !channel.hasOutput) return this.reject(`TLS: ${channel.failure}`);
    if (channel.secure && !this.announced) {
      this.announced = true;
      this.inside = this.methodOn(channel);
      const step = await this.inside.secured();
      const heard = channel.listen();
      // TTLS under 1.3 speaks in the same flight; whoever is refused isn't listened to.
      return this.apply(heard === undefined || step.kind !== 'send' ? step : await this.inside.heard(heard));
    }
    const heard = channel.listen();
    if (heard !== undefined && this.inside !== undefined) return this.apply(await this.inside.heard(heard));
    return this.apply({ kind: 'send' });
  }

  private methodOn(channel: Channel): Inside {
    const { identity, inner } = this.options.negotiation;
    const ask: Ask = (question: Question) =>
      question.kind === 'inner' && question.login === identity
        ? Promise.resolve(inner as never)
        : this.ask(question as never);
    const around = { channel, ask, nextId: () => (this.id + 1) & 0xff };
    if (this.method === 'tls') return new EapTls(around);
    return this.method === 'peap' ? new Peap(around) : new Ttls(around);
  }

  private async apply(step: Step): Promise<Outcome> {
    const channel = this.channel!;
    switch (step.kind) {
      case 'send':
        if (step.data !== undefined) await channel.write(step.data);
        this.outbox.load(channel.take());
        return this.fragment();
      case 'accept':
        return this.accept(step, channel);
      case 'none':
        this.again = step.again;
        return { kind: 'none', reason: step.reason };
      case 'reject':
        // An alert is seen by the peer before the end; tickets are not for whoever is refused.
        if (channel.failure === undefined || !channel.hasOutput) return this.reject(step.reason, step.message);
        this.ending = step;
        this.outbox.load(channel.take());
        return this.fragment();
    }
  }

  private accept({ admission, chain, msk, resumed }: Extract<Step, { kind: 'accept' }>, channel: Channel): Outcome {
    // Only here: a session that is cached earlier would let in whoever fails afterwards.
    const made = { ...admission, outer: channel.outer, chain, at: this.options.now() };
    // Whoever resumes gains no time by it.
    channel.keep(resumed ? channel.session! : made);
    const outerIdentity = this.options.negotiation.identity;
    const eap = eapSuccess(this.id);
    this.close();
    return { kind: 'accept', eap, msk: new Uint8Array(msk), outerIdentity, resumed, ...admission };
  }

  private reject(reason: string, message?: string): Outcome {
    this.close();
    return { kind: 'reject', eap: eapFailure(this.id), reason, message };
  }

  private fragment(): Outcome {
    return this.send(this.outbox.next(this.options.negotiation.maxPacket - HEAD_BYTES));
  }

  private send(data: Uint8Array): Outcome {
    this.id = (this.id + 1) & 0xff;
    this.request = eapPacket(EAP_CODE.request, this.id, METHOD_TYPES[this.method], data);
    return this.repeat();
  }

  private repeat(): Outcome {
    return { kind: 'challenge', eap: this.request };
  }
}
