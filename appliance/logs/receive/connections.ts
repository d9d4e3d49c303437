import type { Socket } from 'node:net';
import { FLAG, TRANSPORT } from '../record/types.ts';
import { Framer } from './framing.ts';
import type { ReceiverLimits } from './limits.ts';
import type { ReceiverStats } from './messages.ts';
import { createPeer, plainAddress } from './peer.ts';
import type { Queue } from './queue.ts';

/** What is worth a line in the log; the same about an address is said once a minute. */
export type Say = (address: string, message: string, details?: object) => void;

interface Connection {
  socket: Socket;
  framer: Framer;
  address: string;
  /** Milliseconds; when something came last, and when what has come of a message began to. */
  lastAt: number;
  partAt: number;
  secure: boolean;
}

export interface ConnectionsOptions {
  queue: Queue;
  limits: ReceiverLimits;
  say: Say;
  /** Milliseconds that only go forward. */
  monotonic: () => number;
}

const KEEP_ALIVE_MS = 60_000;

/** Connections over TCP and TLS: how many there may be, how long they may take, and what is read from them. */
export class Connections {
  #options: ConnectionsOptions;
  #sockets = new Set<Socket>();
  #perAddress = new Map<string, number>();
  #connections = new Set<Connection>();
  #sweep: NodeJS.Timeout;
  #waits = false;
  truncated: ReceiverStats['truncated'] = { messages: 0, bytes: 0 };
  refused: ReceiverStats['refused'] = { connections: 0, handshakes: 0 };

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#checkTimes(), options.limits.sweepMs);
  }

  get open(): ReceiverStats['connections'] {
    let tls = 0;
    for (const { secure } of this.#connections) if (secure) tls++;
    return { tcp: this.#connections.size - tls, tls };
  }

  /** A new TCP connection; false where there are too many: it is closed. */
  admit(socket: Socket): boolean {
    const { limits, queue, say } = this.#options;
    socket.on('error', () => socket.destroy());
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return false;
    }
    const address = plainAddress(socket.remoteAddress);
    const own = this.#perAddress.get(address) ?? 0;
    if (this.#sockets.size >= limits.connections || own >= limits.perAddress) {
      this.refused.connections++;
      queue.drop('connection', address);
      if (own >= limits.perAddress) {
        say(address, 'a syslog connection was refused: its address has too many', { limit: limits.perAddress });
      } else {
        say(address, 'a syslog connection was refused: there are too many', { limit: limits.connections });
      }
      socket.destroy();
      return false;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(address, own + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    return true;
  }

  /** Reads syslog from a connection that was admitted, or from what is inside its TLS. */
  read(socket: Socket, tls?: { authenticated: boolean }): void {
    const { queue, limits, monotonic } = this.#options;
    const address = plainAddress(socket.remoteAddress ?? '');
    const peer = createPeer(address, socket.remotePort ?? 0);
    const transport = tls ? TRANSPORT.tls : TRANSPORT.tcp;
    const flags = tls?.authenticated ? FLAG.authenticated : 0;
    let messages = 0;
    const framer = new Framer({
      max: limits.message,
      tls: tls !== undefined,
      onMessage: (bytes, start, end, truncated) => {
        messages++;
        if (truncated) this.truncated.messages++;
        const at = queue.place(peer, transport, truncated ? flags | FLAG.truncated : flags, end - start);
        bytes.copy(queue.raw, at, start, end);
      },
      onSkipped: (bytes) => {
        this.truncated.bytes += bytes;
        queue.drop('oversize', address, 1, bytes);
        this.#options.say(address, 'a syslog message is too long: its end is left out', { limit: limits.message });
      },
    });
    const now = monotonic();
    const connection: Connection = { socket, framer, address, lastAt: now, partAt: now, secure: tls !== undefined };
    this.#connections.add(connection);
    socket.on('data', (chunk: Buffer) => {
      const [before, at] = [messages, monotonic()];
      queue.stamp();
      const wasPending = framer.pending;
      framer.push(chunk);
      connection.lastAt = at;
      if (!wasPending || messages !== before) connection.partAt = at;
    });
    let ended = false;
    socket.once('end', () => {
      ended = true;
    });
    socket.once('close', () => {
      this.#connections.delete(connection);
      if (!framer.pending) return;
      queue.stamp();
      framer.end(!ended);
    });
    if (this.#waits) socket.pause();
  }

  /** Senders wait, or go on. */
  wait(waits: boolean): void {
    this.#waits = waits;
    for (const { socket } of this.#connections) {
      if (waits) socket.pause();
      else socket.resume();
    }
  }

  #checkTimes(): void {
    // Whose data we don't read isn't late.
    if (this.#waits) return;
    const { limits, monotonic, say } = this.#options;
    const now = monotonic();
    for (const connection of this.#connections) {
      const { socket, framer, address, lastAt, partAt } = connection;
      if (framer.pending && now - partAt > limits.partMs) {
        say(address, 'a syslog connection was closed: a message did not come to its end', { ms: limits.partMs });
      } else if (now - lastAt > limits.idleMs) {
        say(address, 'a syslog connection was closed: nothing came any more', { ms: limits.idleMs });
      } else continue;
      socket.destroy();
    }
  }

  /** Takes what is under way, then closes all. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    if (this.#connections.size > 0 && !this.#waits) {
      await new Promise((resolve) => setTimeout(resolve, this.#options.limits.drainMs));
    }
    // Of TLS both, the inner one first: it hands on what has come of a message.
    const sockets = [...[...this.#connections].map(({ socket }) => socket), ...this.#sockets];
    const gone = [...new Set(sockets)]
      .filter((socket) => !socket.closed)
      .map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of sockets) socket.destroy();
    await Promise.all(gone);
  }
}
