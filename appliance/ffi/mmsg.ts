import { type Calls, EAGAIN, NAME_BYTES } from './socket.ts';

/** Linux on 64 bits, little-endian: `struct iovec` and `struct mmsghdr`, of which `struct msghdr` is 56 bytes. */
const IOVEC_BYTES = 16;
const MMSGHDR_BYTES = 64;
const MMSGHDR_LENGTH = 56;

const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const ENOBUFS = 105;

export interface BatchSizes {
  /** Datagrams in one call. */
  count: number;
  /** Of a datagram that is received, what is kept. */
  receive: number;
  /** The longest datagram that is sent; 0: none are. */
  send: number;
}

/** Datagrams don't all begin at the same place of a page, or they would share few lines of the processor's cache. */
const strideOf = (bytes: number): number => (bytes === 0 ? 0 : ((bytes + 63) & ~63) + 64);

/** Datagrams of one socket in batches, in an arena that the system reads and writes. */
export class Batch {
  #calls: Calls;
  #fd: number;
  #count: number;
  #receiveBytes: number;
  #receiveStride: number;
  #sendStride: number;
  /** Where things lie in the arena: what is received at 0, then what is sent, then these. */
  #tx: number;
  #rxName: number;
  #txName: number;
  #txIovec: number;
  #rxHeader: number;
  #bytes: Buffer;
  #words: Uint32Array;
  #received: bigint;
  #nameBytes: number;
  /** Pointers to each header of what is to be sent, for what is left after a part was sent. */
  #headers: bigint[] = [];
  #queued = 0;
  #sent = 0;

