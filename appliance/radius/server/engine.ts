import type { Logger } from '../../store/index.ts';
import { CODE, encodeReply, type Packet } from '../codec/index.ts';
import type { AccessRequest, Answer, Handle, Nas } from '../types.ts';
import { DelayQueue } from './delay.ts';
import { DuplicateCache } from './duplicates.ts';
import { createOnce, createRate, type Limits, MAX_PEERS } from './limits.ts';
import { Counts } from './metrics.ts';
import { type DropReason, examine, type Kind, takes } from './receive.ts';

/** An Accounting-Request that was verified. `packet` is the handler's to keep. */
export interface AccountingRequest {
  packet: Packet;
  nas: Nas;
  address: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** Where packets come in: a UDP socket, or one connection of RadSec. */
export interface Channel {
  readonly kind: Kind;
  readonly transport: 'udp' | 'tls';
  /** The port of ours. */
  port: number;
  /** Numbers of senders, by address. */
  readonly peers: Map<string, number>;
  /** Where the packet that is being taken came from, for `send` to go back to. */
  origin(): unknown;
  send(reply: Uint8Array, origin: unknown): void;
}

export interface EngineOptions {
  log: Logger;
  limits: Limits;
  onAccess: Handle<AccessRequest>;
  onAccounting: Handle<AccountingRequest>;
  /** Milliseconds that only go forward. */
  monotonic: () => number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** A request between its arrival and its reply. */
interface Work {
  channel: Channel;
  origin: unknown;
  packet: Packet;
  nas: Nas;
  peer: number;
  place: number;
  startedAt: number;
  /** Its slot is free: answered, or given up. */
  ended: boolean;
}

/** Numbers of senders stay below it, so that a number and a place (24 bits) are exact in a double. */
const PEER_NUMBERS = 2 ** 29;
const TICK_MS = 1_000;
const EMPTY = new Uint8Array(0);
const SIGNED = { messageAuthenticator: true } as const;
const UNSIGNED = { messageAuthenticator: false } as const;

const keyOf = (peer: number, place: number): number => peer * 0x1000000 + place;

/** Same code and authenticator: a retransmission, where sender, port and identifier are the same too. */
function sameRequest(a: Uint8Array, b: Uint8Array): boolean {
  if (a[0] !== b[0]) return false;
  for (let i = 4; i < 20; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** From datagram to reply, whatever carries them: `take` gives the reply where it is there at once. */
export class Engine {
  readonly counts = new Counts();
  #options: EngineOptions;
  #limits: Limits;
  #duplicates: DuplicateCache;
  #delay: DelayQueue<{ work: Work; reply: Uint8Array }>;
  /** What has no reply yet, by sender and place; the newest where a NAS has used an identifier again. */
  #pending = new Map<number, Work>();
  /** What the handlers have, oldest first. */
  #working = new Set<Work>();
  #perClient = new Map<string, number>();
  #rate: ((key: string, now: number) => boolean) | undefined;
  /** About a NAS, and about addresses that are none's, whose number others choose. */
  #once: (key: string, now: number) => boolean;
  #onceUnknown: (key: string, now: number) => boolean;
  #lastPeer = 0;
  #ticker: NodeJS.Timeout | undefined;
  #closing = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#duplicates = new DuplicateCache(options.limits);
    this.#delay = new DelayQueue(options.limits.rejectDelayMs, options.limits.delayed, options.monotonic, (waited) => {
      this.#send(waited.work, waited.reply);
      this.#checkIdle();
    });
    if (options.limits.requestsPerSecond > 0) this.#rate = createRate(options.limits.requestsPerSecond, MAX_PEERS);
    this.#once = createOnce(options.limits.logged, options.limits.logMs);
    this.#onceUnknown = createOnce(options.limits.logged, options.limits.logMs);
  }

  get working(): number {
    return this.#working.size;
  }

  get delayed(): number {
    return this.#delay.size;
  }

  get kept(): number {
    return this.#duplicates.size;
  }

  get memory(): number {
    return this.#duplicates.memory;
  }

  /**
   * Takes a packet that came in by a channel and is the engine's to keep. Returns the reply where there is one at once;
   * later ones go to `channel.send`. Sets `lastDrop` where it was dropped. Never throws.
   */
  take(
    channel: Channel,
    nas: Nas | undefined,
    bytes: Uint8Array,
    address: string,
    port: number,
  ): Uint8Array | undefined {
    try {
      this.lastDrop = undefined;
      return this.#take(channel, nas, bytes, address, port);
    } catch (error) {
      this.#failed(nas, error);
      return undefined;
    }
  }

  /** Why the packet of the last `take` was dropped. */
  lastDrop: DropReason | undefined;

