import type { Clock } from '../clock.ts';
import { FLAG, type Received, type Transport } from '../record/types.ts';
import type { ReceiverLimits } from './limits.ts';
import { type DropReason, OTHERS, type ToSeal } from './messages.ts';
import type { Peer } from './peer.ts';

/** Of a batch: a thousand messages of common length, and room for the longest. */
const RAW_BYTES = 512 * 1024;
/** What a message costs besides its bytes. */
const ROW_BYTES = 24;

export interface QueueOptions {
  clock: Clock;
  limits: ReceiverLimits;
  post(message: ToSeal, transfer: ArrayBuffer[]): void;
  /** TCP must wait, or may go on. */
  onWait(waits: boolean): void;
}

interface Dropped {
  fromUs: number;
  atUs: number;
  bySource: Map<string, number>;
  bytes: number;
}

/**
 * Collects messages into batches, hands them on, and knows how many bytes the sealing thread still has to write. What
 * it holds is bounded: `refuses` says when no more should be placed.
 */
export class Queue {
  #options: QueueOptions;
  /** Where `place` says that bytes go. */
  raw = Buffer.from(new ArrayBuffer(RAW_BYTES));
  messages = 0;
  bytes = 0;
  /** Bytes that aren't acknowledged, with what each message costs. */
  waiting = 0;
  #count = 0;
  #used = 0;
  #batch = 0;
  #peers: string[] = [];
  #receiveUs: Float64Array;
  #monotonicUs: Float64Array;
  #transport: Uint8Array;
  #flags: Uint8Array;
  #peer: Uint16Array;
  #ends: Uint32Array;
  #nowUs = 0;
  #nowMonotonicUs = 0;
  #flag = 0;
  #timer: NodeJS.Timeout | undefined;
  /** `raw.length` and cost of each batch that isn't acknowledged. */
  #unacknowledged: { raw: number; cost: number }[] = [];
  #credit = 0;
  #paused = false;
  #waits = false;
  #dropped = new Map<DropReason, Dropped>();

  constructor(options: QueueOptions) {
    this.#options = options;
    const { batchMessages } = options.limits;
    this.#receiveUs = new Float64Array(batchMessages);
    this.#monotonicUs = new Float64Array(batchMessages);
    this.#transport = new Uint8Array(batchMessages);
    this.#flags = new Uint8Array(batchMessages);
    this.#peer = new Uint16Array(batchMessages);
    this.#ends = new Uint32Array(batchMessages);
  }