  /** `family` is 4 or 6. */
  constructor(calls: Calls, fd: number, family: 4 | 6, { count, receive, send }: BatchSizes) {
    this.#calls = calls;
    this.#fd = fd;
    this.#count = count;
    this.#nameBytes = family === 4 ? 16 : 28;
    this.#receiveBytes = receive;
    this.#receiveStride = strideOf(receive);
    this.#sendStride = strideOf(send);
    this.#tx = count * this.#receiveStride;
    this.#rxName = this.#tx + count * this.#sendStride;
    this.#txName = this.#rxName + count * NAME_BYTES;
    const rxIovec = this.#txName + count * NAME_BYTES;
    this.#txIovec = rxIovec + count * IOVEC_BYTES;
    this.#rxHeader = this.#txIovec + count * IOVEC_BYTES;
    const txHeader = this.#rxHeader + count * MMSGHDR_BYTES;

    const arena = new ArrayBuffer(txHeader + count * MMSGHDR_BYTES);
    this.#bytes = Buffer.from(arena);
    this.#words = new Uint32Array(arena);
    const base = calls.pointer(arena);
    const at = (offset: number): bigint => base + BigInt(offset);
    const view = new DataView(arena);
    this.#received = at(this.#rxHeader);
    const row = (header: number, name: number, iovec: number, data: number, length: number): void => {
      view.setBigUint64(iovec, at(data), true);
      view.setBigUint64(iovec + 8, BigInt(length), true);
      view.setBigUint64(header, at(name), true);
      view.setUint32(header + 8, this.#nameBytes, true);
      view.setBigUint64(header + 16, at(iovec), true);
      view.setBigUint64(header + 24, 1n, true);
    };
    for (let i = 0; i < count; i++) {
      const [header, name, iovec] = [i * MMSGHDR_BYTES, i * NAME_BYTES, i * IOVEC_BYTES];
      row(this.#rxHeader + header, this.#rxName + name, rxIovec + iovec, i * this.#receiveStride, receive);
      row(txHeader + header, this.#txName + name, this.#txIovec + iovec, this.#tx + i * this.#sendStride, 0);
      this.#headers.push(at(txHeader + header));
    }
  }

  /** Reads what is there, as many datagrams as fit at most; how many. Never blocks. */
  receive(): number {
    const { recvmmsg } = this.#calls.functions;
    for (let tries = 0; tries < 3; tries++) {
      const count = recvmmsg(this.#fd, this.#received, this.#count, MSG_DONTWAIT, 0n);
      if (count >= 0) return count;
      // Besides "nothing there": an error that ICMP has told about what was sent. The next call gets past it.
      if (this.#calls.errno[0] === EAGAIN) return 0;
    }
    return 0;
  }

  /** Bytes of datagram `i` of the last `receive`, of which no more than `receive` are kept. */
  size(i: number): number {
    const length = this.#words[(this.#rxHeader + i * MMSGHDR_BYTES + MMSGHDR_LENGTH) >> 2]!;
    return Math.min(length, this.#receiveBytes);
  }

  /** A copy of datagram `i`. */
  datagram(i: number): Uint8Array {
    // From Node's pool, and of the class that sockets give: readers of two classes are slower.
    const own = Buffer.allocUnsafe(this.size(i));
    this.copy(i, own, 0);
    return own;
  }

  /** Copies datagram `i` to a place in `target`. */
  copy(i: number, target: Uint8Array, at: number): void {
    const start = i * this.#receiveStride;
    this.#bytes.copy(target, at, start, start + this.size(i));
  }

  port(i: number): number {
    const at = this.#rxName + i * NAME_BYTES + 2;
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  /** The sender's address: a number for IPv4, 16 bytes as a string of eight characters for IPv6. */
  sender(i: number): number | string {
    const at = this.#rxName + i * NAME_BYTES;
    const bytes = this.#bytes;
    if (this.#nameBytes === 16) return this.#words[(at + 4) >> 2]!;
    let text = '';
    for (let k = at + 8; k < at + 24; k += 2) text += String.fromCharCode((bytes[k]! << 8) | bytes[k + 1]!);
    return text;
  }

  /** A copy of the sender's `sockaddr`. */
  name(i: number): Uint8Array {
    const at = this.#rxName + i * NAME_BYTES;
    return Uint8Array.prototype.slice.call(this.#bytes, at, at + this.#nameBytes);
  }

  /** Queues a reply to the sender of datagram `i`. False where there is no room: the system takes nothing. */
  reply(i: number, reply: Uint8Array): boolean {
    if (this.#queued === this.#count && !this.#makeRoom()) return false;
    const [from, to] = [(this.#rxName + i * NAME_BYTES) >> 2, (this.#txName + this.#queued * NAME_BYTES) >> 2];
    for (let k = 0; k < 7; k++) this.#words[to + k] = this.#words[from + k]!;
    this.#queue(reply);
    return true;
  }

  /** Queues a reply to a `sockaddr`. */
  send(name: Uint8Array, reply: Uint8Array): boolean {
    if (this.#queued === this.#count && !this.#makeRoom()) return false;
    this.#bytes.set(name, this.#txName + this.#queued * NAME_BYTES);
    this.#queue(reply);
    return true;
  }

  #queue(reply: Uint8Array): void {
    this.#bytes.set(reply, this.#tx + this.#queued * this.#sendStride);
    this.#words[(this.#txIovec + this.#queued * IOVEC_BYTES + 8) >> 2] = reply.length;
    this.#queued++;
  }

  #makeRoom(): boolean {
    this.flush();
    return this.#queued < this.#count;
  }

  /** Datagrams that wait to be sent. */
  get waiting(): number {
    return this.#queued - this.#sent;
  }

  /** Sends what is queued; how many the system refused for good. What it can't take now stays: `waiting`. */
  flush(): number {
    let refused = 0;
    const { functions, errno } = this.#calls;
    while (this.#sent < this.#queued) {
      const count = functions.sendmmsg(this.#fd, this.#headers[this.#sent]!, this.#queued - this.#sent, MSG_DONTWAIT);
      if (count > 0) {
        this.#sent += count;
        continue;
      }
      const code = errno[0];
      if (code === EINTR) continue;
      if (code === EAGAIN || code === ENOBUFS) return refused;
      // This one can't be sent (no route, say): the others may.
      this.#sent++;
      refused++;
    }
    this.#queued = 0;
    this.#sent = 0;
    return refused;
  }
}
