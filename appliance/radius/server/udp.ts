import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Batch, type Calls, openSocket, socketAddress } from '../../ffi/index.ts';
import type { Logger } from '../../store/index.ts';
import { addressWords, formatWords } from '../nas/index.ts';
import { MAX_PACKET, MAX_PEERS, RECEIVE_BUFFER } from './limits.ts';

/** Datagrams in one call. One byte more than a packet may have, so that a longer datagram is seen. */
const BATCH = { count: 64, receive: MAX_PACKET + 1, send: MAX_PACKET };
/** Batches that are read before everything else in the process gets its turn. */
const BATCHES_AT_ONCE = 8;

/**
 * Takes a datagram that is its own to keep; returns the reply where there is one at once. Never throws. Is not called for
 * port 0, to which nothing can be sent.
 */
export type Incoming = (bytes: Uint8Array, address: string, port: number) => Uint8Array | undefined;

export interface UdpSocket {
  /** The port it is bound to. */
  port: number;
  /** Where the datagram that is being taken came from, for `send`. */
  origin(): unknown;
  send(reply: Uint8Array, origin: unknown): void;
  /** Resolves when it is closed; what was to be sent is. */
  close(): Promise<void>;
}

interface UdpOptions {
  host: string;
  port: number;
  /** The system's calls for batches; undefined: one by one. */
  calls: Calls | undefined;
  incoming: Incoming;
  /** `count` answers could not be sent. */
  onRefused: (count: number) => void;
  log: Logger;
}

/** `::ffff:10.0.0.1`, as a socket of both families tells it, and `fe80::1%eth0`, as NAS are kept. */
const plainAddress = (address: string): string => {
  const bare = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  const zone = bare.indexOf('%');
  return zone < 0 ? bare : bare.slice(0, zone);
};

/**
 * Opens a UDP socket; port 0 takes any free one. Rejects where it can't be bound.
 *
 * With `calls` the first datagram comes by Node, which thereby rings: what lies behind it is read in batches from the
 * same socket, and answered in batches. So a lone request costs what it costs without, and the more there are the less
 * each costs; and binding, errors and the end are Node's.
 */