  /** Why a datagram can't be placed now; TCP places what it has read, and waits. */
  get refuses(): DropReason | undefined {
    if (!this.#waits) return undefined;
    return this.#paused ? 'disk' : 'queue';
  }

  /** What is placed from now on has come now. */
  stamp(): void {
    const { clock } = this.#options;
    this.#nowUs = clock.receiveUs();
    this.#nowMonotonicUs = clock.monotonicUs();
  }

  /** Whether the system's clock is synchronised, which is told with each message. */
  set synchronised(value: boolean) {
    this.#flag = value ? 0 : FLAG.unsynchronised;
  }

  /** A message of `size` bytes: returns where in `raw` the caller copies it before it does anything else. */
  place(peer: Peer, transport: Transport, flags: number, size: number): number {
    if (this.#count === this.#ends.length || this.#used + size > RAW_BYTES) this.flush();
    if (this.#count === 0) this.#timer ??= setTimeout(() => this.flush(), this.#options.limits.batchMs);
    if (peer.batch !== this.#batch) {
      peer.batch = this.#batch;
      peer.index = this.#peers.push(peer.name) - 1;
    }
    const [i, at] = [this.#count++, this.#used];
    this.#used += size;
    this.#receiveUs[i] = this.#nowUs;
    this.#monotonicUs[i] = this.#nowMonotonicUs;
    this.#transport[i] = transport;
    this.#flags[i] = flags | this.#flag;
    this.#peer[i] = peer.index;
    this.#ends[i] = this.#used;
    this.messages++;
    this.bytes += size;
    this.waiting += size + ROW_BYTES;
    if (!this.#waits && this.waiting > this.#options.limits.waiting) this.#check();
    return at;
  }

  /** Hands on what was collected. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const count = this.#count;
    if (count === 0) return;
    const used = this.#used;
    // A buffer that is filled goes as it is; of another one only what is used, and it is filled anew.
    const whole = used > RAW_BYTES / 2;
    const kept = new Uint8Array(this.raw.buffer, 0, used);
    const raw = whole ? kept : new Uint8Array(kept);
    const batch: Received = {
      count,
      receiveUs: this.#receiveUs.slice(0, count),
      monotonicUs: this.#monotonicUs.slice(0, count),
      transport: this.#transport.slice(0, count),
      flags: this.#flags.slice(0, count),
      peer: this.#peer.slice(0, count),
      peers: this.#peers,
      ends: this.#ends.slice(0, count),
      raw,
    };
    const { receiveUs, monotonicUs, transport, flags, peer, ends } = batch;
    const views = [receiveUs, monotonicUs, transport, flags, peer, ends, raw];
    this.#options.post(
      { type: 'batch', batch },
      views.map((view) => view.buffer as ArrayBuffer),
    );
    if (whole) this.raw = Buffer.from(new ArrayBuffer(RAW_BYTES));
    this.#unacknowledged.push({ raw: used, cost: used + count * ROW_BYTES });
    this.#count = 0;
    this.#used = 0;
    this.#peers = [];
    this.#batch++;
  }

  /** The sealing thread has written so many bytes of `raw`. */
  credit(bytes: number): void {
    this.#credit += bytes;
    let written = 0;
    for (const { raw, cost } of this.#unacknowledged) {
      if (raw > this.#credit) break;
      this.#credit -= raw;
      this.waiting -= cost;
      written++;
    }
    if (written > 0) this.#unacknowledged.splice(0, written);
    this.#check();
  }

  /** The disk is full, or isn't any more. */
  pause(paused: boolean): void {
    this.#paused = paused;
    this.#check();
  }

  /** Goes on a little later than it stops, so that it doesn't go to and fro with each batch. */
  #check(): void {
    const { limits, onWait } = this.#options;
    const limit = this.#waits ? limits.waiting * 0.75 : limits.waiting;
    const waits = this.#paused || this.waiting > limit;
    if (waits === this.#waits) return;
    this.#waits = waits;
    onWait(waits);
  }

  /** Counts what could not be kept. */
  drop(reason: DropReason, address: string, count = 1, bytes = 0): void {
    const atUs = this.#options.clock.receiveUs();
    let dropped = this.#dropped.get(reason);
    if (!dropped) {
      dropped = { fromUs: atUs, atUs, bySource: new Map(), bytes: 0 };
      this.#dropped.set(reason, dropped);
    }
    dropped.atUs = atUs;
    dropped.bytes += bytes;
    addTo(dropped.bySource, address, count, this.#options.limits.dropSources);
  }

  /** Tells what was dropped since the last time, after what was received before. */
  tellDropped(): void {
    if (this.#dropped.size === 0) return;
    this.flush();
    for (const [reason, { fromUs, atUs, bySource, bytes }] of this.#dropped) {
      const more = bytes > 0 && { bytes };
      this.#options.post({ type: 'dropped', fromUs, atUs, reason, bySource: [...bySource], ...more }, []);
    }
    this.#dropped.clear();
  }
}

/** Adds to the count of a key, of which no more than `max` are counted apart. */
export function addTo(counts: Map<string, number>, key: string, count: number, max: number): void {
  const own = counts.has(key) || counts.size < max ? key : OTHERS;
  counts.set(own, (counts.get(own) ?? 0) + count);
}