  #take(
    channel: Channel,
    nas: Nas | undefined,
    bytes: Uint8Array,
    address: string,
    port: number,
  ): Uint8Array | undefined {
    if (this.#closing) return undefined;
    const now = this.#options.monotonic();
    if (!nas) return this.#unknown(channel, address, now);
    if (bytes.length < 20) return this.drop('malformed');
    const code = bytes[0]!;
    if (!takes(channel.kind, code)) return this.drop('code');
    const place = (port << 8) | bytes[1]!;
    let peer = channel.peers.get(address) ?? 0;
    if (peer !== 0 && code !== CODE.statusServer) {
      // Before anything is computed: what is sent again was verified the first time.
      const work = this.#pending.size > 0 ? this.#pending.get(keyOf(peer, place)) : undefined;
      if (work && sameRequest(work.packet.bytes, bytes)) {
        this.counts.swallowed++;
        return undefined;
      }
      const kept = this.#duplicates.find(peer, place, bytes, now);
      if (kept) {
        this.counts.replayed++;
        this.counts.replies[kept[0]!]!++;
        return kept;
      }
    }
    if (this.#working.size >= this.#limits.working) return this.drop('busy');
    if (this.#working.size > 0 && (this.#perClient.get(nas.id) ?? 0) >= this.#limits.workingPerClient) {
      return this.drop('client-busy');
    }
    const packet = examine(bytes, nas, channel.transport);
    if (typeof packet === 'string') return this.#refused(packet, nas, address, now);
    // Once it is known who sent it, so that nobody else can use up what a NAS may send.
    if (this.#rate?.(nas.id, now) === false) return this.drop('rate');
    this.counts.requests[code]!++;
    if (code === CODE.statusServer) {
      const answer = channel.kind === 'acct' ? CODE.accountingResponse : CODE.accessAccept;
      this.counts.replies[answer]!++;
      return encodeReply(answer, packet, nas.secret, EMPTY, SIGNED);
    }
    if (code === CODE.accessRequest && packet.messageAuthenticatorAt === 0) this.#warnUnsigned(channel, nas, now);
    if (peer === 0) peer = this.#newPeer(channel, address);
    const at = this.#options.now();
    const answer =
      code === CODE.accessRequest
        ? this.#options.onAccess({ packet, nas, address, authPort: channel.port, at })
        : this.#options.onAccounting({ packet, nas, address, at });
    if (answer === undefined) return this.drop('no-answer');
    const isLater = 'then' in answer;
    if (!isLater && !this.#waits(answer)) {
      const reply = this.#encode(packet, nas, answer);
      // A request whose place this one takes gets no answer any more: its NAS has given it up.
      if (this.#pending.size > 0) this.#pending.delete(keyOf(peer, place));
      this.#duplicates.store(peer, place, bytes, reply, now);
      this.counts.replies[reply[0]!]!++;
      return reply;
    }
    const origin = channel.origin();
    const work: Work = { channel, origin, packet, nas, peer, place, startedAt: now, ended: false };
    this.#pending.set(keyOf(peer, place), work);
    if (!isLater) {
      work.ended = true;
      this.#finish(work, answer);
      return undefined;
    }
    this.#working.add(work);
    this.#perClient.set(nas.id, (this.#perClient.get(nas.id) ?? 0) + 1);
    this.#ticker ??= setInterval(this.#tick, TICK_MS).unref();
    answer.then(
      (given) => this.#ended(work, given),
      (error: unknown) => this.#threw(work, error),
    );
    return undefined;
  }

  #waits(answer: Answer): boolean {
    return answer.code === CODE.accessReject && this.#limits.rejectDelayMs > 0;
  }

  #encode(packet: Packet, nas: Nas, { code, attributes }: Answer): Uint8Array {
    // Accounting-Response has one where the request has: RFC 2866 knows none, and the attack is on Access-* alone.
    const signed = packet.code !== CODE.accountingRequest || packet.messageAuthenticatorAt !== 0;
    return encodeReply(code, packet, nas.secret, attributes, signed ? SIGNED : UNSIGNED);
  }

  #newPeer({ peers }: Channel, address: string): number {
    if (peers.size >= MAX_PEERS) peers.clear();
    this.#lastPeer = (this.#lastPeer + 1) % PEER_NUMBERS || 1;
    peers.set(address, this.#lastPeer);
    return this.#lastPeer;
  }

  #ended(work: Work, answer: Answer | undefined): void {
    if (work.ended) return;
    this.#free(work);
    this.#finish(work, answer);
    this.#checkIdle();
  }

  #threw(work: Work, error: unknown): void {
    if (work.ended) return;
    this.#free(work);
    this.#forget(work);
    this.#failed(work.nas, error);
    this.#checkIdle();
  }

