import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';

/** TCP connections at once on one address, and the milliseconds that one may be silent (RFC 7766 section 6.2.3). */
const MAX_CONNECTIONS = 256;
const MAX_CONNECTIONS_OF_ONE = 16;
const IDLE = 10_000;
/** Bytes of answers that a client may leave unread. */
const MAX_UNREAD = 256 * 1024;

/** Gives the answer to a message; null when there is to be none. */
export type Answerer = (message: Buffer, client: string, transport: 'udp' | 'tcp') => Promise<Buffer | null>;

/** One address and port, by UDP and TCP. */
export class Listener {
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #sockets = new Map<Socket, string>();
  readonly #answer: Answerer;

  private constructor(address: string, answer: Answerer) {
    this.#answer = answer;
    this.#udp = createSocket(isIPv6(address) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    this.#tcp = createServer((socket) => this.#serve(socket));
    this.#tcp.maxConnections = MAX_CONNECTIONS;
  }

  /** Throws what the system says when the address or port can't be had. */
  static async open(address: string, port: number, answer: Answerer): Promise<Listener> {
    const listener = new Listener(address, answer);
    try {
      listener.#udp.bind({ address, port, exclusive: true });
      await once(listener.#udp, 'listening');
      listener.#tcp.listen({ host: address, port: listener.#udp.address().port, exclusive: true });
      await once(listener.#tcp, 'listening');
    } catch (error) {
      await listener.close();
      throw error;
    }
    listener.#udp.on('error', () => undefined);
    listener.#tcp.on('error', () => undefined);
    listener.#udp.on('message', (message, from) => void listener.#datagram(message, from));
    return listener;
  }

  get port(): number {
    return this.#udp.address().port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => {
        try {
          this.#udp.close(() => resolve());
        } catch {
          resolve();
        }
      }),
      new Promise<void>((resolve) => void this.#tcp.close(() => resolve())),
    ]);
  }

  async #datagram(message: Buffer, { address, port }: { address: string; port: number }): Promise<void> {
    const reply = await this.#answer(message, address, 'udp').catch(() => null);
    try {
      // The peer may be gone by now, or the socket closed.
      if (reply && port > 0) this.#udp.send(reply, port, address, () => undefined);
    } catch {
      // Closed meanwhile.
    }
  }

  #serve(socket: Socket): void {
    const client = socket.remoteAddress ?? '';
    const open = [...this.#sockets.values()].filter((other) => other === client).length;
    if (open >= MAX_CONNECTIONS_OF_ONE) return void socket.destroy();
    this.#sockets.set(socket, client);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE, () => socket.destroy());
    let buffered = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2) {
        const end = 2 + buffered.readUInt16BE(0);
        if (buffered.length < end) break;
        void this.#message(socket, client, Buffer.from(buffered.subarray(2, end)));
        buffered = buffered.subarray(end);
      }
    });
  }

  async #message(socket: Socket, client: string, message: Buffer): Promise<void> {
    const reply = await this.#answer(message, client, 'tcp').catch(() => null);
    // Whoever gets no answer, or doesn't read what he gets, has no use for the connection.
    if (!reply || reply.length > 0xffff || socket.writableLength > MAX_UNREAD) return void socket.destroy();
    const length = Buffer.alloc(2);
    length.writeUInt16BE(reply.length);
    if (socket.writable) socket.write(Buffer.concat([length, reply]));
  }
}
