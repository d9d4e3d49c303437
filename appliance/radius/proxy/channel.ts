import { type Packet, parsePacket } from '../codec/index.ts';

const IDS = 256;

/** Somebody who waits for an answer. */
export interface Waiter {
  /** Whether this packet is the answer: it frees the identifier. What isn't is ignored (RFC 2865, section 3). */
  received(packet: Packet): boolean;
  /** The way to the server broke: no answer comes on it any more. */
  lost(): void;
}

/** A request that was handed over. */
export interface Sent {
  bytes: Uint8Array;
  /** The same bytes again, from the same port (RFC 5080, section 2.2.1). Does nothing where the transport is reliable. */
  again(): void;
  /** Frees the identifier. */
  end(): void;
}

/** Why a request can't be sent now: too many under way, or no way to the server. */
export type Unsent = 'full' | 'down';

interface Slot {
  bytes: Uint8Array;
  waiter: Waiter;
}

/** One source port, or one connection: 256 identifiers and who waits for them. Sockets are the owner's. */
export class Channel {
  /** Requests under way. */
  count = 0;
  /** Packets that nobody waited for, or that weren't the answer. */
  invalid = 0;
  private slots: (Slot | undefined)[] = new Array(IDS).fill(undefined);
  private next = 0;
  private open = false;
  private readonly write: (bytes: Uint8Array) => void;
  private readonly reliable: boolean;

  constructor(write: (bytes: Uint8Array) => void, reliable: boolean) {
    this.write = write;
    this.reliable = reliable;
  }

  get full(): boolean {
    return this.count === IDS;
  }

  /** Sends as soon as the channel is open. `encode` may throw. */
  send(encode: (id: number) => Uint8Array, waiter: Waiter): Sent | Unsent {
    if (this.full) return 'full';
    // By turns, so that an identifier is used again as late as can be.
    while (this.slots[this.next]) this.next = (this.next + 1) % IDS;
    const id = this.next;
    const slot: Slot = { bytes: encode(id), waiter };
    this.next = (id + 1) % IDS;
    this.slots[id] = slot;
    this.count++;
    if (this.open) this.write(slot.bytes);
    return {
      bytes: slot.bytes,
      again: () => {
        if (!this.reliable && this.open && this.slots[id] === slot) this.write(slot.bytes);
      },
      end: () => {
        if (this.slots[id] === slot) this.free(id);
      },
    };
  }

  /** The socket is there: what waited for it is sent. */
  opened(): void {
    this.open = true;
    for (const slot of this.slots) if (slot) this.write(slot.bytes);
  }

  /** The socket broke: whoever waits is told. */
  lost(): void {
    this.open = false;
    const slots = this.slots;
    this.slots = new Array(IDS).fill(undefined);
    this.count = 0;
    for (const slot of slots) slot?.waiter.lost();
  }

  /** Takes in what came from the server. Never throws. */
  received(bytes: Uint8Array): void {
    const packet = parsePacket(bytes);
    const slot = typeof packet === 'string' ? undefined : this.slots[packet.id];
    if (typeof packet === 'string' || !slot?.waiter.received(packet)) {
      this.invalid++;
    } else if (this.slots[packet.id] === slot) {
      this.free(packet.id);
    }
  }

  private free(id: number): void {
    this.slots[id] = undefined;
    this.count--;
  }
}

/** The way to one port of a server. */
export interface Link {
  /** `encode` may throw. */
  send(encode: (id: number) => Uint8Array, waiter: Waiter): Sent | Unsent;
  /** No retransmissions are needed. */
  readonly reliable: boolean;
  /** Packets that were no answers. */
  invalid(): number;
  /** Gives up a connection that has gone silent; those who wait on it are told. UDP has none. */
  reset(): void;
  /** Whoever waits is told that it's lost. */
  close(): void;
}
