import { endianness } from 'node:os';
import { RECEIVE_BUFFER } from './limits.ts';

type Ffi = typeof import('node:ffi');

/** Datagrams in one call. */
export const BATCH = 64;
/** One byte more than a packet may have, so that a longer datagram is seen. */
const RX_BYTES = 4097;
const RX_STRIDE = 4160;
const TX_STRIDE = 4096;
const NAME_BYTES = 32;
/** Linux on 64 bits, little-endian: `struct iovec` and `struct mmsghdr`, of which `struct msghdr` is 56 bytes. */
const IOVEC_BYTES = 16;
const MMSGHDR_BYTES = 64;
const MMSGHDR_LENGTH = 56;

const RX = 0;
const TX = RX + BATCH * RX_STRIDE;
const RX_NAME = TX + BATCH * TX_STRIDE;
const TX_NAME = RX_NAME + BATCH * NAME_BYTES;
const RX_IOVEC = TX_NAME + BATCH * NAME_BYTES;
const TX_IOVEC = RX_IOVEC + BATCH * IOVEC_BYTES;
const RX_HEADER = TX_IOVEC + BATCH * IOVEC_BYTES;
const TX_HEADER = RX_HEADER + BATCH * MMSGHDR_BYTES;
const MISC = TX_HEADER + BATCH * MMSGHDR_BYTES;
const ARENA_BYTES = MISC + 64;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
/** Beyond the system's own limit, where the process may (CAP_NET_ADMIN). */
const SO_RCVBUFFORCE = 33;
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

const DEFINITIONS = {
  socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  bind: { arguments: ['int32', 'pointer', 'uint32'], return: 'int32' },
  setsockopt: { arguments: ['int32', 'int32', 'int32', 'pointer', 'uint32'], return: 'int32' },
  getsockname: { arguments: ['int32', 'pointer', 'pointer'], return: 'int32' },
  close: { arguments: ['int32'], return: 'int32' },
  recvmmsg: { arguments: ['int32', 'pointer', 'uint32', 'int32', 'pointer'], return: 'int32' },
  sendmmsg: { arguments: ['int32', 'pointer', 'uint32', 'int32'], return: 'int32' },
  __errno_location: { arguments: [], return: 'pointer' },
} as const;

/** The calls, and where this thread's errno lies. */
function open(ffi: Ffi) {
  const { lib, functions } = ffi.dlopen(null, DEFINITIONS);
  const errno = new Int32Array(ffi.toArrayBuffer(functions.__errno_location(), 4, false));
  // The library goes along, so that it isn't collected while its functions are in use.
  return { lib, functions, errno, pointer: (buffer: ArrayBuffer): bigint => ffi.getRawPointer(buffer) };
}
export type Calls = ReturnType<typeof open>;

let loaded: Promise<Calls | string> | undefined;

/**
 * The system's calls by `node:ffi`, after they have sent and received once; a string says why they can't be used here.
 * The module is experimental: its warning, which says only that, is not printed.
 */
export function loadCalls(): Promise<Calls | string> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Calls | string> {
  if (process.platform !== 'linux') return 'it is for Linux';
  if (!['x64', 'arm64'].includes(process.arch) || endianness() !== 'LE') return `not on ${process.arch}`;
  try {
    const ffi = await importQuietly();
    const calls = open(ffi);
    const problem = selfTest(calls);
    return problem ?? calls;
  } catch (error) {
    return (error as Error).message;
  }
}