export async function openUdp(options: UdpOptions): Promise<UdpSocket> {
  const { host, port, log } = options;
  const family = isIP(host) === 6 ? 6 : 4;
  const fd = options.calls && openFor(options.calls, host, port);
  const socket = createSocket({
    type: `udp${family}`,
    // Replies go to addresses: Node would ask its resolver for each.
    lookup: (name, _options, callback) => callback(null, name, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.once('listening', resolve);
    if (fd === undefined) socket.bind({ address: host, port, exclusive: true });
    else socket.bind({ fd, exclusive: true });
  });
  socket.removeAllListeners('error');
  socket.on('error', (error) => log.error({ port, reason: error.message }, 'RADIUS socket failed'));
  growBuffers(socket, options);
  return fd === undefined
    ? oneByOne(socket, options)
    : inBatches(socket, new Batch(options.calls!, fd, family, BATCH), options);
}

/** Asks for larger buffers, and says where the system's limit is so low that a burst loses requests. */
function growBuffers(socket: Socket, { port, log }: UdpOptions): void {
  try {
    if (socket.getRecvBufferSize() < RECEIVE_BUFFER) socket.setRecvBufferSize(RECEIVE_BUFFER);
    socket.setSendBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's own size has to do.
  }
  const bytes = socket.getRecvBufferSize();
  if (bytes >= RECEIVE_BUFFER) return;
  const advice = process.platform === 'linux' ? ': raise net.core.rmem_max, or bursts may lose requests' : '';
  log.info({ port, bytes, wanted: RECEIVE_BUFFER }, `RADIUS receive buffer is smaller than wanted${advice}`);
}

/** A bound socket; undefined where it can't be had, and Node says why. */
function openFor(calls: Calls, host: string, port: number): number | undefined {
  const words = isIP(host) !== 0 && !host.includes('%') ? addressWords(host) : undefined;
  // IPv4 in IPv6 would be taken for IPv4.
  if (!words || (words.length === 1) !== (isIP(host) === 4)) return undefined;
  return openSocket(calls, socketAddress(words, port), RECEIVE_BUFFER);
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

function oneByOne(socket: Socket, { incoming }: UdpOptions): UdpSocket {
  let from: RemoteInfo | undefined;
  socket.on('message', (bytes, remote) => {
    if (remote.port === 0) return;
    from = remote;
    const reply = incoming(bytes, plainAddress(remote.address), remote.port);
    // Without a callback: what can't be sent is sent again when the NAS asks again.
    if (reply) socket.send(reply, remote.port, remote.address);
  });
  return {
    port: socket.address().port,
    origin: () => from,
    send: (reply, origin) => socket.send(reply, (origin as RemoteInfo).port, (origin as RemoteInfo).address),
    close: () => closed(socket),
  };
}

function inBatches(socket: Socket, batch: Batch, { incoming, onRefused }: UdpOptions): UdpSocket {
  /** The datagram that is being taken: Node's, or one of the batch. */
  let from: RemoteInfo | number | undefined;
  let drained = false;
  let flushing = false;
  let open = true;
  const names = createNames();
  const target = createTargets(socket.address().family === 'IPv6' ? 6 : 4);

  const flush = (): void => {
    const refused = batch.flush();
    if (refused > 0) onRefused(refused);
    if (batch.waiting > 0) flushLater();
  };
  const flushLater = (): void => {
    if (flushing) return;
    flushing = true;
    setImmediate(() => {
      flushing = false;
      if (open) flush();
    });
  };
  const drain = (): void => {
    for (let batches = 0; batches < BATCHES_AT_ONCE; batches++) {
      const count = batch.receive();
      for (let i = 0; i < count; i++) {
        const port = batch.port(i);
        if (port === 0) continue;
        from = i;
        const reply = incoming(batch.datagram(i), names(batch.sender(i)), port);
        if (reply && !batch.reply(i, reply)) onRefused(1);
      }
      if (batch.waiting > 0) flush();
      if (count < BATCH.count) return;
    }
  };

  const take = (bytes: Buffer, remote: RemoteInfo): void => {
    from = remote;
    const reply = incoming(bytes, plainAddress(remote.address), remote.port);
    if (reply && !batch.send(target(remote), reply)) onRefused(1);
  };

  socket.on('message', (bytes, remote) => {
    if (remote.port !== 0) take(bytes, remote);
    // Node reads on after each datagram: once in a turn of its loop is enough.
    if (drained) {
      flush();
      return;
    }
    drained = true;
    setImmediate(() => {
      drained = false;
    });
    drain();
  });
  return {
    port: socket.address().port,
    origin: () => (typeof from === 'number' ? batch.name(from) : target(from!).slice()),
    send(reply, origin) {
      if (!batch.send(origin as Uint8Array, reply)) onRefused(1);
      flushLater();
    },
    close() {
      flush();
      open = false;
      return closed(socket);
    },
  };
}

/** Addresses as text, of which those that were seen are remembered. */
function createNames(): (sender: number | string) => string {
  const known = new Map<number | string, string>();
  return (sender) => {
    const name = known.get(sender);
    if (name !== undefined) return name;
    if (known.size >= MAX_PEERS) known.clear();
    const text = typeof sender === 'number' ? textOf4(sender) : textOf6(sender);
    known.set(sender, text);
    return text;
  };
}

/** The `sockaddr` of a sender that Node has told, which is overwritten for the next one from there. */
function createTargets(family: 4 | 6): (remote: RemoteInfo) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return ({ address, port }) => {
    let name = known.get(address);
    if (!name) {
      if (known.size >= MAX_PEERS) known.clear();
      const words = addressWords(address)!;
      const zone = address.indexOf('%');
      const scope = zone < 0 ? 0 : scopeOf(address.slice(zone + 1));
      name = socketAddress(family === 6 && words.length === 1 ? [0, 0, 0xffff, ...words] : words, port, scope);
      known.set(address, name);
    }
    name[2] = port >> 8;
    name[3] = port & 255;
    return name;
  };
}

/** The number of a network interface; 0 where there is none of that name. */
const scopeOf = (zone: string): number =>
  networkInterfaces()[zone]?.find(({ family }) => family === 'IPv6')?.scopeid ?? (Number(zone) || 0);

/** The four bytes as they lie in memory, read as little-endian. */
const textOf4 = (word: number): string => `${word & 255}.${(word >>> 8) & 255}.${(word >>> 16) & 255}.${word >>> 24}`;

function textOf6(halves: string): string {
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) words.push(((halves.charCodeAt(i) << 16) | halves.charCodeAt(i + 1)) >>> 0);
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return formatWords(isMapped ? words.slice(3) : words);
}