  /** Sends the answer, or makes it wait. Never throws. */
  #finish(work: Work, answer: Answer | undefined): void {
    if (this.#pending.get(keyOf(work.peer, work.place)) !== work) return;
    if (!answer) {
      this.#forget(work);
      this.drop('no-answer');
      return;
    }
    try {
      const reply = this.#encode(work.packet, work.nas, answer);
      if (!this.#waits(answer)) {
        this.#send(work, reply);
      } else if (!this.#delay.add({ work, reply }, work.startedAt)) {
        this.#forget(work);
        this.drop('reject-queue');
      }
    } catch (error) {
      this.#forget(work);
      this.#failed(work.nas, error);
    }
  }

  #send(work: Work, reply: Uint8Array): void {
    if (this.#pending.get(keyOf(work.peer, work.place)) !== work) return;
    this.#forget(work);
    this.#duplicates.store(work.peer, work.place, work.packet.bytes, reply, this.#options.monotonic());
    this.counts.replies[reply[0]!]!++;
    try {
      work.channel.send(reply, work.origin);
    } catch (error) {
      this.#failed(work.nas, error);
    }
  }

  #forget(work: Work): void {
    const key = keyOf(work.peer, work.place);
    if (this.#pending.get(key) === work) this.#pending.delete(key);
  }

  #free(work: Work): void {
    work.ended = true;
    this.#working.delete(work);
    const left = (this.#perClient.get(work.nas.id) ?? 1) - 1;
    if (left > 0) this.#perClient.set(work.nas.id, left);
    else this.#perClient.delete(work.nas.id);
  }

  /** Gives up what takes too long. */
  #tick = (): void => {
    const now = this.#options.monotonic();
    for (const work of this.#working) {
      if (now - work.startedAt < this.#limits.workMs) break;
      this.#free(work);
      this.#forget(work);
      this.drop('timeout');
      const { id, name } = work.nas;
      if (this.#once(`timeout ${id}`, now)) {
        this.#options.log.warn({ nasId: id, name, ms: this.#limits.workMs }, 'RADIUS request was not answered in time');
      }
    }
    if (this.#working.size === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
    this.#checkIdle();
  };

  drop(reason: DropReason): undefined {
    this.counts.dropped[reason]++;
    this.lastDrop = reason;
  }

  #unknown({ port }: Channel, address: string, now: number): undefined {
    this.drop('unknown-client');
    if (this.#onceUnknown(address, now)) {
      this.#options.log.warn({ address, port }, 'RADIUS packet from an address that no NAS has: dropped');
    }
  }

  #refused(reason: DropReason, nas: Nas, address: string, now: number): undefined {
    this.drop(reason);
    const advice = ADVICE[reason];
    if (advice !== undefined && this.#once(`${reason} ${nas.id}`, now)) {
      this.#options.log.warn({ nasId: nas.id, name: nas.name, address, reason }, `RADIUS packet dropped: ${advice}`);
    }
  }

  #warnUnsigned({ transport }: Channel, { id, name }: Nas, now: number): void {
    if (transport !== 'udp' || !this.#once(`unsigned ${id}`, now)) return;
    this.#options.log.warn(
      { nasId: id, name },
      'NAS sends Access-Requests without Message-Authenticator: its answers can be forged (CVE-2024-3596)',
    );
  }

  #failed(nas: Nas | undefined, error: unknown): void {
    this.drop('failed');
    if (!this.#once(`failed ${nas?.id}`, this.#options.monotonic())) return;
    this.#options.log.error({ nasId: nas?.id, name: nas?.name, err: error }, 'RADIUS request failed');
  }

  #checkIdle(): void {
    if (this.#working.size === 0 && this.#delay.size === 0) this.#whenIdle?.();
  }

  /** Takes nothing more; resolves when all that is in work is answered, or its time is up. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#working.size > 0 || this.#delay.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        timer = setTimeout(resolve, this.#limits.closeMs);
      });
      clearTimeout(timer);
    }
    clearInterval(this.#ticker);
    this.#delay.clear();
    for (const work of this.#working) work.ended = true;
    this.#working.clear();
    this.#pending.clear();
  }
}

/** What to do about what a NAS sends wrong. */
const ADVICE: Partial<Record<DropReason, string>> = {
  malformed: 'it is malformed',
  'message-authenticator-missing':
    'it has no Message-Authenticator. Update the NAS or make it send one; or set require_message_authenticator off',
  'message-authenticator-invalid': 'its Message-Authenticator is wrong. Has the NAS the same secret?',
  'authenticator-invalid': 'its authenticator is wrong. Has the NAS the same secret?',
  'proxy-state': 'it has Proxy-State and no Message-Authenticator, as in a BlastRADIUS attack (CVE-2024-3596)',
};