async function importQuietly(): Promise<Ffi> {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const [type] = rest as [string | { type?: string } | undefined];
    const name = typeof type === 'object' ? type.type : type;
    if (name === 'ExperimentalWarning' && String(warning).startsWith('FFI')) return;
    (emitWarning as (...all: unknown[]) => void).call(process, warning, ...rest);
  }) as typeof emitWarning;
  try {
    return await import('node:ffi');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** A UDP socket that is bound to a `sockaddr`; undefined where the system refuses it. */
export function openSocket({ functions, pointer }: Calls, address: Uint8Array): number | undefined {
  const family = address.length === 16 ? AF_INET : AF_INET6;
  const fd = functions.socket(family, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const size = new Int32Array([RECEIVE_BUFFER]);
  functions.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, pointer(size.buffer), 4);
  const buffer = new ArrayBuffer(NAME_BYTES);
  new Uint8Array(buffer).set(address);
  if (functions.bind(fd, pointer(buffer), address.length) === 0) return fd;
  functions.close(fd);
  return undefined;
}

/** `struct sockaddr_in` or `sockaddr_in6` of an address in numbers of 32 bits. */
export function socketAddress(words: readonly number[], port: number, scope = 0): Uint8Array {
  const bytes = new Uint8Array(words.length === 1 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, words.length === 1 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  const at = words.length === 1 ? 4 : 8;
  words.forEach((word, i) => {
    view.setUint32(at + 4 * i, word);
  });
  if (words.length === 4) view.setUint32(24, scope, true);
  return bytes;
}

/** Datagrams of one socket in batches, in an arena that the system reads and writes. */
export class Batch {
  #calls: Calls;
  #fd: number;
  #buffer = new ArrayBuffer(ARENA_BYTES);
  #bytes = Buffer.from(this.#buffer);
  #words = new Uint32Array(this.#buffer);
  #received: bigint;
  #nameBytes: number;
  /** Pointers to each header of what is to be sent, for what is left after a part was sent. */
  #headers: bigint[] = [];
  #queued = 0;
  #sent = 0;

  /** `family` is 4 or 6. */
  constructor(calls: Calls, fd: number, family: 4 | 6) {
    this.#calls = calls;
    this.#fd = fd;
    this.#nameBytes = family === 4 ? 16 : 28;
    const base = calls.pointer(this.#buffer);
    const at = (offset: number): bigint => base + BigInt(offset);
    const view = new DataView(this.#buffer);
    this.#received = at(RX_HEADER);
    const row = (header: number, name: number, iovec: number, data: number, length: number): void => {
      view.setBigUint64(iovec, at(data), true);
      view.setBigUint64(iovec + 8, BigInt(length), true);
      view.setBigUint64(header, at(name), true);
      view.setUint32(header + 8, this.#nameBytes, true);
      view.setBigUint64(header + 16, at(iovec), true);
      view.setBigUint64(header + 24, 1n, true);
    };
    for (let i = 0; i < BATCH; i++) {
      const [header, name, iovec] = [i * MMSGHDR_BYTES, i * NAME_BYTES, i * IOVEC_BYTES];
      row(RX_HEADER + header, RX_NAME + name, RX_IOVEC + iovec, RX + i * RX_STRIDE, RX_BYTES);
      row(TX_HEADER + header, TX_NAME + name, TX_IOVEC + iovec, TX + i * TX_STRIDE, 0);
      this.#headers.push(at(TX_HEADER + header));
    }
  }

  /** Reads what is there, 64 datagrams at most; how many. Never blocks. */
  receive(): number {
    const { recvmmsg } = this.#calls.functions;
    for (let tries = 0; tries < 3; tries++) {
      const count = recvmmsg(this.#fd, this.#received, BATCH, MSG_DONTWAIT, 0n);
      if (count >= 0) return count;
      // Besides "nothing there": an error that ICMP has told about what was sent. The next call gets past it.
      if (this.#calls.errno[0] === EAGAIN) return 0;
    }
    return 0;
  }

  /** A copy of datagram `i` of the last `receive`; 4097 bytes stand for more than 4096. */
  datagram(i: number): Uint8Array {
    const length = this.#words[(RX_HEADER + i * MMSGHDR_BYTES + MMSGHDR_LENGTH) >> 2]!;
    const size = Math.min(length, RX_BYTES);
    // From Node's pool, and of the class that sockets give: readers of two classes are slower.
    const own = Buffer.allocUnsafe(size);
    this.#bytes.copy(own, 0, RX + i * RX_STRIDE, RX + i * RX_STRIDE + size);
    return own;
  }

  port(i: number): number {
    const at = RX_NAME + i * NAME_BYTES + 2;
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  /** The sender's address: a number for IPv4, 16 bytes as a string of eight characters for IPv6. */
  sender(i: number): number | string {
    const at = RX_NAME + i * NAME_BYTES;
    const bytes = this.#bytes;
    if (this.#nameBytes === 16) return this.#words[(at + 4) >> 2]!;
    let text = '';
    for (let k = at + 8; k < at + 24; k += 2) text += String.fromCharCode((bytes[k]! << 8) | bytes[k + 1]!);
    return text;
  }

  /** A copy of the sender's `sockaddr`. */
  name(i: number): Uint8Array {
    const at = RX_NAME + i * NAME_BYTES;
    return Uint8Array.prototype.slice.call(this.#bytes, at, at + this.#nameBytes);
  }

  /** Queues a reply to the sender of datagram `i`. False where there is no room: the system takes nothing. */
  reply(i: number, reply: Uint8Array): boolean {
    if (this.#queued === BATCH && !this.#makeRoom()) return false;
    const [from, to] = [(RX_NAME + i * NAME_BYTES) >> 2, (TX_NAME + this.#queued * NAME_BYTES) >> 2];
    for (let k = 0; k < 7; k++) this.#words[to + k] = this.#words[from + k]!;
    this.#queue(reply);
    return true;
  }

  /** Queues a reply to a `sockaddr`. */
  send(name: Uint8Array, reply: Uint8Array): boolean {
    if (this.#queued === BATCH && !this.#makeRoom()) return false;
    this.#bytes.set(name, TX_NAME + this.#queued * NAME_BYTES);
    this.#queue(reply);
    return true;
  }

  #queue(reply: Uint8Array): void {
    this.#bytes.set(reply, TX + this.#queued * TX_STRIDE);
    this.#words[(TX_IOVEC + this.#queued * IOVEC_BYTES + 8) >> 2] = reply.length;
    this.#queued++;
  }

  #makeRoom(): boolean {
    this.flush();
    return this.#queued < BATCH;
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

/** Two datagrams from one socket to another on loopback, and their sender: does all lie where we think it does? */
function selfTest(calls: Calls): string | undefined {
  const { functions, errno, pointer } = calls;
  const loopback = socketAddress([0x7f000001], 0);
  const [a, b] = [openSocket(calls, loopback), openSocket(calls, loopback)];
  try {
    if (a === undefined || b === undefined) return 'a socket could not be bound';
    const nameOf = (fd: number): Uint8Array => {
      const name = new ArrayBuffer(NAME_BYTES);
      const length = new Uint32Array([NAME_BYTES]);
      functions.getsockname(fd, pointer(name), pointer(length.buffer));
      return new Uint8Array(name, 0, 16);
    };
    const [from, to] = [new Batch(calls, a, 4), new Batch(calls, b, 4)];
    if (to.receive() !== 0 || errno[0] !== EAGAIN) return 'an empty socket is not told as one';
    for (const byte of [1, 2]) from.send(nameOf(b), new Uint8Array(20 * byte).fill(byte));
    if (from.flush() !== 0 || from.waiting !== 0) return 'sendmmsg does not send';
    if (to.receive() !== 2) return 'recvmmsg does not receive';
    for (const i of [0, 1]) {
      const datagram = to.datagram(i);
      const right = datagram.length === 20 * (i + 1) && datagram.every((byte) => byte === i + 1);
      const name = to.name(i).every((byte, k) => k >= 8 || byte === nameOf(a)[k]);
      if (!right || !name) return 'recvmmsg writes elsewhere';
    }
    return undefined;
  } finally {
    for (const fd of [a, b]) if (fd !== undefined) functions.close(fd);
  }
}
