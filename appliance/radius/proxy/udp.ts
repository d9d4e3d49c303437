import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Logger } from '../../store/index.ts';
import { Channel, type Link, type Sent, type Unsent, type Waiter } from './channel.ts';

/** Source ports of one server: 256 requests under way each. */
export const MAX_SOCKETS = 16;
/** A port beside the first is closed after so long without a request. */
const IDLE_MS = 30_000;
/** A host name is looked up again after so long. */
const LOOKUP_MS = 300_000;
/** While a name isn't found, it is asked for so often. */
const LOOKUP_AGAIN_MS = 5_000;
/** That a server refuses is said so often. */
const LOG_MS = 60_000;
const RECEIVE_BUFFER = 1024 * 1024;

export type Lookup = (host: string) => Promise<{ address: string }>;

interface Port {
  channel: Channel;
  /** Undefined while the name is looked up. */
  socket: Socket | undefined;
  /** Monotonic time of the last request. */
  used: number;
}

/** The way to a server by UDP: a socket for each 256 requests under way, connected, so that only the server is heard. */
export function createUdpLink(options: {
  host: string;
  port: number;
  log: Logger;
  lookup: Lookup;
  /** Monotonic milliseconds. */
  monotonic: () => number;
}): Link & { sockets(): number } {
  const { host, port, log, lookup, monotonic } = options;
  const ports: Port[] = [];
  let address = isIP(host) === 0 ? undefined : host;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking = false;
  let closed = false;
  let invalid = 0;
  let saidAt = Number.NEGATIVE_INFINITY;

  function warn(details: object, message: string): void {
    if (monotonic() - saidAt < LOG_MS) return;
    saidAt = monotonic();
    log.warn(details, message);
  }

  function drop(one: Port): void {
    const at = ports.indexOf(one);
    if (at < 0) return;
    ports.splice(at, 1);
    invalid += one.channel.invalid;
    one.socket?.close();
    one.channel.lost();
  }

  function open(): Port {
    const one: Port = {
      channel: new Channel((bytes) => one.socket?.send(bytes), false),
      socket: undefined,
      used: monotonic(),
    };
    ports.push(one);
    if (address !== undefined) bind(one, address);
    return one;
  }

  function bind(one: Port, to: string): void {
    const socket = createSocket({ type: isIP(to) === 6 ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER });
    one.socket = socket;
    // Refused (ICMP) or unreachable: those who wait go to the next server. A new socket is made with the next request.
    const failed = (error: unknown) => {
      if (!ports.includes(one)) return;
      warn({ server: `${to}:${port}`, err: error }, 'an upstream RADIUS server cannot be reached');
      drop(one);
    };
    socket.on('error', failed);
    socket.on('message', (bytes) => one.channel.received(bytes));
    socket.connect(port, to, (error?: unknown) => {
      if (error) failed(error);
      else if (ports.includes(one)) one.channel.opened();
    });
  }

  function ask(): void {
    if (asking || closed || isIP(host) !== 0) return;
    if (monotonic() - askedAt < (address === undefined ? LOOKUP_AGAIN_MS : LOOKUP_MS)) return;
    asking = true;
    askedAt = monotonic();
    lookup(host).then(found, (error: unknown) => {
      asking = false;
      warn({ host, err: error }, 'the name of an upstream RADIUS server was not found');
      if (address === undefined) for (const one of [...ports]) drop(one);
    });
  }

  function found(answer: { address: string }): void {
    asking = false;
    if (answer.address === address || closed) return;
    const before = address;
    address = answer.address;
    for (const one of [...ports]) {
      if (before === undefined) bind(one, address);
      else drop(one);
    }
  }

  const sweep = setInterval(() => {
    ask();
    for (const one of ports.slice(1)) if (one.channel.count === 0 && monotonic() - one.used > IDLE_MS) drop(one);
  }, IDLE_MS);
  sweep.unref();
  ask();

  return {
    reliable: false,
    send(encode: (id: number) => Uint8Array, waiter: Waiter): Sent | Unsent {
      ask();
      if (closed || (address === undefined && !asking)) return 'down';
      const free = ports.find(({ channel }) => !channel.full);
      if (!free && ports.length >= MAX_SOCKETS) return 'full';
      const one = free ?? open();
      one.used = monotonic();
      return one.channel.send(encode, waiter);
    },
    invalid: () => ports.reduce((sum, { channel }) => sum + channel.invalid, invalid),
    sockets: () => ports.length,
    reset: () => undefined,
    close() {
      closed = true;
      clearInterval(sweep);
      for (const one of [...ports]) drop(one);
    },
  };
}
