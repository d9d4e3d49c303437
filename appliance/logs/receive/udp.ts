import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { Batch, boundTo, type Calls, duplicate, openSocket, socketAddress } from '../../ffi/index.ts';
import { TRANSPORT } from '../record/types.ts';
import { addressWords, createPeer, type Peer, plainAddress, textOf } from './peer.ts';
import type { Queue } from './queue.ts';

/** What is asked of the system for what came in and wasn't read yet: more than half a second at 20,000 a second. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;
const BATCH = { count: 64, receive: 65_535, send: 0 };
/** Batches that are read before everything else in the thread gets its turn. */
const BATCHES_AT_ONCE = 16;
/** While datagrams come, the socket is read so often: what costs is the waking, not the datagram. */
const POLL_MS = 10;
/** So often in vain, and Node watches the socket again. */
const IDLE_POLLS = 10;
/** Senders that are remembered; beyond it all are learnt anew. */
const MAX_PEERS = 65_536;

export interface UdpReceiver {
  port: number;
  /** The receive buffer that the system has granted. */
  bufferBytes: number;
  /** Reads what has come, then closes. */
  close(): Promise<void>;
}

interface UdpOptions {
  /** An IPv4 or IPv6 address; `::` takes both. */
  host: string;
  port: number;
  /** The system's calls for batches; undefined: one by one. */
  calls: Calls | undefined;
  queue: Queue;
  onError(error: Error): void;
}

/** Takes syslog datagrams (RFC 5426): each is a message, exactly as it came. Rejects where the port can't be bound. */
export async function receiveUdp(options: UdpOptions): Promise<UdpReceiver> {
  const { host, port, calls } = options;
  const fd = calls && openSocket(calls, socketAddress(addressWords(host), port), RECEIVE_BUFFER);
  // Where it can't be had, Node says why.
  return fd === undefined ? oneByOne(options) : inBatches(options, calls!, fd);
}

/** Node's socket for an address, or for one that is bound. */
async function watch({ host, port, onError }: UdpOptions, fd?: number): Promise<Socket> {
  const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4' });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.once('listening', resolve);
    socket.bind(fd === undefined ? { address: host, port, exclusive: true } : { fd, exclusive: true });
  });
  socket.removeAllListeners('error');
  socket.on('error', onError);
  try {
    if (socket.getRecvBufferSize() < RECEIVE_BUFFER) socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's own size has to do.
  }
  return socket;
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));

/** Remembers senders by what the system or Node tells about them. */
function createPeers<T>(learn: (key: T) => Peer): (key: T) => Peer {
  const known = new Map<T, Peer>();
  return (key) => {
    let peer = known.get(key);
    if (!peer) {
      if (known.size >= MAX_PEERS) known.clear();
      peer = learn(key);
      known.set(key, peer);
    }
    return peer;
  };
}

/** Takes the datagrams that Node reads. */
function createTake(queue: Queue): (bytes: Buffer, remote: RemoteInfo) => void {
  const peers = createPeers((key: string) => {
    const [address, port] = key.split(' ');
    return createPeer(plainAddress(address!), Number(port));
  });
  return (bytes, { address, port }) => {
    if (bytes.length === 0) return;
    const peer = peers(`${address} ${port}`);
    const refused = queue.refuses;
    if (refused !== undefined) {
      queue.drop(refused, peer.address);
      return;
    }
    queue.stamp();
    const at = queue.place(peer, TRANSPORT.udp, 0, bytes.length);
    bytes.copy(queue.raw, at);
  };
}

async function oneByOne(options: UdpOptions): Promise<UdpReceiver> {
  const socket = await watch(options);
  socket.on('message', createTake(options.queue));
  return {
    port: socket.address().port,
    bufferBytes: socket.getRecvBufferSize(),
    close: () => closed(socket),
  };
}

/**
 * Reads batches with `recvmmsg`. As long as nothing comes, Node watches a second descriptor of the same socket; the
 * first datagram closes it, and from then on the socket is read every few milliseconds, until nothing comes any more.
 */
async function inBatches(options: UdpOptions, calls: Calls, fd: number): Promise<UdpReceiver> {
  const { host, queue, onError } = options;
  const batch = new Batch(calls, fd, isIP(host) === 6 ? 6 : 4, BATCH);
  const take = createTake(queue);
  /** IPv4: address and port in one number. */
  const peers4 = createPeers((key: number) => createPeer(textOf(Math.floor(key / 65_536)), key % 65_536));
  const peers6 = createPeers((key: string) => createPeer(textOf(key.slice(0, 8)), key.charCodeAt(8)));
  let doorbell: Socket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let turn: NodeJS.Immediate | undefined;
  let idle = 0;
  let open = true;

  const takeBatch = (count: number): void => {
    queue.stamp();
    for (let i = 0; i < count; i++) {
      const size = batch.size(i);
      if (size === 0) continue;
      const [sender, port] = [batch.sender(i), batch.port(i)];
      const peer =
        typeof sender === 'number' ? peers4(sender * 65_536 + port) : peers6(sender + String.fromCharCode(port));
      const refused = queue.refuses;
      if (refused === undefined) batch.copy(i, queue.raw, queue.place(peer, TRANSPORT.udp, 0, size));
      else queue.drop(refused, peer.address);
    }
  };
  /** Reads what there is; false: there is more. */
  const drain = (): boolean => {
    for (let batches = 0; batches < BATCHES_AT_ONCE; batches++) {
      const count = batch.receive();
      if (count > 0) {
        idle = 0;
        takeBatch(count);
      }
      if (count < BATCH.count) return true;
    }
    return false;
  };
  const poll = (): void => {
    idle++;
    if (!drain()) turn = setImmediate(poll);
    else if (idle <= IDLE_POLLS) timer = setTimeout(poll, POLL_MS);
    else void hang();
  };
  /** Lets Node watch. */
  const hang = async (): Promise<void> => {
    const own = duplicate(calls, fd);
    try {
      if (own < 0) throw new Error('no file descriptor is free');
      const socket = await watch(options, own);
      if (!open) return await closed(socket);
      doorbell = socket;
      socket.on('message', (bytes, remote) => {
        doorbell = undefined;
        socket.close();
        take(bytes, remote);
        idle = 0;
        poll();
      });
    } catch (error) {
      onError(error as Error);
      idle = 0;
      timer = setTimeout(poll, POLL_MS);
    }
  };

  const name = boundTo(calls, fd);
  await hang();
  const bufferBytes = doorbell?.getRecvBufferSize() ?? 0;
  return {
    port: (name[2]! << 8) | name[3]!,
    bufferBytes,
    async close() {
      open = false;
      clearTimeout(timer);
      clearImmediate(turn);
      if (doorbell) await closed(doorbell);
      for (let rounds = 0; rounds < BATCHES_AT_ONCE && !drain(); rounds++);
      calls.functions.close(fd);
    },
  };
}
